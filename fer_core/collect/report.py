"""Report what came of collecting from files."""

from dataclasses import dataclass, field

from fer_core.system.text import counted


@dataclass(slots=True)
class Report:
    """Result of collecting from files.

    Attributes:
        files: Files read.
        faces: Faces that are new in the collection.
        duplicates: Faces that were there already, pixel for pixel.
        problems: Files that gave no face, with the reason.
        partial: Sentences on files that gave faces although some of them is missing.
        notice: Sentence on the detector or on files passed over; empty without.
    """

    files: int = 0
    faces: int = 0
    duplicates: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)
    notice: str = ""

    @property
    def sentence(self) -> str:
        """The result for a user."""
        parts = [f"{counted(self.faces, 'new face')} from {counted(self.files, 'file')}."]
        if self.duplicates:
            parts.append(f"{self.duplicates:,} were there already.")
        if self.problems:
            examples = "; ".join(reason for _, reason in self.problems[:3])
            files = counted(len(self.problems), "file")
            parts.append(f"{files} gave no face: {examples.rstrip('.')}.")
        if self.partial:
            files = counted(len(self.partial), "file")
            parts.append(f"{files} read in part: {'; '.join(self.partial[:3]).rstrip('.')}.")
        return " ".join([*parts, *filter(None, [self.notice])])


def no_face(name: str) -> str:
    """Return the sentence on a file in which no face was detected."""
    return f"{name}: no face was detected."
