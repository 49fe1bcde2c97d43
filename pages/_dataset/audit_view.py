"""Audit: duplicates, label errors, image issues; decisions about them; the report."""

import streamlit as st

from fer_core.audit import report
from fer_core.dataset.decisions import parse
from fer_core.errors import FerError
from fer_core.system.settings import settings
from pages._components import notify
from pages._components.open_dataset import OpenDataset
from pages._dataset import duplicates_view, images_view, labels_view

PARTS = {
    "Duplicates": duplicates_view.show,
    "Labels": labels_view.show,
    "Images": images_view.show,
}


def show(dataset: OpenDataset) -> None:
    """Show the part."""
    part = st.segmented_control(
        "Audit", list(PARTS), default="Duplicates", required=True, key="audit_part",
        persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    PARTS[part](dataset)
    _decisions(dataset)


def _decisions(dataset: OpenDataset) -> None:
    st.divider()
    decisions = dataset.decisions.latest()
    counts = dict.fromkeys(("keep", "relabel", "exclude"), 0)
    for decision in decisions.values():
        counts[decision.action] += 1
    st.write(
        f"**Decisions:** {counts['exclude']:,} excluded, {counts['relabel']:,} relabelled, "
        f"{counts['keep']:,} kept. They are applied on this page, in training and in new versions. "
        "The files themselves are not changed."
    )
    with st.container(horizontal=True):
        st.button("Undo the last one", on_click=notify.attempt, args=(dataset.decisions.undo,),
                  disabled=not decisions, icon=":material/undo:", shortcut="Z")  # fmt: skip
        st.download_button(
            "decisions.csv", dataset.decisions.encode(), "decisions.csv", "text/csv",
            on_click="ignore", disabled=not decisions, icon=":material/download:",
        )  # fmt: skip
    if not settings().public:
        st.caption(f"Stored in {dataset.decisions.file}")
    with st.expander("Import decisions"):
        file = st.file_uploader("decisions.csv", ["csv"], key="decisions_file")
        st.button("Add them", on_click=_import, args=(dataset, file), disabled=file is None)


def _import(dataset: OpenDataset, file) -> None:
    try:
        files = set(dataset.index.table["file"])
        decisions = [decision for decision in parse(file.getvalue()) if decision.file in files]
        dataset.decisions.add(decisions)
        notify.success(f"{len(decisions):,} decisions are imported.")
    except FerError as error:
        notify.error(f"{file.name}: {error}")


def show_report(dataset: OpenDataset) -> None:
    """Show the dataset card, with its downloads."""
    content = dataset.index, dataset.findings, dataset.decisions
    text = report.markdown(*content)
    with st.container(horizontal=True):
        st.download_button(
            "Download with charts", lambda: report.html(*content), f"{dataset.name}.html",
            "text/html", on_click="ignore", type="primary", icon=":material/download:",
            help="One HTML page that opens in any browser.",
        )  # fmt: skip
        st.download_button(
            "Download as Markdown", text, f"{dataset.name}.md", "text/markdown", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip
    st.caption("Checks that the audit has not run yet are marked.")
    st.divider()
    st.markdown(text)
