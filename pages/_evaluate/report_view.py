"""The figures to take along: one self-contained HTML page, and a model card."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.evaluation import Evaluation
from fer_core.evaluation.model_card import evaluation_report, model_card
from pages._evaluate import groups_view
from pages._evaluate.html_report import figures
from pages._evaluate.selection import Subject


def show(subject: Subject) -> None:
    title = f"{subject.card.heads[subject.head].title}, {subject.question.split} split"
    groups: dict[str, Evaluation] = {}
    try:
        groups = groups_view.evaluations(subject)
    except FerError as error:
        st.warning(f"{error} The report goes on without groups.")
    name = subject.question.name
    where = f"{subject.index.root.name}, {title}, truth: {subject.source}"
    card = model_card(subject.card, name, {where: subject.evaluation}, groups)
    robust = [
        rows for (key, _), rows in st.session_state.get("robust", {}).items() if key == subject.key
    ]  # fmt: skip
    stem = f"{name}-{subject.head}-{subject.question.split}".replace(" ", "-")
    with st.container(horizontal=True):
        st.download_button(
            "Report as HTML", lambda: evaluation_report(
                name, where, subject.evaluation, subject.exclusions, groups,
                figures(subject.evaluation, robust[-1] if robust else None),
            ),
            f"{stem}.html", "text/html", on_click="ignore", type="primary",
            icon=":material/download:", key="get_report",
        )  # fmt: skip
        st.download_button(
            "Model card as Markdown", card, f"{stem}.md", "text/markdown", on_click="ignore",
            icon=":material/download:", key="get_model_card",
        )  # fmt: skip
    if not robust:
        st.caption("Robustness is in the report once it has been measured.")
    with st.container(border=True, height=640):  # wide tables scroll inside
        st.markdown(card)
