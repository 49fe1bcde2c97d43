"""Errors a person can act on: each says what was wrong, with what, and what to do next."""


class FerError(Exception):
    """Base of every error that this package raises on purpose; pages catch this one alone."""


class ImageError(FerError):
    """A picture could not be read or is not allowed."""


class VideoError(FerError):
    """A video could not be read or written."""


class ModelError(FerError):
    """A model folder is missing, damaged or does not fit this program."""


class DownloadError(FerError):
    """A file could not be fetched or is not the file that was expected."""


class SettingsError(FerError):
    """A setting has a value that is not allowed."""


class DatasetError(FerError):
    """A dataset cannot be opened, imported, changed or written."""


class CancelledError(FerError):
    """The user stopped the work; each says whether what it had written stays."""


class TrainingError(FerError):
    """A training run cannot be started, resumed or finished."""


class JobError(FerError):
    """A job cannot be started, found, changed or deleted."""
