"""Melodies as integer tokens: one vocabulary table per encoding, and which tokens may follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from typing import Any

from ritornello.encoding.grid import Grid
from ritornello.encoding.interval import IntervalEncoding
from ritornello.encoding.lookback import Lookback
from ritornello.encoding.note import NoteEncoding
from ritornello.encoding.protocol import Echo, Encoded, Encoding, SideInput, Tracker

ENCODINGS: dict[str, Any] = {
    "grid": Grid,
    "note": NoteEncoding,
    "interval": IntervalEncoding,
    "lookback": Lookback,
    "miditok": "ritornello.encoding.miditok:MidiTokEncoding",  # "module:class", imported when it is asked for
}

__all__ = [
    "ENCODINGS",
    "Echo",
    "Encoded",
    "Encoding",
    "Grid",
    "IntervalEncoding",
    "Lookback",
    "NoteEncoding",
    "SideInput",
    "Tracker",
    "counts_bars",
    "encoding_class",
    "make_encoding",
]


def make_encoding(name: str = "grid", inputs: Sequence[str] | None = None, **options: Any) -> Any:
    """Make the encoding of this name, with side inputs (see `side_inputs`) and its own options.

    inputs: None for those that the encoding has by itself: none, but for `lookback`.
    Raises ValueError for a name, an input or an option that does not exist, and for an option out of its range.
    """
    kind, given = encoding_class(name), options if inputs is None else {"inputs": inputs, **options}
    takes = [option.name for option in fields(kind)]
    if wrong := ", ".join(sorted(set(given) - set(takes))):
        known = ", ".join(option for option in takes if option != "inputs")
        raise ValueError(f"encoding {name!r} has no option {wrong}; it has {known or 'none'}")
    return kind(**given)


def encoding_class(name: str) -> Any:
    """Return the class registered under a name in ENCODINGS. Raises ValueError for a name that is not there."""
    if name not in ENCODINGS:
        raise ValueError(f"no such encoding: {name!r}; there are {', '.join(ENCODINGS)}")
    kind = ENCODINGS[name]
    if isinstance(kind, str):
        module, _, name = kind.partition(":")
        kind = getattr(import_module(module), name)
    return kind


def counts_bars(encoding: Encoding) -> bool:
    """Tell whether tunes can be composed in bars: whether the tracker knows which tokens still lead to an ending."""
    return hasattr(encoding.tracker(1), "finishable")
