"""A phone: what a tap does, what its screen shows first, how large what can be tapped is."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import skimage.io
from playwright.sync_api import TimeoutError as TooLate

from tests.browser.test_accessibility import settle

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
SMALL = """() => [...document.querySelectorAll(
    ".stMain :is(button, summary, [data-testid=stPageLink-NavLink], [data-testid=stCheckbox] label),"
    + "[data-testid=stSidebarNavLink], [data-testid=stExpandSidebarButton]")]
  .filter((one) => !one.matches(".modebar-btn, [data-testid$=elementToolbar], [aria-label=Open]"))
  .map((one) => [one.getAttribute("aria-label") ?? one.innerText, one.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 31.9 || box.height < 39.9))
  .map(([name, box]) => `${name}: ${box.width} × ${box.height}`)"""


@pytest.fixture
def phone(browser) -> Iterator:
    """A tab of a phone."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def photo(tmp_path: Path, astronaut) -> str:
    """A file with one face."""
    file = tmp_path / "astronaut.png"
    skimage.io.imsave(file, astronaut)
    return str(file)


def read_photo(tab, server: str, photo: str) -> None:
    tab.goto(f"{server}/upload")
    settle(tab)
    tab.set_input_files("input[type=file]", photo)
    tab.get_by_text("1 photo, 1 face").wait_for()
    settle(tab)


def from_top(item) -> float:
    return item.evaluate("(element) => element.getBoundingClientRect().top")


def opens_help(tab, press) -> None:
    """The help of a toggle opens, and the toggle stays as it is."""
    press(tab.get_by_role("button", name="Settings"))
    press(tab.get_by_role("button", name="Help for Photos are face crops"))
    tab.get_by_role("tooltip").get_by_text("one tightly cut face").wait_for()
    settle(tab)
    assert not tab.get_by_role("switch", name="Photos are face crops").is_checked()
    tab.keyboard.press("Escape")


def test_help_of_a_toggle_opens_by_touch_and_flips_nothing(phone, server: str) -> None:
    phone.goto(f"{server}/upload")
    settle(phone)
    opens_help(phone, lambda item: item.tap())


def test_help_of_a_toggle_opens_with_mouse_and_keyboard(page, server: str) -> None:
    page.goto(f"{server}/upload")
    settle(page)
    opens_help(page, lambda item: item.click())
    page.goto(f"{server}/upload")
    settle(page)
    page.get_by_role("button", name="Settings").click()
    switch = page.get_by_role("switch", name="Photos are face crops")
    switch.focus()
    page.keyboard.press("Tab")
    page.get_by_role("tooltip").get_by_text("one tightly cut face").wait_for()
    page.keyboard.press("Enter")
    assert not switch.is_checked()
    page.get_by_text("Photos are face crops").click()
    assert switch.is_checked()


def test_a_wide_table_scrolls_by_itself(phone, server: str) -> None:
    phone.goto(f"{server}/models")
    card = phone.get_by_test_id("stExpander").filter(has_text="Card of mobilenetv2")
    card.get_by_text("Card of mobilenetv2").tap()
    card.locator("table").first.wait_for()
    phone.wait_for_function(  # once the card is unfolded
        "() => [...document.querySelectorAll('table')].some((t) => t.scrollWidth > t.clientWidth)"
    )
    assert phone.evaluate("document.querySelector('.stMain').scrollWidth") == PHONE["width"]


def test_the_first_screen_of_home_has_photo_field_and_buttons(
    phone, server: str, photo: str
) -> None:
    phone.goto(server)
    settle(phone)
    button = phone.get_by_role("button", name="Start the webcam")
    button.wait_for()
    for count in (0, 1):
        assert from_top(phone.locator("section:has(input[type=file])")) < 700
        assert from_top(button) < 760
        assert 0 < from_top(phone.locator(".st-key-home_example img")) < 400
        if not count:
            phone.set_input_files("input[type=file]", photo)
            phone.get_by_alt_text("astronaut.png").wait_for()
            settle(phone)


def has_no_small_target(tab, where: str) -> None:
    """Links of the navigation have their size once they are drawn or have slid in."""
    with suppress(TooLate):
        tab.wait_for_function(f"() => !({SMALL})().length", timeout=10_000)
    assert tab.evaluate(SMALL) == [], where


def test_targets_are_as_large_as_a_finger(phone, server: str, photo: str) -> None:
    for name in ("", "live", "dataset", "evaluate", "models"):
        phone.goto(f"{server}/{name}")
        settle(phone)
        has_no_small_target(phone, name)
    read_photo(phone, server, photo)
    phone.get_by_test_id("stExpandSidebarButton").tap()
    has_no_small_target(phone, "menu")


def test_why_stays_under_the_finger(phone, server: str, photo: str) -> None:
    read_photo(phone, server, photo)
    why = phone.get_by_test_id("stCheckbox").filter(has_text="Why?")
    phone.locator("[class*=st-key-bars-] .js-plotly-plot").first.wait_for()  # it has its height
    phone.wait_for_timeout(1000)
    why.evaluate("(one) => one.scrollIntoView({block: 'center'})")
    phone.wait_for_timeout(500)
    before = from_top(why)
    assert 200 < before < 700
    why.get_by_text("Why?").tap()
    phone.get_by_alt_text("Network input").wait_for()
    settle(phone)
    assert abs(from_top(why) - before) < 50
