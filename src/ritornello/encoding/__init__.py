"""Music as integer tokens: one vocabulary table per encoding, and the rules of which tokens may follow."""

from __future__ import annotations

from ritornello.encoding.features import Feature
from ritornello.encoding.grid import Grid
from ritornello.encoding.lookback import Lookback
from ritornello.encoding.note import IntervalEncoding, NoteEncoding
from ritornello.encoding.options import (
    ENCODINGS,
    counts_bars,
    encoding_class,
    encoding_from_dict,
    is_melodic,
    kept_by,
    make_encoding,
)
from ritornello.encoding.protocol import Encoded, Encoding, MelodyEncoding, Place, Rules

__all__ = [
    "ENCODINGS",
    "Encoded",
    "Encoding",
    "Feature",
    "Grid",
    "IntervalEncoding",
    "Lookback",
    "MelodyEncoding",
    "NoteEncoding",
    "Place",
    "Rules",
    "counts_bars",
    "encoding_class",
    "encoding_from_dict",
    "is_melodic",
    "kept_by",
    "make_encoding",
]
