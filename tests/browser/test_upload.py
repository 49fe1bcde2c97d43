"""The main job in a real browser: a photo in, an emotion out."""

from pathlib import Path

import numpy as np
import pytest

from fer_core.images.codec import encode

pytestmark = pytest.mark.browser


@pytest.fixture
def files(tmp_path: Path, astronaut: np.ndarray) -> list[str]:
    (tmp_path / "astronaut.jpg").write_bytes(encode(astronaut))
    (tmp_path / "broken.jpg").write_bytes(b"this is text")
    return [str(tmp_path / name) for name in ("astronaut.jpg", "broken.jpg")]


def test_from_home_to_a_result_and_an_error(
    page, server: str, files: list[str], tmp_path: Path
) -> None:
    page.goto(server)
    page.get_by_role("button", name="Many photos, a video").click()
    page.get_by_role("heading", name="Photos and video").wait_for()
    page.get_by_text("Drop, paste or choose photos").wait_for()
    page.get_by_text("An expression is not a feeling").wait_for()
    page.set_input_files("input[type=file]", files)
    page.get_by_text("2 photos, 1 face, 1 could not be read").wait_for()
    page.get_by_text("broken.jpg: not an image").wait_for()
    page.locator("strong", has_text="happy").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    with page.expect_download() as got:
        page.get_by_role("button", name="CSV", exact=True).click()
    text = Path(got.value.path()).read_text("utf-8")
    assert "astronaut.jpg" in text
    assert ",happy," in text
    with page.expect_download() as got:
        page.get_by_role("button", name="Annotated photos").click()
    assert Path(got.value.path()).read_bytes()[:2] == b"PK"


def test_a_snapshot_is_read(page, server: str) -> None:
    """The fake camera shows a test picture without a face."""
    page.goto(f"{server}/upload")
    page.get_by_role("radio", name="Camera").click()
    page.wait_for_function("document.querySelector('video')?.readyState >= 2")  # has a picture
    page.get_by_role("button", name="Take photo").click()
    page.get_by_text("1 photo, no faces").wait_for()


def test_it_fits_a_phone(page, server: str, files: list[str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server}/upload")
    page.locator("input[type=file]").wait_for(state="attached")
    page.set_input_files("input[type=file]", files)
    page.locator(".js-plotly-plot").first.wait_for()
    wide = page.evaluate(
        "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
    )
    assert wide <= 0


def test_a_name_that_holds_an_address_is_no_link_and_calls_nobody(
    page, server: str, files: list[str]
) -> None:
    """As a browser reads it: Markdown's parser in the browser, and its automatic links."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    name = (
        "![x](http:&#47;&#47;127.0.0.1:9&#47;seen.png) https:&#47;&#47;127.0.0.1:9&#47;page "
        "https://127.0.0.1:9/page www.example.com me@example.com"
    )
    page.goto(f"{server}/upload")
    page.locator("input[type=file]").wait_for(state="attached")
    page.set_input_files("input[type=file]", [
        {"name": f"{name}{number}.jpg", "mimeType": "image/jpeg", "buffer": Path(file).read_bytes()}
        for number, file in enumerate(files)
    ])  # fmt: skip
    page.get_by_text("2 photos, 1 face, 1 could not be read").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    shown = page.locator("[data-testid=stMain]").inner_text().replace("\u2060", "")
    assert "me@example.com" in shown
    assert "www.example.com" in shown
    links = page.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert [link for link in links if "127.0.0.1:9/" in link or "example" in link] == []
    assert page.locator("img[src*='127.0.0.1:9/']").count() == 0
    assert [url for url in asked if "127.0.0.1:9/" in url] == []
