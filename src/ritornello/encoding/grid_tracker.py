"""The rules of the grid: which tokens may follow, and the place that a melody has reached."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import Any, Self

import numpy as np

from ritornello.encoding.features import (
    BARS_AGO,
    UNKNOWN_CHORDS,
    Harmony,
    Past,
    count_down,
    input_values,
    metrical,
)
from ritornello.encoding.vocabulary import COMMON, MetreTable, place_of_key
from ritornello.music.keys import plain_key
from ritornello.music.values import MODES, Key

NO_EVENT = 128
NOTE_OFF = 129
KEYS = 12 * len(MODES)  # that a header may name
SILENCE = 128  # as the event of a feature


class GridTracker:
    """The rules of one melody on a grid (see `protocol.Place`).

    A note_off in silence, an end before the first note, two metres at a time and what follows `end` are not legal.
    """

    entry = 0

    def __init__(self, encoding: Any):
        self.encoding = encoding
        self.sounding = -1
        self.time = self.onset = self.opening = self.notes = self.part = 0
        common = encoding.metres.index_of(*COMMON)
        self.bar, self.beat = encoding.bars[common], encoding.beats[common]
        self.until = -1
        self.harmony: Harmony | None = None
        self.since = self.bars_before = 0  # where the metre in force began, and the bars until then
        self.begun = encoding.plain
        self.done = False
        self._metre = common if encoding.plain else -1
        self._upper = -1  # of a metre whose lower figure is due
        self._lowers = NOTE_OFF + 1 + len(encoding.metres.first_rows)  # first id of the lower figures
        self._key = -1
        self._last = -1  # pitch of the last note
        self._past = Past()

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool."""
        if self._upper >= 0:
            metres, at_barline = self.encoding.metres, self.time > 0 and (self.time - self.since) % self.bar == 0
            spare = metres.spare_lower(self._metre, self._upper) if at_barline else -1
            return lower_figures(metres, self.encoding.vocabulary.size, self._upper, spare)
        if self._awaits_key():
            return key_mask(self.encoding.vocabulary.size, self.encoding.first_key)
        running = self.begun and not self.done
        return grid_mask(
            self._sizes(),
            begins=(not self.begun and not self.done) or (running and self._may_change()),
            notes=running,
            holds=running,
            note_off=running and self.sounding >= 0,
            closes=running and self.notes > 0 and (not self.since or self.time > self.since),
        )

    def finishable(self, last_bar_start: int, end: int, least: int = 1) -> np.ndarray:
        """Tell which legal ids lead to an end (see `protocol.Place`).

        A plain melody may stop with any token.
        """
        if self._upper >= 0 or self._awaits_key():
            return GridTracker.legal(self)
        running, sounds = self.begun and not self.done, self.sounding >= 0
        changes = running and self.notes > 0 and self.time < end and (self.time - self.since) % self.bar == 0
        room = end - self.time  # steps left
        opens_late = self.notes == 0 and self.time >= self.bar - 1
        return grid_mask(
            self._sizes(),
            begins=(not self.begun and not self.done) or (changes and self._may_change()),
            notes=running and room >= least,
            holds=running and (room >= 1 if sounds else room > least and not opens_late),
            note_off=running and sounds and room > least and self.time < last_bar_start,
            closes=running
            and sounds
            and self.time > last_bar_start
            and room >= 0
            and self.time - self.onset >= least,
        )

    def heading(self, pitches: np.ndarray, key: Key | None, is_learned: bool = False) -> np.ndarray | None:
        """Tell which ids fit a key, where the header is to name it; None elsewhere."""
        if key is None or not self._awaits_key():
            return None
        mask = np.zeros(len(self.legal()), bool)
        wanted = (key,) if is_learned else (key, plain_key(key))
        mask[[self.encoding.first_key + place_of_key(each) for each in wanted]] = True
        return mask

    def _awaits_key(self) -> bool:
        """Tell whether the key is due: after the first metre, where the header names it."""
        return self.encoding.with_key and self._key < 0 and self.begun and not self.done

    def pitches(self) -> np.ndarray:
        """List the pitch that each id starts, (vocabulary,) int16, -1 for none."""
        return pitches_by_id(self.encoding.vocabulary.size)

    def _may_change(self) -> bool:
        """Tell whether another metre may begin here: not in the first bar, which would be a pick-up.

        That bar is as long as the metre says, even where its steps are rounded down.
        """
        encoding, (upper, lower) = self.encoding, self.encoding.metres.numbers[self._metre]
        is_past = (
            self.time > self.since if self.since else self.time * lower >= 4 * encoding.steps_per_quarter * upper
        )
        return is_past and not encoding.metres.is_listed and not encoding.plain

    def _sizes(self) -> tuple[int, int]:
        """Count the ids that begin a metre, and those of its lower figures and of keys."""
        metres, keys = self.encoding.metres, KEYS if self.encoding.with_key else 0
        return (0, 0) if self.encoding.plain else (len(metres.first_rows), len(metres.second_rows) + keys)

    def features(self) -> list[int]:
        """Compute the features of the next token (see `features.py`)."""
        encoding, time = self.encoding, self.time
        ago = {name: self._past.at(time - BARS_AGO[name] * self.bar) for name in encoding.inputs if name in BARS_AGO}
        metres, metre, place = encoding.metres, self._metre, (0, 0)
        if metre >= 0:
            here, per_quarter = (time - self.since) % self.bar, encoding.steps_per_quarter
            place = metrical(metres.divisions[metre], here, self.bar, self.beat, per_quarter)
        key = self._key if encoding.with_key else self._past.key()
        to_go = count_down(self.until, self.since, time, self.bar)
        chords = UNKNOWN_CHORDS
        if self.harmony is not None and self.begun and not self._awaits_key():
            chords = self.harmony.values(time, 0, encoding.steps_per_quarter)
        return input_values(encoding.inputs, place, metres.values(metre), key, self._last, ago, to_go, chords)

    def advance(self, token: int) -> None:
        """Go on by one token."""
        if token > NOTE_OFF:
            if token == self.encoding.end:
                self.done = True
            elif token < self._lowers and not self.done:
                self._upper = token - NOTE_OFF - 1
                if self.encoding.metres.is_listed:
                    self._begin_metre(0)
            elif token >= self.encoding.first_key:
                self._key = token - self.encoding.first_key
            elif self._upper >= 0:
                self._begin_metre(token - self._lowers)
            return
        self._upper = -1
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
        self.time += 1

    def _begin_metre(self, lower: int) -> None:
        """Begin a metre here, whose upper figure has come."""
        self._metre, self._upper, self.begun = self.encoding.metres.index(self._upper, lower), -1, True
        self.bars_before += -((self.since - self.time) // self.bar)
        self.since = self.time
        self.bar, self.beat = self.encoding.bars[self._metre], self.encoding.beats[self._metre]

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        other = copy(self)
        other._past = self._past.copy()
        return other


@lru_cache(maxsize=128)
def grid_mask(
    metres: tuple[int, int], begins: bool, notes: bool, holds: bool, note_off: bool, closes: bool
) -> np.ndarray:
    """Mask the ids of a grid by what they do, (vocabulary,) of bool.

    One table for every state of the rules. metres: number of ids that begin one, and of lower figures and keys; 0 and
    0 of the plain alphabet.
    """
    mask = np.repeat([notes, holds, note_off, begins, False, closes], [NO_EVENT, 1, 1, *metres, 1])
    mask = mask if metres[0] else mask[: NOTE_OFF + 1]
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=256)
def lower_figures(metres: MetreTable, size: int, upper: int, spare: int) -> np.ndarray:
    """Mask the ids where the lower figure of a metre is due, (size,)."""
    mask, first = np.zeros(size, bool), NOTE_OFF + 1 + len(metres.first_rows)
    mask[first : first + len(metres.second_rows)] = metres.lower_mask(upper, spare)
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=8)
def key_mask(size: int, first: int) -> np.ndarray:
    """Mask the ids where a key is due, (size,)."""
    mask = np.zeros(size, bool)
    mask[first : first + KEYS] = True
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=8)
def pitches_by_id(size: int) -> np.ndarray:
    """List the pitch that each id of a grid starts, (size,) int16, -1 for none."""
    pitches = np.append(np.arange(NO_EVENT), [-1] * (size - NO_EVENT)).astype(np.int16)
    pitches.flags.writeable = False
    return pitches
