"""Take the wheel's dependencies from the requirements files, so that they are written once."""

from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

TRAINING = ("h5py", "keras", "tensorboard", "tensorflow", "tensorflow-cpu")
"""Packages that recognition does without: the extra ``train``."""


class RequirementsHook(MetadataHookInterface):
    """Fills ``dependencies`` and ``optional-dependencies``."""

    def update(self, metadata: dict) -> None:
        """Split ``requirements.txt`` into what recognition needs and what training adds."""
        pins = _pins(Path(self.root) / "requirements.txt")
        training = [pin for pin in pins if pin.partition("==")[0] in TRAINING]
        metadata["dependencies"] = [pin for pin in pins if pin not in training]
        metadata["optional-dependencies"] = {
            "train": training,
            "cluster": _pins(Path(self.root) / "requirements-cluster.txt") + training,
        }


def _pins(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-r")]
