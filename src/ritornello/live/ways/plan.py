"""The plan of a line: what is proposed, and what is committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol

from ritornello.live.dials import Dials
from ritornello.live.values import LineNote


class Composer(Protocol):
    """What the engine needs of a line (see `line.py`).

    is_melody: whether its notes, and the player's that it hears, follow one another.
    """

    is_melody: bool

    @property
    def key(self) -> Any:
        """The key that it found or was given; None before."""

    def heard(self, notes: Sequence[LineNote]) -> None:
        """Add what the player played."""

    def prime(self, notes: Sequence[Sequence[int]], end: Fraction) -> None:
        """Take notes as just played, up to a barline; raises ValueError for notes that cannot be."""

    def accept(self, notes: Sequence[LineNote]) -> None:
        """Add what the machine plays."""

    def begin_tune(self, start: Fraction) -> None:
        """Begin a tune at a barline, as if nothing had been played before."""

    def take_back(self, start: Fraction) -> None:
        """Remove accepted notes that begin at `start` or later: they will not be played."""

    def propose(self, start: Fraction, until: Fraction, dials: Dials, ends: Fraction | None = None) -> list[LineNote]:
        """Compose the notes that begin from `start` up to `until`.

        ends: where the phrase is to be over.
        """

    def companion(self, note: LineNote, dials: Dials) -> LineNote | None:
        """Find a second note to one of the player's."""

    def chord(self, pitches: Iterable[int]) -> None:
        """Set the pitches that the left hand holds."""

    def reset(self) -> None:
        """Forget what was learned on the spot."""

    def snapshot(self, name: str) -> None:
        """Keep what was learned under a name."""

    def recall(self, name: str) -> None:
        """Return to what was kept under a name; raises ValueError for an unknown one."""


class Plan:
    """Notes of a stretch that the machine plays, in order.

    end: of the stretch, None for open. committed: no longer changed, and not yet handed to the output.
    tentative: thrown away at anything new. The line holds both as accepted, so that a plan
    is extended, not made anew.
    settled, planned: committed and tentative notes reach up to these places.
    """

    def __init__(self) -> None:
        self._is_melody = True
        self.committed: list[LineNote] = []
        self.tentative: list[LineNote] = []
        self.is_open = False
        self.begin, self.end = Fraction(0), None
        self.settled = self.planned = Fraction(0)

    begin: Fraction
    end: Fraction | None

    def open(self, start: Fraction, end: Fraction | None) -> None:
        """Begin a stretch."""
        self.is_open, self.begin, self.end = True, start, end
        self.settled = self.planned = start

    def extend(self, line: Composer, until: Fraction, dials: Dials) -> None:
        """Plan further, up to a place or the end of the stretch."""
        until = until if self.end is None else min(until, self.end)
        if not self.is_open or until <= self.planned:
            return
        notes = line.propose(self.planned, until, dials, self.end)
        line.accept(notes)
        self.tentative += notes
        self._is_melody = line.is_melody
        self.planned = max([until, *self._ends(notes)])

    def commit(self, until: Fraction) -> None:
        """Commit the notes that begin before a place."""
        count = sum(note.start < until for note in self.tentative)
        self.committed += self.tentative[:count]
        del self.tentative[:count]
        self.settled = min(max([self.settled, until, *self._ends(self.committed[-1:])]), self.planned)

    def _ends(self, notes: Sequence[LineNote]) -> list[Fraction]:
        """List the ends of notes within which no other may begin."""
        return [note.end for note in notes] if self._is_melody else []

    def discard(self, line: Composer) -> None:
        """Throw the tentative notes away."""
        line.take_back(self.settled)
        self.tentative.clear()
        self.planned = self.settled

    def close(self, line: Composer, start: Fraction) -> None:
        """End the stretch at a place; later notes will not be played."""
        line.take_back(start)
        self.committed = [note for note in self.committed if note.start < start]
        self.tentative.clear()
        self.is_open = False
