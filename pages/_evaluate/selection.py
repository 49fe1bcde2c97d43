"""What is evaluated: a model, one of its readings, a split, and what counts as the truth."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import streamlit as st

from fer_core.dataset import SPLITS, DatasetIndex, ferplus
from fer_core.errors import FerError
from fer_core.evaluation import Evaluation, evaluate
from fer_core.evaluation.exclusions import Exclusions, count_exclusions
from fer_core.evaluation.predictions import Predictions, forms_of, predict_dataset
from fer_core.labels import EMOTIONS
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.models.card import ModelCard
from fer_core.types import Labels, Probabilities
from pages._components.background import start
from pages._components.open_dataset import OpenDataset

FORM_TITLES = {"fp32": "LiteRT, 32 bits (what runs)", "int8": "LiteRT, 8 bits"}
SPLIT_TITLES = {"train": "training", "validation": "validation", "test": "test"}
KEPT_ANSWERS = 6


@dataclass(frozen=True)
class Question:
    """A model in one form, asked about a split. ``index`` holds its readable images."""

    card: ModelCard
    name: str
    form: str
    found: OpenDataset
    split: str

    @property
    def index(self) -> DatasetIndex:
        """The readable images of the split, before any decision."""
        cache = st.session_state.setdefault("evaluate_index", {})
        whole = self.found.index
        if cache.get("whole") is not whole or cache["split"] != self.split:
            cache.update(whole=whole, split=self.split, index=whole.readable().split(self.split))
        return cache["index"]

    @property
    def unreadable(self) -> int:
        """Files of the split that cannot be read as pictures."""
        whole = self.found.index
        return int((~whole.is_readable & np.asarray(whole.table["split"] == self.split)).sum())

    @property
    def key(self) -> Hashable:
        """Changes with the model's files and with the pixels of the images."""
        shown = hash(self.index.table["digest"].to_numpy().tobytes())
        return self.model_key, self.form, str(self.index.root), self.split, shown

    @property
    def model_key(self) -> Hashable:
        """Changes with the model's files."""
        times = [f.stat().st_mtime_ns for f in sorted(self.card.folder.glob("model*.tflite"))]
        return str(self.card.folder), *times


@dataclass(frozen=True)
class Subject:
    """A question with its answers, for one reading and one source of truth."""

    question: Question
    head: str
    source: str
    answers: Predictions
    y_true: Labels
    probabilities: Probabilities
    evaluation: Evaluation

    @property
    def key(self) -> Hashable:
        """Changes with whatever the figures depend on, also with decisions on labels."""
        return self.question.key, self.head, self.source, hash(self.y_true.tobytes())

    @property
    def index(self) -> DatasetIndex:
        return self.question.index

    @property
    def card(self) -> ModelCard:
        return self.question.card

    @property
    def exclusions(self) -> Exclusions:
        """The account of the split's files."""
        excluded = sum(decision.action == "exclude" for _, decision in _decided(self.question))
        return count_exclusions(
            self.question.found.index, self.question.split, self.y_true, excluded
        )

    @property
    def answered(self) -> Labels:
        """The emotion named for each image, int (N,)."""
        return self.probabilities.argmax(axis=1)


def names() -> dict[str, model_store.Entry]:
    """Every model by its name, the default first."""
    every = sorted(model_store.entries(), key=lambda entry: not entry.is_default)
    return {entry.name: entry for entry in every}


def choose_model(label: str, key: str, known: dict[str, model_store.Entry]) -> str:
    return st.selectbox(
        label, list(known), key=key, persist_state="session",
        format_func=lambda name: f"{name} (default)" if known[name].is_default else name,
    )  # fmt: skip


def open_card(entry: model_store.Entry) -> ModelCard | None:
    """The model's card, or None after saying what is wrong with it."""
    try:
        return registry.load_card(entry.folder)
    except FerError as error:
        st.error(str(error))
        return None


def choose_form(label: str, name: str, card: ModelCard, key: str) -> str | None:
    """One of the model's files that run here, or None after saying that there is none."""
    forms = [form for form in forms_of(card) if form in FORM_TITLES]
    if not forms:
        st.error(f"{name} has no file that runs. Export it first: see Models.")
        return None
    return st.selectbox(label, forms, format_func=FORM_TITLES.get, key=key)


