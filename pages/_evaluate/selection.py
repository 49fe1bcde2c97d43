"""The choices above every view: a model and the images it is evaluated on; what came of them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import streamlit as st

from fer_core.dataset import SPLITS, DatasetIndex, demo, ferplus
from fer_core.dataset.decisions import Decision
from fer_core.errors import FerError
from fer_core.evaluation import Evaluation, evaluate
from fer_core.evaluation.exclusions import Exclusions, count_exclusions
from fer_core.evaluation.predictions import Predictions, forms_of, predict_dataset
from fer_core.labels import EMOTIONS
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.models.card import ModelCard
from fer_core.system.text import markdown
from fer_core.types import Labels, Probabilities
from pages._components.background import start
from pages._components.glossary import definition
from pages._components.open_dataset import OpenDataset

FORM_TITLES = {"fp32": "LiteRT, 32-bit (what runs)", "int8": "LiteRT, 8-bit"}
SPLIT_TITLES = {"train": "training", "validation": "validation", "test": "test"}
STORED = "stored"
STORED_SPLITS = ("test", "PrivateTest", "validation")
CACHED = 6


@dataclass(frozen=True)
class Selection:
    """One file of a model, and a split of the open dataset."""

    card: ModelCard
    name: str
    form: str
    dataset: OpenDataset
    split: str

    @property
    def index(self) -> DatasetIndex:
        """The readable images of the split, before any decision."""
        cache = st.session_state.setdefault("evaluate_index", {})
        full = self.dataset.index
        if cache.get("full") is not full or cache["split"] != self.split:
            cache.update(full=full, split=self.split, index=full.readable().split(self.split))
        return cache["index"]

    @property
    def key(self) -> Hashable:
        """Changes with the model's files and with the pixels of the images."""
        pixels = hash(self.index.table["digest"].to_numpy().tobytes())
        return self.model_key, self.form, str(self.index.root), self.split, pixels

    @property
    def model_key(self) -> Hashable:
        """Changes with the model's files."""
        times = [f.stat().st_mtime_ns for f in sorted(self.card.folder.glob("model*.tflite"))]
        return str(self.card.folder), *times


@dataclass(frozen=True)
class Result:
    """The predictions of a selection, for one head and one source of labels."""

    selection: Selection
    head: str
    source: str
    predictions: Predictions
    y_true: Labels
    probabilities: Probabilities
    evaluation: Evaluation

    @property
    def key(self) -> Hashable:
        """Changes with everything the metrics depend on, also with decisions on labels."""
        return self.selection.key, self.head, self.source, hash(self.y_true.tobytes())

    @property
    def index(self) -> DatasetIndex:
        """The images."""
        return self.selection.index

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.selection.card

    @property
    def y_pred(self) -> Labels:
        """The predicted emotion of each image, int64 (N,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def exclusions(self) -> Exclusions:
        """The account of the split's files."""
        decided = decisions_of(self.selection)
        excluded = sum(decision.action == "exclude" for _, decision in decided)
        dataset = self.selection.dataset.index
        return count_exclusions(dataset, self.selection.split, self.y_true, excluded)


@dataclass(frozen=True)
class Choice:
    """The choices above every view.

    Attributes:
        name: Name of the model.
        card: Its card.
        head: The head, which stands for a label set.
        split: A split of the open dataset; ``STORED`` for the results in the card.
        form: The model's file; empty for ``STORED``.
        source: Ground truth, a key of ``ferplus.SOURCES``; empty for ``STORED``.
    """

    name: str
    card: ModelCard
    head: str
    split: str
    form: str = ""
    source: str = ""

    def stored(self) -> tuple[str, Evaluation] | None:
        """Return the split and the evaluation that the card holds; None where it holds none."""
        figures = self.card.heads[self.head].figures
        for split in STORED_SPLITS:
            if split in figures:
                try:
                    return split, Evaluation.from_dict(figures[split])
                except (KeyError, TypeError, ValueError, AttributeError):
                    return None
        return None


def names() -> dict[str, model_store.Entry]:
    """Return every model by its name, the default first."""
    entries = sorted(model_store.entries(), key=lambda entry: not entry.is_default)
    return {entry.name: entry for entry in entries}


def choose_model(label: str, key: str, models: Mapping[str, model_store.Entry], **more) -> str:
    """Show a select box of the models; return the name chosen."""
    return st.selectbox(
        label, list(models), key=key, persist_state="session",
        format_func=lambda name: f"{name} (default)" if models[name].is_default else name, **more,
    )  # fmt: skip


def open_card(entry: model_store.Entry) -> ModelCard | None:
    """Return the model's card, or None after showing what is wrong with it."""
    try:
        return registry.load_card(entry.folder)
    except FerError as error:
        st.error(markdown(str(error)))
        return None


def choose_form(label: str, name: str, card: ModelCard, key: str) -> str | None:
    """Show a select box of the model's files; None after an error where there is none."""
    forms = [form for form in forms_of(card) if form in FORM_TITLES]
    if not forms:
        st.error(f"{markdown(name)} has no file that runs. Export it first, on the Models page.")
        return None
    return st.selectbox(label, forms, format_func=FORM_TITLES.get, key=key)


def choose_head(label: str, card: ModelCard, key: str, default: str | None = None) -> str:
    """Show a select box of the model's heads, each a label set; return the head chosen."""
    heads = list(card.heads)
    return st.selectbox(
        label, heads, heads.index(default or card.default_head), key=key,
        format_func=lambda head: card.heads[head].title, help=definition("label-set"),
    )  # fmt: skip


