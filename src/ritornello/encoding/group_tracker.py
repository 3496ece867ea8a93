"""Which tokens may follow in tunes of two-token groups, and where each of several tunes stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritornello.encoding.durations import AFTER, LENGTHS, MAY_TIE, SHORTEST_TIE
from ritornello.encoding.echoes import Matches, codes, matched, moved
from ritornello.encoding.group_layout import BELOW, HIGHEST_TONIC, LOWEST_TONIC, ROOMY
from ritornello.encoding.group_side import Found, group_echoes, times_ago, written_now
from ritornello.encoding.side_inputs import History, Present, fitting_key, side_columns
from ritornello.music.values import Key

COUNT = len(LENGTHS)


class GroupTracker:
    """See `protocol.Tracker`; time, notes and the others change when a group is whole.

    Legal is what `encode` could have written (but for a key that the notes speak against, and, where pitches are
    relative to it, an octave that they speak against):
    a tie only where the length before could not have been longer and the two are not one length of the table; no
    rest after a rest, no end after a rest or before the first note; pick-ups shorter than a bar; pitches of 0-127.
    """

    def __init__(self, encoding: Any, batch: int):
        self.encoding = encoding
        self.time = np.zeros(batch, np.int64)
        self.onset = np.zeros(batch, np.int64)
        self.opening = np.zeros(batch, np.int64)
        self.notes = np.zeros(batch, np.int64)
        self.bar = np.full(batch, encoding.bars[-1])
        self.beat = np.full(batch, encoding.beats[-1])
        self.begun = np.zeros(batch, bool)
        self.done = np.zeros(batch, bool)
        self.sounding = np.full(batch, -1)
        self.part = np.zeros(batch, np.int64)
        self._what = np.full(batch, -1)  # of the group whose length is asked
        self._state = np.zeros(batch, np.int64)  # of the table of ties
        self._started = np.zeros(batch, bool)  # a note or rest has come: ties no longer lengthen the pick-up
        self._upbeat = np.zeros(batch, np.int64)
        self._metre = np.full(batch, -1)
        self._key = np.full(batch, -1)
        self._base = np.zeros(batch, np.int64)  # what pitches are counted from
        self._last = np.full(batch, -1)
        self._heard = np.zeros((batch, 12))
        self._history = History(batch)
        self._matches = {name: Matches(batch) for name in matched(encoding.echoes)}

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next."""
        mask = np.zeros((len(self.time), self.encoding.ids.size), bool)
        self._first(mask, ~self.done & (self.part == 0))
        if self.part.any():
            self._second(mask, ~self.done & (self.part == 1))
        return mask

    def _first(self, mask: np.ndarray, asked: np.ndarray) -> None:
        ids = self.encoding.ids
        ready = asked & self._is_ready()
        mask[:, : ids.rest] = ready[:, None] & self._in_range()
        mask[:, ids.rest] = ready & ~(self._started & (self.sounding < 0))
        mask[:, ids.tie] = asked & (SHORTEST_TIE[self._state] < self._tie_limit())
        mask[:, ids.begin : ids.key] = (asked & ~self.begun)[:, None]
        mask[:, ids.key : ids.end] = (asked & self.begun & ~ready)[:, None]
        mask[:, ids.end] = ready & (self.notes > 0) & (self.sounding >= 0)

    def _second(self, mask: np.ndarray, asked: np.ndarray) -> None:
        ids, what = self.encoding.ids, self._what
        begins = asked & (what >= ids.begin) & (what < ids.key)
        names_key = asked & (what >= ids.key)
        mask[:, ids.second] = begins
        bar = self.encoding.bars[np.where(begins, what - ids.begin, 0)]
        limit = np.where(begins, bar, np.where(what == ids.tie, self._tie_limit(), _ENDLESS))
        lengths = (asked & ~names_key)[:, None] & (limit[:, None] > LENGTHS)
        lengths &= (what != ids.tie)[:, None] | MAY_TIE[self._state]
        mask[:, ids.length : ids.octave] = lengths
        if names_key.any():
            references = 12 * (np.arange(ids.size - ids.octave) - 1) + ((what - ids.key) % 12)[:, None]
            mask[:, ids.octave :] = names_key[:, None] & (references >= LOWEST_TONIC) & (references <= HIGHEST_TONIC)

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`."""
        mask, ids = self.legal(), self.encoding.ids
        what = np.where(self.part == 1, self._what, ids.rest - 1)
        note = self._closing(self.time, last_bar_start, end, least)
        rest = self._rest_fits(end, least)
        tie = np.where((self.sounding >= 0)[:, None], self._closing(self.onset, last_bar_start, end, least), rest)
        tie |= ~self._started[:, None]
        mask[:, : ids.rest] &= note.any(1, keepdims=True)
        mask[:, ids.rest] &= rest.any(1) & (self.time < last_bar_start)
        mask[:, ids.tie] &= (tie & MAY_TIE[self._state]).any(1)
        long_enough = self.time - self.onset >= least
        mask[:, ids.end] &= (self.time > last_bar_start) & (self.time <= end) & long_enough
        fits = np.where((what == ids.tie)[:, None], tie, np.where((what == ids.rest)[:, None], rest, note))
        mask[:, ids.length : ids.octave] &= fits | (what >= ids.begin)[:, None]
        return mask

    def _closing(
        self, onset: np.ndarray, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int
    ) -> np.ndarray:
        """(batch, durations): whether a piece of a note from `onset` leaves a tune that can close, or closes it."""
        after = self.time[:, None] + LENGTHS
        room = _column(end) - after
        closes = (after > _column(last_bar_start)) & (after - onset[:, None] >= _column(least))
        return (room >= 0) & (closes | (room >= _column(least)))

    def _rest_fits(self, end: np.ndarray, least: np.ndarray | int) -> np.ndarray:
        """(batch, durations): whether a piece of a rest leaves room for a note, the first in its bar."""
        after = self.time[:, None] + LENGTHS
        is_late = (self.notes == 0)[:, None] & (after >= self.bar[:, None])
        return (_column(end) - after >= _column(least)) & ~is_late

    def heading(self, pitches: np.ndarray, key: Key | None) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`."""
        ids = self.encoding.ids
        mask = np.ones((len(self.time), ids.size), bool)
        if not self.encoding.is_keyed:
            return mask
        if key is not None:
            mask[:, ids.key : ids.end] = np.arange(24) == key.tonic + 12 * (key.mode == "minor")
        references = 12 * (np.arange(ids.size - ids.octave) - 1) + ((self._what - ids.key) % 12)[:, None]
        room = self._room(references, np.flatnonzero(pitches))
        mask[:, ids.octave :] = room == room.max(1, keepdims=True)
        return mask

    def _room(self, references: np.ndarray, pitches: np.ndarray) -> np.ndarray:
        """Semitones up to the highest of `pitches` from the lowest within reach of each reference, no more than
        ROOMY; -1 where a tune's lowest note (the first one where pitches are counted from the note before) would not
        lie among them."""
        floor = references - BELOW
        places = pitches.searchsorted(floor)
        lowest = pitches[np.minimum(places, len(pitches) - 1)]
        room = np.full_like(lowest, ROOMY) if self.encoding.is_chained else np.minimum(pitches[-1] - lowest, ROOMY)
        return np.where((floor <= lowest) & (lowest < floor + 12), room, -1)

    def pitches(self) -> np.ndarray:
        """(batch, vocabulary) int16: the pitch that each token starts, -1 for none."""
        ids = self.encoding.ids
        out = np.full((len(self.time), ids.size), -1, np.int16)
        asked = (self._is_ready() & (self.part == 0))[:, None]
        out[:, : ids.rest] = np.where(asked & self._in_range(), self._pitch_of_ids(), -1)
        return out

    def side(self) -> np.ndarray:
        """(batch, columns) int16: see `protocol.Tracker`."""
        encoding = self.encoding
        ago = {}
        if encoding.ago:
            past = self._history.at(times_ago(encoding, self.time, self.bar))
            ago = written_now(encoding, past, self._base)
        key = self._key if encoding.is_keyed else fitting_key(self._heard)
        now = Present(self.time, self.bar, self.beat, self._metre, key, self._last, ago)
        columns = side_columns(encoding.inputs, now, encoding.ticks_per_quarter)
        if not encoding.echoes:
            return columns
        found = {}
        for name, kept in self._matches.items():
            places, strength = kept.found()
            there = self._history.nth(places)
            if name == "sequence":
                before = self._history.pitch_before(places)
                here = self._history.pitch_before(self._history.count)
                there = moved(there, before, here, self._base + encoding.lowest, encoding.ids.rest)
            found[name] = Found(there, strength)
        return np.hstack([columns, group_echoes(encoding, ago, found)])

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""
        ids = self.encoding.ids
        is_first = tokens < ids.second
        self.done = self.done | (tokens == ids.end)
        if not is_first.all():
            self._close(~is_first & (self._what >= 0), tokens)
        self._what = np.where(is_first & (tokens != ids.end), tokens, -1)
        self.part = (self._what >= 0).astype(np.int64)

    def _close(self, rows: np.ndarray, tokens: np.ndarray) -> None:
        """A group is whole in these rows (a mask): what it began takes its time."""
        ids, what = self.encoding.ids, self._what
        index = tokens - ids.length
        is_length = rows & (index >= 0) & (index < COUNT)
        index = np.where(is_length, index, 0)
        ticks = np.where(is_length, LENGTHS[index], 0)
        is_note, is_rest, is_tie = rows & (what < ids.rest), rows & (what == ids.rest), rows & (what == ids.tie)
        self._state = np.where(
            is_length, AFTER[np.where(is_tie, self._state, 0), index], np.where(rows, 0, self._state)
        )
        self._note(is_note)
        self.sounding = np.where(is_rest, -1, self.sounding)
        self._started = self._started | is_note | is_rest
        music = is_note | is_rest | (is_tie & self._started)
        if self.encoding.remembers:
            self._note_down(music, is_note, index, ticks)
        self.time = self.time + ticks * music
        if not self._started.all():
            self._header(rows & ~self._started, tokens, ticks)

    def _note(self, rows: np.ndarray) -> None:
        """A note starts in these rows, at the time reached."""
        pitch = self._what + self.encoding.lowest + self._base
        self.opening = np.where(rows & (self.notes == 0), self.time, self.opening)
        self.onset = np.where(rows, self.time, self.onset)
        self.notes = self.notes + rows
        self.sounding = np.where(rows, pitch, self.sounding)
        self._last = np.where(rows, pitch, self._last)
        if self.encoding.is_chained:
            self._base = np.where(rows, pitch, self._base)

    def _header(self, rows: np.ndarray, tokens: np.ndarray, ticks: np.ndarray) -> None:
        """A group of the header is whole in these rows."""
        encoding, ids, what = self.encoding, self.encoding.ids, self._what
        begins = rows & (what >= ids.begin) & (what < ids.key)
        self._metre = np.where(begins, what - ids.begin, self._metre)
        self.bar, self.beat = encoding.bars[self._metre], encoding.beats[self._metre]
        self.begun = self.begun | begins
        self._upbeat = self._upbeat + ticks * (begins | (rows & (what == ids.tie)))
        self.time = np.where(self._started, self.time, -self._upbeat % self.bar)
        names_key = rows & (what >= ids.key) & (tokens >= ids.octave)
        self._key = np.where(names_key, what - ids.key, self._key)
        self._base = np.where(names_key, 12 * (tokens - ids.octave - 1) + self._key % 12, self._base)

    def _note_down(self, music: np.ndarray, is_note: np.ndarray, index: np.ndarray, ticks: np.ndarray) -> None:
        """What side inputs and echoes need to remember of a group; `time` is still its start."""
        rows = np.flatnonzero(music)
        pitch = np.where(is_note, self._last, -1)
        before = self._history.pitch_before(self._history.count)
        events = np.stack([self._what, index, pitch], 1)[rows]
        self._history.add(rows, self.time[rows], *events.T)
        for name, kept in self._matches.items():
            kept.add(rows, codes(name, events, before[rows]))
        rows = np.flatnonzero(music & (self.sounding >= 0))
        self._heard[rows, self.sounding[rows] % 12] += ticks[rows]

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone (indices or a mask)."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[rows])
        self._history.keep(rows)
        for kept in self._matches.values():
            kept.keep(rows)

    def _is_ready(self) -> np.ndarray:
        """Whether the header is whole as far as it must be."""
        return self.begun & (self._key >= 0) if self.encoding.is_keyed else self.begun

    def _tie_limit(self) -> np.ndarray:
        """Ticks that a tied piece must stay below: a pick-up is shorter than its bar."""
        return np.where(self._started, _ENDLESS, self.bar - self._upbeat)

    def _pitch_of_ids(self) -> np.ndarray:
        """(batch, pitch ids), some outside 0-127."""
        return self._base[:, None] + np.arange(self.encoding.lowest, self.encoding.lowest + self.encoding.ids.rest)

    def _in_range(self) -> np.ndarray:
        """(batch, pitch ids): whether the pitch is one; a first interval is as short as the reference allows."""
        encoding, pitches = self.encoding, self._pitch_of_ids()
        legal = (pitches >= 0) & (pitches <= 127)
        if encoding.is_chained:
            offsets = np.arange(encoding.lowest, encoding.lowest + encoding.ids.rest)
            legal &= (self.notes > 0)[:, None] | ((offsets >= -BELOW) & (offsets < 12 - BELOW))
        return legal


def _column(values: np.ndarray | int) -> np.ndarray:
    return np.asarray(values)[..., None]


_ENDLESS = 1 << 39  # ticks
