"""Faces drawn by code that show what an expression looks like, and a sentence on each."""

from fer_core.dataset.demo import EXPRESSIONS

HINTS = {
    "angry": "Brows down and together, eyes narrow, lips pressed.",
    "disgust": "Nose wrinkled, upper lip raised.",
    "fear": "Brows up and together, eyes wide, lips stretched.",
    "happy": "Corners of the mouth up, cheeks raised.",
    "neutral": "Nothing: relax the whole face.",
    "sad": "Inner brows up, corners of the mouth down.",
    "surprise": "Brows high, eyes wide, mouth open.",
}
"""After Ekman and Friesen's descriptions, as the demo's faces."""


def svg(emotion: str) -> str:
    """Return the face of an emotion as SVG of 64 by 64 pixels, in the colour of the text."""
    mood = EXPRESSIONS[emotion]
    parts = ['<ellipse cx="0" cy="0" rx="0.78" ry="0.94"/>']
    for side in (-1, 1):
        x, eye = side * 0.29, max(0.085 * mood.eye, 0.02)
        parts.append(f'<ellipse cx="{x}" cy="-0.12" rx="0.13" ry="{eye:.3f}"/>')
        parts.append(f'<circle cx="{x}" cy="-0.12" r="{min(0.05, eye):.3f}" fill="currentColor"/>')
        outer = -0.32 - mood.brow + mood.slant / 2
        inner = -0.32 - mood.brow - mood.slant / 2
        parts.append(
            f'<path d="M{side * 0.46:.3f} {outer:.3f} Q{x} {-0.37 - mood.brow:.3f} '
            f'{side * 0.14:.3f} {inner:.3f}"/>'
        )
    parts.append('<path d="M0 -0.02 L0.06 0.18 L-0.04 0.2"/>')
    if mood.wrinkle:
        parts += [
            f'<path d="M-0.13 {y + 0.02} Q0 {y - 0.05} 0.13 {y + 0.02}"/>' for y in (0.0, 0.07)
        ]
    left, middle = 0.5 - mood.smile / 2, 0.5 + mood.smile
    if mood.gape > 0.03:
        parts.append(
            f'<ellipse cx="0" cy="{0.5 + 0.3 * mood.smile:.3f}" rx="{mood.width * 0.85:.3f}" '
            f'ry="{mood.gape / 2:.3f}" fill="currentColor"/>'
        )
    parts.append(f'<path d="M{-mood.width} {left:.3f} Q0 {middle:.3f} {mood.width} {left:.3f}"/>')
    return (
        '<svg viewBox="-1 -1 2 2" width="64" height="64" fill="none" stroke="currentColor" '
        f'stroke-width="0.05" stroke-linecap="round" aria-hidden="true">{"".join(parts)}</svg>'
    )
