"""After a run: its metrics, try its model, use it, download it, train longer."""

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
from pages._components.model import restore_previous_button
from pages._train import try_view
from pages._train.try_view import in_use

FILES = {
    KERAS_FILE: "Model (.keras)",
    LITERT_FILE: "Model (.tflite)",
    INT8_FILE: "Model (8-bit .tflite)",
}


def show(run: Run) -> None:
    if run.has_model:
        st.subheader("The model", anchor=False)
        try:
            card = registry.load_card(run.folder.model)
        except FerError as error:
            st.error(markdown(str(error)))
            return
        try_view.show(run.folder.model, card, run.job.name)
        _use(run)
        _metrics(card)
    if run.epochs and not run.job.state.is_active:
        _train_longer(run)
        _downloads(run)
    if run.config.tensorboard:
        st.caption("TensorBoard:")
        st.code(f"tensorboard --logdir {run.folder.root}", language="shell", wrap_lines=True)


def _metrics(card: ModelCard) -> None:
    rows = [
        {"model": title, "label set": head.title, "split": split, "images": figures["n"],
         "accuracy": figures["accuracy"], "macro-F1": figures["macro_f1"],
         "calibration error": figures["calibration_error"]}
        for title, model in (("this run", card), ("in use", in_use()))
        if model
        for head in model.heads.values()
        for split, figures in head.figures.items()
    ]  # fmt: skip
    numbers = ("accuracy", "macro-F1", "calibration error")
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="Metrics of the model",
        column_config={name: NumberColumn(format="%.3f") for name in numbers},
    )  # fmt: skip
    st.caption(
        "The validation split chose the epoch, the temperature and the threshold, so its metrics "
        "are optimistic; the test split is only measured. Metrics of different datasets do not "
        "compare: the evaluation page compares two models on the same images."
    )


def _use(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", run.job.title, key=f"promote-name-{run.job.name}", width=260)
        st.button("Use this model", type="primary", icon=":material/rocket_launch:",
                  on_click=_promote, args=(run.job.name, name), disabled=not name.strip(),
                  help="Photos, videos and the live page use this model from then on. The previous "
                  "model stays.")  # fmt: skip
        restore_previous_button("train_restore")
        if st.button("Compare with the model in use", icon=":material/compare_arrows:",
                     help="Both on the same images, on the evaluation page."):  # fmt: skip
            _compare(run)
    try:
        st.caption(f"In use: **{registry.default_model()}**")
    except FerError as error:
        st.error(markdown(str(error)))


def _compare(run: Run) -> None:
    """Go to the evaluation page with both models selected.

    Where the model in use is this run's, the run's model is compared with the one it started from.
    """
    try:
        first = registry.default_model()
    except FerError:
        first = ""
    promoted = st.session_state.get("promoted", {}).items()
    models = {entry.name for entry in model_store.entries()}
    if first in {name for (of, *_), name in promoted if of == run.job.name}:
        first = run.config.start
    if first in models:
        st.session_state["evaluate_model"] = first
        st.session_state[f"compare_model-{first}"] = model_store.name_of_run(run.job.name)
    else:
        st.session_state.pop("evaluate_model", None)
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
        notify.success(f"{free} is in use on every page.")
    except (FerError, OSError) as error:
        notify.error(str(error))


def _train_longer(run: Run) -> None:
    if run.job.state is not State.FINISHED:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        more = st.number_input("More epochs", 1, 1000, 5, key=f"more-{run.job.name}", width=140)
        cosine = (
            " The cosine schedule is stretched to the new total, so the learning rate rises first."
            if run.config.schedule == "cosine"
            else ""
        )
        st.button("Train longer", icon=":material/add:", on_click=notify.attempt,
                  args=(runs.extend, run.job.name, int(more)),
                  help="Continues with the optimizer, counters and random numbers of this run."
                  + cosine)  # fmt: skip


def _downloads(run: Run) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Run (ZIP)", lambda: run_archive.pack(run.job.name), f"{run.job.name}.zip",
            "application/zip", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        for file, label in FILES.items():
            if (run.folder.model / file).is_file():
                st.download_button(
                    label, (run.folder.model / file).read_bytes, f"{run.job.name}-{file}",
                    on_click="ignore", icon=":material/download:",
                )  # fmt: skip
