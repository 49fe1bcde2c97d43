"""Parts of the home page: a photo being read, the ways in, the test results, the limits."""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from fer_core import EMOTIONS
from fer_core.evaluation import Evaluation
from fer_core.images.formats import SUFFIXES
from fer_core.labels import COLORS
from fer_core.models.card import ModelCard
from fer_core.recognition.drawing import caption
from fer_core.recognition.photos import Photo, PhotoReader
from fer_core.system.settings import settings
from pages._components.chart import show_chart
from pages._components.model import model_card, recognizer
from pages._components.open_dataset import open_demo
from pages._components.probability_bars import show_probability_bars
from pages._live.request import START_CAMERA

EXAMPLE = Path(__file__).parents[2] / "docs" / "images" / "astronaut.jpg"
STORED = {
    "Photos and webcam images": "In memory only. Gone when you clear them, stop, or close the tab.",
    "A recording": "A temporary file. Gone when you delete it, close or reload the tab, or when "
    "the server starts again.",
}


def show_hero(card: ModelCard) -> None:
    """Show one photo with its faces, and the field that replaces it."""
    left, middle, right = st.columns([5, 4, 4], gap="large", vertical_alignment="center")
    with right:
        upload = st.file_uploader(
            "Drop a photo here", type=[suffix[1:] for suffix in SUFFIXES], key="home_photo"
        )
        with st.container(horizontal=True):
            if st.button("Start the webcam", type="primary", icon=":material/videocam:"):
                st.session_state[START_CAMERA] = True
                st.switch_page("pages/live.py")
            if st.button("Many photos, a video", icon=":material/image:"):
                st.switch_page("pages/upload.py")
        st.caption(
            ":material/lock: Photos stay in memory and are not stored. An expression is not a "
            "feeling."
        )
    reader = PhotoReader(recognizer(card.default_head, mirror=True))
    if upload is None:
        photo = reader.read(EXAMPLE.read_bytes(), EXAMPLE.name)
    else:
        photo = reader.read(upload.getvalue(), upload.name)
    with left.container(key="home_example"):
        _show_photo(photo)
    with middle:
        _show_faces(photo)


def _show_photo(photo: Photo) -> None:
    if photo.error:
        st.error(photo.error)
        return
    st.image(photo.annotated, alt=f"{photo.name}: {'; '.join(map(caption, photo.faces))}")


def _show_faces(photo: Photo) -> None:
    """Show the probabilities of the largest face."""
    if photo.error:
        return
    if not photo.faces:
        st.info("No face found. Drawings and faces below 20 pixels are often not detected.")
        return
    face = max(photo.faces, key=lambda face: face.box.width * face.box.height)
    st.markdown(f"#### {caption(face)}")
    show_probability_bars(face.probabilities, "home_bars", height=230)
    count = len(photo.faces)
    faces = "1 face" if count == 1 else f"{count} faces; these are the bars of the largest"
    computer = "computer" if settings().policy.may_store else "server"
    st.caption(f"{faces} · {photo.seconds * 1000:.0f} ms on this {computer}")


def show_ways() -> None:
    """Show the three ways in."""
    analyse, balance, train = st.columns(3, border=True)
    with analyse:
        st.subheader("Analyse", anchor=False)
        st.write("Photos, video, ZIP files and the webcam: every face boxed, results as CSV.")
        with st.container(horizontal=True):
            st.page_link("pages/upload.py", label="Photos and video", icon=":material/image:")
            st.page_link("pages/live.py", label="Live", icon=":material/videocam:")
    with balance:
        st.subheader("Explore and balance a dataset", anchor=False)
        st.write("Find imbalance, duplicates and wrong labels; upsample the small classes.")
        with st.container(horizontal=True):
            if st.button("Open the demo dataset", icon=":material/balance:", key="home_demo"):
                open_demo()
                st.switch_page("pages/dataset.py")
            st.page_link("pages/dataset.py", label="Your own", icon=":material/folder_open:")
    with train:
        st.subheader("Train and evaluate a model", anchor=False)
        if settings().policy.may_train:
            st.write("Fine-tune MobileNetV2, watch it learn, compare it, then use it here.")
        else:
            st.write("See what the shipped model gets wrong. Training runs on your own computer.")
        with st.container(horizontal=True):
            if settings().policy.may_train:
                st.page_link("pages/train.py", label="Train", icon=":material/model_training:")
            st.page_link("pages/evaluate.py", label="Evaluate", icon=":material/fact_check:")


