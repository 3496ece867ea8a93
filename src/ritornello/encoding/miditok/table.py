"""What the ids of a MidiTok tokeniser mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ritornello.encoding.metres import METRES, bar_length, beat_length, metre_numbers
from ritornello.encoding.vocabulary import Vocabulary

SPECIALS = ("PAD", "BOS", "EOS", "MASK")
KINDS = ("begin", "Bar", "TimeSig", "Position", "Pitch", "Velocity", "Duration", "TimeShift", "NoteOff", "end")
BEGIN, BAR, TIME_SIGNATURE, POSITION, PITCH, VELOCITY, DURATION, TIME_SHIFT, NOTE_OFF, END = range(len(KINDS))
OTHER = -1


@dataclass(frozen=True)
class TokenTable:
    """A tokeniser's vocabulary, and after it begin_<metre> and end.

    positions: steps of a beat. signs_time: metres are written. keeps_lengths: all lengths are whole numbers of steps,
    and those of notes are written.
    """

    vocabulary: Vocabulary
    tokenizer: str
    ticks_per_quarter: int
    positions: int
    signs_time: bool
    keeps_lengths: bool

    @cached_property
    def begin(self) -> int:
        """First id of the metres: how many the tokeniser itself has."""
        return self.vocabulary["begin_2/4"]

    @cached_property
    def end(self) -> int:
        """Id of the end."""
        return self.vocabulary["end"]

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """Kind and value of each id."""
        return [row.name.partition("_")[::2] for row in self.vocabulary.rows]

    @cached_property
    def kind(self) -> np.ndarray:
        """(vocabulary,) of int: place in KINDS (a NoteOn is a Pitch), OTHER for another."""
        kinds = ["Pitch" if kind == "NoteOn" else kind for kind, _ in self.names]
        return np.array([KINDS.index(kind) if kind in KINDS else OTHER for kind in kinds])

    @cached_property
    def is_special(self) -> np.ndarray:
        """(vocabulary,) of bool: what no tune is written with."""
        return np.array([kind in SPECIALS for kind, _ in self.names])

    @cached_property
    def pitch(self) -> np.ndarray:
        """(vocabulary,) int16: the pitch that each token starts, -1 for none."""
        return np.array([int(value) if kind in ("Pitch", "NoteOn") else -1 for kind, value in self.names], np.int16)

    @cached_property
    def pitch_range(self) -> tuple[int, int]:
        """The lowest and the highest pitch that a token starts."""
        known = self.pitch[self.pitch >= 0]
        return int(known.min()), int(known.max())

    @cached_property
    def ended(self) -> np.ndarray:
        """(vocabulary,) int16: the pitch that each NoteOff ends, -1 for none."""
        return np.array([int(value) if kind == "NoteOff" else -1 for kind, value in self.names], np.int16)

    @cached_property
    def announced(self) -> int:
        """Kind of the token that completes the beginning of a note: its velocity where that is told."""
        return VELOCITY if (self.kind == VELOCITY).any() else PITCH

    @cached_property
    def time_signature(self) -> np.ndarray:
        """(metres,): id of the tokeniser's token for each of METRES ("other": for 4/4), -1 where it has none."""
        ids = {value: place for place, (kind, value) in enumerate(self.names) if kind == "TimeSig"}
        return np.array([ids.get("{}/{}".format(*metre_numbers(n)), -1) for n in range(len(METRES))])

    @cached_property
    def has_metre(self) -> np.ndarray:
        """(metres,) of bool: those of METRES that tunes can be written in; all where metres are not written."""
        return (self.time_signature >= 0) | (not self.signs_time)

    @cached_property
    def begins(self) -> np.ndarray:
        """(vocabulary,) of bool: the begin_<metre> of these metres."""
        begins = self.kind == BEGIN
        begins[begins] = self.has_metre
        return begins

    @cached_property
    def bars(self) -> np.ndarray:
        """(metres,): ticks in a bar."""
        return np.array([bar_length(metre_numbers(n), self.ticks_per_quarter) for n in range(len(METRES))])

    @cached_property
    def beats(self) -> np.ndarray:
        """(metres,): ticks in the first beat of a bar."""
        return np.array([beat_length(metre_numbers(n), self.ticks_per_quarter) for n in range(len(METRES))])

    @cached_property
    def steps(self) -> np.ndarray:
        """(metres,): ticks of a step."""
        return np.array([self.step(metre_numbers(n)[1]) for n in range(len(METRES))])

    @cached_property
    def amount(self) -> np.ndarray:
        """(vocabulary,): steps that a Position lies after its barline, that a Duration or TimeShift lasts; else 0."""
        return np.array([self._amount(kind, value) for kind, value in self.names])

    @cached_property
    def goes_on(self) -> np.ndarray:
        """(vocabulary,) of bool: the longest TimeShift, which another may follow; none in Structured."""
        shifts = self.kind == TIME_SHIFT
        return shifts & (self.amount == self.amount[shifts].max(initial=0)) & (self.tokenizer != "Structured")

    @cached_property
    def tells_time(self) -> bool:
        """Whether it follows from the tokens where in its bar a tune stands, so that it can be composed.

        REMI says it with metres and single barlines. From time shifts it follows by adding up, where an eighth is a
        whole number of steps. Either way no token is of another kind (a rest, the end of a bar), and lengths are all
        of one resolution and without a gap.
        """
        is_known = ((self.kind != OTHER) | self.is_special).all() and all(value != "End" for _, value in self.names)
        is_gapless = self._is_gapless(DURATION) and self._is_gapless(TIME_SHIFT)
        tells = self._tells_bars() if self.tokenizer == "REMI" else self._tells_shifts()
        return bool(is_known and is_gapless and self.keeps_lengths and tells and self._reaches_beats())

    def _tells_bars(self) -> bool:
        return self.signs_time and (self.kind == BAR).sum() == 1

    def _tells_shifts(self) -> bool:
        has_eighths = self.signs_time or self.positions % 2 == 0
        return has_eighths and bool((self.kind == TIME_SHIFT).any())

    def _is_gapless(self, kind: int) -> bool:
        """Whether the tokens of this kind last 1, 2, 3, ... steps up to the longest (and perhaps 0)."""
        amounts = np.unique(self.amount[self.kind == kind])
        return np.array_equal(amounts[amounts > 0], np.arange(1, amounts.max(initial=0) + 1))

    def _reaches_beats(self) -> bool:
        """Whether a note can last a beat of any metre, so that every tune can close."""
        longest = self.amount[self.kind == DURATION].max(initial=0)
        return bool((self.kind == NOTE_OFF).any() or (longest * self.steps >= self.beats)[self.has_metre].all())

    def step(self, denominator: int) -> int:
        """Ticks of a step where a beat is the metre's lower figure (a quarter where metres are not written)."""
        beat = self.ticks_per_quarter * 4 // denominator if self.signs_time else self.ticks_per_quarter
        return max(1, beat // self.positions)

    def moved(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Tokens with pitches `semitones` higher. Raises ValueError if one leaves the vocabulary."""
        ids = {name: place for place, name in enumerate(self.names)}
        goal = np.arange(len(self.names))
        for place, (kind, value) in enumerate(self.names):
            if kind in ("Pitch", "NoteOn", "NoteOff"):
                goal[place] = ids.get((kind, str(int(value) + semitones)), -1)
        out = goal[np.asarray(tokens, np.int64)]
        if (out < 0).any():
            raise ValueError(f"{semitones} semitones take a pitch out of the tokeniser's range")
        return out.astype(tokens.dtype)

    def closed(self, ids: np.ndarray) -> np.ndarray:
        """Tokens, with a NoteOff where the last note has none: it ends where they do, after a step at least."""
        starts = np.flatnonzero(self.kind[ids] == PITCH)
        if not (self.kind == NOTE_OFF).any() or not len(starts):
            return ids
        note = ids[starts[-1] :]
        end = np.flatnonzero(self.ended == self.pitch[note[0]])
        if np.isin(end, note).all():
            return ids
        shifts = np.flatnonzero(self.kind == TIME_SHIFT)
        step = shifts[self.amount[shifts].argsort()][:1]
        return np.concatenate([ids, end] if (self.kind[note] == TIME_SHIFT).any() else [ids, step, end])

    def _amount(self, kind: str, value: str) -> int:
        if kind == "Position":
            return int(value)
        if kind not in ("Duration", "TimeShift"):
            return 0
        beats, parts, resolution = (int(n) for n in value.split("."))
        return beats * self.positions + parts * self.positions // resolution
