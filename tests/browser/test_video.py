"""A video in a real browser: upload, progress, refresh, timeline, click, downloads."""

import io
from pathlib import Path

import av
import pandas as pd
import pytest

from tests.clips import make_clip

pytestmark = pytest.mark.browser
LONG_MS = 120_000


def test_from_a_clip_to_table_and_annotated_video(page, server: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", times=[n / 3 for n in range(90)], sound="aac")
    page.goto(f"{server}/upload")
    page.get_by_role("radio", name="Video").click()
    page.get_by_text("until you delete them").wait_for()
    page.set_input_files("input[type=file]", str(clip))
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Cancel").wait_for()
    assert "?job=" in page.url
    page.reload()  # the address brings the job back
    page.get_by_text("90 frames (0:29), 1 person").wait_for(timeout=LONG_MS)
    chart = page.locator(".js-plotly-plot .draglayer .nsewdrag").first
    box = chart.bounding_box()
    spot = {"x": box["width"] * 0.6, "y": box["height"] * 0.5}
    chart.hover(position=spot)  # wherever the chart is by now: the video above it may have grown
    page.locator(".js-plotly-plot .hoverlayer text").first.wait_for()  # the chart knows the pointer
    chart.click(position=spot)
    page.wait_for_function("(document.querySelector('video')?.currentTime ?? 0) >= 16")
    assert page.evaluate("document.querySelector('video').currentTime") < 24
    with page.expect_download() as got:
        page.get_by_role("button", name="CSV", exact=True).click()
    table = pd.read_csv(Path(got.value.path()))
    assert table.frame.tolist() == list(range(1, 91))
    assert set(table.source) == {"clip.mp4"}
    with page.expect_download() as got:
        page.get_by_role("button", name="Annotated MP4").click()
    with av.open(io.BytesIO(Path(got.value.path()).read_bytes())) as copy:
        assert len(list(copy.decode(video=0))) == 90
        assert copy.streams.audio
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    wide = page.evaluate(
        "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
    )
    assert wide <= 0
    chart.evaluate("(one) => one.scrollIntoView({block: 'end'})")
    top = "document.querySelector('video').getBoundingClientRect().top"
    assert page.evaluate(top) < 60  # behind the navigation, or above the screen
    chart.click()
    page.wait_for_function(f"{top} >= 60")


def test_a_job_is_cancelled_listed_and_goes_on(page, server: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "second.mp4", times=[n / 10 for n in range(150)])
    page.goto(f"{server}/upload")
    page.get_by_role("radio", name="Video").click()
    page.get_by_text("until you delete them").wait_for()
    page.set_input_files("input[type=file]", str(clip))
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("second.mp4 was cancelled").wait_for(timeout=LONG_MS)
    page.get_by_role("button", name="Back to list").click()
    page.get_by_text("Previous analyses").wait_for()
    assert page.get_by_role(
        "button", name="Start", exact=True
    ).is_disabled()  # the upload is not kept chosen
    page.locator("[class*=st-key-open-] button").first.click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("150 frames (0:14), 1 person").wait_for(timeout=LONG_MS)
