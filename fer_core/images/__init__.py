"""Images as arrays: decode, encode, crop, augment, corrupt."""

from fer_core.images.codec import DecodedImage, decode, encode, read_image
from fer_core.images.crop import face_crop, shrink
from fer_core.images.formats import SUFFIXES
from fer_core.types import Pixels

__all__ = [
    "SUFFIXES", "DecodedImage", "Pixels", "decode", "encode", "face_crop", "read_image", "shrink",
]  # fmt: skip
