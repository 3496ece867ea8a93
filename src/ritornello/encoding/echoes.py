"""Echoes: groups from a tune's own past that a network may copy, each with how strong the evidence for it is.

    bar_ago, two_bars_ago, four_bars_ago, eight_bars_ago
                what stood at this place so many bars before, written as it would be now. Strength 1: it stood there
                already (its length is not told); 2: it began just there
    motif       what followed when the last k events, what and how long, came before: of the longest such match, at
                most LONGEST_MATCH events, the latest. Strength k
    contour     the same, matched on what they were alone, however long
    sequence    the same, matched on the steps from pitch to pitch and the lengths; what followed there is moved so as
                to go on from the last pitch

Strength 0 says that there is none. Pitches relative to a key, or to the note before, make a motif come again in
another key or on another degree. The grid, whose steps are not events, has the bars alone: there an echo is the token
of that step (strength 1: no_event; 2: another).

Each echo is three columns after the side inputs': what (id of part 0, plus 1; 0 for none), length (id of part 1
counted from its first, plus 1; 0 where it is not known) and strength. All follows from the tokens so far.

Sources: what stood a bar ago from Magenta's lookback (Waite 2016, "Generating Long-Term Structure in Songs and
Stories"); longest matches within the tune from the short-term model of IDyOM (Conklin and Witten 1995, "Multiple
viewpoint systems for music prediction"; Pearce 2005); a network that copies from what it has seen from Gu et al. 2016
(arXiv 1603.06393), Merity et al. 2016 (arXiv 1609.07843) and Grave et al. 2016 (arXiv 1612.04426).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ritornello.encoding.protocol import Echo
from ritornello.encoding.side_inputs import BARS_AGO, Past
from ritornello.encoding.symbols import NO_EVENT

LONGEST_MATCH = 6  # events
MATCHED = ("motif", "contour", "sequence")
ECHOES = (*(Echo(name, 3) for name in BARS_AGO), *(Echo(name, LONGEST_MATCH + 1) for name in MATCHED))
BAR_ECHOES = ECHOES[: len(BARS_AGO)]
LENGTHS_APART = 1024  # more than there are durations
NO_STEP = 512  # what stands for the step to or from a rest; steps are counted from 128


class Candidates(NamedTuple):
    """What one echo says at several moments: arrays of one shape (N,).

    what: id of part 0, -1 for none. length: id of part 1 counted from its first, -1 where it is not known.
    """

    what: np.ndarray
    length: np.ndarray
    strength: np.ndarray


def checked_echoes(echoes: str | Sequence[str | Echo], known: Sequence[Echo] = ECHOES) -> tuple[Echo, ...]:
    """The echoes of these names, in the order of `known`. Raises ValueError for a name that is not among them."""
    asked = (echoes,) if isinstance(echoes, str) else tuple(echoes)
    names = [echo.name if isinstance(echo, Echo) else echo for echo in asked]
    for name in names:
        if name not in [echo.name for echo in known]:
            there = ", ".join(echo.name for echo in known) or "none"
            raise ValueError(f"no such echo here: {name!r}; there are {there}")
    return tuple(echo for echo in known if echo.name in names)


def matched(echoes: Sequence[Echo]) -> tuple[str, ...]:
    """Names of those among them that match events."""
    return tuple(echo.name for echo in echoes if echo.name not in BARS_AGO)


def echo_columns(said: Sequence[Candidates]) -> np.ndarray:
    """(N, 3 * echoes) int16: what and length, each plus 1, and strength, of each echo at each moment."""
    return np.stack([column for it in said for column in (it.what + 1, it.length + 1, it.strength)], 1).astype(
        np.int16
    )


def stood(past: Past, first_length: int) -> Candidates:
    """Candidates of what stood so many bars before. first_length: id in part 1 of the first duration."""
    begins = past.length >= 0
    return Candidates(past.what, np.where(begins, past.length + first_length, -1), (past.what >= 0) * 1 + begins)


def step_stood(tokens: np.ndarray) -> Candidates:
    """Candidates of what stood so many bars before on a grid: its tokens then, -1 before the tune began."""
    strength = np.where(tokens < 0, 0, np.where(tokens == NO_EVENT, 1, 2))
    return Candidates(tokens, np.full(len(tokens), -1), strength)


def followed(events: np.ndarray, strength: np.ndarray, first_length: int) -> Candidates:
    """Candidates of what followed a match of this strength: events, (N, 2 or more), of what and length."""
    exists = strength > 0
    what, length = events[:, 0], events[:, 1]
    return Candidates(np.where(exists, what, -1), np.where(exists, length + first_length, -1), strength)


def codes(name: str, events: np.ndarray, before: np.ndarray) -> np.ndarray:
    """One number for each event, the same for those that `name` takes for the same.

    events: (N, 3) of what, length and pitch, -1 for a rest's. before: (N,), the pitch of the event before each.
    """
    what, length, pitch = events.T
    if name == "contour":
        return what
    if name == "sequence":
        what = np.where((pitch < 0) | (before < 0), NO_STEP, pitch - before + 128)
    return what * LENGTHS_APART + length


def moved(events: np.ndarray, there: np.ndarray, here: np.ndarray, base: np.ndarray, pitches: int) -> np.ndarray:
    """Events (N, 3) written as they would go on from other pitches: the pitch before was `there`, and is `here`.

    there, here: (N,), -1 for a rest. base: (N,), the pitch of id 0. pitches: how many ids have one.
    """
    is_moved = (events[:, 2] >= 0) & (there >= 0) & (here >= 0)
    what = np.clip(events[:, 2] - there + here - base, 0, pitches - 1)
    return np.stack([np.where(is_moved, what, events[:, 0]), events[:, 1], events[:, 2]], 1)


def matches(events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """After each number of events, 0 to all: the place of the echo among them, and how many events match.

    events: (events,) of codes. Returns two arrays (events + 1,) of int; where nothing matches, both are 0.
    Each round sorts all runs of one more event than the round before, so that equal ones stand together.
    """
    count = len(events)
    places, strength = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    runs, single = events, events
    for length in range(1, min(LONGEST_MATCH, count - 1) + 1):
        order = runs.argsort(kind="stable")
        same = runs[order[1:]] == runs[order[:-1]]
        if not same.any():
            break
        later = order[1:][same] + length
        places[later], strength[later] = order[:-1][same] + length, length
        ranks = np.empty(len(runs), np.int64)
        ranks[order] = np.append(0, np.cumsum(~same))
        single = ranks if length == 1 else single
        runs = ranks[:-1] * count + single[length:]
    return places, strength


class Matches:
    """As `matches`, for several tunes at once that grow by an event at a time."""

    def __init__(self, batch: int):
        self._count = np.zeros(batch, np.int64)
        self._codes = np.full((batch, 64), -1)
        self._runs = np.zeros((batch, 64), np.uint8)  # how many events up to this one are as the last ones

    def add(self, rows: np.ndarray, events: np.ndarray) -> None:
        """An event for each of `rows` (indices): codes, (len(rows),)."""
        if not len(rows):
            return
        width = int(self._count[rows].max())
        if width == self._codes.shape[1]:
            self._codes = np.concatenate([self._codes, np.full_like(self._codes, -1)], 1)
            self._runs = np.concatenate([self._runs, np.zeros_like(self._runs)], 1)
        same = self._codes[rows, :width] == events[:, None]
        longer = np.ones((len(rows), width), np.uint8)
        longer[:, 1:] += self._runs[rows, : max(width - 1, 0)]
        self._runs[rows, :width] = np.minimum(longer, LONGEST_MATCH) * same
        self._codes[rows, self._count[rows]] = events
        self._count[rows] += 1

    def found(self) -> tuple[np.ndarray, np.ndarray]:
        """Place of the echo among the events of each tune, and how many events match; both 0 for none, (batch,)."""
        width = int(self._count.max(initial=0))
        if not width:
            return np.zeros(len(self._count), np.int64), np.zeros(len(self._count), np.int64)
        places = width - 1 - self._runs[:, width - 1 :: -1].argmax(1)
        strength = self._runs[np.arange(len(places)), places].astype(np.int64)
        return np.where(strength > 0, places + 1, 0), strength

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone."""
        self._count, self._codes, self._runs = self._count[rows], self._codes[rows], self._runs[rows]
