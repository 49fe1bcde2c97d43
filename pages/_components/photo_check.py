"""Tell a dataset of photos from one of face crops, and cut the faces out."""

from functools import partial
from pathlib import Path

import streamlit as st

from fer_core.dataset import store
from fer_core.recognition import crop_dataset
from fer_core.system.parallel import Progress
from pages._components.background import start
from pages._components.open_dataset import OpenDataset, open_folder, private_home, show_opened


def are_crops(dataset: OpenDataset) -> bool:
    """Return True for face crops; for photos offer to cut the faces out, or to use them whole."""
    checks = st.session_state.setdefault("photo_checks", {})
    root = dataset.index.root
    if root not in checks:
        with st.spinner("Are these photos or face crops?"):
            checks[root] = crop_dataset.check_photos(dataset.index)
    if not checks[root].are_photos:
        return True
    st.warning(checks[root].sentence, icon=":material/crop_free:")
    count = int(dataset.index.is_readable.sum())
    if st.button(
        f"Cut the faces out of {count:,} photos", type="primary", icon=":material/crop:",
        key="cut_faces", help="Into a new dataset; the photos are not changed.",
    ):  # fmt: skip
        home = private_home() or store.default_home()
        start("Detecting faces", partial(_cut_and_open, dataset, home), show_opened)
        st.rerun()
    return st.toggle("Use whole photos", key=f"whole_photos-{root}")


def _cut_and_open(dataset: OpenDataset, home: Path, progress: Progress) -> OpenDataset:
    folder = crop_dataset.cropped_once(dataset.index, home, progress)
    return open_folder(folder, progress)