def show_quality(card: ModelCard) -> None:
    """Show the test results of the model in words, and the recall of each emotion."""
    evaluations = {
        name: Evaluation.from_dict(head.figures["test"])
        for name, head in card.heads.items()
        if "test" in head.figures
    }
    evaluation = evaluations.pop(card.default_head, None)
    if evaluation is None:
        return
    metrics = evaluation.metrics
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with left:
        st.subheader("How good is the model?", anchor=False)
        st.markdown(f"#### Right on {metrics.accuracy * 100:.0f} of 100 faces it never saw")
        best = max(EMOTIONS, key=lambda name: metrics.per_class[name].recall)
        weakest = metrics.weakest
        lines = [
            f"It finds {metrics.per_class[best].recall * 100:.0f} of 100 {best} faces, and "
            f"{metrics.per_class[weakest].recall * 100:.0f} of 100 of {weakest}, its weakest.",
            f"Measured on {metrics.n:,} FER-2013 test images. People agree with these labels on "
            "about 65 of 100: the model has learned how they were given, which people have not.",
            *(
                f"With the label set *{card.heads[name].title}* it is right on "
                f"{other.metrics.accuracy * 100:.0f} of 100."
                for name, other in evaluations.items()
            ),
        ]
        st.markdown("\n".join(f"- {line}" for line in lines))
        st.page_link("pages/evaluate.py", label="All test results", icon=":material/fact_check:")
    with right:
        show_chart(recall_figure(evaluation), key="home_recall", alt="Recall of each emotion")
        st.caption("The thin lines are 95% intervals: how far chance alone may move a bar.")


def recall_figure(evaluation: Evaluation) -> go.Figure:
    """Return the recall of each emotion with its 95% interval, in percent."""
    recalls = [100 * evaluation.metrics.per_class[name].recall for name in EMOTIONS]
    intervals = [evaluation.intervals.per_class[name]["recall"] for name in EMOTIONS]
    pairs = list(zip(intervals, recalls, strict=True))
    figure = go.Figure(
        go.Bar(
            x=list(EMOTIONS), y=recalls, marker_color=[COLORS[name] for name in EMOTIONS],
            name="found, percent", text=[f"{value:.0f}%" for value in recalls],
            textposition="inside", insidetextanchor="start",
            hovertemplate="%{x}: %{y:.1f}%<extra></extra>",
            error_y={
                "type": "data", "symmetric": False, "color": "#8A9A97",
                "array": [100 * interval.high - value for interval, value in pairs],
                "arrayminus": [value - 100 * interval.low for interval, value in pairs],
            },
        )
    )  # fmt: skip
    figure.update_yaxes(title="Found (recall), percent", range=[0, 100], fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    margin = {"l": 0, "r": 10, "t": 30, "b": 0}
    return figure.update_layout(height=280, margin=margin, dragmode=False)


def show_limits() -> None:
    """Show what the model must not be used for, and what is stored."""
    policy = settings().policy
    kept, files = (
        ("record or correct", "video, ZIP or folder")
        if policy.may_store
        else ("record", "video or ZIP")
    )
    st.subheader("Before you use it", anchor=False)
    st.markdown(
        "- An expression is not a feeling: the model reads faces, not minds.\n"
        "- Do not use it to decide about people at work or in education. The EU AI Act bans that "
        "in Art. 5(1)(f).\n"
        "- Tell the people shown that their emotions are inferred (Art. 50(3)).\n"
        f"- Frames and photos stay in memory and are not stored, unless you {kept}."
    )
    hours = settings().job_hours
    stored = STORED | {
        f"A {files} you start": f"With its results, until you delete it, or {hours} "
        "hours after its end.",
    }
    if policy.may_store:
        stored["Datasets, corrections, runs and models"] = (
            f"In {settings().home}, until you delete them."
        )
    else:
        stored["A dataset you open"] = "A temporary folder. Gone when you close the tab."
    with st.expander("What is stored, and for how long", icon=":material/lock:"):
        for item, text in stored.items():
            st.markdown(f"**{item}.** {text}")
        st.caption(
            "The server sends no image and no result to anybody else. Before live video over the "
            "server, both sides ask a STUN server for their address on the internet; with a TURN "
            "server set, the video passes through that, encrypted. docs/privacy.md says more."
        )


def show() -> None:
    """Show all parts."""
    card = model_card()
    show_hero(card)
    show_ways()
    show_quality(card)
    show_limits()
