"""What the ids of a MidiTok tokeniser mean, and which may follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ritornello.encoding.metres import METRES, bar_length, beat_length, metre_numbers
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.values import Key

SPECIALS = ("PAD", "BOS", "EOS", "MASK")
KINDS = ("begin", "Bar", "TimeSig", "Position", "Pitch", "Velocity", "Duration", "end")
BEGIN, BAR, TIME_SIGNATURE, POSITION, PITCH, VELOCITY, DURATION, END = range(len(KINDS))
OTHER = -1
LONGEST_BEAT = 3  # of what the metre's lower figure counts: a dotted quarter in 6/8


@dataclass(frozen=True)
class TokenTable:
    """A tokeniser's vocabulary, and after it begin_<metre> and end.

    positions: steps of a beat. signs_time: metres are written. is_even: all lengths are whole numbers of steps.
    """

    vocabulary: Vocabulary
    tokenizer: str
    ticks_per_quarter: int
    positions: int
    signs_time: bool
    is_even: bool

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
        """(vocabulary,) of int: place in KINDS, OTHER for another."""
        return np.array([KINDS.index(kind) if kind in KINDS else OTHER for kind, _ in self.names])

    @cached_property
    def is_special(self) -> np.ndarray:
        """(vocabulary,) of bool: what no tune is written with."""
        return np.array([kind in SPECIALS for kind, _ in self.names])

    @cached_property
    def pitch(self) -> np.ndarray:
        """(vocabulary,) int16: the pitch that each token starts, -1 for none."""
        return np.array([int(value) if kind in ("Pitch", "NoteOn") else -1 for kind, value in self.names], np.int16)

    @cached_property
    def time_signature(self) -> np.ndarray:
        """(metres,): id of the tokeniser's token for each of METRES ("other": for 4/4), -1 where it has none."""
        ids = {value: place for place, (kind, value) in enumerate(self.names) if kind == "TimeSig"}
        return np.array([ids.get("{}/{}".format(*metre_numbers(n)), -1) for n in range(len(METRES))])

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
        """(vocabulary,): steps that a Position lies after its barline, and that a Duration lasts; else 0."""
        return np.array([self._amount(kind, value) for kind, value in self.names])

    @property
    def tells_time(self) -> bool:
        """Whether tokens say where in its bar a tune stands: REMI with metres, single barlines, even lengths.

        Lengths reach a beat of any metre, three of what its lower figure counts, so that every tune can close.
        """
        plain = {"Bar", "TimeSig", "Position", "Pitch", "Velocity", "Duration", "begin", "end", *SPECIALS}
        is_plain = all(kind in plain and value != "End" for kind, value in self.names)
        one_bar = (self.kind == BAR).sum() == 1
        reaches = self.amount[self.kind == DURATION].max(initial=0) >= LONGEST_BEAT * self.positions
        return bool(
            self.tokenizer == "REMI" and self.signs_time and self.is_even and is_plain and one_bar and reaches
        )

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

    def _amount(self, kind: str, value: str) -> int:
        if kind == "Position":
            return int(value)
        if kind != "Duration":
            return 0
        beats, parts, resolution = (int(n) for n in value.split("."))
        return beats * self.positions + parts * self.positions // resolution


