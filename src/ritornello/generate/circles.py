"""Passages that go round: which pitches would carry a unit of bars, or a figure of notes, on once more.

A unit of one, two or four bars is too much from the middle of its third time on; a figure of one to four pitches once
it has filled as many notes as one tune in fifty has (counted over the embedded corpus). Below temperature 1 a network
that copies its own past cannot leave such a circle by itself: after one other note, which this forces, it goes on
copying. So a unit in which next to nothing is new is too much as well, from the middle of its fourth time on. A
figure of three or four notes, pitches and durations, that differs from the time before in one note at most is too
much once nothing else than two other notes in its last time would end it; how long the last note lasts is known then.
"""

from __future__ import annotations

from collections import deque
from copy import copy

from ritornello.encoding import Place

UNITS = (1, 2, 4)  # bars
FIGURES = (1, 2, 3, 4)  # notes
MOST_NOTES = 11  # of a figure that goes round
NEW = 2  # notes that may be new while a unit or figure goes round nearly as it was
LEAST = {"unit": 4, "figure": 3}  # notes of what may go round so: most of it stays
MOST_NEARLY = 14  # notes of a figure that does
COMPARED = 12  # notes, each with the one of the time before, of a figure with one other note each time


class Circles:
    """What goes round in one tune, from what has sounded: notes and rests by start and pitch (-1 for a rest)."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pitches: list[int] = []
        self._places: dict[int, int] = {}  # by start
        self._since: list[int | None] = [None for _ in UNITS]  # from where all is as so many bars before
        self._news = [deque[int](maxlen=NEW + 1) for _ in UNITS]  # where that was not so, the last times
        self._melody: list[int] = []  # pitches of the notes alone
        self._round = [0 for _ in FIGURES]  # notes that are as so many notes before
        self._other = {n: deque[int](maxlen=NEW + 1) for n in FIGURES if n >= LEAST["figure"]}  # notes that are not
        self._lengths: list[int] = []  # ticks of the notes, but of the last one
        self._others = {n: deque[bool](maxlen=COMPARED - 1) for n in self._other}  # which of them are other notes
        self._time = 0

    def copy(self) -> Circles:
        """Return circles that go on from here by themselves."""
        other = copy(self)
        for name in ("_starts", "_pitches", "_places", "_since", "_melody", "_round", "_lengths"):
            setattr(other, name, copy(getattr(self, name)))
        other._news = [copy(news) for news in self._news]
        other._other = {notes: copy(news) for notes, news in self._other.items()}
        other._others = {notes: copy(others) for notes, others in self._others.items()}
        return other

    def observe(self, place: Place) -> None:
        """Take note of what has begun since the last token."""
        if place.notes > len(self._melody):
            pitch, melody, count = place.sounding, self._melody, len(self._melody)
            if count:
                self._finish(self._lasted(place.onset))
            self._begin(place.onset, pitch, place.bar)
            for n, notes in enumerate(FIGURES):
                if count >= notes and melody[-notes] == pitch:
                    self._round[n] += 1
                    continue
                self._round[n] = 0
                if notes in self._other:
                    self._other[notes].append(count)
            melody.append(pitch)
        elif place.sounding < 0 and self._pitches and self._pitches[-1] >= 0:
            self._begin(self._time, -1, place.bar)
        self._time = place.time

    def next_pitches(self, place: Place) -> set[int]:
        """Find the pitches that would carry a circle on if they started here."""
        found: set[int] = set()
        time = place.time
        for bars, since, news in zip(UNITS, self._since, self._news, strict=True):
            lag = bars * place.bar
            is_round = since is not None and 2 * (time - since) >= 3 * lag  # in its third time, from the middle on
            # In its fourth, with one new note at most in this time, and NEW in all, rests included.
            is_nearly = len(news) > NEW and time - news[-2] >= lag and 2 * (time - news[0]) >= 5 * lag
            if not is_round and not is_nearly:
                continue
            then = self._places.get(time - lag, -1)
            is_long = is_nearly and len(self._starts) - then >= LEAST["unit"]
            if then >= 0 and (is_long or (is_round and self._is_next(then, lag))):
                found.add(self._pitches[then])
        for notes, run in zip(FIGURES, self._round, strict=True):
            if run and run + notes >= MOST_NOTES:
                found.add(self._melody[-notes])
        for notes, news in self._other.items():
            if len(news) > NEW and len(self._melody) - news[0] - 1 + notes >= MOST_NEARLY:
                found.add(self._melody[-notes])
        for notes, others in self._others.items():
            if (
                len(others) >= COMPARED - 3
                and 2 * others.count(True) <= COMPARED
                and self._is_nearly_round(notes, time)
            ):
                found.add(self._melody[-notes])
        found.discard(-1)
        return found

    def _is_nearly_round(self, notes: int, time: int) -> bool:
        """Tell whether a figure has gone round with one other note each time.

        If the next note is no other. time: at which the last note is over. Of the last time one note is due, or two.
        """
        before = [*self._others[notes], self._is_other(notes, self._lasted(time))]
        for due in (1, 2):
            compared = before[due - COMPARED :]
            if len(compared) + due < COMPARED:
                continue
            others = [sum(compared[n : n + notes]) for n in range(0, COMPARED, notes)]
            if max(others[:-1]) <= 1 and others[-1] == 2 - due:
                return True
        return False

    def _finish(self, length: int) -> None:
        """Take note of how long the last note has lasted."""
        for notes, others in self._others.items():
            if len(self._lengths) >= notes:
                others.append(self._is_other(notes, length))
        self._lengths.append(length)

    def _is_other(self, notes: int, length: int) -> bool:
        """Tell whether the last note is another one than so many notes before.

        length: of the last one.
        """
        return self._melody[-1] != self._melody[-1 - notes] or length != self._lengths[-notes]

    def _lasted(self, time: int) -> int:
        """Compute how long the last note has lasted when it is over, or the rest behind it."""
        return time - self._starts[-1] if self._pitches[-1] >= 0 else self._starts[-1] - self._starts[-2]

    def _begin(self, start: int, pitch: int, bar: int) -> None:
        """Append a note or rest, and see whether it began just so a unit before."""
        for n, bars in enumerate(UNITS):
            then = self._places.get(start - bars * bar, -1)
            if then < 0 or self._pitches[then] != pitch:
                self._since[n] = None
                self._news[n].append(start)
            elif self._since[n] is None or not self._is_next(then, bars * bar):
                if self._since[n] is not None:
                    self._news[n].append(start)
                self._since[n] = start
        self._places[start] = len(self._starts)
        self._starts.append(start)
        self._pitches.append(pitch)

    def _is_next(self, then: int, lag: int) -> bool:
        """Tell whether what was as the last note or rest came just before `then`, so lasted as long."""
        return self._places.get(self._starts[-1] - lag, -1) == then - 1