def choose(dataset: OpenDataset | None) -> Choice | None:
    """Show model and images, and the rest under More; None after showing why there is no choice."""
    models = names()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose_model("Model", "evaluate_model", models, width=260)
        card = open_card(models[name])
        if card is None:
            return None
        splits = [STORED] if dataset is None else [*_splits(dataset), STORED]
        if is_automatic := dataset is not None and dataset.is_automatic:
            splits = [STORED, *splits[:-1]]
        split = st.selectbox(
            "Evaluated on", splits, key=f"evaluate_split-{dataset and dataset.name}-{is_automatic}",
            format_func=lambda split: _split_title(split, dataset), width=320,
            persist_state="session",
        )  # fmt: skip
        with st.popover("More", icon=":material/tune:"):
            head = choose_head("Label set", card, f"head-{name}")
            if split == STORED:
                return Choice(name, card, head, split)
            source = _choose_source(head, dataset)
            form = choose_form("Model file (precision)", name, card, f"form-{name}")
    return None if form is None else Choice(name, card, head, split, form, source)


def _splits(dataset: OpenDataset) -> list[str]:
    """Return the splits with readable images, test first."""
    counts = dataset.index.counts()
    return [split for split in reversed(SPLITS) if split in counts.columns]


def _split_title(split: str, dataset: OpenDataset | None) -> str:
    if split == STORED or dataset is None:
        return "Test results stored with the model"
    return f"{dataset.name}, {SPLIT_TITLES[split]} split"


def _choose_source(head: str, dataset: OpenDataset) -> str:
    sources = [s for s in ferplus.SOURCES if s == "fer2013" or dataset.index.votes is not None]
    same_set = sources.index(head) if head in sources else 0
    return st.selectbox(
        "Ground truth", sources, same_set, format_func=ferplus.SOURCES.get,
        key=f"truth-{head}-{len(sources)}",
        help="The FER+ majority counts where it is one of the seven emotions and holds at least "
        "half of all votes; other images are left out.",
    )  # fmt: skip


def warn_of_labels(head: str, source: str, subject: str = "The model") -> None:
    """Say where a head was trained on other labels than the ground truth."""
    if head in ferplus.SOURCES and head != source:
        st.caption(
            f":material/warning: {subject} predicts the label set {head}, and the ground truth is "
            f"{source}: the metrics are lower than on its own labels."
        )


def warn_of_demo(dataset: OpenDataset, card: ModelCard) -> None:
    """Say that drawn faces tell nothing about a model of photographs."""
    if demo.is_drawn(dataset.index.root) and not card.facts.get("demo"):
        st.warning(
            "The demo's faces are drawn. This model was trained on photographs, so it is right "
            "on far fewer of them than on photographs. The demo shows what this page can do; it "
            "is no measure of the model.",
            icon=":material/draw:",
        )


def predictions_for(selection: Selection, button: str = "Evaluate") -> Predictions | None:
    """Return the predictions for the split; a button where they are not computed yet."""
    cached: dict[Hashable, Predictions] = st.session_state.setdefault("predictions", {})
    if selection.key in cached:
        return cached[selection.key]
    count = len(selection.index)
    if st.button(
        f"{button} ({count:,} images)", type="primary", icon=":material/play_arrow:",
        key=f"evaluate-{selection.name}", width="stretch",
        help=f"About {max(count / 1000, 1):.0f} s the first time; afterwards from the cache.",
    ):  # fmt: skip
        card, index, form = selection.card, selection.index, selection.form
        start(
            f"{markdown(selection.name)} classifies the images",
            lambda report: predict_dataset(card, index, form, report),
            partial(_store, cached, selection.key),
        )
        st.rerun()
    return None


def _store(cached: dict, key: Hashable, value: object) -> None:
    cached[key] = value
    while len(cached) > CACHED:
        del cached[next(iter(cached))]


def evaluate_selection(
    selection: Selection, head: str, source: str, predictions: Predictions
) -> Result:
    """Return every metric, cached until something that it depends on changes.

    Raises:
        DatasetError: No image has a label of this kind.
    """
    y_true = labels_of(selection, source)
    calibration = predictions.calibration(selection.card, head)
    key = (selection.key, head, source, calibration, hash(y_true.tobytes()))
    cached: dict[Hashable, Result] = st.session_state.setdefault("evaluations", {})
    if key not in cached:
        probabilities = predictions.probabilities(selection.card, head)
        evaluation = evaluate(probabilities, y_true, calibration.abstain_below)
        result = Result(selection, head, source, predictions, y_true, probabilities, evaluation)
        _store(cached, key, result)
    return replace(cached[key], selection=selection)


def labels_of(selection: Selection, source: str) -> Labels:
    """Return the label of each image, int64 (N,); -1 for an image that a decision excludes."""
    y_true = ferplus.true_labels(selection.index, source).copy()
    for row, decision in decisions_of(selection):
        if decision.action == "exclude":
            y_true[row] = -1
        elif decision.action == "relabel":
            y_true[row] = EMOTIONS.index(decision.label)
    return y_true


def decisions_of(selection: Selection) -> list[tuple[int, Decision]]:
    """Return the row and the decision of every image that has a decision on its present label."""
    latest = selection.dataset.decisions.latest()
    if not latest:
        return []
    table = selection.index.table
    rows = np.flatnonzero(table["file"].isin(list(latest)))
    pairs = [(row, latest[table["file"].iloc[row]]) for row in rows.tolist()]
    return [(row, item) for row, item in pairs if item.given_label == table["label"].iloc[row]]
