"""Messages of callbacks: drawn once, and again where the next run follows at once."""

import pytest
from streamlit.testing.v1 import AppTest

from pages._components import notify


def page() -> None:
    import streamlit as st

    from pages._components import notify

    st.button("Save", on_click=notify.success, args=("It is saved.",))
    st.button("Twice", on_click=lambda: [notify.error("No disk.") for _ in range(2)])
    notify.show()


def test_a_message_outlives_a_rerun_that_follows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "AGAIN_S", 1000.0)
    app = AppTest.from_function(page).run()
    app.button[0].click().run()
    assert [one.value for one in app.success] == ["It is saved."]
    assert [one.value for one in app.run().success] == ["It is saved."]
    monkeypatch.setattr(notify, "AGAIN_S", 0.0)
    assert not app.run().success
    app.button[0].click().run()
    assert [one.value for one in app.success] == ["It is saved."]


def test_the_same_message_of_one_callback_is_drawn_once() -> None:
    app = AppTest.from_function(page).run()
    app.button[1].click().run()
    assert [one.value for one in app.error] == ["No disk."]
