"""Begin a run: dataset, network, how to train, what it will cost."""

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
from fer_core.system.text import markdown
from fer_core.system.yaml_files import fields_of
from fer_core.training import runs
from fer_core.training.config import ARCHITECTURES, HEADS, TrainConfig
from fer_core.training.presets import PRESETS, fitted
from pages._components import dataset_bar, notify
from pages._components.background import finish_or_show
from pages._components.chart import show_chart
from pages._components.imbalance import show_imbalance
from pages._components.open_dataset import OpenDataset
from pages._dataset import charts
from pages._train import config_form, cost_view
from pages._train.state import watch_next

FILE = "From a file"
NETWORKS = {"mobilenetv2": "MobileNetV2", "fernet": "FERNet, small and ours"}
STARTS = {"imagenet": "ImageNet weights", "scratch": "From scratch"}
LABELS = {
    "Labels and votes": HEADS, "The dataset's labels": ("fer2013",), "FER+ votes": ("ferplus",),
}  # fmt: skip
FEATURES = "features"  # the layer that this program's own networks have and others may not


def show() -> None:
    finish_or_show()
    found = dataset_bar.show("Open the demo to try training, or a dataset of your own.", True)
    if found is None:
        return
    source = dataset(found)
    if source is None:
        return
    try:
        config = _config(found)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    cost_view.show(config, found)
    _start(config, source)


def dataset(found: OpenDataset) -> DatasetSource | None:
    """The open dataset as a source, with its counts shown; None where it cannot be trained on."""
    counts = found.decided().counts()
    if "train" not in counts or (counts["train"] > 0).sum() < 2:
        st.error("Training needs pictures of two emotions or more in the training split.")
        return None
    show_chart(charts.counts(counts), key="train_counts",
                    alt="Images of each class and split")  # fmt: skip
    show_imbalance(found, _use_class_weights)
    if found.about.get("target_count"):
        st.caption(
            ":material/info: This version holds augmented images already; training augments every "
            "image again in each epoch. Keep the ranges under Augmentation mild."
        )
    if "validation" not in counts:
        st.caption(
            ":material/info: There is no validation split. 15 % of the training pictures will take "
            "its place, copies kept together."
        )
    extra = sum(corrections.counts().values())
    add = bool(extra) and st.toggle(
        f"Add the {extra:,} faces corrected on the live page", key="train_corrections"
    )
    root = found.index.root
    is_demo = root == store.default_home() / demo.NAME
    decided = len(found.decisions) > 0
    return DatasetSource(
        "demo" if is_demo else str(root),
        votes=str(found.votes_file) if found.votes_file else None,
        decisions=str(found.decisions.file) if decided else None,
        corrections=add,
        classes=found.classes,
    )


def _use_class_weights() -> None:
    for preset in (*PRESETS, FILE):
        st.session_state[f"{preset}-class_weights"] = "balanced"
    notify.success("Class weights are set to balanced, under Loss and labels.")


def _config(found: OpenDataset) -> TrainConfig:
    has_votes = found.index.votes is not None
    preset = st.segmented_control(
        "Preset", [*PRESETS, FILE], default="Quick look", required=True, key="train_preset",
        persist_state="session",
    )  # fmt: skip
    if preset == FILE:
        base, key = _from_file()
    else:
        base, key = PRESETS[preset].config, preset
        st.caption(PRESETS[preset].text)
    values = fitted(base, has_votes).to_dict()
    with st.grid(min_column_width=170, gap="medium"):
        _network(values, key)
        _labels(values, key, has_votes)
        for name in ("epochs", "batch_size", "learning_rate"):
            values[name] = config_form.widget(config_form.FIELDS[name], values[name], key)
    config_form.groups(values, key)
    if values["schedule"] != "constant":
        values["reduce_lr"] = 0
    return TrainConfig.from_dict(values)


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
    """Architecture and start; a model to go on from decides its own shape."""
    values["architecture"] = st.selectbox(
        "Network", ARCHITECTURES, ARCHITECTURES.index(values["architecture"]),
        key=f"{key}-architecture", format_func=NETWORKS.__getitem__, persist_state="session",
        help="MobileNetV2 is larger and starts from what it learned on ImageNet; FERNet is smaller "
        "and faster.",
    )  # fmt: skip
    models = _models(values["architecture"])
    plain = list(STARTS) if values["architecture"] == "mobilenetv2" else ["scratch"]
    kept = values["start"] if values["start"] not in (*STARTS, *models) else None
    options = [*plain, *models, *([kept] if kept and values["architecture"] != "fernet" else [])]
    first = values["start"] if values["start"] in options else options[0]
    values["start"] = st.selectbox(
        "Start", options, options.index(first), key=f"{key}-start-{values['architecture']}",
        format_func=lambda name: STARTS.get(name, f"Go on from {name}"), persist_state="session",
        help="Where the weights come from. A model's own input size and channels are kept.",
    )  # fmt: skip
    if values["start"] in models:
        card = models[values["start"]]
        values |= {"input_size": card.input_size, "channels": card.channels}
        kept_heads = [name for name in values["heads"] if name in card.heads]
        values["heads"] = kept_heads or list(card.heads)[:1]


def _models(architecture: str) -> dict[str, ModelCard]:
    """The models of that architecture that can be trained on."""
    found = {}
    for folder in registry.model_folders():
        try:
            card = registry.load_card(folder.name)
        except FerError:
            continue
        trained = card.facts.get("training", {}).get("architecture") or card.title.lower()
        complete = card.features == FEATURES and (folder / KERAS_FILE).is_file()
        if trained == architecture and complete:
            found[card.name] = card
    return found


def _labels(values: dict[str, Any], key: str, has_votes: bool) -> None:
    if not has_votes:
        return
    now = tuple(values["heads"])
    options = LABELS if now in LABELS.values() else {**LABELS, "As in the file": now}
    chosen = st.selectbox(
        "Learns from", list(options), list(options.values()).index(now),
        key=f"{key}-labels-{values['start']}", persist_state="session",
        help="The dataset's single labels, the votes of ten people, or both with a head each.",
    )  # fmt: skip
    values["heads"] = list(options[chosen])


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
        _begin(config, source, title.strip())
    if now:
        st.caption(
            f"{markdown(now.title)} is training; one run at a time. Pause or stop it to begin "
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


def _begin(config: TrainConfig, source: DatasetSource, title: str) -> None:
    cost_view.measurement().end()
    begun, now = st.session_state.setdefault("run_begun", {}), runs.active()
    try:
        if now is None or begun.get("name") != now.name:  # else a second press
            begun["name"] = runs.start(config, source, title).name
        watch_next(begun["name"])
    except FerError as error:
        notify.error(str(error))
    st.rerun()
