"""The line so far as a network reads it: a melody of its last bars, and the memory of what came before them.

A melody begins anew, with its header, after a silence, in another key or metre, and now and then, so that nothing
grows with the hours; what was played before stays in memory, as far as it is bounded. Memory counts what was played
in scale degrees where the encoding does: what was learned in one key helps in another. A machine that plays alone
begins tunes, each of which goes on from the player at most, and remembers nothing of the tunes before. One endless
melody would drift, since it copies its own long notes, which makes them longer still.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.live.values import LineNote
from ritornello.model.network import Network
from ritornello.model.players import Players
from ritornello.music.beats import bar_quarters
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

GRID = 24  # steps to a quarter, to which notes are rounded
SILENCE = 2  # bars, after which a melody begins anew
MOST_BARS, KEPT_BARS = 32, 8  # of a melody, and of what is fed again where one begins in the midst of playing
MOST_NOTES, KEPT_NOTES = 640, 512
MOST_UNREAD = 256  # notes that are still read, once the machine is to play
MOST_GROUPS, KEPT_GROUPS = 1024, 768  # in memory
PLACES = 12  # to go back to where notes are taken back


class Entry(NamedTuple):
    """A note that was played, by the player or by the machine. start, end: in steps of the grid."""

    start: int
    end: int
    pitch: int
    is_own: bool


START = attrgetter("start")


class Heading(NamedTuple):
    """What a melody begins with.

    begin: a barline, in quarters. middle: a pitch near which it lies without notes. lowest: a pitch down to which it
    is to reach; 127 leaves that to its notes.
    """

    begin: Fraction
    metre: Metre
    key: Key | None
    middle: int = 67
    lowest: int = 127


class Group(NamedTuple):
    """What memory knows of a note group: when its note began, in quarters, and whether the machine played it.

    is_counted: False for a header, and for what was fed again under another one.
    """

    start: float
    is_own: bool
    is_counted: bool = True


class Learned(NamedTuple):
    """What was learned up to a moment, in quarters."""

    place: Any
    groups: list[Group]
    now: float


class History:
    """The notes of a line, oldest first, none overlapping the next; and the players that have read them.

    groups: what memory knows, in its order, of what the players have read for good and for the moment.
    """

    def __init__(self, network: Network, encoding: MelodyEncoding):
        self._encoding = encoding
        self.entries: list[Entry] = []
        self.groups: list[Group] = []
        self._heading: Heading | None = None
        self._fed: list[int] = []
        self._players = Players(network, encoding, 1, with_rules=True)
        self._places = [(0, 0, self._players.snapshot())]  # tokens fed, groups, and the place
        self._now = 0.0
        self._read = 0  # steps up to which all was read
        self._tune = 0  # where the last tune began, in steps

    def add(self, notes: Sequence[LineNote], is_own: bool) -> None:
        """Add notes in order of their starts; what sounds is cut short where the next begins."""
        for note in sorted(notes, key=lambda note: (note.start, -note.pitch)):
            start = steps(note.start)
            entry = Entry(start, max(steps(note.end), start + 1), note.pitch, is_own)
            later = [other for other in self._pop_from(start) if other.start > start]
            self._read = min(self._read, start)
            if self.entries and self.entries[-1].end > start:
                self.entries[-1] = self.entries[-1]._replace(end=start)
            if later:
                entry = entry._replace(end=min(entry.end, later[0].start))
            self.entries += [entry, *later]
        if len(self.entries) > MOST_NOTES:
            del self.entries[:-KEPT_NOTES]

    def take_back(self, start: Fraction) -> None:
        """Remove the machine's notes that begin at `start` or later."""
        self.entries += [entry for entry in self._pop_from(steps(start)) if not entry.is_own]
        self._read = min(self._read, steps(start))

    def replace(self, start: Fraction, end: Fraction) -> None:
        """Remove all notes that begin from `start` up to `end`.

        Memory keeps what it has read of them.
        """
        first, last = steps(start), steps(end)
        self.entries = [entry for entry in self.entries if not first <= entry.start < last]
        self._heading = None  # a melody begins anew
        self._read, self._tune = min(self._read, first), min(self._tune, first)

    def begin_tune(self, start: Fraction, metre: Metre) -> None:
        """Begin a tune, to which of all before only what the player has just played belongs.

        The machine's notes are forgotten. All before `start` has been read.
        """
        self._restore(-1)
        self.groups = [group._replace(is_counted=group.is_counted and not group.is_own) for group in self.groups]
        first, bar = steps(start), int(bar_quarters(metre) * GRID)
        for entry in reversed(self.entries):
            if entry.is_own:
                break
            first = entry.start // bar * bar
        self._tune, self._heading = first, None

    def _pop_from(self, start: int) -> list[Entry]:
        """Take off the entries that begin at `start` or later, in steps."""
        later: list[Entry] = []
        while self.entries and self.entries[-1].start >= start:
            later.insert(0, self.entries.pop())
        return later

    def since(self, start: Fraction) -> list[Entry]:
        """List the entries that begin at `start` or later."""
        return self.entries[bisect_left(self.entries, steps(start), key=START) :]

    def own_end(self, start: Fraction) -> Fraction:
        """Return where the machine's last note ends, `start` where that is over."""
        last = self.entries[-1] if self.entries else None
        return max(start, Fraction(last.end, GRID)) if last and last.is_own else start

    def forget(self) -> None:
        """Forget all that was played."""
        self._restore(0)
        self._players.forget()
        self.entries, self.groups, self._heading, self._fed = [], [], None, []
        self._places = [(0, 0, self._players.snapshot())]

    def learned(self) -> Learned:
        """Return what was learned so far, to be restored at any time."""
        _, count, place = self._places[-1]
        return Learned(place, self.groups[:count], self._now)

    def learn(self, learned: Learned) -> None:
        """Go back to what was learned up to another moment; its age stays as it was then."""
        later = self._now - learned.now
        self._players.restore(learned.place)
        self.groups = [group._replace(start=group.start + later) for group in learned.groups]
        self.entries, self._heading, self._fed = [], None, []
        self._places = [(0, len(self.groups), self._players.snapshot())]

    def begin(self, start: Fraction, metre: Metre, key: Key | None) -> Fraction:
        """Find the barline at which the melody that goes on at `start` begins.

        It is the first one after a silence or of a tune, or stays where it was as long as key and metre do, up to
        MOST_BARS.
        """
        bar, before, place = int(bar_quarters(metre) * GRID), self._heading, steps(start)
        tune = self._tune if place >= self._tune else 0
        first = end = place
        for entry in reversed(self.since(Fraction(tune, GRID))):
            if end - entry.end >= SILENCE * bar or place - entry.start > MOST_BARS * bar:
                break
            first = end = min(first, entry.start)
        if before is not None and before[1:3] == (metre, key):
            begun = int(before.begin * GRID)
            if 0 <= place - begun <= MOST_BARS * bar and first < begun + bar:
                return before.begin
        return Fraction(max(max(first, place - KEPT_BARS * bar) // bar * bar, tune), GRID)

    def unread(self, start: Fraction, metre: Metre) -> list[Fraction]:
        """List where melodies before `start` end that were not read yet, in quarters."""
        bar, place = int(bar_quarters(metre) * GRID), steps(start)
        first = max(bisect_left(self.entries, self._read, key=START) - 1, len(self.entries) - MOST_UNREAD, 0)
        oldest = self._tune if self._read >= self._tune else 0
        entries = [entry for entry in self.entries[first:] if oldest <= entry.start < place]
        found, begun = [], entries[0].start if entries else 0
        for entry, after in zip(entries, [*(entry.start for entry in entries[1:]), place], strict=False):
            if after - entry.end >= SILENCE * bar or after - begun >= MOST_BARS * bar:
                found.append(Fraction(entry.end, GRID))
                begun = after
        return found

    def players_at(self, start: Fraction, heading: Heading, for_good: bool = False) -> Players:
        """Return players that have read the line up to `start`.

        They may be fed freely: the next call begins from what was played. for_good: no note will be cut short.
        """
        self._now, self._read = float(start), steps(start)
        if self._heading is None or heading[:3] != self._heading[:3]:
            self._begin_anew(heading)
        place = steps(start)
        entries = [entry for entry in self.since(heading.begin) if entry.start < place]
        tokens, onsets = self._tokens(entries, place, heading)
        settled = len(tokens) if for_good else onsets[-2] if len(onsets) > 1 else 0  # the last one may be cut short
        alike = zip(tokens[:settled], self._fed, strict=False)
        common = next((n for n, (new, old) in enumerate(alike) if new != old), min(settled, len(self._fed)))
        while self._places[-1][0] > common:
            self._places.pop()
        fed = self._restore(-1)
        self._feed(tokens, fed, settled, onsets, entries)
        if settled > fed:
            self._places.append((settled, len(self.groups), self._players.snapshot()))
            del self._places[1:-PLACES]
        self._fed = tokens[:settled]
        self._feed(tokens, settled, len(tokens), onsets, entries)
        return self._players

    def _begin_anew(self, heading: Heading) -> None:
        """Begin a melody; memory stays, but counts nothing twice that will be fed again."""
        self._restore(-1)
        for n in reversed(range(len(self.groups))):
            if self.groups[n].start < heading.begin and self.groups[n].is_counted:
                break
            self.groups[n] = self.groups[n]._replace(is_counted=False)
        self._players.begin_anew()
        counted = next((n for n, group in enumerate(self.groups) if group.is_counted), len(self.groups))
        kept = len(self.groups) - counted
        if kept > MOST_GROUPS or not kept:
            kept = min(kept, KEPT_GROUPS)
            self._players.forget(kept)
            del self.groups[: len(self.groups) - kept]
        self._heading, self._fed = heading, []
        self._places = [(0, len(self.groups), self._players.snapshot())]

    def _restore(self, number: int) -> int:
        """Go back to a place; return how many tokens were fed until there."""
        fed, groups, place = self._places[number]
        self._players.restore(place)
        del self.groups[groups:]
        return fed

    def _feed(self, tokens: list[int], first: int, last: int, onsets: list[int], entries: list[Entry]) -> None:
        """Feed tokens from `first` up to `last`, and note whose groups they are."""
        parts = len(self._encoding.parts)
        for token in tokens[first:last]:
            self._players.feed(np.array([token]))
        for at in range(first, last, parts):
            number = int(np.searchsorted(onsets, at, side="right")) - 1
            if number < 0:
                self.groups.append(Group(self._now, False, False))
            else:
                entry = entries[number]
                self.groups.append(Group(entry.start / GRID, entry.is_own))

    def _tokens(self, entries: Sequence[Entry], place: int, heading: Heading) -> tuple[list[int], list[int]]:
        """Encode the melody up to a place: tokens, and where each note, and the next one, begins."""
        begin = steps(heading.begin)
        notes = [Note(e.start - begin, min(e.end, place) - e.start, e.pitch) for e in entries]
        following = notes[-1].pitch if notes else heading.middle
        notes.append(Note(place - begin, GRID, min(following, heading.lowest)))  # the header names the octave of it
        keys = () if heading.key is None else (heading.key,)
        melody = Melody(tuple(notes), Timeline(GRID, place - begin + GRID, (heading.metre,), keys))
        if 2 * notes[0].start >= melody.timeline.bar_ticks(heading.metre):
            melody = melody.with_pickup()
        tokens = self._encoding.encode(melody).tokens
        onsets = self._encoding.onsets(tokens).tolist()
        return tokens[: onsets[-1]].tolist(), onsets


def steps(quarters: Fraction) -> int:
    """Round a time to steps of the grid, halves upward."""
    return (2 * GRID * quarters.numerator + quarters.denominator) // (2 * quarters.denominator)
