"""Shares of emotions as one bar with its legend, in HTML: quick to redraw beside a video."""

from collections.abc import Mapping

from fer_core.labels import COLORS, UNCERTAIN_COLOR

MEANING = "Shares of the whole, the largest first; not a course in time"
OUTLINE = "outline:1px solid #8888"  # the dark grey of uncertain is seen on a dark page too


def share_bar(shares: Mapping[str, float], uncertain: float) -> str:
    """Return the bar as HTML.

    Args:
        shares: Share 0..1 of each emotion.
        uncertain: Share of faces without a clear emotion.
    """
    parts = [(emotion, share, COLORS[emotion]) for emotion, share in shares.items()]
    parts.append(("uncertain", uncertain, UNCERTAIN_COLOR))
    parts = sorted((part for part in parts if part[1] >= 0.005), key=lambda part: -part[1])
    bar = "".join(
        f'<div style="width:{100 * share:.1f}%;background:{color}"></div>'
        for _, share, color in parts
    )
    square = f"display:inline-block;width:.7rem;height:.7rem;border-radius:2px;{OUTLINE}"
    legend = "".join(
        f'<span style="white-space:nowrap"><span style="{square};background:{color}"></span> '
        f"{name} {100 * share:.0f}%</span>"
        for name, share, color in parts
    )
    return (
        f'<div role="img" aria-label="{MEANING}" title="{MEANING}" '
        f'style="display:flex;height:.9rem;border-radius:3px;overflow:hidden;{OUTLINE}">'
        f'{bar}</div><div style="display:flex;flex-wrap:wrap;gap:.1rem .8rem;font-size:.85rem;'
        f'margin-top:.3rem">{legend}</div>'
    )
