"""Melodies and pieces as values, and their files: MIDI, ABC, MusicXML, MuseScore, kern and MEI."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ritornello.music.chords import NO_CHORD, Chord, read_chord
from ritornello.music.errors import MusicFileError
from ritornello.music.values import Key, Melody, Metre, Note, Part, Piece, Tempo, Timeline

if TYPE_CHECKING:
    from ritornello.music.files import read, readable, write
    from ritornello.music.worker import UntrustedReader, read_untrusted

__all__ = [
    "NO_CHORD",
    "Chord",
    "Key",
    "Melody",
    "Metre",
    "MusicFileError",
    "Note",
    "Part",
    "Piece",
    "Tempo",
    "Timeline",
    "UntrustedReader",
    "read",
    "read_chord",
    "read_untrusted",
    "readable",
    "write",
]

_HOMES = {
    "read": "files",
    "readable": "files",
    "write": "files",
    "UntrustedReader": "worker",
    "read_untrusted": "worker",
}


def __getattr__(name: str) -> object:
    """Import the functions for files at first use: the values alone load in a few milliseconds."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
