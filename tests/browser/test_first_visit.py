"""The first visitor of a server that has just been started."""

from pathlib import Path

import pytest

from tests.conftest import app

pytestmark = pytest.mark.browser

WATCH_LISTS = """
window.lists = 0;
const look = () => {
    window.lists += document.querySelectorAll("[data-testid=stSidebarNav]").length;
    requestAnimationFrame(look);
};
look();
"""
"""Counts, at every drawing, lists of pages at the side: the app's own is at the top."""


def test_a_link_to_a_page_opens_it_and_shows_no_list_of_files(page, tmp_path: Path) -> None:
    page.add_init_script(WATCH_LISTS)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with app(tmp_path) as address:
        page.goto(f"{address}/upload")
        page.get_by_role("heading", name="Photos and video").wait_for()
        page.get_by_role("link", name="Evaluate").wait_for()
        assert page.evaluate("window.lists") == 0
        page.goto(address)
        page.get_by_role("heading", name="FER Studio").wait_for()
        page.get_by_role("button", name="Start the webcam").wait_for()
        here = (address, address.replace("http", "ws"), "data:", "blob:")
        assert not [url for url in asked if not url.startswith(here)]  # nobody else is asked
