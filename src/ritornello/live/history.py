"""The line so far as a network reads it: a melody of its last bars, and the memory of what came before them.

A melody begins anew, with its header, after a silence, in another key or metre, and now and then, so that nothing
grows with the hours; what was played before stays in memory, as far as it is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.live.values import LineNote
from ritornello.model.lstm import NumpyLstm
from ritornello.model.players import Players
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

GRID = 24  # steps to a quarter, to which notes are rounded
SILENCE = 2  # bars, after which a melody begins anew
MOST_BARS, KEPT_BARS = 32, 8  # of a melody, and of one that begins anew because it grew too long
MOST_NOTES, KEPT_NOTES = 640, 512  # that are remembered


class Entry(NamedTuple):
    """A note that was played, by the player or by the machine."""

    note: LineNote
    is_own: bool


class Heading(NamedTuple):
    """What a melody begins with. begin: a barline, in quarters. middle: a pitch near which it lies without notes."""

    begin: Fraction
    metre: Metre
    key: Key | None
    middle: int = 67


class History:
    """The notes of a line, oldest first, none overlapping the next; and the players that have read them."""

    def __init__(self, network: NumpyLstm, encoding: MelodyEncoding):
        self._network, self._encoding = network, encoding
        self.entries: list[Entry] = []
        self._heading: Heading | None = None
        self._fed: list[int] = []
        self._players = Players(network, encoding, 1, with_rules=True)
        self._place = self._players.snapshot()

    def add(self, notes: Sequence[LineNote], is_own: bool) -> None:
        """Add notes in order of their starts; what sounds is cut short where the next begins."""
        for note in sorted(notes, key=lambda note: (note.start, -note.pitch)):
            start = rounded(note.start)
            note = note._replace(start=start, duration=max(rounded(note.end) - start, Fraction(1, GRID)))
            later = [entry for entry in self._pop_from(start) if entry.note.start > start]
            if self.entries and self.entries[-1].note.end > start:
                before = self.entries[-1]
                self.entries[-1] = before._replace(note=before.note._replace(duration=start - before.note.start))
            if later:
                note = note._replace(duration=min(note.duration, later[0].note.start - start))
            self.entries += [Entry(note, is_own), *later]
        if len(self.entries) > MOST_NOTES:
            del self.entries[:-KEPT_NOTES]

    def _pop_from(self, start: Fraction) -> list[Entry]:
        """Take off the entries that begin at `start` or later."""
        later: list[Entry] = []
        while self.entries and self.entries[-1].note.start >= start:
            later.insert(0, self.entries.pop())
        return later

    def begin(self, start: Fraction, bar: Fraction, before: Fraction | None) -> Fraction:
        """Find the barline at which the melody that goes on at `start` begins.

        bar: its length. before: where it began so far; it stays, as long as it is not too far away.
        """
        first = end = start
        for entry in reversed(self.entries):
            if end - entry.note.end >= SILENCE * bar:
                break
            first = end = entry.note.start
        if start - first > MOST_BARS * bar:
            first = start - KEPT_BARS * bar
            if before is not None and start - before <= MOST_BARS * bar:
                first = before
        return first // bar * bar

    def players_at(self, start: Fraction, heading: Heading) -> Players:
        """Return players that have read the line up to `start`.

        They may be fed freely: the next call begins from what was played.
        """
        notes = [entry.note for entry in self.entries if heading.begin <= entry.note.start < start]
        tokens, onsets = self._tokens(notes, start, heading)
        settled = onsets[-2] if len(onsets) > 1 else 0  # the last note may still be cut short
        if tokens[: len(self._fed)] != self._fed[: len(tokens)] or self._fed[settled:]:
            self._players = Players(self._network, self._encoding, 1, with_rules=True)
            self._fed = []
        else:
            self._players.restore(self._place)
        feed(self._players, tokens[len(self._fed) : settled])
        self._fed, self._heading, self._place = tokens[:settled], heading, self._players.snapshot()
        feed(self._players, tokens[settled:])
        return self._players

    def _tokens(self, notes: Sequence[LineNote], start: Fraction, heading: Heading) -> tuple[list[int], list[int]]:
        """Encode the melody up to `start`: tokens, and where each note, and the next one, begins."""
        ticks = [(int((n.start - heading.begin) * GRID), int(n.duration * GRID), n.pitch) for n in notes]
        at = int(rounded(start - heading.begin) * GRID)
        if ticks and ticks[-1][0] + ticks[-1][1] > at:
            ticks[-1] = (ticks[-1][0], at - ticks[-1][0], ticks[-1][2])
        ticks.append((at, GRID, ticks[-1][2] if ticks else heading.middle))
        keys = () if heading.key is None else (heading.key,)
        timeline = Timeline(GRID, at + GRID, (heading.metre,), keys)
        melody = Melody(tuple(Note(*each) for each in ticks), timeline)
        if 2 * ticks[0][0] >= timeline.bar_ticks(heading.metre):
            melody = melody.with_pickup()
        tokens = self._encoding.encode(melody).tokens
        onsets = self._encoding.onsets(tokens).tolist()
        return tokens[: onsets[-1]].tolist(), onsets


def rounded(quarters: Fraction) -> Fraction:
    """Round a time to the grid, halves upward."""
    return Fraction((2 * quarters * GRID + 1) // 2, GRID)


def feed(players: Players, tokens: Sequence[int]) -> None:
    """Feed tokens to the players of one melody."""
    for token in tokens:
        players.feed(np.array([token]))
