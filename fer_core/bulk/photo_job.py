"""Read one photo of a job."""

import logging
from collections.abc import Callable

from fer_core.errors import FerError
from fer_core.recognition.photos import Photo, PhotoReader
from fer_core.recognition.recognizer import Recognizer

_LOGGER = logging.getLogger(__name__)


def read_photo(
    recognizer: Recognizer, name: str, fetch: Callable[[], bytes], is_crop: bool
) -> Photo:
    """Return the results of a photo; what is wrong with it becomes its ``error``."""
    try:
        data = fetch()
        return PhotoReader(recognizer, is_crop).read(data, name, draw=False)
    except FerError as error:
        return Photo(name, error=str(error))
    except Exception as error:  # one strange file must not end a job of 100,000
        _LOGGER.exception("%s could not be read", name)
        return Photo(name, error=f"{name}: could not be read ({error}).")
