"""Start a run: dataset, preset, network, training, cost."""

from pathlib import Path
from shlex import quote
from typing import Any

import streamlit as st
import yaml

from fer_core.dataset import corrections, demo, store
from fer_core.dataset.source import DatasetSource
from fer_core.errors import FerError, TrainingError
from fer_core.models import registry
from fer_core.models.card import KERAS_FILE, ModelCard
from fer_core.system.parallel import Progress
from fer_core.system.text import counted, markdown
from fer_core.system.yaml_files import fields_of
from fer_core.training import imagenet, runs
from fer_core.training.config import ARCHITECTURES, HEADS, TrainConfig
from fer_core.training.presets import PRESETS, fitted
from pages._components import dataset_bar, notify
from pages._components.background import finish_or_show, start
from pages._components.chart import show_chart
from pages._components.imbalance import show_imbalance
from pages._components.open_dataset import OpenDataset
from pages._dataset import charts
from pages._train import config_form, cost_view
from pages._train.state import watch_next

FILE = "From a file"
PRESET = "train_preset"
NETWORKS = {
    "mobilenetv2": "MobileNetV2", "fernet": "FERNet (small)", "mobilenet": "MobileNet",
    "fernet-large": "FERNet, twice as wide",
}  # fmt: skip
WEIGHTS_FILE = "file"
STARTS = {"imagenet": "ImageNet weights", "scratch": "From scratch",
          WEIGHTS_FILE: "Weights from a file"}  # fmt: skip
PLAIN_STARTS = {"mobilenetv2": tuple(STARTS), "mobilenet": ("scratch", WEIGHTS_FILE)}
NO_WEIGHTS = "imagenet_error"
"""Session key of the reason why the ImageNet weights could not be downloaded."""

LABELS = {
    "Labels and votes": HEADS, "The dataset's labels": ("fer2013",), "FER+ votes": ("ferplus",),
}  # fmt: skip
IMBALANCE = {
    "None": ("cross_entropy", "none"),
    "Class weights": ("cross_entropy", "balanced"),
    "Class weights (effective number)": ("cross_entropy", "effective"),
    "Focal loss": ("focal", "none"),
    "Class-balanced loss": ("class_balanced", "none"),
    "Logit-adjusted loss": ("logit_adjusted", "none"),
}
"""Remedies for imbalance: loss and class weights of a config."""
FEATURES = "features"  # the layer that this program's own networks have and others may not


def show() -> None:
    finish_or_show()
    data = dataset_bar.show(
        "Open the demo to try training, or a dataset of your own.", True, opens_last=True
    )
    if data is None:
        return
    source = dataset(data)
    if source is None:
        return
    try:
        config = _config(data)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    cost_view.show(config, data)
    _start(config, source)


def dataset(data: OpenDataset) -> DatasetSource | None:
    """Return the open dataset as a source and show its counts; None where it cannot be used."""
    counts = data.decided().counts()
    if "train" not in counts or (counts["train"] > 0).sum() < 2:
        st.error("Training needs images of two emotions or more in the training split.")
        return None
    with st.expander("Images of each class and split", icon=":material/bar_chart:"):
        show_chart(charts.counts(counts), key="train_counts", alt="Images of each class and split")
    for note in data.index.notes:
        st.caption(f":material/info: {markdown(note)}")
    show_imbalance(data, _use_class_weights)
    if data.about.get("target_count"):
        st.caption(
            ":material/info: This version holds augmented images already; training augments every "
            "image again in each epoch. Keep the ranges under Augmentation mild."
        )
    if "validation" not in counts:
        st.caption(
            ":material/info: There is no validation split. 15% of the training images will take "
            "its place; duplicates stay together."
        )
    extra = sum(corrections.counts().values())
    add = bool(extra) and st.toggle(
        f"Add {counted(extra, 'face')} corrected on the live page",
        key="train_corrections",
    )
    root = data.index.root
    is_demo = root == store.default_home() / demo.NAME
    has_decisions = len(data.decisions) > 0
    return DatasetSource(
        "demo" if is_demo else str(root),
        votes=str(data.votes_file) if data.votes_file else None,
        decisions=str(data.decisions.file) if has_decisions else None,
        corrections=add,
        classes=data.classes,
    )


def _use_class_weights() -> None:
    for preset in (*PRESETS, FILE):
        st.session_state[f"{preset}-imbalance"] = "Class weights"
    notify.success("Imbalance is set to class weights.")


