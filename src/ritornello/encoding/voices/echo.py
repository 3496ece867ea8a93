"""What followed in this piece where it went on as it does now, and which pitch classes it has heard of late.

    echo_...     what followed the longest passage of all voices that is the one before the token due, and how long
                 that is: a repeat is recognised
    line_...     the same of the voice due alone
    recent_...   how long ago the pitch class so many semitones above what the voice due sang last has sounded

Passages stand at the same place in a quarter; of equally long ones the latest counts. As notes are moves, a passage
that comes back in another key is found as well. The first note of a voice is like no other, as its token depends on
the key. Value 0 of each means none.

Source of the idea: the longest context, as in prediction by partial matching, Cleary & Witten 1984.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from copy import copy
from typing import Self

import numpy as np

from ritornello.encoding.features import Feature

ECHO, LINE, RECENT = "echo", "line", "recent"
HOLD, REST, SAME = 128, 129, 64
FARTHEST = 24  # semitones of a move that are told apart
FOLLOWED = 2 * FARTHEST + 3  # values of what followed: moves, hold and rest
FIRST_NOTE = -1
SIXTEENTHS = 4  # of a quarter
LENGTHS = (1, 4, 8, 16, 32, 64, 128, 256)  # tokens; from each on a passage is told apart from shorter ones
SURE = (16, 64)  # tokens, from which what followed is told apart from what followed shorter passages
LINE_LENGTHS, LINE_SURE = (1, 3, 5, 9, 17, 33, 65, 129), (16, 48)  # of a voice alone
AGES = (4, 16, 64, 192, 512)  # tokens since a pitch class sounded, up to each of them
FEATURES = {
    ECHO: (Feature("echo_token", 1 + (len(SURE) + 1) * FOLLOWED), Feature("echo_length", 1 + len(LENGTHS))),
    LINE: (Feature("line_token", 1 + (len(LINE_SURE) + 1) * FOLLOWED), Feature("line_length", 1 + len(LINE_LENGTHS))),
    RECENT: tuple(Feature(f"recent_{semitones}", 2 + len(AGES)) for semitones in range(12)),
}


class Echo:
    """The tokens so far, and the length of the passage before each place that is also the latest one.

    period: tokens of a quarter. lengths, sure: see LENGTHS, SURE. No array is changed once it is made, so that copies
    may share them.
    """

    def __init__(self, period: int, lengths: tuple[int, ...], sure: tuple[int, ...]) -> None:
        self._period, self._least, self._sure = period, lengths, sure
        self._tokens = np.zeros(0, np.int16)
        self._lengths = np.zeros(1, np.int32)  # of the passage that ends before each place

    def advance(self, token: int) -> None:
        """Go on by a token, or FIRST_NOTE."""
        count = len(self._tokens)
        lengths, tokens = np.zeros(count + 2, np.int32), np.empty(count + 1, np.int16)
        if token != FIRST_NOTE:
            np.add(self._lengths[:-1], 1, out=lengths[1:-1])
            lengths[1:-1] *= self._tokens == token
        tokens[:count], tokens[count] = self._tokens, token
        self._tokens, self._lengths = tokens, lengths

    def features(self) -> tuple[int, int]:
        """Compute what followed the longest passage, and how long that is."""
        due = len(self._tokens)
        places = self._lengths[due % self._period : due : self._period]
        if not len(places):
            return 0, 0
        nearest = len(places) - 1 - int(places[::-1].argmax())
        length = int(places[nearest])
        token = int(self._tokens[due % self._period + nearest * self._period])
        if not length or token == FIRST_NOTE:
            return 0, 0
        sure = bisect_right(self._sure, length)
        move = min(max(token - SAME, -FARTHEST), FARTHEST) + FARTHEST
        followed = move if token < HOLD else FOLLOWED - 2 + token - HOLD
        return 1 + sure * FOLLOWED + followed, bisect_right(self._least, length)


class Recollection:
    """A piece's memory of its own four voices. inputs: of ECHO, LINE and RECENT."""

    def __init__(self, inputs: tuple[str, ...]) -> None:
        self._inputs = inputs
        self._all = Echo(4 * SIXTEENTHS, LENGTHS, SURE)
        self._lines = [Echo(SIXTEENTHS, LINE_LENGTHS, LINE_SURE) for _ in range(4)]
        self._sung = [False] * 4
        self._time = 0  # tokens
        self._sounded = [-1] * 12  # when each pitch class last sounded; -1 for never

    def advance(self, voice: int, token: int, sounding: int) -> None:
        """Go on by a token of a voice, which then sounds a pitch, or -1."""
        is_first = token < HOLD and not self._sung[voice]
        self._sung[voice] |= token < HOLD
        token = FIRST_NOTE if is_first else token
        if ECHO in self._inputs:
            self._all.advance(token)
        if LINE in self._inputs:
            self._lines[voice].advance(token)
        if sounding >= 0:
            self._sounded[sounding % 12] = self._time
        self._time += 1

    def features(self, voice: int, own: int) -> list[int]:
        """Compute the inputs for a voice that is due and sang `own` last."""
        row = [*self._all.features()] if ECHO in self._inputs else []
        row += self._lines[voice].features() if LINE in self._inputs else ()
        if RECENT in self._inputs:
            times = self._sounded[own % 12 :] + self._sounded[: own % 12]
            now = self._time
            row += [0 if at < 0 else 1 + bisect_left(AGES, now - at) for at in times]
        return row

    def copy(self) -> Self:
        """Return one that goes on from here by itself."""
        other = copy(self)
        other._all, other._lines = copy(self._all), [copy(line) for line in self._lines]
        other._sung, other._sounded = self._sung.copy(), self._sounded.copy()
        return other
