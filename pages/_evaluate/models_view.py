"""All models: cards, figures, speed; promote, roll back, rename, delete, export, import."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from fer_core import EMOTIONS
from fer_core.dataset import image_reading
from fer_core.errors import FerError
from fer_core.evaluation.latency import one_face_ms
from fer_core.evaluation.model_card import model_card
from fer_core.evaluation.predictions import FORMS, forms_of, open_form
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.models.card import ModelCard
from fer_core.models.export import CALIBRATION, export_int8_apart
from fer_core.models.importing import ORDERS, RANGES, Wish, import_model
from fer_core.models.importing.importer import order_from
from fer_core.models.store import Entry
from fer_core.system import temp_folders
from fer_core.system.settings import settings
from pages._components import notify
from pages._components.background import start
from pages._components.open_dataset import current_dataset
from pages._evaluate.formatting import percent
from pages._evaluate.selection import names, open_card

KINDS = {"shipped": "shipped", "own": "yours", "run": "training run"}


def show() -> None:
    known = names()
    _table(known)
    chosen = st.selectbox("Look at", list(known), key="model_chosen")
    entry = known[chosen]
    card = open_card(entry)
    if card is not None:
        _card(entry, card)
    if not settings().policy.may_change_models:
        st.caption("On this public page models can be looked at and not changed.")
        return
    if card is not None and entry.kind == "own":
        _eight_bits(card)
    _change(entry)
    _import()


def _table(known: dict[str, Entry]) -> None:
    rows = []
    speeds = st.session_state.get("speeds", {})
    for entry in known.values():
        try:
            card = registry.load_card(entry.folder)
        except FerError as error:
            rows.append({"model": entry.name, "kind": KINDS[entry.kind], "note": str(error)})
            continue
        stored = card.heads[card.default_head].figures
        figures = stored.get("test") or stored.get("PrivateTest") or {}
        rows.append(
            {
                "model": entry.name + (" (default)" if entry.is_default else ""),
                "kind": KINDS[entry.kind],
                "weights": f"{card.parameters:,}" if card.parameters else "",
                "MB": round(entry.size / 1e6, 1),
                "files": ", ".join(forms_of(card)),
                "heads": ", ".join(card.heads),
                "test, right": percent(figures["accuracy"]) if figures else "not measured",
                **({"one face, ms": speeds.get(str(entry.folder))} if speeds else {}),
            }
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="All models")
    if st.button("Measure the speed on this machine", icon=":material/speed:"):
        st.session_state["speeds"] = {str(e.folder): _speed(e) for e in known.values()}
        st.rerun()


def _speed(entry: Entry) -> float | None:
    try:
        return round(one_face_ms(open_form(registry.load_card(entry.folder))), 2)
    except FerError:
        return None


def _card(entry: Entry, card: ModelCard) -> None:
    with st.expander(f"Card of {entry.name}", icon=":material/description:"):
        st.markdown(model_card(card, entry.name, level=4))
    with st.container(horizontal=True):
        for form in forms_of(card):
            file = card.folder / FORMS[form]
            st.download_button(
                f"{file.name} ({file.stat().st_size / 1e6:.1f} MB)", file.read_bytes, file.name,
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
    forms, found = forms_of(card), current_dataset()
    if "int8" in forms or "keras" not in forms:
        return
    if found is None:
        st.caption("Open a dataset to make an 8-bit file too: its pictures set the ranges.")
    elif st.button(
        "Make the 8-bit file", icon=":material/compress:", key="make_int8",
        help=f"A quarter of the size, and faster. {CALIBRATION} pictures of {found.name} set the "
        "ranges of its numbers. Compare it with the other form before you use it.",
    ):  # fmt: skip
        index = found.index.readable()

        def work(report) -> Path:
            rows = np.random.default_rng(0).permutation(len(index))[:CALIBRATION]
            crops = image_reading.crops(index, rows.tolist(), card.input_size)
            return export_int8_apart(card, crops, report)

        start("Making the 8-bit file", work, _made)
        st.rerun()


def _made(file: Path) -> None:
    notify.success(f"{file.name} of {file.parent.name} is made.")


def _change(entry: Entry) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if entry.kind != "run":
            st.button(
                "Make it the default", on_click=notify.attempt, args=(_promote, entry),
                type="primary", disabled=entry.is_default, icon=":material/check_circle:",
                key="promote",
            )  # fmt: skip
        st.button(
            "Go back to the default before", on_click=notify.attempt, args=(_roll_back,),
            icon=":material/undo:", key="roll_back",
        )  # fmt: skip
        if entry.kind == "own":
            _own(entry)
        else:
            label = "Keep a copy as" if entry.kind == "shipped" else "Keep it as"
            wanted = model_store.free_name(entry.name)
            name = st.text_input(label, wanted, key=f"keep-{wanted}", width=200)
            st.button("Keep", on_click=notify.attempt, args=(_keep, entry, name), key="keep_model")


def _own(entry: Entry) -> None:
    name = st.text_input("Name", entry.name, key=f"name-{entry.name}", width=200)
    st.button("Rename", on_click=notify.attempt, args=(_rename, entry, name),
              disabled=name == entry.name, key="rename")  # fmt: skip
    with st.popover("Delete", icon=":material/delete:"):
        st.write(f"Delete {entry.name} and its files? This cannot be undone.")
        st.button("Delete it", on_click=notify.attempt, args=(_delete, entry), key="delete_model")


def _promote(entry: Entry) -> None:
    registry.promote(entry.name)
    notify.success(f"{entry.name} is the default on every page now.")


def _roll_back() -> None:
    notify.success(f"{registry.roll_back()} is the default again.")


def _keep(entry: Entry, name: str) -> None:
    notify.success(f"Kept as {model_store.keep(entry, name).name}.")


def _rename(entry: Entry, name: str) -> None:
    notify.success(f"{entry.name} is called {model_store.rename(entry, name)} now.")


def _delete(entry: Entry) -> None:
    model_store.delete(entry)
    notify.success(f"{entry.name} is deleted.")


def _import() -> None:
    st.subheader("Import a model", anchor=False)
    st.write(
        "A `.keras` file of built-in layers or a `.tflite` exported here. It is looked through and "
        "opened in a process with limits first; layers that run code are refused."
    )
    file = st.file_uploader("Model file", ["keras", "tflite"], key="model_file")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        stem, of = (Path(file.name).stem, file.file_id) if file else ("", "")
        name = st.text_input("Call it", stem, key=f"import_name-{of}")
        span = st.selectbox("Pixels it expects", list(RANGES), key="import_range")
        own = "Another order"
        order = st.selectbox("Order of its answers", [*ORDERS, own], key="import_order")
    text = ""
    if order == own:
        text = st.text_input("The seven, separated by commas", ", ".join(EMOTIONS), key="order")
    if st.button("Import", disabled=not (file and name), icon=":material/upload:", key="import"):
        try:
            wish = Wish(name, span, ORDERS.get(order) or order_from(text))
        except FerError as error:
            st.error(str(error))
            return
        start("Opening the model", _taking(file.name, file.getvalue(), wish), _imported)
        st.rerun()


def _taking(name: str, data: bytes, wish: Wish):
    def work(report) -> Path:
        with temp_folders.folder("model") as folder:
            file = Path(folder) / Path(name).name
            file.write_bytes(data)
            return import_model(file, wish, report)

    return work


def _imported(folder: Path) -> None:
    notify.success(f"{folder.name} is imported. Evaluate it before you use it.")
