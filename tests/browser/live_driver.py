"""Drive the live page in Chromium with a fake camera."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import CHROMIUM, ROOT, environment_of_tests

PLAYER = 'iframe[title*="streamlit_webrtc"]'
GUARDED = f"document.querySelector('{PLAYER}').contentDocument.guarded"
"""The page's ``camera.js`` has taken hold of the player; up to 50 ms after Start appears."""

KEEP = """
const ask = navigator.mediaDevices?.getUserMedia?.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await ask(wanted);
  (window.top.streams ??= []).push(stream);
  return stream;
};
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(...given) { super(...given); (window.top.pcs ??= []).push(this); }
};
window.decoded = async () => {
  let count = 0;  // of the newest connection; those of a removed player never answer
  for (const item of (await window.top.pcs.at(-1).getStats()).values())
    if (item.type === "inbound-rtp") count += item.framesDecoded ?? 0;
  return count;
};
"""


def launch(browser, *arguments: str):
    return browser.browser_type.launch(executable_path=CHROMIUM, args=list(arguments))


def profile(chromium):
    """A profile of its own, whose tabs share what Chromium has compiled."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    return context


def open_live(chromium, server: str, script: str = KEEP):
    """Open the live page in a profile of its own."""
    return open_tab(profile(chromium), server, script)


def open_tab(context, server: str, script: str = KEEP):
    tab = context.new_page()
    tab.add_init_script(script)
    tab.goto(f"{server}/live")
    button(tab, "Start camera").wait_for()
    tab.wait_for_function(GUARDED)
    return tab


def button(tab, name: str):
    return tab.frame_locator(PLAYER).get_by_role("button", name=name, exact=True)


@contextmanager
def told(tab) -> Iterator[None]:
    """Where it fails, say what the page and its player say."""
    try:
        yield
    except Exception as error:
        player = tab.frame_locator(PLAYER).locator("body").all_inner_texts()
        trail = tab.evaluate("[window.clicks, window.pcs?.map((one) => one.connectionState)]")
        raise AssertionError(f"{tab.locator('body').inner_text()} {player} {trail}") from error


CLICK = f"""name => {{
    const player = document.querySelector('{PLAYER}')?.contentDocument;  // none while it loads
    const buttons = [...(player?.guarded ? player.querySelectorAll("button") : [])];
    const found = buttons.find((one) => one.textContent.trim() === name && !one.disabled);
    found?.click();
    (window.clicks ??= []).push(...(found ? [name] : []));
    return Boolean(found);
}}"""
"""Looked for and clicked in one step: between the two, Stop may become Start, or the player may be
drawn anew, for which ``camera.js`` has to take hold of it again."""


def press(tab, name: str) -> None:
    with told(tab):
        tab.wait_for_function(CLICK, arg=name)


def start(tab) -> None:
    """Start, and wait for pictures. While the page is drawn anew it shows the rate twice."""
    press(tab, "Start camera")
    with told(tab):
        tab.get_by_text(re.compile(r"\d+ fps")).first.wait_for()


def decoded(tab) -> int:
    return tab.evaluate("decoded()")


def flows(tab) -> None:
    """More pictures arrive than had arrived."""
    before = decoded(tab)
    tab.wait_for_function("async (n) => (await decoded()) > n + 10", arg=before)


def serve(folder: Path, port: int, **more: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    flags = [f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
    return subprocess.Popen(
        [*command, *flags], cwd=ROOT, env=os.environ | environment_of_tests(folder) | more
    )


def open_live_when_up(chromium, port: int, script: str = KEEP):
    for _ in range(30):
        try:
            return open_live(chromium, f"http://127.0.0.1:{port}", script)
        except Exception as error:
            if "ERR_CONNECTION_REFUSED" not in str(error):
                raise
            chromium.contexts[-1].close()
            time.sleep(0.5)
    raise AssertionError("the server did not start")


def until(true, seconds: float = 20) -> None:
    """Wait until ``true()`` is."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
