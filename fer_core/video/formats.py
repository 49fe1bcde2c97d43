"""Video formats: which files are videos, by their content where the name does not tell."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image

from fer_core.images.formats import SUFFIXES as PHOTOS
from fer_core.images.formats import is_image_file

SUFFIXES: Final = (
    ".mp4", ".m4v", ".mov", ".qt", ".webm", ".mkv", ".avi", ".divx", ".mts", ".m2ts", ".m2t",
    ".ts", ".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".mod", ".tod", ".flv", ".f4v", ".wmv",
    ".asf", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".dv", ".rm", ".rmvb", ".wtv", ".y4m",
    ".h264", ".264", ".h265", ".hevc", ".ivf", ".nut",
)  # fmt: skip
"""Suffixes of video files in folders and upload fields."""

ANIMATIONS: Final = (".gif", ".webp")
"""Suffixes of files that are a video if they have several frames, and else a photo."""

SOUNDS: Final = (".m4a", ".m4b", ".mka", ".wma", ".oga", ".opus", ".weba")
"""Suffixes of files that look like videos and hold only sound."""

PLAYABLE: Final = (".mp4", ".m4v", ".mov", ".webm", ".ogv")
"""Suffixes of videos that browsers play."""

DEMUXERS: Final = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,asf_o,ogg,mxf,mxf_opatom,dv,"
    "rm,wtv,gxf,yuv4mpegpipe,h264,hevc,m4v,obu,ivf,nut"
)
"""FFmpeg's names of the formats that are opened. A file is opened by its content, not its name,
and FFmpeg knows formats that are mere lists of other files and addresses: those are left out."""

OPENING: Final = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
"""Options for ``av.open``."""

_ANIMATED: Final = re.compile(rb"GIF8[79]a|RIFF.{4}WEBP", re.DOTALL)
_SIGNATURES: Final = re.compile(
    rb".{4}ftyp(?!M4A |M4B |heic|heix|mif1|msf1|avif|avis|crx )|.{4}(?:moov|mdat|wide)"  # MP4, MOV
    rb"|\x1aE\xdf\xa3|RIFF.{4}AVI |FLV\x01|0&\xb2u\x8ef\xcf\x11"  # MKV, AVI, FLV, WMV
    rb"|OggS.{24}(?:\x80theora|fishead|OVP80|\x01video)"
    rb"|\x00\x00\x01[\xba\xb3]|G.{187}G|.{4}G.{191}G"  # MPG, MPEG-TS, MPEG-TS of camcorders
    rb"|\.RMF|YUV4MPEG2|DKIF|nut/multimedia",
    re.DOTALL,
)
"""The first bytes of video files."""


def is_video(file: Path) -> bool:
    """Return True if a file is a video: by its suffix, else by its first bytes.

    GIF and WebP files are videos if they have several frames, and ``.ts`` files if they are no
    TypeScript.
    """
    suffix = file.suffix.lower()
    if suffix in ANIMATIONS:
        return is_animation(file)
    if suffix in (*PHOTOS, *SOUNDS):
        return False
    if suffix in SUFFIXES and suffix != ".ts":
        return is_animation(file) if is_image_file(file) else True
    return _SIGNATURES.match(_first_bytes(file)) is not None


def is_animation(file: Path) -> bool:
    """Return True for a GIF or WebP file with several frames."""
    try:
        status = file.stat()
    except (OSError, ValueError):
        return False
    return _is_animation(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _is_animation(file: Path, _size: int, _changed: int) -> bool:
    if not _ANIMATED.match(_first_bytes(file)):
        return False
    try:
        with Image.open(file, formats=("GIF", "WEBP")) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:  # Pillow raises whatever the damage leads to; the photo's decoder explains it
        return False


def _first_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(200)
    except (OSError, ValueError):
        return b""
