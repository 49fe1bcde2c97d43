"""The dataset that is being made: which collection, and the way to it from every page."""

import streamlit as st

from fer_core.collect import Collection, collections, open_or_create
from fer_core.errors import FerError
from fer_core.system.text import markdown
from pages._components.open_dataset import CHANGE

KEY = "collection"
"""Session key of the collection that the dataset page shows."""


def current() -> Collection | None:
    """Return the collection that is being made, or None."""
    collection = st.session_state.get(KEY)
    return collection if collection is not None and collection.folder.is_dir() else None


def choose() -> None:
    """Show a field for a new collection, and buttons for those earlier earlier."""
    st.write(
        "Make a dataset of your own faces: from photos, a video or the webcam. The model suggests "
        "a label for each, you confirm or correct it by key."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", "mine", key="collection_name", width=260, max_chars=60)
        if st.button("Start", type="primary", icon=":material/add_a_photo:", key="make_start",
                     disabled=not name.strip()):  # fmt: skip
            _open(name.strip())
    earlier = collections()
    if earlier:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Continue", width="content")
            for collection in earlier:
                if st.button(markdown(collection.name), key=f"continue-{collection.name}",
                             icon=":material/edit:"):  # fmt: skip
                    _open(collection.name)


def _open(name: str) -> None:
    try:
        st.session_state[KEY] = open_or_create(name)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    st.session_state.pop(CHANGE, None)
    st.session_state["make_part"] = "Collect"
    st.switch_page("pages/dataset.py")