def _config(data: OpenDataset) -> TrainConfig:
    has_votes = data.index.votes is not None
    preset = _choose_preset(data)
    base, key = _from_file() if preset == FILE else (PRESETS[preset].config, preset)
    values = fitted(base, has_votes).to_dict()
    with st.grid(min_column_width=170, gap="medium"):
        _network(values, key)
        _labels(values, key, has_votes)
        for name in ("epochs", "batch_size", "learning_rate"):
            values[name] = config_form.widget(config_form.FIELDS[name], values[name], key)
        _imbalance(values, key)
    _weights_help(values, key)
    config_form.groups(values, key)
    if values["schedule"] != "constant":
        values["reduce_lr"] = 0
    return TrainConfig.from_dict(values)


def _choose_preset(data: OpenDataset) -> str:
    """Show a card for each preset; return the chosen one."""
    selected = st.session_state.setdefault(PRESET, "Quick look")
    counts = cost_view.image_counts(data)
    with st.grid(min_column_width=250, gap="small"):
        for name, preset in PRESETS.items():
            config = fitted(preset.config, data.index.votes is not None)
            with st.container(border=True, height="stretch", key=f"card-{name}"):
                st.markdown(
                    f"**{name}**  \n{NETWORKS[config.architecture]}, {config.epochs} epochs"
                    f"{cost_view.expected(config, counts)}"
                )
                st.caption(preset.text)
                _preset_button(name, selected)
        with st.container(border=True, height="stretch", key="card-file"):
            st.markdown("**Your own**  \nFrom a config file")
            st.caption("A YAML file, such as config.yaml of another run.")
            _preset_button(FILE, selected)
    return selected


def _preset_button(name: str, selected: str) -> None:
    st.button(
        "Selected" if name == selected else "Select", key=f"preset-{name}", width="stretch",
        type="primary" if name == selected else "secondary", on_click=_select_preset, args=(name,),
        icon=":material/check:" if name == selected else None,
    )  # fmt: skip


def _select_preset(name: str) -> None:
    st.session_state[PRESET] = name


def _imbalance(values: dict[str, Any], key: str) -> None:
    current = (values["loss"], values["class_weights"])
    options = (
        IMBALANCE if current in IMBALANCE.values() else {**IMBALANCE, "As in the file": current}
    )
    remedy = st.selectbox(
        "Imbalance", list(options), list(options.values()).index(current), key=f"{key}-imbalance",
        persist_state="session",
        help="Class weights: images of rare emotions count more. Focal loss: hard images count "
        "more. An upsampled dataset needs neither.",
    )  # fmt: skip
    values["loss"], values["class_weights"] = options[remedy]


def _from_file() -> tuple[TrainConfig, str]:
    file = st.file_uploader("Config as YAML, such as config.yaml of a run", ["yaml", "yml"],
                            key="train_config_file")  # fmt: skip
    if file is None:
        return PRESETS["Quick look"].config, FILE
    try:
        return TrainConfig.from_dict(fields_of(file.getvalue())), f"{FILE}-{file.file_id}"
    except TrainingError as error:
        raise TrainingError(f"{file.name}: {error}") from error


def _network(values: dict[str, Any], key: str) -> None:
    """Show network and initial weights; a model to continue from has its own input size."""
    values["architecture"] = st.selectbox(
        "Network", ARCHITECTURES, ARCHITECTURES.index(values["architecture"]),
        key=f"{key}-architecture", format_func=NETWORKS.__getitem__, persist_state="session",
        help="MobileNetV2 is larger and can start from trained weights; FERNet is smaller and "
        "faster.",
    )  # fmt: skip
    models = _models(values["architecture"])
    plain = PLAIN_STARTS.get(values["architecture"], ("scratch",))
    from_file = values["start"] if values["start"] not in (*STARTS, *models) else None
    options = [*models, *plain, *([from_file] if from_file and WEIGHTS_FILE in plain else [])]
    first = values["start"] if values["start"] in options else options[0]
    if values["architecture"] != "mobilenetv2" and first not in models:
        first = "scratch"
    values["start"] = st.selectbox(
        "Initial weights", options, options.index(first),
        key=f"{key}-start-{values['architecture']}",
        format_func=lambda name: STARTS.get(name, f"Model {name}"), persist_state="session",
        help="A model's own input size and channels are used. ImageNet weights are downloaded "
        "before the run starts.",
    )  # fmt: skip
    if values["start"] in models:
        card = models[values["start"]]
        values |= {"input_size": card.input_size, "channels": card.channels}
        trained = [name for name in values["heads"] if name in card.heads]
        values["heads"] = trained or list(card.heads)[:1]


