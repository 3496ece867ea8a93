"""The rules of notes in bars and parts of a beat, and what the network sees besides the tokens.

    position, strength, metre, countdown   as in `features`
    sounding     how many notes began at this moment, and how many sound
    echo         what followed the longest passage of this piece that was as the last tokens are, and its length

Value 0 of each means none or unknown. All but what followed are the same in every key.
"""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import Any, Self

import numpy as np

from ritornello.encoding.features import COUNTDOWN, Feature, count_down, feature_list, input_values, metrical
from ritornello.encoding.vocabulary import COMMON, LATEST, bar_lengths, first_beats, metre_table

STEPS = 24  # a quarter
FULL = 4 * STEPS  # steps, the longest that one token names
DURATION, SHIFT, LOUDNESS, BAR, METRE = 128, 128 + FULL, 128 + 2 * FULL, 160 + 2 * FULL, 161 + 2 * FULL  # first ids
METRES = metre_table(LATEST)
OVER = METRE + len(METRES.first_rows)  # first of the lower figures
END = OVER + len(METRES.second_rows)
BARS, BEATS = bar_lengths(METRES, STEPS), first_beats(METRES, STEPS)  # steps
INPUTS = ("position", "strength", "metre", COUNTDOWN, "sounding", "echo")
MOST_BEGUN, MOST_SOUNDING = 8, 11  # notes that are told apart, and more
PASSAGES = (4, 8, 16, 32)  # tokens
ANY_ROOM = 1 << 40
_PITCHES = np.arange(128)


def beat_features(inputs: tuple[str, ...]) -> tuple[Feature, ...]:
    """List the columns of these inputs."""
    found = feature_list([name for name in inputs if name not in ("sounding", "echo")], 0, 0, METRES)
    if "sounding" in inputs:
        found += (Feature("begun", MOST_BEGUN + 1), Feature("sounding", MOST_SOUNDING + 1))
    if "echo" in inputs:
        found += (Feature("echo", END + 2), Feature("echo_length", len(PASSAGES) + 1))
    return found


