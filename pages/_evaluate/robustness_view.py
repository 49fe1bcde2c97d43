"""How much a model bears: accuracy under blur, noise, darkness and the rest."""

from collections.abc import Hashable

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.dataset import image_reading
from fer_core.evaluation import LabelledCrops, Robustness, measure_robustness
from fer_core.evaluation.predictions import open_form
from fer_core.evaluation.robustness import ALL_SEVERITIES
from fer_core.images.corruptions import CORRUPTIONS
from pages._components.background import start
from pages._components.chart import show_chart
from pages._components.gallery import show_tiles, tile
from pages._evaluate import charts
from pages._evaluate.formatting import percent
from pages._evaluate.selection import Subject

SAMPLES = (500, 1000, 2000)


def show(subject: Subject) -> None:
    st.write(
        "A webcam is not a dataset. Every image is made harder to read, step by step, and the "
        "model is asked again."
    )
    known = int((subject.y_true >= 0).sum())
    sizes = [size for size in SAMPLES if size < known] + [known]
    size = sizes[0]
    if len(sizes) > 1:
        size = st.segmented_control(
            "Images", sizes, default=sizes[1], required=True, format_func=lambda n: f"{n:,}",
            key=f"robust_size-{known}",
        )  # fmt: skip
    _preview(subject)
    kept: dict[Hashable, tuple[Robustness, ...]] = st.session_state.setdefault("robust", {})
    key = (subject.key, size)
    if key not in kept:
        count = size * (len(ALL_SEVERITIES) + 1)
        st.caption(f"{count:,} answers; about {max(count / 1500, 1):.0f} s.")
        if st.button("Measure", type="primary", icon=":material/play_arrow:", key="robust_start"):
            start(
                "Making faces harder to read", _work(subject, size), lambda r: kept.update({key: r})
            )
            st.rerun()
        return
    _result(kept[key])


def _work(subject: Subject, size: int):
    rows = np.flatnonzero(subject.y_true >= 0)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:size])
    index, truth = subject.index, subject.y_true[rows]
    card, form, head = subject.card, subject.question.form, subject.head

    def work(report) -> tuple[Robustness, ...]:
        crops = image_reading.crops(index, rows.tolist(), card.input_size)
        classifier = open_form(card, form, head, in_bulk=True)
        return measure_robustness(
            classifier, LabelledCrops(crops, truth), ALL_SEVERITIES, 0, report
        )

    return work


def _preview(subject: Subject) -> None:
    """One face under every strain at its standard level."""
    row = int(np.flatnonzero(subject.y_true >= 0)[0])
    face = tile(subject.index, row, 48)
    random = np.random.default_rng(1)
    faces = [face, *(s.apply(face, s.standard, random) for s in CORRUPTIONS.values())]
    captions = ["as it is", *(s.title for s in CORRUPTIONS.values())]
    show_tiles(faces, captions, captions)


def _result(found: tuple[Robustness, ...]) -> None:
    with st.grid(min_column_width=300, gap="medium"):
        for strain in CORRUPTIONS:
            show_chart(charts.robustness({"accuracy": found}, strain), key=f"robust-{strain}",
                            config=charts.QUIET, alt=f"Accuracy under {strain}")  # fmt: skip
    rows = [
        {
            "strain": CORRUPTIONS[row.corruption].title if row.corruption else "as they are",
            "level": f"{row.severity:g} {CORRUPTIONS[row.corruption].unit}"
            if row.corruption
            else "",
            "right": percent(row.accuracy),
            "lost, points": round(row.drop * 100, 1),
            "macro-F1": round(row.macro_f1, 3),
        }
        for row in found
        if not row.corruption or row.severity == CORRUPTIONS[row.corruption].standard
    ]
    st.subheader("At the standard levels", anchor=False)
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Accuracy at the standard levels")
