"""Where tunes stand whose tokens say how time passes: those of MidiTok's TSD, Structured and MIDILike.

    begin_3/4 | TimeSig_3/4 | TimeShift_2.0.24 | Pitch_67 | Duration_1.0.24 | TimeShift_1.0.24 | Pitch_72 | ...
    begin_3/4 | TimeShift_2.0.24 | Pitch_67 | Duration_1.0.24 | TimeShift_1.0.24 | Pitch_72 | ...
    begin_3/4 | TimeSig_3/4 | TimeShift_2.0.24 | NoteOn_67 | TimeShift_1.0.24 | NoteOff_67 | NoteOn_72 | ...

A tune is laid from a barline on and keeps its metre, so that its place in the bar follows by adding up. Legal is the
one spelling that the tokeniser has for a single line: a stretch of time is told by the longest shift as often as it
fits, and the rest. After any other shift what it leads to must come, after the longest there may be more.
"""

from __future__ import annotations

import numpy as np

from ritornello.encoding.miditok.table import (
    BEGIN,
    DURATION,
    END,
    NOTE_OFF,
    PITCH,
    TIME_SHIFT,
    TIME_SIGNATURE,
    TokenTable,
)
from ritornello.encoding.miditok.tracker import Ending, MidiTokTracker, RemiTracker, TimedTracker, column


def tracker_of(table: TokenTable, batch: int, inputs: tuple[str, ...] = ()) -> MidiTokTracker:
    """The tracker that follows a tokeniser's tokens as far as they can be followed."""
    if not table.tells_time:
        return MidiTokTracker(table, batch)
    if table.tokenizer == "REMI":
        return RemiTracker(table, batch, inputs)
    kind = NoteOffTracker if (table.kind == NOTE_OFF).any() else DurationTracker
    return kind(table, batch, inputs)


class ShiftTracker(TimedTracker):
    """What these tokenisers have in common."""

    def __init__(self, table: TokenTable, batch: int, inputs: tuple[str, ...]):
        super().__init__(table, batch, inputs)
        self._goes_on = np.zeros(batch, bool)  # the last token was the longest shift: another may follow

    def _is_headed(self) -> np.ndarray:
        """(batch, 1) of bool: the metre has been told, and nothing else."""
        return column(self._last) == (TIME_SIGNATURE if self.table.signs_time else BEGIN)

    def _take(self, tokens: np.ndarray) -> None:
        super()._take(tokens)
        self._goes_on = self.table.goes_on[tokens]


class DurationTracker(ShiftTracker):
    """TSD and Structured (Hadjeres and Crestel 2021, "The Piano Inpainting Application", arXiv 2107.05944).

    Shifts lead from the start of a note to that of the next, which is not before the end of the first: in TSD as many
    as it takes, in Structured one before every note (of no length where the tune opens with it). A note counts, and
    sounds, once its length is told; then `time` is its end.
    """

    def __init__(self, table: TokenTable, batch: int, inputs: tuple[str, ...]):
        super().__init__(table, batch, inputs)
        self._start = np.zeros(batch, np.int64)  # tick that the shifts add up to

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next."""
        kind, last, headed = self.table.kind, column(self._last), self._is_headed()
        may_shift = headed | (last == DURATION) | column(self._goes_on)
        reached = column(self._start) + self._spans()
        mask = self._heads()
        mask |= (kind == TIME_SHIFT) & may_shift & (reached >= column(self.time))
        mask |= (kind == PITCH) & ((last == TIME_SHIFT) | (headed & (self.table.tokenizer != "Structured")))
        mask |= (kind == DURATION) & (last == self.table.announced)
        mask |= (kind == END) & (last == DURATION)
        return mask & ~column(self.done)

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`. After the longest shift, too, a note may start."""
        kind, ending, start = self.table.kind, Ending.of(last_bar_start, end, least), column(self._start)
        reached = start + self._spans()
        fits = np.select(
            [kind == DURATION, kind == END, (kind == TIME_SHIFT) | (kind == PITCH)],
            [
                ending.lasts(start, reached),
                ending.closes(column(self.onset), column(self.time)),
                self._may_start(reached, ending),
            ],
            True,
        )
        return self.legal() & fits

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""
        kind = self.table.kind[tokens]
        ticks = self.table.amount[tokens] * self.table.steps[self._metre]
        self._start = self._start + np.where(kind == TIME_SHIFT, ticks, 0)
        self._reach(self._start)
        self._sound(kind, ticks)
        self._announce(tokens)
        self._take(tokens)


class NoteOffTracker(ShiftTracker):
    """MIDILike (Oore et al. 2018, "This Time with Feeling", arXiv 1808.03715): shifts between the events of MIDI.

    At one tick the last note is ended before the next one starts. A note counts once it sounds: after its velocity
    where that is told. `sounding` keeps it after its NoteOff until time goes on.
    """

    def __init__(self, table: TokenTable, batch: int, inputs: tuple[str, ...]):
        super().__init__(table, batch, inputs)
        self._held = np.full(batch, -1)  # pitch of the note that no NoteOff has ended

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next."""
        kind, last, held = self.table.kind, column(self._last), column(self._held)
        is_free = self._is_headed() | (last == NOTE_OFF)
        mask = self._heads()
        mask |= (kind == TIME_SHIFT) & (is_free | (last == self.table.announced) | column(self._goes_on))
        mask |= (kind == PITCH) & (is_free | ((last == TIME_SHIFT) & (held < 0)))
        mask |= (last == TIME_SHIFT) & (held >= 0) & (self.table.ended == held)
        mask |= (kind == END) & (last == NOTE_OFF)
        return mask & ~column(self.done)

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`. After the longest shift a note may sound on, too."""
        kind, ending, onset = self.table.kind, Ending.of(last_bar_start, end, least), column(self.onset)
        reached = column(self.time) + self._spans()
        lasts = ending.lasts(onset, reached)
        lasts_on = lasts | (self.table.goes_on & (reached < ending.end) & ending.has_room(onset))
        is_held = column(self._held >= 0)
        fits = np.select(
            [kind == END, kind == NOTE_OFF, (kind == TIME_SHIFT) & is_held, (kind == TIME_SHIFT) | (kind == PITCH)],
            [
                ending.closes(onset, column(self.time)),
                lasts,
                lasts_on,
                self._may_start(reached, ending),
            ],
            True,
        )
        return self.legal() & fits

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""
        kind = self.table.kind[tokens]
        ticks = np.where(kind == TIME_SHIFT, self.table.amount[tokens] * self.table.steps[self._metre], 0)
        self.sounding = np.where((ticks > 0) & (self._held < 0), -1, self.sounding)
        self.time = self.time + ticks
        self._hear(self._held, ticks)
        self._announce(tokens)
        starts = np.where(kind == self.table.announced, self._pitch, -1)
        self._note(starts)
        self._held = np.where(starts >= 0, starts, np.where(kind == NOTE_OFF, -1, self._held))
        self._take(tokens)
