"""Labels that stand in a list beside the images, as RAF-DB, AffectNet, FER+, CK+ and ExpW do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fer_core.dataset import joins, vote_table
from fer_core.dataset.fer2013_order import USAGES
from fer_core.dataset.folder_names import split_named
from fer_core.dataset.label_tables import Label, Labels, matching, read_bytes, read_tables, stem
from fer_core.dataset.numberings import AFFECTNET, CK_PLUS, EXPW, RAF_DB
from fer_core.errors import DatasetError
from fer_core.images.boxes import Box
from fer_core.labels import EMOTIONS


def read(
    root: Path,
    images: Sequence[str],
    documents: Sequence[str],
    classes: Mapping[str, str],
) -> Labels | None:
    """Return the labels of images from the lists beside them; None where there is no list.

    Args:
        root: The dataset's folder.
        images: Paths of the images below it (N,).
        documents: Paths of the tables and texts below it.
        classes: Emotions that the user gave to names or numbers, in lower case.

    Raises:
        DatasetError: A list numbers its classes and nothing says which dataset's numbers they are.
    """
    for reader in (_ferplus, _raf_db, _expw, _ck_plus, _affectnet, read_tables):
        labels = reader(root, images, documents, classes)
        if labels is not None and labels.rows:
            return labels
    return None


def _ferplus(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the majorities of ``label.csv`` in Microsoft's folders, or of ``fer2013new.csv``."""
    labels = Labels()
    votes = pd.DataFrame(0, range(len(images)), [*EMOTIONS, "other"])
    for document in documents:
        if not document.lower().endswith("csv") or (data := read_bytes(root / document)) is None:
            continue
        try:
            table = vote_table.parse(data, document)
        except DatasetError:
            continue
        if table is None:
            continue
        folder = document.rpartition("/")[0]
        keys = [f"{folder}/{key}" if folder and key else key for key in table.keys]
        join = joins.by_path(images, keys, root, contents=table.contents())
        if not join.count and table.usages is not None:
            join = joins.by_path(images, table.keys, root, contents=table.contents())
        codes = vote_table.majority_codes(table.votes)
        rows = np.flatnonzero(join.has_row)
        votes.loc[rows] = table.votes.iloc[join.rows[rows]].to_numpy()
        splits = [USAGES.get(usage, "") for usage in table.usages or ()]
        labels.rows += [
            Label(image, EMOTIONS[codes[row]] if codes[row] >= 0 else None,
                  splits[row] if splits else "")
            for image, row in zip(rows.tolist(), join.rows[rows].tolist(), strict=True)
        ]  # fmt: skip
        if join.count:
            labels.notes.append(
                f"{join.note(f'{document}: FER+ votes')} An image's label is the emotion with most "
                "votes."
            )
    labels.votes = votes
    return labels


def _raf_db(
    root: Path, images: Sequence[str], documents: Sequence[str], classes: Mapping[str, str]
) -> Labels | None:
    """Return the labels of RAF-DB's ``list_patition_label.txt``: ``train_00001.jpg 5``."""
    for document in matching(documents, r"list_par?tition_label\.txt$"):
        lines = [line.split() for line in _lines(root / document)]
        for number, line in enumerate(lines, start=1):
            if len(line) != 2:
                raise DatasetError(
                    f"{document}, line {number}: a file name and a number are expected, such as "
                    f"'train_00001.jpg 5'. Received: {' '.join(line)[:60]!r}."
                )
        stems = [stem(name) for name, _ in lines]
        aligned = any(stem(image).endswith("_aligned") for image in images)
        keys = [f"{stem}_aligned.jpg" if aligned else f"{stem}.jpg" for stem in stems]
        join = joins.by_path(images, keys, root)
        labels = Labels(notes=[RAF_DB.note(), join.note(f"{document}: labels")])
        for image in np.flatnonzero(join.has_row).tolist():
            name, number_text = lines[join.rows[image]]
            emotion = classes.get(number_text) or RAF_DB.emotions.get(number_text)
            labels.rows.append(Label(image, emotion, split_named(name.split("_")[0]) or ""))
        return labels
    return None