def _weights_help(values: dict[str, Any], key: str) -> None:
    """Ask for the weights file, or offer what works without the download that failed."""
    start_key = f"{key}-start-{values['architecture']}"
    if values["start"] == WEIGHTS_FILE:
        values["start"] = st.text_input(
            "Path of a .weights.h5 file on the machine that runs FER Studio",
            key=f"{key}-weights-file",
            persist_state="session", placeholder="/path/mobilenet_v2.weights.h5",
        ).strip() or "imagenet"  # fmt: skip
        if values["start"] != "imagenet" and not Path(values["start"]).is_file():
            raise TrainingError(f"There is no file {values['start']}. Check the path.")
    elif values["start"] == "imagenet" and NO_WEIGHTS in st.session_state:
        st.error(markdown(st.session_state[NO_WEIGHTS]))
        with st.container(horizontal=True):
            for label, start in (
                ("Start from the shipped MobileNetV2", registry.FIRST_CHOICE),
                ("Start from scratch", "scratch"),
                ("Choose a weights file", WEIGHTS_FILE),
            ):
                st.button(label, on_click=_set_start, args=(start_key, start), key=f"no-{start}")


def _set_start(key: str, start: str) -> None:
    st.session_state[key] = start
    st.session_state.pop(NO_WEIGHTS, None)


def _models(architecture: str) -> dict[str, ModelCard]:
    """Return the models of that architecture that can be trained further."""
    models = {}
    for folder in registry.model_folders():
        try:
            card = registry.load_card(folder.name)
        except FerError:
            continue
        trained = card.facts.get("training", {}).get("architecture") or card.title.lower()
        complete = card.features == FEATURES and (folder / KERAS_FILE).is_file()
        if trained == architecture and complete:
            models[card.name] = card
    return models


def _labels(values: dict[str, Any], key: str, has_votes: bool) -> None:
    if not has_votes:
        return
    heads = tuple(values["heads"])
    options = LABELS if heads in LABELS.values() else {**LABELS, "As in the file": heads}
    labels = st.selectbox(
        "Learns from", list(options), list(options.values()).index(heads),
        key=f"{key}-labels-{values['start']}", persist_state="session",
        help="The dataset's single labels, the votes of ten people, or both with a head each.",
    )  # fmt: skip
    values["heads"] = list(options[labels])


def _start(config: TrainConfig, source: DatasetSource) -> None:
    now = runs.active()
    name = "demo" if source.data == "demo" else Path(source.data).name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.text_input("Title", f"{NETWORKS[config.architecture].split(',')[0]} on {name}",
                              key=f"title-{config.architecture}-{name}", width=300)  # fmt: skip
        pressed = st.button(
            "Start training", type="primary", icon=":material/play_arrow:",
            disabled=now is not None or not title.strip(),
        )  # fmt: skip
    if pressed:  # not a callback: its arguments could be those of the choices before
        _check_weights(config, source, title.strip())
    if now:
        st.caption(
            f"{markdown(now.title)} is training; one run at a time. Pause or stop it to start "
            "another."
        )
    with st.expander("As a command"):
        st.write("The same run from a terminal, with this config in a file:")
        st.code(_command(source), language="shell", wrap_lines=True)
        st.code(yaml.safe_dump(config.to_dict(), sort_keys=False), language="yaml", height=200)


def _command(source: DatasetSource) -> str:
    parts = ["python -m fer_core train --run RUN --config config.yaml --data", quote(source.data)]
    for name, emotion in (source.classes or {}).items():
        parts += ["--classes", quote(f"{name}={emotion}")]
    for option in ("votes", "decisions"):
        if file := getattr(source, option):
            parts += [f"--{option}", quote(file)]
    return " ".join([*parts, *["--corrections"] * source.corrections])


def _check_weights(config: TrainConfig, source: DatasetSource, title: str) -> None:
    """Download the ImageNet weights first where the run needs them, then start it."""
    if config.start != "imagenet" or imagenet.file_for(config).is_file():
        _start_run(config, source, title)
        return

    def work(progress: Progress) -> str:
        try:
            imagenet.fetch(config, progress)
        except TrainingError as error:
            return str(error)
        return ""

    def then(failure: str) -> None:
        if failure:
            st.session_state[NO_WEIGHTS] = failure
        else:
            _start_run(config, source, title)

    st.session_state.pop(NO_WEIGHTS, None)
    start("Downloading the ImageNet weights", work, then, "kB")
    st.rerun()


def _start_run(config: TrainConfig, source: DatasetSource, title: str) -> None:
    cost_view.measurement().end()
    needed = cost_view.measured_bytes(config)
    started, active = st.session_state.setdefault("run_begun", {}), runs.active()
    try:
        if active is None or started.get("name") != active.name:  # else a second press
            started["name"] = runs.start(config, source, title, needed).name
        watch_next(started["name"])
    except FerError as error:
        notify.error(str(error))
    st.rerun()
