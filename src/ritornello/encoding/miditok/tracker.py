"""Which tokens of a MidiTok tokeniser may follow, and where tunes written with REMI stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ritornello.encoding.metres import METRES
from ritornello.encoding.miditok.table import (
    BAR,
    BEGIN,
    DURATION,
    END,
    OTHER,
    PITCH,
    POSITION,
    TIME_SIGNATURE,
    VELOCITY,
    TokenTable,
)
from ritornello.encoding.side_inputs import Present, fitting_key, side_columns
from ritornello.music.values import Key


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
            "where in its bar a tune stands; train with one resolution (an even one where metres are not written), "
            "lengths from one step to three beats or more, and no rests or bar ends"
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


class Ending(NamedTuple):
    """What `protocol.Tracker.finishable` is asked for, in columns of the batch. last_bar: the tick it starts at."""

    last_bar: np.ndarray
    end: np.ndarray
    least: np.ndarray

    @classmethod
    def of(cls, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int) -> Ending:
        """From the arguments of `finishable`."""
        return cls(column(last_bar_start), column(end), column(least))

    def has_room(self, start: np.ndarray) -> np.ndarray:
        """Whether a note from `start` on can last as long as the last one must."""
        return self.end - start >= self.least

    def closes(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Whether a note from `start` to `end` may be the last."""
        return (end > self.last_bar) & (end <= self.end) & (end - start >= self.least)

    def lasts(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Whether a note from `start` to `end` may be the last, or leaves room for one."""
        return self.closes(start, end) | self.has_room(end)


class TimedTracker(MidiTokTracker):
    """For tokens that say where in its bar a tune stands."""

    def __init__(self, table: TokenTable, batch: int, inputs: tuple[str, ...]):
        super().__init__(table, batch)
        self._inputs = inputs
        self._last = np.full(batch, OTHER)  # kind of the last token
        self._pitch = np.full(batch, -1)  # of the note that is not told whole
        self._newest = np.full(batch, -1)  # pitch of the last note that is
        self._heard = np.zeros((batch, 12), np.int64)  # ticks that each pitch class has sounded

    def side(self) -> np.ndarray:
        """(batch, inputs) int16: see `protocol.Tracker`."""
        metre, key = np.where(self.begun, self._metre, -1), fitting_key(self._heard)
        now = Present(self.time, self.bar, self.beat, metre, key, self._newest, {})
        return side_columns(self._inputs, now, self.table.ticks_per_quarter)

    def _note(self, pitch: np.ndarray) -> None:
        super()._note(pitch)
        self._newest = np.where(pitch >= 0, pitch, self._newest)

    def _reach(self, tick: np.ndarray) -> None:
        """Time goes on to this tick, (batch,), in silence, where it is not there yet."""
        self.sounding = np.where(tick > self.time, -1, self.sounding)
        self.time = np.maximum(self.time, tick)

    def _sound(self, kind: np.ndarray, ticks: np.ndarray) -> None:
        """A note that is told whole by its length sounds, and time goes on to its end; both (batch,)."""
        is_whole = kind == DURATION
        told = np.where(is_whole, self._pitch, -1)
        self._note(told)
        self._hear(told, ticks)
        self.time = self.time + np.where(is_whole, ticks, 0)

    def _announce(self, tokens: np.ndarray) -> None:
        """The pitch of the note that is being told stands until it is told whole."""
        kind = self.table.kind[tokens]
        self._pitch = np.where(kind == PITCH, self.table.pitch[tokens], np.where(kind == VELOCITY, self._pitch, -1))

    def _take(self, tokens: np.ndarray) -> None:
        """What every token changes, once its time and note are told."""
        self._frame(tokens)
        self._last = self.table.kind[tokens]

    def _hear(self, pitch: np.ndarray, ticks: np.ndarray) -> None:
        """A pitch, -1 for none, sounds for so many ticks; both (batch,)."""
        rows = np.flatnonzero(pitch >= 0)
        self._heard[rows, pitch[rows] % 12] += ticks[rows]

    def _heads(self) -> np.ndarray:
        """(batch, vocabulary) of bool: legal tokens of a tune's metre and of a note's loudness."""
        kind, last = self.table.kind, column(self._last)
        own = np.arange(len(kind)) == column(self.table.time_signature[self._metre])
        mask = self.table.begins & ~column(self.begun)
        mask |= (last == (BAR if (kind == BAR).any() else BEGIN)) & own
        return mask | ((kind == VELOCITY) & (last == PITCH))

    def _may_start(self, onset: np.ndarray, ending: Ending) -> np.ndarray:
        """(batch, vocabulary) of bool: whether the next note may start at `onset`, after silence if that is later."""
        follows = (onset <= column(self.time)) | (column(self.time) < ending.last_bar)
        is_in_time = column(self.notes > 0) | (onset < column(self.bar))
        return ending.has_room(onset) & follows & is_in_time

    def _spans(self) -> np.ndarray:
        """(batch, vocabulary): ticks that each token's steps amount to."""
        return self.table.amount * column(self.table.steps[self._metre])


class RemiTracker(TimedTracker):
    """REMI (Huang and Yang 2020, "Pop Music Transformer", arXiv 2002.00212): bar, metre, position, pitch, length.

    Legal is what the tokeniser writes for a single line: each bar in the tune's metre, a position for each note, not
    before the last one is over, and the end after a note. A note counts, and sounds, once its length is told.
    """

    def __init__(self, table: TokenTable, batch: int, inputs: tuple[str, ...]):
        super().__init__(table, batch, inputs)
        self._bar_start = np.full(batch, -1)  # -1 before the first

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next."""
        kind, last = self.table.kind, column(self._last)
        placing = (last == TIME_SIGNATURE) | (last == DURATION)
        mask = self._heads()
        mask |= (kind == BAR) & (placing | (last == BEGIN))
        mask |= placing & (kind == POSITION) & self._is_open(self._places())
        mask |= (kind == PITCH) & (last == POSITION)
        mask |= (kind == DURATION) & (last == self.table.announced)
        mask |= (kind == END) & (last == DURATION)
        return mask & ~column(self.done)

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`."""
        kind, ending = self.table.kind, Ending.of(last_bar_start, end, least)
        time = column(self.time)
        onset = np.where(kind == BAR, np.maximum(time, column(self._next_bar())), self._places())
        fits = np.select(
            [kind == DURATION, kind == END, (kind == POSITION) | (kind == BAR)],
            [
                ending.lasts(time, time + self._spans()),
                ending.closes(column(self.onset), time),
                self._may_start(onset, ending),
            ],
            True,
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
        self._reach(reached)
        self._sound(kind, steps)
        self._announce(tokens)
        self._take(tokens)

    def _next_bar(self) -> np.ndarray:
        return np.where(self._bar_start < 0, 0, self._bar_start + self.bar)

    def _places(self) -> np.ndarray:
        """(batch, vocabulary): the tick that each Position stands for in this bar."""
        return column(np.maximum(self._bar_start, 0)) + self._spans()

    def _is_open(self, places: np.ndarray) -> np.ndarray:
        """Whether a note may start there: the one before is over, and the bar is not."""
        return (places >= column(self.time)) & (places < column(np.maximum(self._bar_start, 0) + self.bar))


def column(values: np.ndarray | int) -> np.ndarray:
    """(batch, 1), or one number."""
    return np.reshape(np.asarray(values), (-1, 1))
