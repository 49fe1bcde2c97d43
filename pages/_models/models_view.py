"""All models: cards, metrics, speed; use, restore, rename, delete, download, import."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from fer_core import EMOTIONS
from fer_core.dataset import image_reading
from fer_core.errors import FerError
from fer_core.evaluation.latency import one_face_ms
from fer_core.evaluation.model_card import model_card
from fer_core.evaluation.predictions import forms_of, open_form
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.models.card import FORMS, ModelCard
from fer_core.models.export import CALIBRATION, export_int8_apart
from fer_core.models.importing import (
    COLOURS,
    ORDERS,
    RANGES,
    ImportOptions,
    import_model,
    order_from,
)
from fer_core.models.store import Entry
from fer_core.system import temp_folders
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components import notify
from pages._components.background import start
from pages._components.model import restore_previous_button
from pages._components.open_dataset import current_dataset
from pages._evaluate.formatting import percent
from pages._evaluate.selection import names, open_card

CHOSEN = "model_chosen"
MOST_ROWS = 12
"""Models with a row of their own; the others are found under the details."""

OTHER_ORDER = "Another order"
KINDS = {"shipped": "shipped", "own": "yours", "run": "training run"}


def show() -> None:
    entries = names()
    _rows(entries)
    with st.expander("All figures", icon=":material/table:"):
        _table(entries)
    st.subheader("Details", anchor=False)
    entry = entries[st.selectbox("Model", list(entries), key=CHOSEN)]
    card = open_card(entry)
    if card is not None:
        _card(entry, card)
    if not settings().policy.may_change_models:
        st.caption("On this public page models can be viewed but not changed.")
        return
    if card is not None and entry.kind == "own":
        _eight_bits(card)
    _change(entry)
    _import()


def _rows(entries: dict[str, Entry]) -> None:
    """Show a row for each model: what it is, the button to use it, and the way to its details."""
    for entry in list(entries.values())[:MOST_ROWS]:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{markdown(entry.name)}**  \n:small[{_facts(entry)}]", width="stretch")
            if entry.is_default:
                st.badge("in use", icon=":material/check:", color="green")
            elif settings().policy.may_change_models and entry.kind != "run":
                st.button("Use", key=f"use-{entry.name}", on_click=notify.attempt,
                          args=(_promote, entry))  # fmt: skip
            st.button("Details", key=f"details-{entry.name}",
                      on_click=st.session_state.__setitem__, args=(CHOSEN, entry.name))  # fmt: skip


def _facts(entry: Entry) -> str:
    """Return kind, size and test accuracy of a model in one line."""
    try:
        card = registry.load_card(entry.folder)
    except FerError as error:
        return markdown(str(error))
    figures = _stored(card)
    parts = [KINDS[entry.kind], f"{entry.size / 1e6:.1f} MB"]
    parts += [f"{card.parameters:,} parameters"] * bool(card.parameters)
    parts += [f"test accuracy {percent(figures['accuracy'])}"] * bool(figures)
    return " · ".join(parts)


def _stored(card: ModelCard) -> dict:
    """Return the test figures of the card's default label set; empty where it holds none."""
    stored = card.heads[card.default_head].figures
    return stored.get("test") or stored.get("PrivateTest") or {}


def _table(entries: dict[str, Entry]) -> None:
    rows = []
    speeds = st.session_state.get("speeds", {})
    for entry in entries.values():
        try:
            card = registry.load_card(entry.folder)
        except FerError as error:
            rows.append({"model": entry.name, "kind": KINDS[entry.kind], "note": str(error)})
            continue
        figures = _stored(card)
        rows.append(
            {
                "model": entry.name + (" (in use)" if entry.is_default else ""),
                "kind": KINDS[entry.kind],
                "parameters": f"{card.parameters:,}" if card.parameters else "",
                "MB": round(entry.size / 1e6, 1),
                "files": ", ".join(forms_of(card)),
                "label sets": ", ".join(card.heads),
                "test accuracy": percent(figures["accuracy"]) if figures else "not measured",
                **({"one face, ms": speeds.get(str(entry.folder))} if speeds else {}),
            }
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="All models")
    if st.button("Measure speed on this machine", icon=":material/speed:"):
        st.session_state["speeds"] = {str(e.folder): _speed(e) for e in entries.values()}
        st.rerun()


def _speed(entry: Entry) -> float | None:
    try:
        return round(one_face_ms(open_form(registry.load_card(entry.folder))), 2)
    except FerError:
        return None


def _card(entry: Entry, card: ModelCard) -> None:
    with st.expander(f"Card of {markdown(entry.name)}", icon=":material/description:"):
        st.markdown(model_card(card, entry.name, level=4))
    with st.container(horizontal=True):
        for form in forms_of(card):
            file = card.folder / FORMS[form]
            st.download_button(
                f"{markdown(file.name)} ({file.stat().st_size / 1e6:.1f} MB)",
                file.read_bytes, file.name,
                "application/octet-stream", on_click="ignore", icon=":material/download:",
                key=f"get-{form}",
            )  # fmt: skip
        st.download_button(
            "Whole folder", lambda: model_store.pack(entry), f"{entry.name.replace(' ', '-')}.zip",
            "application/zip", on_click="ignore", icon=":material/folder_zip:", key="get-folder",
        )  # fmt: skip
        st.download_button(
            "Card as Markdown", lambda: model_card(card, entry.name), f"{entry.name}.md",
            "text/markdown", on_click="ignore", icon=":material/download:", key="get-card",
        )  # fmt: skip


