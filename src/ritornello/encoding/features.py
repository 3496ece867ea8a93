"""Features: categorical inputs of a network besides the tokens, each a function of the melody so far.

    position       place in the bar in twelfths of a quarter note, rounded down
    strength       metrical level of that place: barline, middle of the bar, beat, half or third of a beat, half of
                   that, weaker
    metre          the metre in force, in two columns: `numerator` and `denominator`
    key            of `interval` the major or minor key with the tonic and third of its header; elsewhere the key, in
                   any mode, of a header that names one, else the major or minor key that fits best so far
    degree         semitones of the last pitch above the tonic of that key
    bar_ago        what sounded one bar before this place, in two columns. `bar_ago`: the token that would start the
                   same pitch now (or rest, or go on). `bar_ago_length`: whether it sounded on there, or began there,
                   and then its duration. To write both again repeats the bar before.
    two_bars_ago   likewise two bars before
    countdown      how many bars are left after this one: the last bar, one, two, three to go, 4 to 7, 8 to 15, 16 or
                   more, and "over". Only a caller knows it, who sets a tracker's `until`; elsewhere it is unknown. In
                   training it is known for half of the melodies, so that one network scores without it and composes
                   with it
    chord          the chord that sounds at this place, in three columns. `chord`: its root and quality, or that there
                   is none; `next_chord`: likewise of the one after it; `chord_left`: how long until that begins.
                   Roots are counted from the tonic of the header's key, from the last note where pitches are, and
                   elsewhere from C. Only a caller knows them, who sets a tracker's `harmony`; elsewhere, and in the
                   header, they are unknown. In training they are known for a quarter of the melodies that have them,
                   and for a quarter of these without the next one, as on stage

Value 0 of each means "none": no metre yet, no note yet, no bar before, no end known.

One tracker computes all of this, a melody at a time, for training, scoring and composing alike (`feature_rows`).

Source: a bar ago from Magenta's lookback (Waite 2016, "Generating Long-Term Structure in Songs and Stories").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding.vocabulary import MetreTable
from ritornello.music.chords import QUALITIES
from ritornello.music.keys import PROFILE_ROWS
from ritornello.music.values import Chord, Melody

INPUTS = ("position", "strength", "metre", "key", "degree", "bar_ago", "two_bars_ago", "countdown", "chord")
BARS_AGO = {"bar_ago": 1, "two_bars_ago": 2}
PER_QUARTER = 12
POSITIONS = 9 * PER_QUARTER  # of the longest bar with a name, 9/4; later places of longer ones count as its last
STRENGTHS = 6
COUNTDOWN = "countdown"
TO_GO = (1, 2, 3, 4, *[5] * 4, *[6] * 8, 7)  # its values by bars to go, 0 to 16 or more
OVER = 8  # after the last bar: `end` after a full bar is asked for where the next bar would begin
CHORD = "chord"
CHORD_COLUMNS = (CHORD, "next_chord", "chord_left")
SOUNDING = tuple(name for name in QUALITIES if name != "none")  # qualities of chords that have a root
NO_CHORD = 1  # the value of "N.C."; 2 + 12 * quality + root those of the others
CHORD_VALUES = 2 + 12 * len(SOUNDING)
LEFT = (0, 1, 2, 3, 4, 6, 8, 12, 16)  # half quarters until the next chord, above which the values 1 to 9 begin
NONE_LEFT = len(LEFT) + 1  # no other chord will come
UNKNOWN_CHORDS = (0, 0, 0)


class Feature(NamedTuple):
    """A categorical input of a network besides the tokens: values 0 to size - 1."""

    name: str
    size: int


@dataclass(frozen=True, eq=False)
class Aspect:
    """A meaning of ids of part 0, given a feature: ids with one meaning share weights of the softmax.

    feature: its column. size: number of meanings. table: (values of the feature, ids) of int16, the meaning of each
    id, -1 for none. Equal to itself alone: an encoding makes its aspects once.
    """

    feature: int
    size: int
    table: np.ndarray


Event = tuple[int, int, int]
"""A note, a rest or a tie: its id in part 0, the index of its duration (-1 if it began before), its pitch (-1)."""

NO_EVENT_YET: Event = (-1, -1, -1)


class Harmony(NamedTuple):
    """The chords of one melody. starts: ticks of a tracker at which each begins, in order; the last one stays.

    is_open: whether others may come after the last one, as on stage.
    """

    starts: tuple[int, ...]
    chords: tuple[Chord, ...]
    is_open: bool = False

    def values(self, time: int, reference: int, per_quarter: int) -> tuple[int, int, int]:
        """Compute the columns of `chord` at this time. reference: pitch that roots are counted from.

        A chord goes on where only its bass changes.
        """
        place, count = bisect_right(self.starts, time), len(self.starts)
        now = chord_value(self.chords[place - 1], reference) if place else 0
        while 0 < place < count and chord_value(self.chords[place], reference) == now:
            place += 1
        if place == count:
            return now, 0, 0 if self.is_open else NONE_LEFT
        left = bisect_left(LEFT, 2 * (self.starts[place] - time) / per_quarter)
        return now, chord_value(self.chords[place], reference), left

    def at(self, time: int) -> Chord | None:
        """Find the chord that sounds at this time; None before the first one."""
        place = bisect_right(self.starts, time)
        return self.chords[place - 1] if place else None

    def transposed(self, semitones: int) -> Harmony:
        """Move the chords with a melody."""
        return self._replace(chords=tuple(chord.transposed(semitones) for chord in self.chords))


def chord_value(chord: Chord, reference: int) -> int:
    """Compute the value of a chord, 1 to CHORD_VALUES - 1; the bass does not count."""
    if chord.quality == "none":
        return NO_CHORD
    return 2 + 12 * SOUNDING.index(chord.quality) + (chord.root - reference) % 12


def harmony_of(encoding: Any, melody: Melody) -> Harmony | None:
    """Lay the chords of a melody on an encoding's ticks; None without chords.

    A pick-up begins later than 0, as in the tracker. Of chords that begin in one tick the last one stays.
    """
    ticks, per, late = encoding.ticks_per_quarter, melody.timeline.ticks_per_quarter, entry_of(melody)
    placed = {int((2 * (tick + late) * ticks + per) // (2 * per)): chord for tick, chord in melody.chords}
    return Harmony(tuple(placed), tuple(placed.values())) if placed else None


def entry_of(melody: Melody) -> Fraction | int:
    """Count the ticks from the barline before a melody to its beginning, above 0 with a pick-up."""
    timeline = melody.timeline
    return timeline.bar_ticks(timeline.metre) - timeline.pickup if timeline.pickup else 0


def knows_chords(encoding: Any) -> bool:
    """Tell whether a network of this encoding may know chords."""
    return CHORD in [feature.name for feature in encoding.features]


def checked_inputs(inputs: str | Sequence[str]) -> tuple[str, ...]:
    """Return names of inputs in the order of INPUTS. Raises ValueError for an unknown name."""
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    for name in names:
        if name not in INPUTS:
            raise ValueError(f"no such side input: {name!r}; there are {', '.join(INPUTS)}")
    return tuple(name for name in INPUTS if name in names)


def feature_list(
    inputs: Sequence[str], events: int, durations: int, metres: MetreTable, modes: int = 2
) -> tuple[Feature, ...]:
    """List the columns of these inputs.

    events, durations: number of ids of each in the encoding. modes: number of those in which a key may be.
    """
    sizes = {"position": POSITIONS + 1, "strength": STRENGTHS + 1, "key": 12 * modes + 1, "degree": 13}
    sizes |= {COUNTDOWN: OVER + 1}
    columns = []
    for name in inputs:
        if name in sizes:
            columns.append(Feature(name, sizes[name]))
        elif name == "metre":
            columns += [Feature(*column) for column in metres.columns]
        elif name == CHORD:
            chord_sizes = CHORD_VALUES, CHORD_VALUES, NONE_LEFT + 1
            columns += [Feature(*column) for column in zip(CHORD_COLUMNS, chord_sizes, strict=True)]
        else:
            columns += [Feature(name, events + 1), Feature(f"{name}_length", durations + 2)]
    return tuple(columns)


def feature_rows(
    encoding: Any, tokens: Sequence[int] | np.ndarray, until: int = -1, harmony: Harmony | None = None
) -> np.ndarray:
    """Compute the features before each note group of a melody, (groups, F) int16.

    Row g follows from the groups before g, from `until`, the tick at which the melody is over, -1 for unknown, and
    from `harmony`, its chords, None for unknown.
    """
    columns = len(encoding.features)
    parts = len(encoding.parts)
    groups = -(-len(tokens) // parts)
    if not columns:
        return np.zeros((groups, columns), np.int16)
    if hasattr(encoding, "feature_rows"):  # of its own, which knows a faster way
        own: np.ndarray = encoding.feature_rows(tokens)
        return own
    tracker, rows = encoding.tracker(), []
    tracker.until, tracker.harmony = until, harmony
    for place, token in enumerate(np.asarray(tokens).tolist()):
        if place % parts == 0:
            rows.append(tracker.features())
        tracker.advance(token)
    return np.array(rows, np.int16).reshape(groups, columns)


def count_down(until: int, since: int, time: int, bar: int) -> int:
    """Compute the value of `countdown`, 0 to 8.

    until: ticks at which the melody is over, -1 where that is unknown. since: where the metre in force began. bar:
    ticks of its bar.
    """
    if until < 0:
        return 0
    left = -((since - until) // bar) - 1 - (time - since) // bar
    return OVER if left < 0 else TO_GO[min(left, len(TO_GO) - 1)]


def length_of(encoding: Any, tokens: Sequence[int] | np.ndarray) -> int:
    """Count the ticks at which a melody is over, from the barline of its first bar."""
    tracker = encoding.tracker()
    for token in np.asarray(tokens).tolist():
        tracker.advance(token)
    return tracker.time


def countdown_column(encoding: Any, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
    """Compute the countdown before each note group of a whole melody, (groups,) int16.

    Before its tokens name a metre the bars are those of the first one: a request for so many bars counts them so.
    """
    tracker, parts = encoding.tracker(), len(encoding.parts)
    places: list[tuple[int, int, int]] = []
    for place, token in enumerate(np.asarray(tokens).tolist()):
        if place % parts == 0:
            places.append((tracker.since, tracker.time, tracker.bar if tracker.begun else 0))
        tracker.advance(token)
    first = next((bar for *_, bar in places if bar), tracker.bar)
    until = tracker.time
    return np.array([count_down(until, since, time, bar or first) for since, time, bar in places], np.int16)


def chord_columns(encoding: Any, tokens: Sequence[int] | np.ndarray, harmony: Harmony) -> np.ndarray:
    """Compute the columns of `chord` before each note group of a melody, (groups, 3) int16."""
    first = [feature.name for feature in encoding.features].index(CHORD)
    return feature_rows(encoding, tokens, -1, harmony)[:, first : first + len(CHORD_COLUMNS)]


@lru_cache(maxsize=4096)
def metrical(division: int, place: int, bar: int, beat: int, ticks_per_quarter: int) -> tuple[int, int]:
    """Compute position and strength of a place in the bar. division: parts of a beat, 2 or 3."""
    position = 1 + min(place * PER_QUARTER // ticks_per_quarter, POSITIONS - 1)
    if place == 0:
        strength = 1
    elif 2 * place == bar and bar % (2 * beat) == 0 and (division == 3 or bar >= 4 * beat):
        strength = 2
    elif place % beat == 0:
        strength = 3
    elif place * division % beat == 0:
        strength = 4
    else:
        strength = 5 if 2 * place * division % beat == 0 else 6
    return position, strength


def input_values(
    inputs: Sequence[str],
    place: tuple[int, int],
    metre: tuple[int, ...],
    key: int,
    pitch: int,
    ago: Mapping[str, Event],
    countdown: int = 0,
    chords: tuple[int, int, int] = UNKNOWN_CHORDS,
) -> list[int]:
    """List the values of these inputs, column by column as in `feature_list`.

    place: see `metrical`, 0 and 0 before a metre is known. metre: see `MetreTable.values`. key: as of `Past.key`.
    pitch: of the last note, -1 before the first. ago: by name of the input what sounded so many bars before, as it
    would be written now. countdown: see `count_down`. chords: see `Harmony.values`.
    """
    values: list[int] = []
    for name in inputs:
        if name == "position":
            values.append(place[0])
        elif name == "strength":
            values.append(place[1])
        elif name == "metre":
            values += metre
        elif name == "key":
            values.append(key + 1)
        elif name == "degree":
            values.append(0 if key < 0 or pitch < 0 else 1 + (pitch - key) % 12)
        elif name == COUNTDOWN:
            values.append(countdown)
        elif name == CHORD:
            values += chords
        else:
            event, duration, _ = ago[name]
            values += (event + 1, duration + 2 - (event < 0))
    return values


KEY_FITS = np.rint(10_000 * PROFILE_ROWS).T.copy()
"""How well each pitch class fits each key, (12, 24): whole numbers, so that sums are exact in any order."""


class Past:
    """What has sounded in one melody so far: its events, and how well keys fit them."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.events: list[Event] = []
        self._fit: np.ndarray | None = None

    def sound(self, pitch: int, ticks: int) -> None:
        """Count a pitch that sounds for so many ticks towards the key."""
        counted = ticks * KEY_FITS[pitch % 12]
        self._fit = counted if self._fit is None else self._fit + counted

    def key(self) -> int:
        """Find the best key: 0 to 11 for C to B major, 12 to 23 for minor, -1 without notes.

        Source: see `music.keys.estimate_key`.
        """
        return -1 if self._fit is None else int(self._fit.argmax())

    def add(self, start: int, event: Event) -> None:
        """Append an event that starts at `start` ticks."""
        self.starts.append(start)
        self.events.append(event)

    def at(self, time: int) -> Event:
        """Return what sounded at this time; its duration is -1 unless it began there."""
        place = bisect_right(self.starts, time) - 1
        if place < 0:
            return NO_EVENT_YET
        found = self.events[place]
        return found if self.starts[place] == time else (found[0], -1, found[2])

    def copy(self) -> Past:
        """Return a past that goes on by itself."""
        other = copy(self)
        other.starts, other.events = self.starts.copy(), self.events.copy()
        return other
