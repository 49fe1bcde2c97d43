"""Pages driven as a user would, without a browser."""

import os
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.dataset import demo, store
from tests.conftest import ROOT


def lay_demo(source: Path) -> None:
    """Put a copy of the demo where the pages look for it.

    Its thousand files are links, which take a fifth of the time: a test may delete and replace them,
    and does not write into one.
    """
    shutil.copytree(source, store.default_home() / demo.NAME, copy_function=os.link)


def draw_demo_from(source: Path, patch: pytest.MonkeyPatch) -> None:
    """Have the demo be a copy of ``source`` wherever a page makes it.

    Drawing its thousand faces takes half a second.
    """

    def write(folder: Path, _: object) -> None:
        shutil.copytree(source, folder, dirs_exist_ok=True, copy_function=os.link)

    patch.setattr(demo, "_write", write)


def open_page(name: str) -> AppTest:
    """Open one page, as by its address."""
    return settle(entry(name).run())


def entry(name: str) -> AppTest:
    """The app on its way to a page, not run yet."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    return app.switch_page(f"pages/{name}.py")


def open_ways(name: str, way: str) -> AppTest:
    """Open a page with no dataset, at one of the ways to open one."""
    app = entry(name)
    app.session_state["addresses_tried"] = {""}  # as after a demo that could not be opened
    return choose(settle(app.run()), "dataset_way", way)


def texts(app: AppTest) -> str:
    """What the page says outside its tables."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.success,
             app.warning, app.error)  # fmt: skip
    said = [str(element.value) for kind in kinds for element in kind]
    return "\n".join([*said, *(f"{metric.label}: {metric.value}" for metric in app.metric)])


def settle(app: AppTest) -> AppTest:
    """Run until no work is left in the background."""
    for _ in range(120):
        assert not app.exception, app.exception
        if "background_work" not in app.session_state:
            return app
        app.session_state["background_work"].task.is_done(wait_s=1)
        app.run()
    raise AssertionError("the work does not end")


def press(app: AppTest, label: str) -> AppTest:
    """Click the one button whose label begins so."""
    (found,) = [button for button in app.button if button.label.startswith(label)]
    return settle(found.click().run())


def labelled(elements, label: str):
    """The one of them that is called so."""
    (found,) = [element for element in elements if element.label == label]
    return found


def choose(app: AppTest, key: str, value: str) -> AppTest:
    """Choose in a row of buttons."""
    app.button_group(key=key).set_value(value)
    return settle(app.run())
