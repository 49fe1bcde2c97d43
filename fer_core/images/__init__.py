"""Images as arrays: decode, encode, crop, augment, corrupt."""

from fer_core.images.codec import SUFFIXES, decode, encode
from fer_core.images.crop import face_crop, shrink
from fer_core.types import Pixels

__all__ = ["SUFFIXES", "Pixels", "decode", "encode", "face_crop", "shrink"]
