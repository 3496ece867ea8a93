"""Which tokens of the grid may follow, and where each of several tunes on it stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritornello.encoding.echoes import echo_columns, step_stood
from ritornello.encoding.metres import METRES
from ritornello.encoding.side_inputs import BARS_AGO, History, Present, fitting_key, side_columns
from ritornello.encoding.symbols import NO_EVENT, NOTE_OFF
from ritornello.music.values import Key

SILENCE = 128  # as what stood a bar ago
COMMON_TIME = METRES.index("4/4")


class GridTracker:
    """Which tokens may follow, and where in its bar each of several tunes stands (see `protocol.Tracker`).

    A note_off in silence, an end before the first note and a second begin are not legal; after `end` nothing is.
    """

    def __init__(self, encoding: Any, batch: int):
        self.encoding = encoding
        self.sounding = np.full(batch, -1)
        self.time = np.zeros(batch, np.int64)
        self.onset = np.zeros(batch, np.int64)
        self.opening = np.zeros(batch, np.int64)
        self.notes = np.zeros(batch, np.int64)
        self.bar = np.full(batch, encoding.bar_steps((4, 4)))
        self.beat = np.full(batch, encoding.beat_steps((4, 4)))
        self.begun = np.full(batch, encoding.plain)
        self.done = np.zeros(batch, bool)
        self.part = np.zeros(batch, np.int64)
        self._metre = np.full(batch, COMMON_TIME if encoding.plain else -1)
        self._last = np.full(batch, -1)
        self._heard = np.zeros((batch, 12))
        self._history = History(batch)
        self._written = np.full((batch, 64), NO_EVENT, np.int16)  # for echoes

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next."""
        table = self.encoding.vocabulary
        mask = np.zeros((len(self.time), table.size), bool)
        running = self.begun & ~self.done
        mask[:, : NO_EVENT + 1] = running[:, None]
        mask[:, NOTE_OFF] = running & (self.sounding >= 0)
        if not self.encoding.plain:
            mask[:, NOTE_OFF + 1 : table["end"]] = (~self.begun & ~self.done)[:, None]
            mask[:, table["end"]] = running & (self.notes > 0)
        return mask

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`. The plain alphabet may stop with any token."""
        mask = GridTracker.legal(self)  # not that of a tracker made from this one, which has tokens of its own
        room = end - self.time  # steps left
        sounds = self.sounding >= 0
        opens_late = (self.notes == 0) & (self.time >= self.bar - 1)
        mask[:, :NO_EVENT] &= (~self.begun | (room >= least))[:, None]
        mask[:, NO_EVENT] &= np.where(sounds, room >= 1, (room > least) & ~opens_late)
        mask[:, NOTE_OFF] &= (room > least) & (self.time < last_bar_start)
        if not self.encoding.plain:
            closes = (self.time > last_bar_start) & (room >= 0) & sounds & (self.time - self.onset >= least)
            mask[:, self.encoding.vocabulary["end"]] &= closes
        return mask

    def heading(self, pitches: np.ndarray, key: Key | None) -> np.ndarray:
        """(batch, vocabulary) of bool, all True: the grid names neither key nor register."""
        return np.ones((len(self.time), self.encoding.vocabulary.size), bool)

    def pitches(self) -> np.ndarray:
        """(batch, vocabulary) int16: the pitch that each token starts, -1 for none."""
        row = np.full(self.encoding.vocabulary.size, -1, np.int16)
        row[:NO_EVENT] = np.arange(NO_EVENT)
        return np.broadcast_to(row, (len(self.time), len(row)))

    def side(self) -> np.ndarray:
        """(batch, columns) int16: see `protocol.Tracker`."""
        encoding = self.encoding
        ago = {name: self._history.at(self.time - BARS_AGO[name] * self.bar) for name in encoding._ago}
        key = fitting_key(self._heard)
        now = Present(self.time, self.bar, self.beat, self._metre, key, self._last, ago)
        columns = side_columns(encoding.inputs, now, encoding.steps_per_quarter)
        if not encoding.echoes:
            return columns
        then = [self._written_at(self.time - BARS_AGO[echo.name] * self.bar) for echo in encoding.echoes]
        return np.hstack([columns, echo_columns([step_stood(tokens) for tokens in then])])

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""
        is_step = tokens <= NOTE_OFF
        starts = tokens < NO_EVENT
        self.onset = np.where(starts, self.time, self.onset)
        self.opening = np.where(starts & (self.notes == 0), self.time, self.opening)
        self.notes = self.notes + starts
        self.sounding = np.where(starts, tokens, np.where(tokens == NO_EVENT, self.sounding, -1))
        if self.encoding.inputs:
            self._note_down(tokens, starts, is_step)
        if self.encoding.echoes:
            self._write(np.flatnonzero(is_step), tokens)
        self.time = self.time + is_step
        if self.encoding.plain:
            return
        self.done = self.done | (tokens == self.encoding.end)
        for row in np.flatnonzero(~is_step & ~self.done):
            self.begun[row] = True
            self._metre[row] = tokens[row] - self.encoding.vocabulary["begin_2/4"]
            metre = self.encoding.metre_of(tokens[row : row + 1])
            self.bar[row] = self.encoding.bar_steps(metre)
            self.beat[row] = self.encoding.beat_steps(metre)

    def _note_down(self, tokens: np.ndarray, starts: np.ndarray, is_step: np.ndarray) -> None:
        """What the side inputs need to remember of a step; `time` is still the step's own."""
        self._last = np.where(starts, tokens, self._last)
        rows = np.flatnonzero(is_step & (self.sounding >= 0))
        self._heard[rows, self.sounding[rows] % 12] += 1
        rows = np.flatnonzero(is_step & (tokens != NO_EVENT))
        what = np.where(starts[rows], tokens[rows], SILENCE)
        self._history.add(rows, self.time[rows], what, np.zeros_like(what), self.sounding[rows])

    def _write(self, rows: np.ndarray, tokens: np.ndarray) -> None:
        """These rows' tokens fill the step that each has reached."""
        if self.time.max(initial=0) == self._written.shape[1]:
            self._written = np.concatenate([self._written, np.full_like(self._written, NO_EVENT)], 1)
        self._written[rows, self.time[rows]] = tokens[rows]

    def _written_at(self, places: np.ndarray) -> np.ndarray:
        """(batch,) tokens of these steps, -1 before the first."""
        return np.where(places < 0, -1, self._written[np.arange(len(places)), np.maximum(places, 0)])

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone (indices or a mask)."""
        for name in ("sounding", "time", "onset", "opening", "notes", "bar", "beat", "begun", "done", "part"):
            setattr(self, name, getattr(self, name)[rows])
        self._metre, self._last, self._heard = self._metre[rows], self._last[rows], self._heard[rows]
        self._written = self._written[rows]
        self._history.keep(rows)
