"""Melodies as integer tokens: one vocabulary table per encoding, and which tokens may follow."""

from __future__ import annotations

from ritornello.encoding.grid import Grid
from ritornello.encoding.protocol import Encoded, Encoding, SideInput, Tracker

ENCODINGS = {"grid": Grid}

__all__ = ["ENCODINGS", "Encoded", "Encoding", "Grid", "SideInput", "Tracker", "make_encoding"]


def make_encoding(name: str = "grid", **options) -> Grid:
    """The encoding of this name, with its options. Raises ValueError for a name that is not in ENCODINGS."""
    if name not in ENCODINGS:
        raise ValueError(f"no such encoding: {name!r}; there are {', '.join(ENCODINGS)}")
    return ENCODINGS[name](**options)
