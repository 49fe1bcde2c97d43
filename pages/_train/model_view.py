"""After a run: its figures, put it to use, take it along, train on."""

import pandas as pd
import streamlit as st
from streamlit.column_config import NumberColumn

from fer_core.errors import FerError
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.models.card import INT8_FILE, KERAS_FILE, LITERT_FILE, ModelCard
from fer_core.system.jobs import State
from fer_core.system.text import markdown
from fer_core.training import run_archive, runs
from fer_core.training.runs import Run
from pages._components import notify

FILES = {
    KERAS_FILE: "Model as .keras",
    LITERT_FILE: "Model as .tflite",
    INT8_FILE: "Model as .tflite, 8 bit",
}


def show(run: Run) -> None:
    if run.has_model:
        st.subheader("The model", anchor=False)
        try:
            card = registry.load_card(run.folder.model)
        except FerError as error:
            st.error(markdown(str(error)))
            return
        _figures(card)
        _put_to_use(run)
    if run.epochs and not run.job.state.is_active:
        _train_on(run)
        _take_along(run)
    if run.config.tensorboard:
        st.caption("TensorBoard:")
        st.code(f"tensorboard --logdir {run.folder.root}", language="shell", wrap_lines=True)


def _figures(card: ModelCard) -> None:
    rows = [
        {"model": title, "head": head.title, "split": split, "pictures": figures["n"],
         "accuracy": figures["accuracy"], "macro-F1": figures["macro_f1"],
         "calibration error": figures["calibration_error"]}
        for title, one in (("this run", card), ("in use", _in_use()))
        if one
        for head in one.heads.values()
        for split, figures in head.figures.items()
    ]  # fmt: skip
    numbers = ("accuracy", "macro-F1", "calibration error")
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="Figures of the model",
        column_config={name: NumberColumn(format="%.3f") for name in numbers},
    )  # fmt: skip
    st.caption(
        "The validation split chose the epoch, the temperature and the threshold, so its figures "
        "flatter; the test split is only measured. Figures of different datasets do not compare: "
        "the evaluation page judges two models on the same pictures."
    )


def _in_use() -> ModelCard | None:
    try:
        return registry.load_card()
    except FerError:
        return None


def _put_to_use(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", run.job.title, key=f"promote-name-{run.job.name}", width=260)
        st.button("Put to use", type="primary", icon=":material/rocket_launch:", on_click=_promote,
                  args=(run.job.name, name), disabled=not name.strip(),
                  help="Photos and Live answer with this model from now on. The one before is "
                  "kept.")  # fmt: skip
        if st.button("Compare with the one in use", icon=":material/compare_arrows:",
                     help="Both on the same pictures, on the evaluation page."):  # fmt: skip
            _compare(run)
    try:
        default = registry.default_model()
    except FerError as error:
        st.error(markdown(str(error)))
        return
    if default != registry.FIRST_CHOICE:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"In use now: **{default}**", width="content")
            st.button("Go back to the model before", icon=":material/undo:", on_click=_go_back)


def _compare(run: Run) -> None:
    """Go to the evaluation page with both models chosen there."""
    try:
        st.session_state["evaluate_model"] = registry.default_model()
    except FerError:
        st.session_state.pop("evaluate_model", None)
    st.session_state["compare_model"] = model_store.name_of_run(run.job.name)
    st.session_state["evaluate_part"] = "Compare"
    st.switch_page("pages/evaluate.py")


def _promote(run: str, name: str) -> None:
    promoted = st.session_state.setdefault("promoted", {})  # a second press makes no second copy
    try:
        card = runs.load(run).folder.model / "card.json"
        key = (run, name, card.stat().st_mtime_ns)
        if promoted.get(key) != registry.default_model():
            promoted[key] = runs.promote(run, name)
        free = promoted[key]
        notify.success(f"{free} is in use on Photos and Live now.")
    except (FerError, OSError) as error:
        notify.error(str(error))


def _go_back() -> None:
    try:
        notify.success(f"{registry.roll_back()} is in use again.")
    except FerError as error:
        notify.error(str(error))


def _train_on(run: Run) -> None:
    if run.job.state is not State.FINISHED:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        more = st.number_input("More epochs", 1, 1000, 5, key=f"more-{run.job.name}", width=140)
        cosine = (
            " The cosine schedule is stretched to the new total, so the learning rate rises first."
            if run.config.schedule == "cosine"
            else ""
        )
        st.button("Train on", icon=":material/add:", on_click=notify.attempt,
                  args=(runs.extend, run.job.name, int(more)),
                  help="Goes on with the optimizer, counters and random numbers of this run."
                  + cosine)  # fmt: skip


def _take_along(run: Run) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Run as ZIP", lambda: run_archive.pack(run.job.name), f"{run.job.name}.zip",
            "application/zip", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        for file, label in FILES.items():
            if (run.folder.model / file).is_file():
                st.download_button(
                    label, (run.folder.model / file).read_bytes, f"{run.job.name}-{file}",
                    on_click="ignore", icon=":material/download:",
                )  # fmt: skip
