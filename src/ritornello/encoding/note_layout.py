"""The layout of a melody in note groups: rows of ids, ways of writing pitches, groups side by side, exact times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ritornello.encoding.durations import COARSE, TICKS, spelled
from ritornello.encoding.rounding import rounded, stepped
from ritornello.music.values import Melody

BELOW = 6  # semitones that the lowest note may lie below the reference tonic
LOWEST_TONIC, HIGHEST_TONIC = -5, 133  # that pitches are counted from: at most half an octave from 0-127
ROOMY = 12  # semitones that are room enough for a melody


class PitchRow(NamedTuple):
    """A way of writing pitches: the first row of an encoding's table.

    name, size, meaning: of the row. lowest: semitones above the reference that id 0 stands for. is_keyed: a group of
    the header names the key and the octave of the reference. is_chained: each note is the reference of the next.
    """

    name: str
    size: int
    meaning: str
    lowest: int = 0
    is_keyed: bool = False
    is_chained: bool = False


ABSOLUTE = PitchRow("pitch", 128, "a note of this pitch")
ABOVE_KEY = PitchRow(
    "offset",
    127 - LOWEST_TONIC + BELOW + 1,
    f"a note so many semitones, less {BELOW}, above the reference tonic",
    -BELOW,
    is_keyed=True,
)
ABOVE_PREVIOUS = PitchRow(
    "interval", 255, "a note so many semitones, less 127, above the one before", -127, is_keyed=True, is_chained=True
)


class Ids(NamedTuple):
    """First ids of the rows; `second` is the first of part 1. `key` and `octave` are empty rows in `note`.

    pickup: what begins the pick-up, where its length is a group of its own (since version 2); else the same as `key`.
    """

    rest: int
    tie: int
    begin: int
    pickup: int
    key: int
    end: int
    second: int
    length: int
    octave: int
    size: int


@dataclass(frozen=True)
class Groups:
    """A melody's whole groups side by side: arrays of (groups,), those "before" of (groups + 1,).

    event: id of part 0. is_note, starts: a note, or also a rest, starts here. ticks: of the group, 0 in the header.
    pitch: of the note that starts, -1 for none. time, upbeat before: ticks reached, pick-up so far.
    metre: index of the first, -1 for none. changes: (group, index) of later ones.
    key: (place among 12 of each mode, reference tonic, group), or None.
    """

    event: np.ndarray
    is_note: np.ndarray
    starts: np.ndarray
    ticks: np.ndarray
    pitch: np.ndarray
    time: np.ndarray
    upbeat: np.ndarray
    metre: int
    changes: list[tuple[int, int]]
    key: tuple[int, int, int] | None


def tonic_near(pitch: int, tonic: int) -> int:
    """Find the pitch of class `tonic` that may be the reference of a lowest note `pitch`.

    It lies at most BELOW above it, or less than an octave less BELOW under it.
    """
    return pitch + BELOW - (pitch + BELOW - tonic) % 12


def spans_of(
    melody: Melody, upbeat: int, changes: list[tuple[int, int]]
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]], Counter[str]]:
    """List (start, end, pitch) of notes, and changes, in TICKS that have a spelling; and losses.

    upbeat: the pick-up as `upbeat_of` gives it; where that is not the melody's own its notes lose their places.
    changes: tick and index of each metre that begins in the melody.
    """
    per, pickup = melody.timeline.ticks_per_quarter, melody.timeline.pickup
    late: Fraction | int = 0
    if (written := Fraction(upbeat * per, TICKS)) != pickup:  # ticks by which the first bar begins later with it
        late = (written or melody.timeline.bar_ticks(melody.timeline.metre)) - pickup
    edges = [t * TICKS for n in melody.notes for t in (n[0], n[0] + n[1])]
    cuts = [tick * TICKS for tick, _ in changes]
    if not any(edge % per for edge in edges) and not any(cut % per for cut in cuts):
        edges, cuts = [edge // per for edge in edges], [cut // per for cut in cuts]
        marks = sorted([*edges, *cuts]) if cuts else edges
        if all(a == b or spelled(b - a) for a, b in zip([0, *marks], marks)):
            losses = Counter(moved=len(melody.notes)) if late else Counter()
            exact = [(cut, index) for cut, (_, index) in zip(cuts, changes, strict=True)]
            return [(s, e, n[2]) for s, e, n in zip(edges[::2], edges[1::2], melody.notes)], exact, losses
    notes = np.array([n[:3] for n in melody.notes], np.int64).reshape(-1, 3)
    starts, ends, pitches, losses = stepped(notes, COARSE, per, late)
    step = TICKS // COARSE
    places = (rounded(np.array([tick for tick, _ in changes], np.int64), COARSE, per) * step).tolist()
    moved = dict(zip(places, (index for _, index in changes), strict=True))
    spans = list(zip((starts * step).tolist(), (ends * step).tolist(), pitches.tolist(), strict=True))
    return spans, [(place, index) for place, index in moved.items() if place > 0], losses


def upbeat_of(melody: Melody, bar: int) -> int:
    """Measure the pick-up in TICKS that have a spelling; 0 for none, or one that fills the bar."""
    per = melody.timeline.ticks_per_quarter
    ticks, rest = divmod(melody.timeline.pickup * TICKS, per)
    if ticks and (rest or spelled(ticks) is None):
        ticks = int(rounded(np.array([melody.timeline.pickup]), COARSE, per)[0]) * TICKS // COARSE
    return ticks if ticks < bar else 0
