"""Collect the faces that were corrected on the live page, with their labels."""

from fer_core.collect import labels
from fer_core.collect.collection import Collection, Face, Suggester
from fer_core.dataset import corrections, image_reading
from fer_core.models.classifier import EmotionClassifier
from fer_core.recognition import Detection


def add_corrections(collection: Collection, by: str) -> int:
    """Add the corrected faces; return the number of those that are new.

    Args:
        collection: Where they go.
        by: Name of the labeller.

    Raises:
        DatasetError: They cannot be written.
        ImageError: A file has gone.
    """
    files = sorted(corrections.folder().glob("*/*.png"))
    crops = [image_reading.read(file) for file in files]
    classifier = EmotionClassifier.load()
    faces = [
        Face(
            crop, "correction", f"live/{file.name}", f"live/{file.name}#1",
            Detection.of_crop(crop), probabilities,
        )
        for file, crop, probabilities in zip(files, crops, classifier.predict(crops), strict=True)
    ]  # fmt: skip
    suggester = Suggester(classifier.card.name, classifier.head, "none")
    added = collection.add(faces, suggester).files
    entries = [
        labels.Entry(name, file.parent.name, "correction", by)
        for name, file in zip(added, files, strict=True)
        if name
    ]
    labels.add(collection, entries)
    return len(entries)
