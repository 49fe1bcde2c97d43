"""Make one, in a browser: faces from a webcam while a key is held, and labels by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.soak import faces_to_label
from fer_core import collect
from fer_core.collect import labels
from fer_core.labels import EMOTIONS
from tests.browser.live_driver import PLAYER, button, launch, profile
from tests.conftest import needs_yunet

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium(browser, tmp_path_factory, astronaut) -> Iterator:
    """Chromium with a camera that shows a face."""
    file = tmp_path_factory.mktemp("camera") / "face.y4m"
    write_y4m(file, moving_photo(astronaut, seconds=2))
    own = launch(browser, *chromium_arguments(file), "--use-fake-ui-for-media-stream")
    yield own
    own.close()


def open_collection(chromium, server: str, name: str):
    page = profile(chromium).new_page()
    page.goto(f"{server}/dataset")
    page.get_by_role("button", name="Change").click()
    page.get_by_text("Make one", exact=True).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text(f"Making {name}").wait_for()
    return page


@needs_yunet
def test_faces_arrive_while_a_key_is_held_and_stop_with_the_camera(
    chromium, server, server_home
) -> None:
    page = open_collection(chromium, server, "webcam")
    page.get_by_text("Webcam", exact=True).click()
    person = page.get_by_role("textbox", name="Who is in front of the camera?")
    person.fill("Ann")
    person.press("Enter")
    button(page, "Start camera").click()
    happy = page.get_by_role("button", name="4 happy")
    expect(happy).to_be_enabled(timeout=60_000)
    page.locator("h1").first.click()  # out of the text field
    page.keyboard.down("4")
    expect(happy.locator(".count")).not_to_have_text("0", timeout=30_000)
    page.wait_for_timeout(1500)
    page.keyboard.up("4")
    page.wait_for_timeout(1500)
    count = happy.locator(".count").inner_text()
    page.wait_for_timeout(1500)
    assert happy.locator(".count").inner_text() == count  # nothing arrives any more
    page.keyboard.down("6")  # the camera is lost while the key is held
    page.evaluate(
        f"document.querySelector('{PLAYER}').contentWindow.streams?.[0]?.getTracks()[0].stop()"
    )
    button(page, "Stop").click()
    expect(page.get_by_text("Start the camera")).to_be_visible()
    page.keyboard.up("6")
    faces = collect.Collection(server_home / "collections" / "webcam")
    table = labels.label_table(faces.faces(), labels.states(faces))
    assert int((table["label"] == "happy").sum()) == int(count) >= 5
    assert set(table["label"]) <= {"happy", "sad"}
    assert set(faces.faces()["person"]) == {"webcam:Ann"}
    page.context.close()


def current(page) -> str:
    return page.locator(".grid").get_attribute("data-face")


def wait_saved(page) -> None:
    expect(page.get_by_text("All labels are saved.")).to_be_visible(timeout=20_000)


def test_labels_by_keyboard_and_by_two_people_at_once(chromium, server, server_home) -> None:
    collection = faces_to_label(server_home, "grid", 60)
    page = open_collection(chromium, server, "grid")
    page.get_by_text("Label", exact=True).first.click()
    page.locator(".grid .title").filter(has_text="Suggested").wait_for()
    first = current(page)
    page.keyboard.press("4")
    second = current(page)
    page.keyboard.press("1")
    page.keyboard.press("u")
    assert current(page) == second
    page.keyboard.press("0")
    assert current(page) not in {first, second}
    page.get_by_role("button", name="By suggestion").click()
    row = page.locator(".row").first.locator(".tile").count()
    page.keyboard.press("Enter")  # the whole row
    expect(page.get_by_text(f"{row + 1} of 60 labelled")).to_be_visible()
    wait_saved(page)
    held = labels.states(collection)
    assert held[first].label == "happy"
    assert (held[second].label, held[second].skipped) == ("", True)
    log = labels.entries(collection)
    assert [entry.method for entry in log[:4]] == ["hand", "hand", "undo", "skip"]
    assert sum(entry.method == "suggestion" for entry in log) == row

    face = current(page)  # somebody else labels it meanwhile, unseen
    suggested = page.locator(".grid .title").inner_text().split(": ")[1].split(" ")[0]
    other = next(emotion for emotion in EMOTIONS if emotion != suggested)
    labels.add(collection, [labels.Entry(face, other, by="ben")])
    page.keyboard.press(str(EMOTIONS.index(suggested) + 1))
    expect(page.get_by_role("button", name="Conflicts (1)")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Conflicts (1)").click()
    expect(page.get_by_text(f"ben: {other}")).to_be_visible()
    page.keyboard.press(str(EMOTIONS.index(other) + 1))
    wait_saved(page)
    assert labels.states(collection)[face].label == other

    page.context.close()
