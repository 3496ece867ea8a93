"""The rules of the grid: which tokens may follow, and the place that a melody has reached."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import Any, Self

import numpy as np

from ritornello.encoding.features import BARS_AGO, Past, input_values, metrical
from ritornello.encoding.vocabulary import METRES
from ritornello.music.values import Key

NO_EVENT = 128
NOTE_OFF = 129
SILENCE = 128  # as the event of a feature
COMMON_TIME = METRES.index("4/4")
PITCHES = np.append(np.arange(128), [-1] * (2 + len(METRES) + 1)).astype(np.int16)  # by id
PITCHES.flags.writeable = False
PLAIN_PITCHES = PITCHES[: NOTE_OFF + 1]


class GridTracker:
    """The rules of one melody on a grid (see `protocol.Place`).

    A note_off in silence, an end before the first note and a second begin are not legal; after `end` nothing is.
    """

    named_tonic = -1

    def __init__(self, encoding: Any):
        self.encoding = encoding
        self.sounding = -1
        self.time = self.onset = self.opening = self.notes = self.part = 0
        self.bar, self.beat = encoding.bars[COMMON_TIME], encoding.beats[COMMON_TIME]
        self.begun = encoding.plain
        self.done = False
        self._metre = COMMON_TIME if encoding.plain else -1
        self._last = -1  # pitch of the last note
        self._past = Past()
        self._steps: list[int] = []  # tokens so far, for echoes

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool."""
        running = self.begun and not self.done
        return grid_mask(
            self.encoding.plain,
            begins=not self.begun and not self.done,
            notes=running,
            holds=running,
            note_off=running and self.sounding >= 0,
            closes=running and self.notes > 0,
        )

    def finishable(self, last_bar_start: int, end: int, least: int = 1) -> np.ndarray:
        """Tell which legal ids lead to an end (see `protocol.Place`).

        A plain melody may stop with any token.
        """
        running, sounds = self.begun and not self.done, self.sounding >= 0
        room = end - self.time  # steps left
        opens_late = self.notes == 0 and self.time >= self.bar - 1
        return grid_mask(
            self.encoding.plain,
            begins=not self.begun and not self.done,
            notes=running and room >= least,
            holds=running and (room >= 1 if sounds else room > least and not opens_late),
            note_off=running and sounds and room > least and self.time < last_bar_start,
            closes=running
            and sounds
            and self.time > last_bar_start
            and room >= 0
            and self.time - self.onset >= least,
        )

    def heading(self, pitches: np.ndarray, key: Key | None) -> np.ndarray | None:
        """Return None: the grid names neither key nor register."""
        return None

    def pitches(self) -> np.ndarray:
        """List the pitch that each id starts, (vocabulary,) int16, -1 for none."""
        return PLAIN_PITCHES if self.encoding.plain else PITCHES

    def features(self) -> list[int]:
        """Compute features and echoes of the next token (see `features.py`)."""
        encoding, time = self.encoding, self.time
        ago = {name: self._past.at(time - BARS_AGO[name] * self.bar) for name in encoding.inputs if name in BARS_AGO}
        place = metrical(self._metre, time, self.bar, self.beat, encoding.steps_per_quarter)
        values = input_values(encoding.inputs, place, self._past.key(), self._last, ago)
        for echo in encoding.echoes:
            step = time - BARS_AGO[echo.name] * self.bar
            token = self._steps[step] if step >= 0 else -1
            values += (token + 1, 0, 0 if token < 0 else 1 if token == NO_EVENT else 2)
        return values

    def advance(self, token: int) -> None:
        """Go on by one token."""
        if token > NOTE_OFF:
            if token == self.encoding.end:
                self.done = True
            elif not self.done:
                self.begun, self._metre = True, token - NOTE_OFF - 1
                self.bar, self.beat = self.encoding.bars[self._metre], self.encoding.beats[self._metre]
            return
        if token < NO_EVENT:
            self.opening = self.opening if self.notes else self.time
            self.onset, self.sounding, self._last = self.time, token, token
            self.notes += 1
        elif token == NOTE_OFF:
            self.sounding = -1
        if self.encoding.inputs:
            if self.sounding >= 0 and self.encoding.follows_key:
                self._past.sound(self.sounding, 1)
            if token != NO_EVENT:
                self._past.add(self.time, (SILENCE if token == NOTE_OFF else token, 0, self.sounding))
        if self.encoding.echoes:
            self._steps.append(token)
        self.time += 1

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        other = copy(self)
        other._past, other._steps = self._past.copy(), self._steps.copy()
        return other


@lru_cache(maxsize=128)
def grid_mask(plain: bool, begins: bool, notes: bool, holds: bool, note_off: bool, closes: bool) -> np.ndarray:
    """Mask the ids of a grid by what they do, (vocabulary,) of bool.

    One table for every state of the rules.
    """
    mask = np.repeat([notes, holds, note_off, begins, closes], [NO_EVENT, 1, 1, len(METRES), 1])
    mask = mask[: NOTE_OFF + 1] if plain else mask
    mask.flags.writeable = False
    return mask