class MidiTokTracker:
    """See `protocol.Tracker`, for tokens that do not say where in its bar a tune stands: time stays 0.

    Legal is every token of the tokeniser but its special ones, once the metre is known; `end` after a note.
    """

    def __init__(self, table: TokenTable, batch: int):
        self.table = table
        self.time = np.zeros(batch, np.int64)
        self.onset = np.zeros(batch, np.int64)
        self.opening = np.zeros(batch, np.int64)
        self.notes = np.zeros(batch, np.int64)
        self.bar = np.full(batch, table.bars[-1])
        self.beat = np.full(batch, table.beats[-1])
        self.begun = np.zeros(batch, bool)
        self.done = np.zeros(batch, bool)
        self.sounding = np.full(batch, -1)
        self.part = np.zeros(batch, np.int64)
        self._metre = np.full(batch, len(METRES) - 1)

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next."""
        mask = np.zeros((len(self.time), self.table.vocabulary.size), bool)
        running = self.begun & ~self.done
        mask[:, : self.table.begin] = running[:, None] & ~self.table.is_special[: self.table.begin]
        mask[:, self.table.begin : self.table.end] = (~self.begun & ~self.done)[:, None]
        mask[:, self.table.end] = running & (self.notes > 0)
        return mask

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """Raises ValueError: composing so many bars is not offered where tokens do not tell the time."""
        raise ValueError(
            f"composing is not offered with miditok's {self.table.tokenizer} as configured: its tokens do not say "
            "where in its bar a tune stands; train with REMI, with one resolution, lengths of three beats or more, "
            "and no rests or bar ends"
        )

    def heading(self, pitches: np.ndarray, key: Key | None) -> np.ndarray:
        """(batch, vocabulary) of bool, all True: neither key nor register is named."""
        return np.ones((len(self.time), self.table.vocabulary.size), bool)

    def pitches(self) -> np.ndarray:
        """(batch, vocabulary) int16: the pitch that each token starts, -1 for none."""
        return np.broadcast_to(self.table.pitch, (len(self.time), len(self.table.pitch)))

    def side(self) -> np.ndarray:
        """(batch, 0) int16: none."""
        return np.zeros((len(self.time), 0), np.int16)

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""
        self._frame(tokens)
        self._note(self.table.pitch[tokens])

    def _frame(self, tokens: np.ndarray) -> None:
        """What begins and ends a tune."""
        kind = self.table.kind[tokens]
        begins = kind == BEGIN
        self._metre = np.where(begins, tokens - self.table.begin, self._metre)
        self.bar, self.beat = self.table.bars[self._metre], self.table.beats[self._metre]
        self.begun = self.begun | begins
        self.done = self.done | (kind == END)

    def _note(self, pitch: np.ndarray) -> None:
        """A note starts at the time reached where `pitch`, (batch,), is not -1."""
        starts = pitch >= 0
        self.opening = np.where(starts & (self.notes == 0), self.time, self.opening)
        self.onset = np.where(starts, self.time, self.onset)
        self.notes = self.notes + starts
        self.sounding = np.where(starts, pitch, self.sounding)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone (indices or a mask)."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[rows])


class RemiTracker(MidiTokTracker):
    """REMI (Huang and Yang 2020, "Pop Music Transformer", arXiv 2002.00212): bar, metre, position, pitch, length.

    Legal is what the tokeniser writes for a single line: each bar in the tune's metre, a position for each note, not
    before the last one is over, and the end after a note. A note counts, and sounds, once its length is told.
    """

    def __init__(self, table: TokenTable, batch: int):
        super().__init__(table, batch)
        self._last = np.full(batch, OTHER)  # kind of the last token
        self._bar_start = np.full(batch, -1)  # -1 before the first
        self._pitch = np.full(batch, -1)  # of the note whose length has not come

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next."""
        kind, last = self.table.kind, self._last[:, None]
        has_velocity = (kind == VELOCITY).any()
        placing = (last == TIME_SIGNATURE) | (last == DURATION)
        mask = (kind == BEGIN) & ~self.begun[:, None]
        mask |= (kind == BAR) & (placing | (last == BEGIN))
        mask |= (last == BAR) & (np.arange(len(kind)) == self.table.time_signature[self._metre][:, None])
        mask |= placing & (kind == POSITION) & self._is_open(self._places())
        mask |= (kind == PITCH) & (last == POSITION)
        mask |= (kind == VELOCITY) & (last == PITCH)
        mask |= (kind == DURATION) & (last == (VELOCITY if has_velocity else PITCH))
        mask |= (kind == END) & (last == DURATION)
        return mask & ~self.done[:, None]

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`."""
        kind = self.table.kind
        time, stop, shortest, last_bar = (_column(n) for n in (self.time, end, least, last_bar_start))
        onset = np.where(kind == BAR, np.maximum(time, _column(self._next_bar())), self._places())
        is_first = _column(self.notes == 0)
        moves = (stop - onset >= shortest) & ((onset <= time) | (time < last_bar))
        moves &= ~is_first | (onset < _column(self.bar))
        after = time + self.table.amount * _column(self.table.steps[self._metre])
        room = stop - after
        lasts = (room >= 0) & (((after > last_bar) & (after - time >= shortest)) | (room >= shortest))
        closes = (time > last_bar) & (time <= stop) & (time - _column(self.onset) >= shortest)
        fits = np.select(
            [kind == DURATION, kind == END, (kind == POSITION) | (kind == BAR)], [lasts, closes, moves], True
        )
        return self.legal() & fits

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""
        kind = self.table.kind[tokens]
        steps = self.table.amount[tokens] * self.table.steps[self._metre]
        enters = kind == BAR
        self._bar_start = np.where(enters, self._next_bar(), self._bar_start)
        place = np.maximum(self._bar_start, 0)
        reached = np.where(enters, place, np.where(kind == POSITION, place + steps, self.time))
        self.sounding = np.where(reached > self.time, -1, self.sounding)
        self.time = np.maximum(self.time, reached)
        is_whole = kind == DURATION
        self._note(np.where(is_whole, self._pitch, -1))
        self.time = self.time + np.where(is_whole, steps, 0)
        self._pitch = np.where(kind == PITCH, self.table.pitch[tokens], np.where(kind == VELOCITY, self._pitch, -1))
        self._frame(tokens)
        self._last = kind

    def _next_bar(self) -> np.ndarray:
        return np.where(self._bar_start < 0, 0, self._bar_start + self.bar)

    def _places(self) -> np.ndarray:
        """(batch, vocabulary): the tick that each Position stands for in this bar."""
        return _column(np.maximum(self._bar_start, 0)) + self.table.amount * _column(self.table.steps[self._metre])

    def _is_open(self, places: np.ndarray) -> np.ndarray:
        """Whether a note may start there: the one before is over, and the bar is not."""
        return (places >= _column(self.time)) & (places < _column(np.maximum(self._bar_start, 0) + self.bar))


def _column(values: np.ndarray | int) -> np.ndarray:
    """(batch, 1), or one number."""
    return np.reshape(np.asarray(values), (-1, 1))
