"""The report of an evaluation: a self-contained HTML page, and a model card."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.evaluation import Evaluation, Robustness
from fer_core.evaluation.model_card import evaluation_report, model_card
from pages._evaluate import groups_view
from pages._evaluate.html_report import figures
from pages._evaluate.selection import Choice, Result


def show(result: Result) -> None:
    """Show the model card, and the downloads."""
    name, split = result.selection.name, result.selection.split
    groups: dict[str, Evaluation] = {}
    try:
        groups = groups_view.evaluations(result)
    except FerError as error:
        st.warning(f"{error} The report goes on without groups.")
    where = (
        f"{result.index.root.name}, {split} split, {result.card.heads[result.head].title}, "
        f"ground truth: {result.source}, averaged with the mirror image"
    )
    card = model_card(result.card, name, {where: result.evaluation}, groups)
    robustness = measured_robustness(result)
    stem = f"{name}-{result.head}-{split}".replace(" ", "-")
    with st.container(horizontal=True):
        st.download_button(
            "Report as HTML",
            lambda: evaluation_report(
                name, where, result.evaluation, result.exclusions, groups,
                figures(result.evaluation, robustness),
            ),
            f"{stem}.html", "text/html", on_click="ignore", type="primary",
            icon=":material/download:", key="get_report",
        )  # fmt: skip
        _offer_card(card, stem)
    if robustness is None:
        st.caption("Robustness is in the report once it has been measured.")
    _show_card(card)


def show_stored(choice: Choice) -> None:
    """Show the card of a model."""
    card = model_card(choice.card, choice.name)
    _offer_card(card, choice.name.replace(" ", "-"))
    _show_card(card)


def measured_robustness(result: Result) -> tuple[Robustness, ...] | None:
    """Return the newest measurement for this result; None where there is none."""
    measured = st.session_state.get("robustness", {})
    rows = [rows for (key, _), rows in measured.items() if key == result.key]
    return rows[-1] if rows else None


def _offer_card(card: str, stem: str) -> None:
    st.download_button(
        "Model card as Markdown", card, f"{stem}.md", "text/markdown", on_click="ignore",
        icon=":material/download:", key="get_model_card",
    )  # fmt: skip


def _show_card(card: str) -> None:
    with st.container(border=True, height=640):  # wide tables scroll inside
        st.markdown(card)
