"""The live page through the TURN server of ``deploy/compose.yaml``, where no other way is open."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmarks.live_server import free_port
from tests.browser.live_driver import KEEP, flows, open_live_when_up, serve, start
from tests.conftest import MAY_SKIP, ROOT

TURNSERVER = shutil.which("turnserver")
LOGIN = {"TURN_USER": "fer", "TURN_PASSWORD": "a secret"}
RELAY_ALONE = """
const Direct = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Direct {
  constructor(given) { super({...given, iceTransportPolicy: "relay"}); }
};
window.way = async () => {
  const stats = [...(await window.top.pcs.at(-1).getStats()).values()];
  const pair = stats.find(one => one.type === "candidate-pair" && one.nominated);
  return stats.find(one => one.id === pair?.localCandidateId)?.candidateType;
};
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        TURNSERVER is None and MAY_SKIP, reason="no TURN server; install it: apt-get install coturn"
    ),
]


def own_address() -> str:
    """Of this machine in its network; a TURN server leads to no loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no network address")
        return one.getsockname()[0]


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[str]:
    """Its address; started with the options of the Compose file, but for whom it leads to."""
    assert TURNSERVER, "a TURN server is required here: apt-get install coturn"
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    address, port = own_address(), free_port()
    words = "\n".join(compose["services"]["turn"]["command"])
    for name, value in (LOGIN | {"TURN_ADDRESS": address}).items():
        start, _, rest = words.partition(f"${{{name}:?")
        words = start + value + rest.partition("}")[2]
    words = words.replace("10.77.0.2-10.77.0.255", address)
    more = [f"--listening-port={port}", f"--listening-ip={address}", "--log-file=stdout",
            f"--pidfile={tmp_path / 'pid'}", f"--userdb={tmp_path / 'users'}"]  # fmt: skip
    process = subprocess.Popen([TURNSERVER, *words.splitlines(), *more])
    yield f"turn:{address}:{port}?transport=udp"
    process.terminate()
    process.wait(20)


def test_the_video_comes_through_the_relay(browser, turn: str, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f'[webrtc]\nurls = ["{turn}"]\nusername = "fer"\ncredential = "{LOGIN["TURN_PASSWORD"]}"\n'
    )
    port = free_port()
    process = serve(tmp_path, port, STREAMLIT_SECRETS_FILES=str(secrets))
    try:
        tab = open_live_when_up(browser, port, RELAY_ALONE + KEEP)
        start(tab)
        flows(tab)
        assert tab.evaluate("way()") == "relay"
        tab.context.close()
    finally:
        process.terminate()
        process.wait(20)
