"""Categorical inputs that a network may get besides the tokens; each follows from the tokens so far.

    position       place in the bar in twelfths of a quarter note (a place between two of them counts as the earlier)
    strength       what stands there: barline, middle of the bar, beat, half or third of a beat, half of that, less
    metre          the metre that the tune began with
    key            of `interval` its header's; else the key that fits best what has been heard so far
    degree         semitones of the last pitch above that key's tonic
    bar_ago        what stood one bar before the place reached, in two columns. `bar_ago`: the token that would start
                   the same pitch now (or a rest, or go on). `bar_ago_length`: whether it stood there already, or
                   began just there, and then how long it was. The two say what to write to repeat the bar before.
    two_bars_ago   the same two bars before

Value 0 of each says "nothing": no metre yet, no note yet, no bar before. Nothing here has to be paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ritornello.encoding.metres import METRES, is_compound, metre_numbers
from ritornello.encoding.protocol import SideInput
from ritornello.music.keys import PROFILES

INPUTS = ("position", "strength", "metre", "key", "degree", "bar_ago", "two_bars_ago")
BARS_AGO = {"bar_ago": 1, "two_bars_ago": 2, "four_bars_ago": 4, "eight_bars_ago": 8}  # two are inputs, all echoes
PER_QUARTER = 12
POSITIONS = 9 * PER_QUARTER  # of the longest bar with a name, 9/4; later places of longer ones count as its last
STRENGTHS = 6

_PARTS = np.array([3 if is_compound(metre_numbers(n)) else 2 for n in range(len(METRES))])  # of a beat


def _fits() -> np.ndarray:
    """How well each pitch class fits each key, (12, 24): whole numbers, so that sums are exact in any order."""
    rows = np.array([np.roll(profile, tonic) for profile in PROFILES.values() for tonic in range(12)])
    rows = rows - rows.mean(1, keepdims=True)
    return np.rint(10_000 * rows / np.linalg.norm(rows, axis=1, keepdims=True)).T.copy()


_FITS = _fits()


class Past(NamedTuple):
    """What stood at earlier places: arrays of one shape. what: -1 for nothing; length: -1 where it began before."""

    what: np.ndarray
    length: np.ndarray
    pitch: np.ndarray


@dataclass
class Present:
    """Where tunes stand; arrays of one shape (N,).

    time, bar, beat in ticks; metre: its place in the list of metres, -1 before it is known; key: 0 to 11 for C to B
    major, 12 to 23 minor, -1 for none; pitch: of the last note, -1 before the first; ago: what stood at the place so
    many bars before, by name of the input.
    """

    time: np.ndarray
    bar: np.ndarray
    beat: np.ndarray
    metre: np.ndarray
    key: np.ndarray
    pitch: np.ndarray
    ago: dict[str, Past]


def checked(inputs: Sequence[str]) -> tuple[str, ...]:
    """The names as a tuple, in the order of INPUTS. Raises ValueError for a name that is not among them."""
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    for name in names:
        if name not in INPUTS:
            raise ValueError(f"no such side input: {name!r}; there are {', '.join(INPUTS)}")
    return tuple(name for name in INPUTS if name in names)


def side_list(inputs: Sequence[str], codes: int, lengths: int) -> tuple[SideInput, ...]:
    """The columns of these inputs, for an encoding with so many codes for what stood there and lengths of it."""
    sizes = {"position": POSITIONS + 1, "strength": STRENGTHS + 1, "metre": len(METRES) + 1, "key": 25, "degree": 13}
    columns = []
    for name in inputs:
        if name in sizes:
            columns.append(SideInput(name, sizes[name]))
        else:
            columns += [SideInput(name, codes + 1), SideInput(f"{name}_length", lengths + 2)]
    return tuple(columns)


def side_columns(inputs: Sequence[str], now: Present, ticks_per_quarter: int) -> np.ndarray:
    """(N, columns) int16: the values of `side_list` at each moment."""
    if not inputs:
        return np.zeros((len(now.time), 0), np.int16)
    place = now.time % now.bar
    columns = []
    for name in inputs:
        if name in BARS_AGO:
            columns += [now.ago[name].what + 1, now.ago[name].length + 2 - (now.ago[name].what < 0) * 1]
        else:
            columns.append(_COLUMNS[name](now, place, ticks_per_quarter))
    return np.stack(columns, 1).astype(np.int16)


def fitting_key(heard: np.ndarray) -> np.ndarray:
    """(N,) of int: the key that fits best, 0 to 11 for C to B major, 12 to 23 minor, -1 where nothing was heard.

    heard: (N, 12) of float, whole numbers: how long each pitch class has sounded. Source: see `keys.estimate_key`.
    """
    return np.where(heard.any(1), (heard @ _FITS).argmax(1), -1)


def _position(now: Present, place: np.ndarray, ticks_per_quarter: int) -> np.ndarray:
    steps = np.minimum(place * PER_QUARTER // ticks_per_quarter, POSITIONS - 1)
    return np.where(now.metre < 0, 0, 1 + steps)


def _strength(now: Present, place: np.ndarray, ticks_per_quarter: int) -> np.ndarray:
    parts = _PARTS[now.metre]
    halves = (2 * place == now.bar) & (now.bar % (2 * now.beat) == 0) & ((parts == 3) | (now.bar >= 4 * now.beat))
    levels = [place == 0, halves, place % now.beat == 0, place * parts % now.beat == 0]
    levels.append(2 * place * parts % now.beat == 0)
    return np.where(now.metre < 0, 0, np.select(levels, [1, 2, 3, 4, 5], 6))


def _degree(now: Present, place: np.ndarray, ticks_per_quarter: int) -> np.ndarray:
    return np.where((now.key < 0) | (now.pitch < 0), 0, 1 + (now.pitch - now.key) % 12)


_COLUMNS = {
    "position": _position,
    "strength": _strength,
    "metre": lambda now, place, ticks_per_quarter: now.metre + 1,
    "key": lambda now, place, ticks_per_quarter: now.key + 1,
    "degree": _degree,
}


class History:
    """What has stood where, in several tunes at once: events in order, each from its own start on."""

    def __init__(self, batch: int):
        self.count = np.zeros(batch, np.int64)
        self._starts = np.full((batch, 64), _NEVER)
        self._events = np.zeros((batch, 64, 3), np.int64)  # what, length, pitch

    def add(
        self, rows: np.ndarray, start: np.ndarray, what: np.ndarray, length: np.ndarray, pitch: np.ndarray
    ) -> None:
        """An event for each of `rows` (indices); the others (len(rows),)."""
        if len(rows) and self.count[rows].max() == self._starts.shape[1]:
            self._starts = np.concatenate([self._starts, np.full_like(self._starts, _NEVER)], 1)
            self._events = np.concatenate([self._events, np.zeros_like(self._events)], 1)
        places = self.count[rows]
        self._starts[rows, places] = start
        self._events[rows, places] = np.stack([what, length, pitch], 1)
        self.count[rows] += 1

    def nth(self, places: np.ndarray) -> np.ndarray:
        """(batch, 3): what, length and pitch of the event at each of these places, (batch,)."""
        return self._events[np.arange(len(places)), places]

    def pitch_before(self, places: np.ndarray) -> np.ndarray:
        """(batch,): pitch of the event before each of these places, (batch,); -1 for a rest, or before the first."""
        rows = np.arange(len(places))
        return np.where(places > 0, self._events[rows, np.maximum(places - 1, 0), 2], -1)

    def at(self, times: np.ndarray) -> Past:
        """What stood at `times`, (..., batch)."""
        upto = self.count.max(initial=0)
        if not upto:
            return nothing(times.shape)
        places = (self._starts[:, :upto] <= times[..., None]).sum(-1) - 1
        rows = np.arange(times.shape[-1])
        return _past(self._events[rows, places], self._starts[rows, places] == times, places >= 0)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone."""
        self.count, self._starts, self._events = self.count[rows], self._starts[rows], self._events[rows]


def past_at(times: np.ndarray, starts: np.ndarray, events: np.ndarray) -> Past:
    """As `History.at` for one tune at many times: starts (events,), events (events, 3) of what, length, pitch."""
    if not len(starts):
        return nothing(times.shape)
    places = starts.searchsorted(times, "right") - 1
    return _past(events[places], starts[places] == times, places >= 0)


def nothing(shape: tuple[int, ...]) -> Past:
    """Nothing stood there."""
    return Past(*(np.full(shape, -1) for _ in Past._fields))


def _past(events: np.ndarray, begins: np.ndarray, exists: np.ndarray) -> Past:
    what, length, pitch = events[..., 0], events[..., 1], events[..., 2]
    return Past(np.where(exists, what, -1), np.where(exists & begins, length, -1), np.where(exists, pitch, -1))


_NEVER = np.int64(1) << 60
