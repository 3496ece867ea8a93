"""grid: one token per step, 0-127 note_on, 128 no_event, 129 note_off, then the tune's metre and its end.

The alphabet is the exercise's ("Make some music with an RNN", step 3); `plain` is its 130 symbols alone.
A tune starts on a barline: a pick-up is opening no_events. Resolution: `steps_per_quarter`, 4 by default.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ritornello.encoding.echoes import BAR_ECHOES, checked_echoes, echo_columns, step_stood
from ritornello.encoding.grid_tracker import COMMON_TIME, SILENCE, GridTracker
from ritornello.encoding.metres import (
    BEGIN_ROWS,
    METRES,
    bar_length,
    bar_lengths,
    beat_length,
    begin_id,
    first_beats,
    metre_numbers,
)
from ritornello.encoding.protocol import Echo, Encoded, SideInput
from ritornello.encoding.rounding import checked_steps, from_barline, rounded, stepped
from ritornello.encoding.side_inputs import BARS_AGO, Present, checked, fitting_key, past_at, side_columns, side_list
from ritornello.encoding.symbols import NO_EVENT, NOTE_OFF, PLAIN_ROWS
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.values import DEFAULT_VELOCITY, TICKS_PER_QUARTER, Melody, Metre, Note, Tempo, Timeline


@dataclass(frozen=True)
class Grid:
    """The exercise's encoding. steps_per_quarter: 1 to 24. plain: without metre and end. inputs: side_inputs.INPUTS.

    4 steps per quarter cannot keep triplets and thirty-seconds; 12 keep triplets and sixteenths. Of the embedded
    corpus's 168,549 notes 4 lose 636 and move 3,554, 5,917 are resized; with 12 it is 5, 401 and 791.
    """

    steps_per_quarter: int = 4
    plain: bool = False
    inputs: tuple[str, ...] = ()
    echoes: tuple[Echo, ...] = ()
    name = "grid"
    is_keyed = False
    pitch_range = (0, 127)
    known_echoes = BAR_ECHOES  # () in an encoding made from this one whose ids are no pitches

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", checked(self.inputs))
        object.__setattr__(self, "echoes", checked_echoes(self.echoes, self.known_echoes))
        object.__setattr__(self, "steps_per_quarter", checked_steps(self.steps_per_quarter))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        if self.plain:
            return Vocabulary.of(*PLAIN_ROWS)
        return Vocabulary.of(*PLAIN_ROWS, *BEGIN_ROWS, ("end", 1, "the tune is over; what sounds ends"))

    @property
    def end(self) -> int | None:
        """Id of the `end` token; None for the plain alphabet, which has no end."""
        return None if self.plain else self.vocabulary["end"]

    @property
    def parts(self) -> tuple[int, ...]:
        """One part: every token is a group."""
        return (self.vocabulary.size,)

    @property
    def side(self) -> tuple[SideInput, ...]:
        """The columns of `inputs`; what stood a bar ago is a pitch or SILENCE, and began then or before."""
        return side_list(self.inputs, SILENCE + 1, 1)

    @property
    def ticks_per_quarter(self) -> int:
        """Unit of the tracker's time: a step."""
        return self.steps_per_quarter

    def options(self) -> dict:
        """What `make_encoding` needs to build this encoding again."""
        plain = {"name": self.name, "steps_per_quarter": self.steps_per_quarter, "plain": self.plain}
        plain |= {"inputs": list(self.inputs)} if self.inputs else {}
        return plain | ({"echoes": [echo.name for echo in self.echoes]} if self.echoes else {})

    def encode(self, melody: Melody) -> Encoded:
        """Melody to tokens: begin_<metre>, one token per step up to the end of the last note, `end`.

        Onsets and ends go to the nearest step (ties upward); a note keeps at least one step. A closing rest is
        kept by the plain alphabet alone: elsewhere a tune is over when its last note is.
        """
        notes, per_quarter = _notes_of(melody), melody.timeline.ticks_per_quarter
        if not self.plain:
            notes, per_quarter = from_barline(notes, melody.timeline)
        starts, ends, pitches, losses = stepped(notes, self.steps_per_quarter, per_quarter)
        length = int(ends[-1]) if len(ends) else 0
        if self.plain:
            length = max(length, self._to_step(melody, melody.timeline.length))
        steps = np.full(length, NO_EVENT, np.int16)
        silent_after = ends < np.append(starts[1:], length)[: len(ends)]  # the next note's onset ends this one
        steps[ends[silent_after]] = NOTE_OFF
        steps[starts] = pitches
        return Encoded(steps if self.plain else self._framed(steps, melody.timeline.metre), losses)

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """What `encode` says, alone: no header names an octave (see `protocol.Encoding`)."""
        return [self.encode(melody).tokens]

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Tokens to melody; a begin or end token may be missing, and an illegal note_off is silence.

        Raises ValueError for an id outside the vocabulary.
        """
        tokens = np.asarray(tokens, np.int64)
        self._check(tokens)
        steps = tokens[tokens <= NOTE_OFF]
        ticks_per_quarter = math.lcm(TICKS_PER_QUARTER, self.steps_per_quarter)
        ticks = ticks_per_quarter // self.steps_per_quarter
        metres = (Metre(0, *self.metre_of(tokens)),)
        timeline = Timeline(ticks_per_quarter, len(steps) * ticks, metres, (), (Tempo(0, qpm),))
        return Melody(_notes(steps, ticks), timeline, title)

    def tracker(self, batch: int) -> GridTracker:
        """Rules and place in the bar for `batch` tunes at once."""
        return GridTracker(self, batch)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """The same tune `semitones` higher. Raises ValueError if a pitch leaves 0-127."""
        is_note = tokens < NO_EVENT
        moved = np.where(is_note, tokens + semitones, tokens)
        if is_note.any() and not 0 <= moved[is_note].min() <= moved[is_note].max() <= 127:
            raise ValueError(f"{semitones} semitones take a pitch out of 0-127")
        return moved.astype(tokens.dtype)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """Pitches of the tune's notes in order."""
        return tokens[tokens < NO_EVENT]

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Indices of the note_ons."""
        return np.flatnonzero(np.asarray(tokens) < NO_EVENT)

    def side_inputs(self, tokens: np.ndarray) -> np.ndarray:
        """(tokens, columns) int16: what is known before each token (see `protocol.Encoding`)."""
        tokens = np.asarray(tokens, np.int64)
        is_step = tokens <= NOTE_OFF
        time: np.ndarray = np.cumsum(is_step) - is_step
        columns = self._columns(tokens, time) if self.inputs else np.zeros((len(tokens), 0), np.int16)
        if not self.echoes:
            return columns
        steps, bar = np.append(tokens[is_step], NO_EVENT), self._metres(tokens)[1]
        places = [time - BARS_AGO[echo.name] * bar for echo in self.echoes]
        then = [np.where(place < 0, -1, steps[np.maximum(place, 0)]) for place in places]
        return np.hstack([columns, echo_columns([step_stood(tokens) for tokens in then])])

    def _columns(self, tokens: np.ndarray, time: np.ndarray) -> np.ndarray:
        """(tokens, len(side)) int16: the side inputs before each token, when `time` was reached."""
        metre, bar, beat = self._metres(tokens)
        changes = np.flatnonzero((tokens <= NOTE_OFF) & (tokens != NO_EVENT))
        what = np.where(tokens[changes] < NO_EVENT, tokens[changes], SILENCE)
        pitch = np.where(what < NO_EVENT, what, -1)
        events = np.stack([what, np.zeros_like(what), pitch], 1)
        ago = {name: past_at(time - BARS_AGO[name] * bar, time[changes], events) for name in self._ago}
        key = fitting_key(self._heard(tokens, changes, pitch)) if self._follows_key else np.full(len(tokens), -1)
        notes = np.flatnonzero(tokens < NO_EVENT)
        last = np.append(-1, tokens[notes])[notes.searchsorted(np.arange(len(tokens)))]
        return side_columns(self.inputs, Present(time, bar, beat, metre, key, last, ago), self.steps_per_quarter)

    def _metres(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place in METRES (-1 before it is known), bar and beat before each token."""
        metre = np.full(len(tokens), COMMON_TIME)
        if not self.plain:
            metre[:1] = -1
            metre[1:] = tokens[0] - self.vocabulary["begin_2/4"] if len(tokens) else -1
            metre[(metre < 0) | (metre >= len(METRES))] = -1
        known = np.where(metre < 0, COMMON_TIME, metre)
        return metre, bar_lengths(self.steps_per_quarter)[known], first_beats(self.steps_per_quarter)[known]

    def _heard(self, tokens: np.ndarray, changes: np.ndarray, pitch: np.ndarray) -> np.ndarray:
        """(tokens, 12) of float: steps that each pitch class has sounded before each token."""
        now = np.append(-1, pitch)[changes.searchsorted(np.arange(len(tokens)), "right")]
        heard = np.zeros((len(tokens) + 1, 12))
        rows = np.flatnonzero((now >= 0) & (tokens <= NOTE_OFF))
        heard[rows + 1, now[rows] % 12] = 1
        return heard.cumsum(0)[:-1]

    @property
    def _ago(self) -> list[str]:
        return [name for name in self.inputs if name in BARS_AGO]

    @property
    def _follows_key(self) -> bool:
        return "key" in self.inputs or "degree" in self.inputs

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Metre that a token sequence begins with, (4, 4) where it says none or "other"."""
        if self.plain or not len(tokens):
            return (4, 4)
        return metre_numbers(int(tokens[0]) - self.vocabulary["begin_2/4"])

    def begin(self, metre: str) -> int:
        """Id of the token that begins a tune in `metre`. Raises ValueError for a metre without one."""
        return begin_id(self.vocabulary, metre)

    def _framed(self, steps: np.ndarray, metre: Metre) -> np.ndarray:
        begin = self.vocabulary[f"begin_{metre.name if metre.name in METRES else 'other'}"]
        return np.concatenate([[begin], steps, [self.vocabulary["end"]]]).astype(np.int16)

    def _to_step(self, melody: Melody, tick: int) -> int:
        return int(rounded(np.array([tick]), self.steps_per_quarter, melody.timeline.ticks_per_quarter)[0])

    def bar_steps(self, metre: tuple[int, int]) -> int:
        """Steps in a full bar, rounded where the grid is too coarse for the metre."""
        return bar_length(metre, self.steps_per_quarter)

    def beat_steps(self, metre: tuple[int, int]) -> int:
        """Steps in the first beat of a bar: a dotted quarter's in 6/8."""
        return beat_length(metre, self.steps_per_quarter)

    def _check(self, tokens: np.ndarray) -> None:
        bad = tokens[(tokens < 0) | (tokens >= self.vocabulary.size)]
        if len(bad):
            raise ValueError(f"token {bad[0]} is outside this vocabulary (0 to {self.vocabulary.size - 1})")


def _notes_of(melody: Melody) -> np.ndarray:
    """(notes, 3) of start, duration and pitch in ticks."""
    return np.array([n[:3] for n in melody.notes], np.int64).reshape(-1, 3)


def _notes(steps: np.ndarray, ticks: int) -> tuple[Note, ...]:
    """Notes of a step array (1 token per step), `ticks` long each."""
    changes = np.flatnonzero(steps != NO_EVENT)
    ends = np.append(changes[1:], len(steps))[: len(changes)]
    return tuple(
        Note(int(start) * ticks, int(end - start) * ticks, int(steps[start]), DEFAULT_VELOCITY)
        for start, end in zip(changes, ends, strict=True)
        if steps[start] < NO_EVENT
    )
