"""Audit: copies, suspected labels, useless pictures; decide, undo, export; the report."""

import streamlit as st

from fer_core.audit import report
from fer_core.dataset.decisions import Decision, parse
from fer_core.errors import FerError
from fer_core.system.settings import settings
from pages._dataset import duplicates_view, images_view, labels_view
from pages._dataset.state import Opened

PARTS = {"Copies": duplicates_view.show, "Labels": labels_view.show, "Pictures": images_view.show}


def show(found: Opened) -> None:
    part = st.segmented_control(
        "Audit", list(PARTS), default="Copies", required=True, key="audit_part",
        persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    PARTS[part](found)
    _decisions(found)


def _decisions(found: Opened) -> None:
    st.divider()
    made = found.decisions.latest()
    counts = dict.fromkeys(("keep", "relabel", "exclude"), 0)
    for one in made.values():
        counts[one.action] += 1
    st.write(
        f"**Decisions:** {counts['exclude']:,} excluded, {counts['relabel']:,} relabelled, "
        f"{counts['keep']:,} kept. They change what the other parts of this page show and what is "
        "written as a new version, never the files themselves."
    )
    with st.container(horizontal=True):
        st.button("Undo the last one", on_click=_undo, args=(found,), disabled=not made,
                  icon=":material/undo:", shortcut="Z")  # fmt: skip
        st.download_button(
            "decisions.csv", found.decisions.encode(), "decisions.csv", "text/csv",
            on_click="ignore", disabled=not made, icon=":material/download:",
        )  # fmt: skip
    if not settings().public:
        st.caption(f"Kept in {found.decisions.file}")
    with st.expander("Take in decisions from a file"):
        file = st.file_uploader("decisions.csv", ["csv"], key="decisions_file")
        st.button("Add them", on_click=_take_in, args=(found, file), disabled=file is None)


def _undo(found: Opened) -> None:
    try:
        found.decisions.undo()
    except FerError as error:
        st.session_state["dataset_error"] = str(error)


def _take_in(found: Opened, file) -> None:
    try:
        known = set(found.index.table["file"])
        made: list[Decision] = [one for one in parse(file.getvalue()) if one.file in known]
        found.decisions.add(made)
        st.session_state["dataset_notice"] = f"{len(made):,} decisions are taken in."
    except FerError as error:
        st.session_state["dataset_error"] = f"{file.name}: {error}"


def show_report(found: Opened) -> None:
    seen = found.index, found.findings, found.decisions
    text = report.markdown(*seen)
    with st.container(horizontal=True):
        st.download_button(
            "Download with charts", lambda: report.html(*seen), f"{found.name}.html", "text/html",
            on_click="ignore", type="primary", icon=":material/download:",
            help="One HTML page that opens in any browser.",
        )  # fmt: skip
        st.download_button(
            "Download as Markdown", text, f"{found.name}.md", "text/markdown", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip
    st.caption("What the audit has not been asked to look for is marked so.")
    st.divider()
    st.markdown(text)
