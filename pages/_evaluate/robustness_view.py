"""Accuracy under blur, noise, darkness, JPEG compression and other corruptions."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.dataset import image_reading
from fer_core.evaluation import LabelledCrops, Robustness, measure_robustness
from fer_core.evaluation.predictions import open_form
from fer_core.evaluation.robustness import ALL_SEVERITIES, from_dicts
from fer_core.images.corruptions import CORRUPTIONS
from pages._components.background import start
from pages._components.chart import show_chart
from pages._components.gallery import show_tiles, tile
from pages._components.glossary import definition
from pages._evaluate import charts
from pages._evaluate.formatting import percent
from pages._evaluate.selection import Choice, Result

SAMPLES = (500, 1000, 2000)


def show(result: Result) -> None:
    """Offer the measurement, or show its curves."""
    st.markdown(
        "Webcams blur, darken and compress; masks and hands cover. Every image is corrupted step "
        "by step and classified again: how much accuracy is lost, how many predictions change?",
        help=definition("corruption"),
    )
    labelled = int((result.y_true >= 0).sum())
    sizes = [size for size in SAMPLES if size < labelled] + [labelled]
    size = sizes[0]
    if len(sizes) > 1:
        size = st.segmented_control(
            "Images", sizes, default=sizes[1], required=True, format_func=lambda n: f"{n:,}",
            key=f"robust_size-{labelled}",
        )  # fmt: skip
    _show_preview(result)
    measured: dict[Hashable, tuple[Robustness, ...]] = st.session_state.setdefault("robustness", {})
    key = (result.key, size)
    if key not in measured:
        count = size * (len(ALL_SEVERITIES) + 1)
        st.caption(f"{count:,} predictions; about {max(count / 1500, 1):.0f} s.")
        if st.button("Measure", type="primary", icon=":material/play_arrow:", key="robust_start"):
            start(
                "Measuring robustness",
                _work(result, size),
                lambda rows: measured.update({key: rows}),
            )
            st.rerun()
        return
    _show_curves(measured[key])


def show_stored(choice: Choice) -> None:
    """Show the accuracy at the standard severities that the model's card holds."""
    stored = (choice.card.facts.get("robustness") or {}).get(choice.head)
    try:
        rows = from_dicts(stored or ())
    except (KeyError, TypeError, ValueError):
        rows = ()
    if not rows:
        st.info("The card of this model holds no robustness. Open a dataset to measure it.")
        return
    st.markdown(
        "Accuracy under corruptions that webcams bring, at standard severities.",
        help=definition("corruption"),
    )
    show_chart(charts.robustness_bars(rows), key="stored_robustness", alt="Accuracy by corruption")
    show_table(rows)


def _work(result: Result, size: int):
    rows = np.flatnonzero(result.y_true >= 0)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:size])
    index, y_true = result.index, result.y_true[rows]
    card, form, head = result.card, result.selection.form, result.head

    def work(report) -> tuple[Robustness, ...]:
        crops = image_reading.crops(index, rows.tolist(), card.input_size)
        classifier = open_form(card, form, head, in_bulk=True, mirror=True)
        labelled = LabelledCrops(crops, y_true)
        return measure_robustness(classifier, labelled, ALL_SEVERITIES, 0, report)

    return work


def _show_preview(result: Result) -> None:
    """Show one face under every corruption at its standard severity."""
    row = int(np.flatnonzero(result.y_true >= 0)[0])
    face = tile(result.index, row, 48)
    random = np.random.default_rng(1)
    faces = [face, *(c.apply(face, c.standard, random) for c in CORRUPTIONS.values())]
    captions = ["Original", *(kind.title for kind in CORRUPTIONS.values())]
    show_tiles(faces, captions, captions)


def _show_curves(rows: Sequence[Robustness]) -> None:
    with st.grid(min_column_width=300, gap="medium"):
        for corruption in CORRUPTIONS:
            show_chart(charts.robustness({"accuracy": rows}, corruption),
                       key=f"robust-{corruption}", alt=f"Accuracy under {corruption}")  # fmt: skip
    st.subheader("At the standard severities", anchor=False)
    show_table(
        [
            row
            for row in rows
            if not row.corruption or row.severity == CORRUPTIONS[row.corruption].standard
        ]
    )


def _share(value: float) -> str | None:
    return None if np.isnan(value) else percent(value)


def show_table(rows: Sequence[Robustness]) -> None:
    """Show one row for each corruption."""
    table = [
        {
            "Corruption": str(row),
            "Accuracy": percent(row.accuracy),
            "Points lost": round(row.drop * 100, 1),
            "Macro-F1": round(row.macro_f1, 3),
            "Changed": _share(row.changed),
            "Not uncertain": _share(row.coverage),
            "Correct of those": _share(row.selective_accuracy),
        }
        for row in rows
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Accuracy at the standard severities")
