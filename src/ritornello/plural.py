"""How many of what, in words."""

from __future__ import annotations

_IRREGULAR = {"melody": "melodies", "family": "families"}


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: "1 tune", "2,081 melodies"."""
    return f"{number:,} {noun if number == 1 else _IRREGULAR.get(noun, f'{noun}s')}"