class Echo:
    """What followed each passage of a piece when it came last, by how long it is."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._followed: dict[tuple[int, ...], int] = {}

    def advance(self, token: int) -> None:
        """Go on by a token."""
        for length in PASSAGES:
            if length <= len(self._tokens):
                self._followed[tuple(self._tokens[-length:])] = token
        self._tokens.append(token)

    def features(self) -> tuple[int, int]:
        """Compute what followed the longest known passage, 1 and more, and the place of its length."""
        for place in reversed(range(len(PASSAGES))):
            token = self._followed.get(tuple(self._tokens[-PASSAGES[place] :]), -1)
            if token >= 0:
                return 1 + token, 1 + place
        return 0, 0

    def copy(self) -> Self:
        """Return one that goes on from here by itself."""
        other = copy(self)
        other._tokens, other._followed = self._tokens.copy(), self._followed.copy()
        return other


class BeatTracker:
    """The rules of one piece (see `protocol.Rules`), and the place that it has reached.

    time: steps from the first barline. begin: where the bar began. bars: number of those begun. notes: number so far.
    since: where the metre in force began. bar, beat: steps of its bar and its first beat. begun: the metre is known.
    until: steps at which the piece is to be over, -1 where that is unknown: then it ends in the bar before, no note
    sounds beyond, and no other metre begins. A caller may set it at any place. upper: figure of a metre whose lower
    one is due, or -1.
    """

    part = 0

    def __init__(self, inputs: tuple[str, ...] = ()):
        self.inputs = inputs
        self.time = self.begin = self.since = self.notes = self.bars = 0
        self.bar, self.beat = BARS[METRES.index_of(*COMMON)], BEATS[METRES.index_of(*COMMON)]
        self.begun = self.done = self.has_pickup = False
        self.until = -1
        self.upper = -1
        self._metre = self._last = self._loudness = -1
        self._duration = self._before = self._chord = self._lowest = 0  # before: duration that was in force
        self._ends = np.zeros(128, np.int64)  # when each pitch falls silent
        self._echo = Echo() if "echo" in inputs else None

    @property
    def barline(self) -> int:
        """Steps at which the next bar begins."""
        return self.begin + self.bar

    def after(self, bars: int) -> int:
        """Find the steps at which so many bars are over, if the metre stays.

        A pick-up is not counted.
        """
        return self.begin + (bars + self.has_pickup - max(1, self.bars) + 1) * self.bar

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool."""
        mask = np.zeros(END + 1, bool)
        if self.done:
            return mask
        if self.upper >= 0:
            mask[OVER:END] = _lower_figures(self.upper, self._spared())
            return mask
        if not self.begun:
            mask[METRE:OVER] = True
            return mask
        last, room = self._last, self.until - self.time if self.until >= 0 else ANY_ROOM
        starts = (self._ends <= self.time) & (self._lowest <= _PITCHES)
        if room > 0 and starts.any():
            self._allow_note(mask, starts, room)
        if DURATION <= last < SHIFT or LOUDNESS <= last < BAR:
            return mask
        is_last, left = 0 <= self.until <= self.barline, self.barline - self.time
        if not SHIFT <= last < LOUDNESS - 1:
            mask[SHIFT : SHIFT + min(FULL, left - 1)] = True
        is_moved = SHIFT <= last < LOUDNESS
        mask[BAR] = not is_moved and not is_last
        mask[METRE:OVER] = self.until < 0 and (last == BAR or (is_moved and self.bars > 1))
        mask[END] = 0 <= last < DURATION and (self.until < 0 or is_last)
        if not mask.any():
            mask[BAR] = True
        return mask

    def _allow_note(self, mask: np.ndarray, starts: np.ndarray, room: int) -> None:
        """Allow a note, or how loud or long it is, as far as they are not named already."""
        last, duration = self._last, self._duration
        is_named = DURATION <= last < SHIFT
        if 0 < duration <= room and self._loudness >= 0 and not (is_named and duration == self._before):
            mask[:DURATION] = starts
        if not is_named and not LOUDNESS <= last < BAR:
            mask[LOUDNESS:BAR] = True
            if self._loudness >= 0:
                mask[LOUDNESS + self._loudness] = False
        if self._loudness >= 0 and (not is_named or last == SHIFT - 1):
            held, known = (duration, self._before) if is_named else (0, duration)
            longest = min(FULL, room - held)
            mask[DURATION : DURATION + max(0, longest)] = True
            if 0 < known - held <= FULL and not (known - held == FULL and room > known):
                mask[DURATION - 1 + known - held] = False

    def _spared(self) -> int:
        """Return the metre that may not begin again, since it goes on; -1 for none."""
        return self._metre if self.begun and self.time == self.begin else -1

    def features(self) -> list[int]:
        """Compute the values of the inputs."""
        place = (0, 0)
        if self.begun:
            division = METRES.divisions[self._metre]
            place = metrical(division, self.time - self.begin, self.bar, self.beat, STEPS)
        left = count_down(self.until, self.since, self.time, self.bar)
        known = [name for name in self.inputs if name not in ("sounding", "echo")]
        row = input_values(known, place, METRES.values(self._metre), -1, -1, {}, left)
        if "sounding" in self.inputs:
            sounding = int(np.count_nonzero(self._ends > self.time))
            row += [min(self._chord, MOST_BEGUN), min(sounding, MOST_SOUNDING)]
        return row + list(self._echo.features() if self._echo else ())

    def advance(self, token: int) -> None:
        """Go on by one token."""
        if self._echo:
            self._echo.advance(token)
        if token < DURATION:
            self._sound(token)
        elif token < SHIFT:
            is_more = DURATION <= self._last < SHIFT
            self._before = self._before if is_more else self._duration
            self._duration = (self._duration if is_more else 0) + token - DURATION + 1
        elif token < LOUDNESS:
            self._go_to(self.time + token - SHIFT + 1)
        elif token < BAR:
            self._loudness = token - LOUDNESS
        elif token == BAR:
            self._go_to(self.barline)
            self.begin = self.time
            self.bars += 1
        elif token < OVER:
            self.upper = token - METRE
        elif token < END:
            self._begin_metre(token)
        else:
            self.done = True
            self._go_to(self.barline)
        self._last = token

    def _sound(self, pitch: int) -> None:
        """Begin a note."""
        self.has_pickup |= not self.notes and self.bars == 1 and self.time > 0
        self._ends[pitch] = self.time + self._duration
        self._lowest, self._chord, self.notes = pitch + 1, self._chord + 1, self.notes + 1

    def _go_to(self, time: int) -> None:
        self.time, self._lowest, self._chord = time, 0, 0

    def _begin_metre(self, token: int) -> None:
        """Begin a metre, with a bar of its own unless one begins here already."""
        if self.upper < 0:
            return
        self._metre = METRES.index(self.upper, token - OVER)
        self.bars += not self.begun or self.time > self.begin
        self.bar, self.beat = BARS[self._metre], BEATS[self._metre]
        self.begin = self.since = self.time
        self.begun, self.upper = True, -1

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        other = copy(self)
        other._ends, other._echo = self._ends.copy(), self._echo and self._echo.copy()
        return other


@lru_cache(maxsize=512)
def _lower_figures(upper: int, spared: int) -> Any:
    """Mask the lower figures that may follow an upper one.

    spared: index of a metre that may not begin, or -1.
    """
    return METRES.lower_mask(upper, METRES.spare_lower(spared, upper) if spared >= 0 else -1)
