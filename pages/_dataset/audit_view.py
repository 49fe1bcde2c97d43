"""Audit: copies, suspected labels, useless pictures; decide, undo, export; the report."""

import streamlit as st

from fer_core.audit import report
from fer_core.dataset.decisions import Decision, parse
from fer_core.errors import FerError
from fer_core.system.settings import settings
from pages._components import notify
from pages._components.open_dataset import OpenDataset
from pages._dataset import duplicates_view, images_view, labels_view

PARTS = {"Copies": duplicates_view.show, "Labels": labels_view.show, "Pictures": images_view.show}


def show(dataset: OpenDataset) -> None:
    part = st.segmented_control(
        "Audit", list(PARTS), default="Copies", required=True, key="audit_part",
        persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    PARTS[part](dataset)
    _decisions(dataset)


def _decisions(dataset: OpenDataset) -> None:
    st.divider()
    made = dataset.decisions.latest()
    counts = dict.fromkeys(("keep", "relabel", "exclude"), 0)
    for one in made.values():
        counts[one.action] += 1
    st.write(
        f"**Decisions:** {counts['exclude']:,} excluded, {counts['relabel']:,} relabelled, "
        f"{counts['keep']:,} kept. They change what the other parts of this page show and what is "
        "written as a new version, never the files themselves."
    )
    with st.container(horizontal=True):
        st.button("Undo the last one", on_click=notify.attempt, args=(dataset.decisions.undo,),
                  disabled=not made, icon=":material/undo:", shortcut="Z")  # fmt: skip
        st.download_button(
            "decisions.csv", dataset.decisions.encode(), "decisions.csv", "text/csv",
            on_click="ignore", disabled=not made, icon=":material/download:",
        )  # fmt: skip
    if settings().policy.shows_server:
        st.caption(f"Kept in {dataset.decisions.file}")
    with st.expander("Take in decisions from a file"):
        file = st.file_uploader("decisions.csv", ["csv"], key="decisions_file")
        st.button("Add them", on_click=_take_in, args=(dataset, file), disabled=file is None)


def _take_in(dataset: OpenDataset, file) -> None:
    try:
        known = set(dataset.index.table["file"])
        made: list[Decision] = [one for one in parse(file.getvalue()) if one.file in known]
        dataset.decisions.add(made)
        notify.success(f"{len(made):,} decisions are imported.")
    except FerError as error:
        notify.error(f"{file.name}: {error}")


def show_report(dataset: OpenDataset) -> None:
    seen = dataset.index, dataset.findings, dataset.decisions
    text = report.markdown(*seen)
    with st.container(horizontal=True):
        st.download_button(
            "Download with charts", lambda: report.html(*seen), f"{dataset.name}.html", "text/html",
            on_click="ignore", type="primary", icon=":material/download:",
            help="One HTML page that opens in any browser.",
        )  # fmt: skip
        st.download_button(
            "Download as Markdown", text, f"{dataset.name}.md", "text/markdown", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip
    st.caption("What the audit has not been asked to look for is marked so.")
    st.divider()
    st.markdown(text)
