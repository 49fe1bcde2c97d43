"""Two replicas behind nginx: a session stays with one, and moves to the other when that dies."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from fer_core.images.codec import encode
from tests.browser.live_driver import flows, open_live, start
from tests.conftest import MAY_SKIP, ROOT, environment_of_tests
from tests.replicas_kit import NGINX, Replicas

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        NGINX is None and MAY_SKIP, reason="no nginx; install it: apt-get install nginx-light"
    ),
]


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    assert NGINX, "nginx is required here: apt-get install nginx-light"
    folder = tmp_path_factory.mktemp("replicas")
    running = Replicas(folder, environment_of_tests(folder))
    yield running
    running.close()


@pytest.fixture
def photo(tmp_path: Path, astronaut: np.ndarray) -> str:
    (tmp_path / "astronaut.jpg").write_bytes(encode(astronaut))
    return str(tmp_path / "astronaut.jpg")


def home(tab) -> int:
    """Port of the replica that the viewer's cookie names."""
    (cookie,) = (one for one in tab.context.cookies() if one["name"] == "fer_replica")
    return int(cookie["value"].rpartition(":")[2])


def asked(address: str, cookie: str = "") -> str:
    """The cookie that a page comes with."""
    request = urllib.request.Request(address, headers={"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Set-Cookie"].partition(";")[0]


def classify(tab, photo: str) -> None:
    tab.get_by_text("An expression is not a feeling").wait_for()
    tab.set_input_files("input[type=file]", [photo])
    tab.get_by_text("1 photo, 1 face").wait_for()
    tab.locator("strong", has_text="happy").wait_for()
    tab.wait_for_function("[...document.images].some((one) => one.naturalWidth > 300)")


def test_viewers_are_spread_stay_and_move_when_their_replica_dies(
    browser, replicas: Replicas, photo: str
) -> None:
    first = {asked(replicas.address) for _ in range(6)}
    assert first == {f"fer_replica=127.0.0.1:{port}" for port in replicas.ports}
    for cookie in first:
        assert {asked(replicas.address, cookie) for _ in range(4)} == {cookie}
    assert asked(replicas.address, "fer_replica=127.0.0.1:1; other=x") in first  # it is not there
    assert asked(replicas.address, "fer_replica=10.0.0.1:80") in first  # not one of ours

    tab = open_live(browser, replicas.address)
    start(tab)
    flows(tab)
    there = home(tab)
    tab.get_by_role("link", name="Photos and video").click()
    classify(tab, photo)
    with tab.expect_download() as got:
        tab.get_by_role("button", name="CSV", exact=True).click()
    assert ",happy," in Path(got.value.path()).read_text("utf-8")
    assert home(tab) == there

    replicas.kill(there)
    tab.wait_for_function("document.querySelector('[data-testid=stConnectionStatus]') === null")
    tab.get_by_role("link", name="Live").first.click()
    tab.get_by_text("The camera is off").wait_for()
    assert home(tab) == next(port for port in replicas.ports if port != there)
    start(tab)
    flows(tab)
    tab.get_by_role("link", name="Photos and video").click()
    classify(tab, photo)
    tab.context.close()


def test_no_other_site_shows_the_pages_in_a_frame(replicas: Replicas) -> None:
    with urllib.request.urlopen(replicas.address, timeout=10) as answer:
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"


def test_the_containers_may_no_more_than_they_need() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    app, turn = services["app"], services["turn"]["command"]
    assert app["read_only"]
    assert app["cap_drop"] == ["ALL"]
    assert app["security_opt"] == ["no-new-privileges:true"]
    assert app["pids_limit"] > 0
    assert "--no-tcp-relay" in turn
    assert "--denied-peer-ip=0.0.0.0-255.255.255.255" in turn
    assert [one for one in turn if "allowed" in one] == ["--allowed-peer-ip=10.77.0.2-10.77.0.255"]


def test_the_compose_file_fills_in_what_the_template_asks_for() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    template = (ROOT / "deploy" / "nginx.conf.template").read_text()
    given = compose["services"]["nginx"]["environment"]
    assert all(f"${{{name}}}" in template for name in given)
    assert set(compose["services"]) == {"app", "nginx", "turn"}
    assert compose["services"]["app"]["environment"]["FER_HOME"] == "/data"
    example = (ROOT / "deploy" / "example.env").read_text()
    for name in ("COOKIE_SECRET", "TURN_USER", "TURN_PASSWORD", "TURN_ADDRESS"):
        assert f"{name}=" in example
