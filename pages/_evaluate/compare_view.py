"""Two models on the same images: what the second corrects, and what it gets newly wrong."""

import numpy as np
import streamlit as st

from fer_core.evaluation.compare import Comparison, compare
from fer_core.labels import EMOTIONS
from fer_core.types import Mask
from pages._components.chart import show_chart
from pages._components.gallery import name, show_tiles, tile
from pages._components.pagination import page_of
from pages._evaluate import charts
from pages._evaluate.selection import (
    FORM_TITLES,
    Result,
    Selection,
    choose_form,
    choose_head,
    choose_model,
    evaluate_selection,
    names,
    open_card,
    predictions_for,
    warn_of_labels,
)

PAGE_SIZE = 12
ALPHA = 0.05


def show(first: Result) -> None:
    """Show the verdict, the difference of each emotion, and the images that changed."""
    second = _choose_second(first)
    if second is None:
        return
    first_title, second_title = titles(first, second)
    for result, title in ((first, first_title), (second, second_title)):
        warn_of_labels(result.head, result.source, title)
    comparison = compare(first.y_true, first.y_pred, second.y_pred)
    if not (comparison.corrected.any() or comparison.newly_wrong.any()):
        st.info("Both are right on the same images.")
        return
    _show_verdict(comparison, first_title, second_title)
    rows = {"accuracy": comparison.accuracy, "macro-F1": comparison.macro_f1, **comparison.f1}
    show_chart(
        charts.changes(list(rows), [value for value, _ in rows.values()],
                       [interval.low for _, interval in rows.values()],
                       [interval.high for _, interval in rows.values()]),
        key="changes", alt="Difference with intervals",
    )  # fmt: skip
    st.caption(
        f"{second_title} minus {first_title}: F1 of each emotion, accuracy and macro-F1, with 95% "
        "ranges from paired resamples. A range without zero is more than chance. Below each image: "
        f"true label, then {first_title} → {second_title}; most confident first."
    )
    left, right = st.columns(2, gap="large")
    with left:
        _show_gallery(first, second, comparison.corrected, "Corrected")
    with right:
        _show_gallery(first, second, comparison.newly_wrong, "Newly wrong")


def titles(first: Result, second: Result) -> tuple[str, str]:
    """Return a name for each result that tells them apart."""

    def title(result: Result) -> str:
        details = [
            detail
            for detail, differs in (
                (result.head, first.head != second.head),
                (FORM_TITLES[result.selection.form], first.selection.form != second.selection.form),
            )
            if differs
        ]
        return (
            f"{result.selection.name} ({', '.join(details)})" if details else result.selection.name
        )

    return title(first), title(second)


def _choose_second(first: Result) -> Result | None:
    """Show the choice of the second model; by default another one with the same label set."""
    models = names()
    order = sorted(models, key=lambda other: other == first.selection.name)  # others first
    with st.container(horizontal=True, vertical_alignment="bottom"):
        second = choose_model(
            "Compare with", f"compare_model-{first.selection.name}",
            {name: models[name] for name in order}, width=260,
        )  # fmt: skip
        card = open_card(models[second])
        if card is None:
            return None
        same = second == first.selection.name
        with st.popover("More", icon=":material/tune:"):
            form = choose_form("Model file of the second", second, card, f"second-form-{second}")
            if form is None:
                return None
            remaining = [head for head in card.heads if (head == first.head) != same]
            head = choose_head(
                "Label set of the second", card, f"second-head-{second}-{first.head}",
                remaining[0] if remaining else None,
            )  # fmt: skip
    selection = Selection(card, second, form, first.selection.dataset, first.selection.split)
    predictions = predictions_for(selection, f"Evaluate {second}")
    if predictions is None:
        return None
    if (selection.key, head) == (first.selection.key, first.head):
        st.info("Both are the same. Choose another model, or another file or label set under More.")
        return None
    return evaluate_selection(selection, head, first.source, predictions)


def _show_verdict(comparison: Comparison, first: str, second: str) -> None:
    change, interval = comparison.accuracy
    corrected, newly_wrong = comparison.corrected.sum(), comparison.newly_wrong.sum()
    points = f"{abs(change) * 100:.1f} points"
    if change == 0:
        verdict = f"{second} is as accurate as {first}"
    else:
        verdict = f"{second} is {points} {'more' if change > 0 else 'less'} accurate than {first}"
    verdict += (
        f" ({interval.low * 100:+.1f} to {interval.high * 100:+.1f}): {corrected:,} corrected, "
        f"{newly_wrong:,} newly wrong of {comparison.n:,} images. "
    )
    p = f"p = {comparison.p_value:.3f}" if comparison.p_value >= 0.001 else "p < 0.001"
    if comparison.p_value >= ALPHA:
        st.info(f"{verdict}This may be chance (McNemar, {p}).", icon=":material/casino:")
        return
    box, icon = (st.success, "trending_up") if change > 0 else (st.warning, "trending_down")
    box(f"{verdict}This is more than chance (McNemar, {p}).", icon=f":material/{icon}:")


def _show_gallery(first: Result, second: Result, mask: Mask, title: str) -> None:
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(-second.probabilities[rows].max(axis=1), kind="stable")]
    st.subheader(f"{title}: {len(rows):,}", anchor=False)
    if not len(rows):
        return
    page = rows[page_of(len(rows), PAGE_SIZE, f"{title}-{len(rows)}")].tolist()
    captions = [
        f"{EMOTIONS[first.y_true[row]]}: {EMOTIONS[first.y_pred[row]]} → "
        f"{EMOTIONS[second.y_pred[row]]}"
        for row in page
    ]
    show_tiles(
        [tile(first.index, row) for row in page], [name(first.index, row) for row in page], captions
    )
