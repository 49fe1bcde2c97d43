"""The live page's small charts as plain HTML and SVG.

They are redrawn twice a second beside a video that must not stutter: building all three takes
0.7 ms, the same charts in Plotly 14 ms, and the browser has less to do as well.
"""

from base64 import b64encode
from html import escape

import numpy as np

from fer_core import EMOTIONS
from fer_core.labels import COLORS
from fer_core.live import LiveStats, PersonHistory
from fer_core.live.history import BINS, Table
from fer_core.recognition.drawing import caption
from fer_core.recognition.tracking import TrackedFace
from pages._components.detector import TITLES

_HEIGHT = 60
_BAR = "height:.8rem;border-radius:3px"


def bars(face: TrackedFace | None, title: str = "") -> str:
    """Return the emotion and the seven probabilities of a face, or empty bars below ``title``."""
    probabilities = [0.0] * len(EMOTIONS) if face is None else face.probabilities.tolist()
    rows = "".join(
        f'<div>{emotion}</div><div style="{_BAR};background:#8882">'
        f'<div style="{_BAR};background:{COLORS[emotion]};width:{100 * p:.1f}%"></div></div>'
        f'<div style="text-align:right">{"" if face is None else f"{100 * p:.0f}%"}</div>'
        for emotion, p in zip(EMOTIONS, probabilities, strict=True)
    )
    heading = title if face is None else caption(face)
    return (
        f'<div style="font-size:1.5rem;font-weight:600">{escape(heading)}</div>'
        '<div style="display:grid;grid-template-columns:5rem 1fr 3rem;align-items:center;'
        f'gap:.15rem .5rem;font-size:.9rem{";opacity:.6" * (face is None)}">{rows}</div>'
    )


def timeline(history: PersonHistory) -> str:
    """Return the last minute as a stacked chart; gaps where there was no face."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" preserveAspectRatio="none" '
        f'viewBox="0 0 {BINS - 1} {_HEIGHT}">{_areas(history.timeline)}</svg>'
    )
    data = b64encode(svg.encode()).decode()
    return (
        f'<img alt="Emotions of the last minute" src="data:image/svg+xml;base64,{data}" '
        'style="width:100%;height:4.5rem;display:block">'
        '<div style="display:flex;justify-content:space-between;font-size:.75rem;opacity:.7">'
        "<span>1 minute ago</span><span>now</span></div>"
    )


def _areas(table: Table) -> str:
    """Return an area for each emotion, from the top of the stack down: the next one covers it."""
    y = _HEIGHT * (1 - np.cumsum(np.nan_to_num(table), axis=1))
    areas = []
    for index, emotion in reversed([*enumerate(EMOTIONS)]):
        if not np.nansum(table[:, index]) > 0.01:
            continue
        line = " ".join(f"{x},{v:.1f}" for x, v in enumerate(y[:, index].tolist()))
        floor = f"{BINS - 1},{_HEIGHT} 0,{_HEIGHT}"
        areas.append(f'<polygon fill="{COLORS[emotion]}" points="{line} {floor}"/>')
    return "".join(areas)


def details(stats: LiveStats, detector: str, detect_every: int) -> str:
    """Return how the session runs, as Markdown for a help text."""
    return "\n".join(
        (
            f"- video: {stats.fps:.0f} frames a second",
            f"- labels: {stats.age_ms:.0f} ms old, 95% below {stats.age_p95_ms:.0f} ms",
            f"- face detection: {TITLES[detector]}, {stats.detect_ms:.0f} ms, in 1 of "
            f"{detect_every} frames",
            f"- emotions: {stats.classify_ms:.0f} ms, {stats.results_per_s:.0f} times a second",
            f"- skipped: {stats.dropped:,} of {stats.frames:,} frames",
        )
    )
