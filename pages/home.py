"""Home: what this is, the ways in, and how good the shipped model really is."""

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.column_config import NumberColumn

from fer_core import EMOTIONS
from fer_core.models.card import ModelCard
from fer_core.system.settings import settings
from pages._components.model import model_card

RATES = ("recall", "precision", "F1", "bias")


def ways_in() -> None:
    columns = st.columns(3, border=True)
    with columns[0]:
        st.subheader("In the browser", anchor=False)
        st.write("Drop photos or start the webcam: every face is boxed with its emotion.")
        with st.container(horizontal=True):
            if st.button("Classify photos", type="primary", icon=":material/image:"):
                st.switch_page("pages/upload.py")
            if st.button("Start the webcam", icon=":material/videocam:"):
                st.switch_page("pages/live.py")
    with columns[1]:
        st.subheader("On your machine", anchor=False)
        st.write("One command installs everything and starts this dashboard; nothing leaves it.")
        st.code("make app", language="shell")
    with columns[2]:
        st.subheader("In your scripts", anchor=False)
        st.write("The same recogniser on the command line and in Python.")
        st.code(
            "python -m fer_core classify PHOTOS --out faces.csv", language="shell", wrap_lines=True
        )


def figures(card: ModelCard) -> None:
    st.subheader("How good is the model?", anchor=False)
    for name, head in card.heads.items():
        test = head.figures.get("test")
        if not test:
            continue
        st.write(
            f"**{head.title}:** {test['accuracy'] * 100:.1f} % of {test['n']:,} unseen "
            f"pictures right, macro-F1 {test['macro_f1']:.2f}, "
            f"calibration error {test['calibration_error']:.3f}."
        )
        if name == card.default_head:
            st.dataframe(
                per_class(test),
                hide_index=True,
                column_config={name: NumberColumn(format="%.2f") for name in RATES},
                alt="Figures of each emotion",
            )
            st.caption(
                "Recall: share of the true faces found. Precision: share of the answers that are "
                "right. Bias: how often the model says it over how often it is true; 1 is unbiased."
            )


def per_class(test: dict[str, Any]) -> pd.DataFrame:
    rows = [{"emotion": emotion, **test["per_class"][emotion]} for emotion in EMOTIONS]
    names = {"n": "pictures", "f1": "F1", "bias_ratio": "bias"}
    return pd.DataFrame(rows).rename(columns=names)


def what_is_kept() -> None:
    hours = settings().job_hours
    kept = {
        "Photos and webcam pictures": "In memory only. Gone when you clear them, stop, or close "
        "the tab.",
        "A recording": "A temporary file. Gone when you delete it, close or reload the tab, or "
        "when the server starts again.",
        "A video, ZIP or folder you start": f"With its results, until you delete it, or {hours} "
        "hours after its end.",
    }
    if not settings().policy.may_store:
        kept["A dataset you open"] = "A temporary folder. Gone when you close the tab."
    else:
        kept["Datasets, corrections, runs and models"] = (
            f"In {settings().home}, until you delete them."
        )
    with st.expander("What is kept, and for how long", icon=":material/lock:"):
        for what, how in kept.items():
            st.markdown(f"**{what}.** {how}")
        st.caption("No picture and no result is sent to anybody else. docs/privacy.md says more.")


card = model_card()
st.title("FER Studio", anchor=False)
st.write(
    "Reads seven facial expressions (angry, disgust, fear, happy, neutral, sad, surprise) from "
    "photos and the webcam. It says how sure it is, says *uncertain* when it is not, and says so "
    "when there is no face."
)
ways_in()
figures(card)
st.subheader("Before you use it", anchor=False)
st.markdown(
    "- An expression is not a feeling: the model reads faces, not minds.\n"
    "- Do not use it to decide about people at work or in education. The EU AI Act bans that in "
    "Art. 5(1)(f).\n"
    "- People shown must be told that their emotions are inferred (Art. 50(3)).\n"
    "- Frames and photos stay in memory and are not stored, unless you record or correct."
)
what_is_kept()
