"""The balance of the labels of a collection."""

from collections.abc import Iterable

import streamlit as st

from fer_core.labels import EMOTIONS
from pages._components.share_bar import share_bar


def show_label_balance(labels: Iterable[str]) -> None:
    """Show the share and the count of each emotion; nothing where none is labelled."""
    labels = list(labels)
    counts = {emotion: labels.count(emotion) for emotion in EMOTIONS}
    total = sum(counts.values())
    if total:
        st.html(share_bar({name: count / total for name, count in counts.items()}, 0.0))
        st.caption(", ".join(f"{name} {count:,}" for name, count in counts.items()) + " labelled.")
