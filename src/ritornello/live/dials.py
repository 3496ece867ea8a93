"""The dials of the instrument, in one table: command line, controllers, OSC, presets, keys and screen all read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ritornello.music.values import Key

METRES = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8", "9/8", "12/8")
MAJORS = ("C", "G", "D", "A", "E", "B", "F#", "Db", "Ab", "Eb", "Bb", "F")
MINORS = ("A", "E", "B", "F#", "C#", "G#", "Eb", "Bb", "F", "C", "G", "D")
KEYS = ("", *MAJORS, *(f"{tonic} minor" for tonic in MINORS))
WAYS = ("call-response", "continue", "duet", "follow", "interleave", "fill", "autonomous")


def dial(usual: Any, low: float, high: float, unit: str = "") -> Any:
    """Make a field with a range. low, high: of its value, both included."""
    return field(default=usual, metadata={"low": low, "high": high, "unit": unit})


def choice(usual: str, *names: str) -> Any:
    """Make a field that takes one of these names."""
    return field(default=usual, metadata={"names": names})


def text(usual: str, read: Callable[[str], Any], *names: str) -> Any:
    """Make a field that takes text.

    read: raises ValueError for a wrong one. names: those that a controller or a key turns to.
    """
    return field(default=usual, metadata={"read": read, "names": names})


def _read_scale(value: str) -> None:
    if value:
        named_scale(value)


def _read_metre(value: str) -> None:
    if value not in METRES:
        from ritornello.music.beats import metre_named

        metre_named(value)


@lru_cache(maxsize=64)
def named_scale(name: str) -> tuple[Key, frozenset[int]]:
    """Read a key, "D dorian", or a scale by its pitches, "C D E G A": key and pitch classes.

    Raises ValueError for anything else.
    """
    from ritornello.music.keys import (  # NumPy with them: it slows the command's start
        parse_key_and_scale,
        parse_scale,
    )

    try:
        return parse_key_and_scale(name)
    except ValueError:
        return parse_scale(name)


@dataclass(frozen=True)
class Dials:
    """All that may be turned while playing. Raises ValueError, naming the dial and its range, for another value."""

    mode: str = choice("call-response", *WAYS)
    """Who plays when: call-response, continue, duet, follow, interleave, fill or autonomous."""

    temperature: float = dial(1.0, 0, 3)
    """0 (always the likeliest) to 3; 1 is as learned, lower is safer, higher wilder."""

    phrase: float = dial(1.0, 0, 2)
    """How much the player's phrases count, 0 (not at all) to 2; 1 is as learned."""

    own: float = dial(1.0, 0, 2)
    """How much the machine's own line counts, 0 (not at all) to 2; 1 is as learned."""

    corpus: float = dial(1.0, 0, 2)
    """How much the training tunes count, 0 (not at all) to 2; 1 is as learned."""

    harmony: float = dial(1.0, 0, 2)
    """How strongly the held chord draws the notes, 0 (not at all) to 2; 1 is as learned, where a model knows it."""

    continuity: float = dial(1.0, 0, 2)
    """How long it keeps to one source that it follows: below 1 it jumps sooner, above 1 it goes on longer."""

    taboo: int = dial(0, 0, 16, "notes")
    """Notes in a row that it may not repeat from what was just played; 0 for no such rule."""

    half_life: float = dial(0.0, 0, 3600, "seconds")
    """Seconds after which what was learned counts half; 0 for never."""

    density: float = dial(1.0, 0.25, 4)
    """How many notes, as a factor: 2 is twice as many as learned."""

    notes_per_second: float = dial(0.0, 0, 32)
    """Of models of performances: notes a second, 0 for as learned; `density` multiplies them."""

    low: int = dial(0, 0, 123)
    """Lowest pitch (60 is middle C)."""

    high: int = dial(127, 4, 127)
    """Highest pitch."""

    length: float = dial(1.0, 0.1, 1.5)
    """Share of its written length for which a note sounds."""

    swing: float = dial(0.0, 0, 1)
    """How late the second of two eighths comes: 0 straight, 1 as in triplets."""

    velocity_follow: float = dial(1.0, 0, 1)
    """How far its loudness follows the player's: 0 not at all, 1 wholly."""

    answer_bars: float = dial(0.0, 0, 32, "bars")
    """Length of an answer; 0 for as long as what was heard."""

    give_back: float = dial(0.5, 0.1, 2, "seconds")
    """Seconds of the player's silence after which it takes over again."""

    ratio: float = dial(0.5, 0, 1)
    """Of `interleave`: share of notes that the machine plays; with `is_random` by dice, else in turns."""

    is_random: bool = dial(False, 0, 1)
    """Of `interleave`: whether the turns are drawn."""

    split: int = dial(0, 0, 127)
    """Notes below this pitch are the left hand's chords, and are not answered; 0 for none."""

    scale: str = text("", _read_scale, *KEYS)
    """Key or scale that is kept: G, "D dorian", "C D E G A"; "" for what it hears."""

    metre: str = text("4/4", _read_metre, *METRES)
    """Metre: 4/4, 3/4, 6/8, 7/8 ..."""

    qpm: float = dial(100.0, 10, 400, "quarters per minute")
    """Tempo, where no clock gives it."""

    look_ahead: float = dial(4.0, 1, 16, "beats")
    """Beats that are planned ahead."""

    commit: float = dial(1.0, 0, 8, "beats")
    """Beats ahead that are no longer changed."""

    program: int = dial(0, 0, 127)
    """Instrument: a General MIDI program."""

    def __post_init__(self) -> None:
        for each in fields(self):
            check(each.name, getattr(self, each.name))
        if self.high - self.low < 4:
            raise ValueError(f"low and high must lie 4 semitones or more apart, not {self.low} and {self.high}")

    def turned(self, name: str, value: Any) -> Dials:
        """Return these dials with one turned.

        Raises ValueError for an unknown name or a value out of range.
        """
        check(name, value)
        before = getattr(self, name)
        return replace(self, **{name: value if isinstance(before, str) else type(before)(float(value))})


def dial_named(name: str) -> Field[Any]:
    """Find a dial's field. Raises ValueError, naming all, where it does not exist."""
    table = {each.name: each for each in fields(Dials)}
    if name not in table:
        raise ValueError(f"no such dial: {name!r}; there are {', '.join(table)}")
    return table[name]


def check(name: str, value: Any) -> None:
    """Raise ValueError, naming the range, where a dial does not exist or does not take a value."""
    metadata = dial_named(name).metadata
    if "read" in metadata:
        if not isinstance(value, str):
            raise ValueError(f"{name} is written as text, not {value!r}")
        metadata["read"](value)
    elif "names" in metadata:
        if value not in metadata["names"]:
            raise ValueError(f"{name} must be one of {', '.join(metadata['names'])}, not {value!r}")
    elif not metadata["low"] <= _number(value) <= metadata["high"]:
        raise ValueError(f"{name} must be {metadata['low']:g} to {metadata['high']:g}, not {value}")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
