"""The four steps from a dataset to a model in use, on the pages of each."""

import streamlit as st

from fer_core.system.settings import settings

STEPS = (
    ("Dataset", "pages/dataset.py"),
    ("Train", "pages/train.py"),
    ("Evaluate", "pages/evaluate.py"),
    ("Use", "pages/upload.py"),
)


def show_steps(current: str = "") -> None:
    """Show the steps as links in one line; ``current`` is this page's. Without training, three."""
    steps = [step for step in STEPS if settings().policy.may_train or step[0] != "Train"]
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="steps"):
        for number, (name, file) in enumerate(steps, start=1):
            if name == current:
                st.markdown(f"**{number} {name}**", width="content")
            else:
                st.page_link(file, label=f"{number} {name}", width="content")
            if number < len(steps):
                st.markdown(":material/chevron_right:", width="content")