def _expw(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the faces of ExpW's ``label.lst``.

    Its columns: image name, face number, top, left, right and bottom of the face in pixels,
    confidence of the detector, class.
    """
    for document in matching(documents, r"label\.lst$"):
        places = joins.unique([Path(image).name for image in images])
        labels, unmatched = Labels(notes=[EXPW.note()]), 0
        for number, line in enumerate(_lines(root / document), start=1):
            values = line.split()
            try:
                name, (top, left, right, bottom) = values[0], map(float, values[2:6])
                box = Box(left, top, right, bottom)
                emotion = EXPW.emotions[values[7]]
            except (ValueError, IndexError, KeyError) as error:
                raise DatasetError(
                    f"{document}, line {number}: image name, face number, top, left, right, "
                    "bottom, confidence and a class from 0 to 6 are expected. "
                    f"Received: {line[:60]!r}."
                ) from error
            if name in places:
                labels.rows.append(Label(places[name], emotion, box=box))
            else:
                unmatched += 1
        labels.notes += _unmatched(document, "rows", unmatched)
        return labels
    return None


def _ck_plus(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the labels of CK+'s ``S005_001_00000011_emotion.txt``, each of one frame."""
    annotations = matching(documents, r"_emotion\.txt$")
    if not annotations:
        return None
    places, unmatched = joins.unique([stem(image) for image in images]), 0
    labels = Labels(notes=[
        CK_PLUS.note(), "CK+ labels the last frame of a sequence; the other frames have no label."
    ])  # fmt: skip
    for document in annotations:
        image = places.get(stem(document).removesuffix("_emotion"))
        text = " ".join(_lines(root / document)).strip()
        try:
            emotion = CK_PLUS.emotions[str(int(float(text)))]
        except (ValueError, KeyError) as error:
            raise DatasetError(
                f"{document}: a number from 0 to 7 is expected. Received: {text[:40]!r}."
            ) from error
        if image is None:
            unmatched += 1
        else:
            labels.rows.append(Label(image, emotion))
    labels.notes += _unmatched("CK+", "annotations", unmatched)
    return labels


def _affectnet(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the labels of AffectNet's ``annotations/0_exp.npy`` beside ``images/0.jpg``."""
    annotations = matching(documents, r"annotations/\d+_exp\.npy$")
    if not annotations:
        return None
    places, unmatched = joins.unique([_parent_and_stem(image) for image in images]), 0
    labels = Labels(notes=[AFFECTNET.note()])
    for document in annotations:
        image = places.get(_parent_and_stem(document).removesuffix("_exp"))
        if image is None:
            unmatched += 1
            continue
        try:
            number = str(int(np.load(root / document, allow_pickle=False).item()))
            labels.rows.append(Label(image, AFFECTNET.emotions[number]))
        except (OSError, ValueError, KeyError) as error:
            raise DatasetError(
                f"{document}: a number from 0 to 10 is expected ({error})."
            ) from error
    labels.notes += _unmatched("AffectNet", "annotations", unmatched)
    return labels


def _lines(file: Path) -> list[str]:
    data = read_bytes(file) or b""
    return [line for line in data.decode("utf-8-sig", "replace").splitlines() if line.strip()]


def _parent_and_stem(path: str) -> str:
    """Return the folder above the one that holds a file, and the file's stem."""
    return f"{path.rpartition('/')[0].rpartition('/')[0]}/{stem(path)}"


def _unmatched(document: str, rows: str, count: int) -> list[str]:
    """Return the sentence on rows or annotations that no image can be given, if there are any."""
    if not count:
        return []
    return [f"{document}: {count:,} {rows} name no image of this dataset, or more than one."]
