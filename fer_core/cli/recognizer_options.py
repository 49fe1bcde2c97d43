"""Options that choose a recognizer, and the frames of a video."""

import argparse

from fer_core.cli.old_names import OldName
from fer_core.system.settings import DETECTORS


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a recognizer."""
    parser.add_argument("--model", help="model name or folder (default: the promoted one)")
    parser.add_argument("--head", help="head of the model, such as fer2013 or ferplus")
    parser.add_argument("--reading", dest="head", action=OldName, help=argparse.SUPPRESS)
    parser.add_argument("--detector", choices=DETECTORS, default="auto", help="face detector")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the frames of a video."""
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="read every N-th frame of a video"
    )
    parser.add_argument(
        "--rate", type=float, default=0.0, metavar="R", help="read R frames a second instead"
    )
    parser.add_argument(
        "--every-frame", action="store_true",
        help="detect and classify faces in each of these frames; interpolate none",
    )  # fmt: skip