def choose(found: OpenDataset) -> tuple[Question, str, str] | None:
    """The choices above every view: model, form, split, reading, labels."""
    known = names()
    if not found.index.is_readable.any():
        st.warning("None of these files can be read as a picture. Open another dataset.")
        return None
    with st.grid(min_column_width=190, gap="small"):
        name = choose_model("Model", "evaluate_model", known)
        card = open_card(known[name])
        if card is None:
            return None
        form = choose_form("Form", name, card, f"form-{name}")
        if form is None:
            return None
        head = st.selectbox(
            "Reading",
            list(card.heads),
            index=list(card.heads).index(card.default_head),
            format_func=lambda one: card.heads[one].title,
            key=f"reading-{name}",
        )
        splits = [split for split in reversed(SPLITS) if split in found.index.counts().columns]
        split = st.selectbox(
            "Split", splits, format_func=SPLIT_TITLES.get, key="evaluate_split",
            persist_state="session",
        )  # fmt: skip
        sources = [s for s in ferplus.SOURCES if s == "fer2013" or found.index.votes is not None]
        own = sources.index(head) if head in sources else 0
        source = st.selectbox(
            "Truth", sources, own, format_func=ferplus.SOURCES.get,
            key=f"truth-{head}-{len(sources)}",
            help="What counts as right. The majority counts where it is one of the seven emotions "
            "and holds at least half of all votes; other images are left out.",
        )  # fmt: skip
    return Question(card, name, form, found, split), head, source


def answers_to(question: Question, again: str = "Evaluate") -> Predictions | None:
    """What the model says of the split; a button where it has not been asked yet."""
    kept: dict[Hashable, Predictions] = st.session_state.setdefault("answers", {})
    if question.key in kept:
        return kept[question.key]
    count = len(question.index)
    st.caption(
        f"{count:,} images; about {max(count / 1000, 1):.0f} s the first time, at once after that."
    )
    if st.button(again, type="primary", icon=":material/play_arrow:", key=f"ask-{question.name}"):
        card, index, form = question.card, question.index, question.form
        start(
            f"{question.name} looks at the images",
            lambda report: predict_dataset(card, index, form, report),
            partial(_keep, kept, question.key),
        )
        st.rerun()
    return None


def _keep(kept: dict[Hashable, Predictions], key: Hashable, answers: Predictions) -> None:
    kept[key] = answers
    while len(kept) > KEPT_ANSWERS:
        del kept[next(iter(kept))]


def judge(question: Question, head: str, source: str, answers: Predictions) -> Subject:
    """All figures; kept until something that they depend on changes.

    Raises:
        DatasetError: No image has a truth of this kind.
    """
    truth = decided_truth(question, source)
    chosen = question.card.head(head)
    how = (chosen.temperature, chosen.abstain_below)
    key = (question.key, head, source, how, hash(truth.tobytes()))
    kept: dict[Hashable, Subject] = st.session_state.setdefault("evaluate_now", {})
    if key not in kept:
        chances = answers.probabilities(question.card, head)
        result = evaluate(chances, truth, chosen.abstain_below)
        kept[key] = Subject(question, head, source, answers, truth, chances, result)
        while len(kept) > KEPT_ANSWERS:
            del kept[next(iter(kept))]
    return replace(kept[key], question=question)


def decided_truth(question: Question, source: str) -> Labels:
    """The truth of each image; decisions change labels, and excluded images have none."""
    index = question.index
    truth = ferplus.truth(index, source).copy()
    for row, decision in _decided(question):
        if decision.action == "exclude":
            truth[row] = -1
        elif decision.action == "relabel":
            truth[row] = EMOTIONS.index(decision.label)
    return truth


def _decided(question: Question) -> list:
    made = question.found.decisions.latest()
    if not made:
        return []
    table = question.index.table
    rows = np.flatnonzero(table["file"].isin(list(made)))
    pairs = [(row, made[table["file"].iloc[row]]) for row in rows.tolist()]
    return [(row, one) for row, one in pairs if one.given == table["label"].iloc[row]]
