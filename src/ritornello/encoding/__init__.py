"""Melodies as integer tokens: one vocabulary table per encoding, and which tokens may follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ritornello.encoding.grid import Grid
from ritornello.encoding.interval import IntervalEncoding
from ritornello.encoding.lookback import Lookback
from ritornello.encoding.miditok.adapter import MidiTokEncoding, composes
from ritornello.encoding.note import NoteEncoding
from ritornello.encoding.protocol import Echo, Encoded, Encoding, SideInput, Tracker

ENCODINGS: dict[str, Any] = {
    "grid": Grid,
    "note": NoteEncoding,
    "interval": IntervalEncoding,
    "lookback": Lookback,
    "miditok": MidiTokEncoding,
}

__all__ = [
    "ENCODINGS",
    "Echo",
    "Encoded",
    "Encoding",
    "Grid",
    "IntervalEncoding",
    "Lookback",
    "MidiTokEncoding",
    "NoteEncoding",
    "SideInput",
    "Tracker",
    "composes",
    "make_encoding",
]


def make_encoding(name: str = "grid", inputs: Sequence[str] | None = None, **options: Any) -> Any:
    """The encoding of this name, with side inputs (see `side_inputs`) and its own options.

    inputs: None for those that the encoding has by itself: none, but for `lookback`.
    Raises ValueError for a name, an input or an option that does not exist, and for an option out of its range.
    """
    if name not in ENCODINGS:
        raise ValueError(f"no such encoding: {name!r}; there are {', '.join(ENCODINGS)}")
    known = [option for option in ENCODINGS[name].__dataclass_fields__ if option != "inputs"]
    wrong = ", ".join(sorted(set(options) - set(known)))
    if wrong:
        raise ValueError(f"encoding {name!r} has no option {wrong}; it has {', '.join(known) or 'none'}")
    given = {} if inputs is None else {"inputs": inputs}
    return ENCODINGS[name](**given, **options)