def _eight_bits(card: ModelCard) -> None:
    """Offer the form that an imported network lacks."""
    forms, dataset = forms_of(card), current_dataset()
    if "int8" in forms or "keras" not in forms:
        return
    if dataset is None:
        st.caption("Open a dataset to make an 8-bit file too: its images set the ranges.")
    elif st.button(
        "Make the 8-bit file", icon=":material/compress:", key="make_int8",
        help=f"A quarter of the size, and faster. {CALIBRATION} images of {dataset.name} set the "
        "ranges of its numbers. Compare it with the other form before you use it.",
    ):  # fmt: skip
        index = dataset.index.readable()

        def work(report) -> Path:
            rows = np.random.default_rng(0).permutation(len(index))[:CALIBRATION]
            crops = image_reading.crops(index, rows.tolist(), card.input_size)
            return export_int8_apart(card, crops, report)

        start("Making the 8-bit file", work, _notify_exported)
        st.rerun()


def _notify_exported(file: Path) -> None:
    notify.success(f"{file.name} of {file.parent.name} is ready.")


def _change(entry: Entry) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if entry.kind != "run":
            st.button(
                "Use this model", on_click=notify.attempt, args=(_promote, entry),
                type="primary", disabled=entry.is_default, icon=":material/check_circle:",
                key="promote", help="Photos, videos and the live page use it from then on.",
            )  # fmt: skip
        restore_previous_button("roll_back")
        if entry.kind == "own":
            _rename_or_delete(entry)
        else:
            label = "Name of the copy" if entry.kind == "shipped" else "Name"
            free = model_store.free_name(entry.name)
            name = st.text_input(label, free, key=f"keep-{free}", width=200)
            st.button("Save to my models", on_click=notify.attempt, args=(_keep, entry, name),
                      key="keep_model")  # fmt: skip


def _rename_or_delete(entry: Entry) -> None:
    name = st.text_input("Name", entry.name, key=f"name-{entry.name}", width=200)
    st.button("Rename", on_click=notify.attempt, args=(_rename, entry, name),
              disabled=name == entry.name, key="rename")  # fmt: skip
    with st.popover("Delete", icon=":material/delete:"):
        st.write(f"Delete {markdown(entry.name)} and its files? This cannot be undone.")
        st.button("Delete", on_click=notify.attempt, args=(_delete, entry), key="delete_model")


def _promote(entry: Entry) -> None:
    registry.promote(entry.name)
    notify.success(f"{entry.name} is in use on every page.")


def _keep(entry: Entry, name: str) -> None:
    notify.success(f"Saved as {model_store.keep(entry, name).name}.")


def _rename(entry: Entry, name: str) -> None:
    notify.success(f"{entry.name} is renamed to {model_store.rename(entry, name)}.")


def _delete(entry: Entry) -> None:
    model_store.delete(entry)
    notify.success(f"{entry.name} is deleted.")


def _import() -> None:
    st.subheader("Import a model", anchor=False)
    st.write(
        "A network saved by Keras 2 or 3 (`.keras`, `.h5`) of built-in layers, or a `.tflite` "
        "exported here. Layers that run code are refused; the file is opened in a process with "
        "limits."
    )
    file = st.file_uploader("Model file", ["keras", "h5", "hdf5", "tflite"], key="model_file")
    with st.grid(min_column_width=200, gap="medium"):
        stem, file_id = (Path(file.name).stem, file.file_id) if file else ("", "")
        name = st.text_input("Name", stem, key=f"import_name-{file_id}")
        pixels = st.selectbox("Pixel values it expects", list(RANGES), key="import_range")
        order = st.selectbox("Order of its outputs", [*ORDERS, OTHER_ORDER], key="import_order")
        colours = st.selectbox(
            "Colours it expects", COLOURS, key="import_colours",
            help="For a network of three channels. BGR: trained on images that OpenCV read. Grey: "
            "trained on grey images in three channels, such as FER-2013's.",
        )  # fmt: skip
        size = st.number_input(
            "Input size", 16, 1024, None, key="import_size", placeholder="as in the file",
            help="Needed where the file allows any size.",
        )  # fmt: skip
    text = ""
    if order == OTHER_ORDER:
        text = st.text_input("Emotions, separated by commas", ", ".join(EMOTIONS), key="order")
    if st.button("Import", disabled=not (file and name), icon=":material/upload:", key="import"):
        try:
            options = ImportOptions(
                name, pixels, ORDERS.get(order) or order_from(text), colours, size
            )
        except FerError as error:
            st.error(markdown(str(error)))
            return
        start("Opening the model", _importer(file.name, file.getvalue(), options), _imported)
        st.rerun()


def _importer(name: str, data: bytes, options: ImportOptions):
    def work(report) -> Path:
        with temp_folders.folder("model") as folder:
            file = Path(folder) / Path(name).name
            file.write_bytes(data)
            return import_model(file, options, report)

    return work


def _imported(folder: Path) -> None:
    notify.success(f"{folder.name} is imported. Evaluate it before you use it.")
