"""Colours as text and as RGB values."""


def rgb_of(color: str) -> tuple[int, int, int]:
    """``#D55E00`` as (213, 94, 0)."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
