"""Where the last notes of melodies begin in their bars, and how long they last: counted, and shared among metres.

A few tunes hold one ending each, in several metres. What they say of a metre is backed by as much as `BACKING` more
endings: half of them those of all these tunes, moved into that metre, half those that come with the program, in that
metre. Of four collections (songs, and folk songs of three), 20 to 80 tunes at a time, the places of the last notes of
all others were foreseen best by about so many, and by halves (LOG.md). Backing: Dirichlet's prior, as in MacKay &
Peto 1995 ("A hierarchical Dirichlet language model").
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from ritornello.corpus.store import Corpus
from ritornello.music.beats import bar_quarters, beat_lengths, metre_named

BACKING = 8  # endings
FINEST = 16  # steps in a quarter on which a last note may be asked for: 64th notes
ROLLS = 1 << 24

Counted = Mapping[str, Mapping[str, int]]
"""By the name of a metre how many last notes had each "place length", in quarters: {"6/8": {"3/2 1": 2}}."""


class LastNote(NamedTuple):
    """Where in its bar a last note begins, and how long it lasts there, in quarters."""

    place: Fraction
    length: Fraction

    def within(self, bar: Fraction, least: Fraction) -> LastNote:
        """Shorten it, or move it forward, so that it lasts for `least` or more and ends in its bar."""
        place = min(self.place, bar - least)
        return LastNote(place, min(max(self.length, least), bar - place))

    def moved(self, bar: Fraction, beat: Fraction, other: Fraction) -> LastNote:
        """Move it to a beat of another bar, as far in it, where it ends with a beat.

        bar, beat: in quarters. other: those of its own bar.
        """
        place = self.place / other * bar // beat * beat
        beats = -(-self.length / other * bar // beat)
        return LastNote(place, min(max(1, beats) * beat, bar - place))


def count_last_notes(corpus: Corpus, split: str = "train") -> dict[str, dict[str, int]]:
    """Count the last notes of the melodies of a split, as of `Counted`.

    Those in a pick-up are left out, and those inside a tuplet.
    """
    found: dict[str, Counter[str]] = {}
    for _, part in corpus.slices(split):
        if part.notes < 2:
            continue
        start, duration = (int(corpus.notes[part.stop - 1][name]) for name in ("start", "duration"))
        timeline = part.timeline
        metre, lines = timeline.metre_at(start), timeline.barlines()
        place = Fraction(start - lines[bisect_right(lines, start) - 1]) / timeline.ticks_per_quarter
        if start >= timeline.pickup and FINEST % place.denominator == 0:
            length = Fraction(duration, timeline.ticks_per_quarter)
            found.setdefault(metre.name, Counter())[f"{place} {length}"] += 1
    return {metre: dict(counts) for metre, counts in found.items()}


@dataclass(frozen=True)
class LastNotes:
    """The chances of last notes. own: counted in the training tunes. others: in those that come with the program."""

    own: Counted
    others: Counted
    _kept: dict[tuple[Fraction, Fraction], dict[LastNote, Fraction]] = field(default_factory=dict, compare=False)

    @property
    def tunes(self) -> int:
        """Training tunes that were counted."""
        return sum(sum(counts.values()) for counts in self.own.values())

    def draw(self, bar: Fraction, beat: Fraction, roll: int) -> LastNote:
        """Draw a last note for a metre, the commonest first.

        bar, beat: quarters. roll: 0 to 2^24 - 1.
        """
        chances = self.chances(bar, beat)
        names = sorted(chances, key=lambda name: (-chances[name], name))
        return names[bisect_right([*accumulate(chances[name] for name in names[:-1])], Fraction(roll, ROLLS))]

    def chances(self, bar: Fraction, beat: Fraction) -> dict[LastNote, Fraction]:
        """Compute how likely each last note is in a metre; they sum to 1. bar, beat: quarters."""
        if (bar, beat) not in self._kept:
            own, others = ([*_listed(counted)] for counted in (self.own, self.others))
            moved = _shares(_moved(own, bar, beat))
            prior = moved
            if others:
                general = _backed(_of_metre(others, bar, beat), _shares(_moved(others, bar, beat)))
                prior = {name: (moved.get(name, 0) + general.get(name, 0)) / Fraction(2) for name in moved | general}
            self._kept[bar, beat] = _backed(_of_metre(own, bar, beat), prior)
        return self._kept[bar, beat]


class _Kind(NamedTuple):
    """Last notes that are alike, and in how many tunes. bar, beat: of their metre, in quarters."""

    bar: Fraction
    beat: Fraction
    note: LastNote
    tunes: int


def _listed(counted: Counted) -> Iterable[_Kind]:
    """List what was counted."""
    for name, counts in counted.items():
        metre = metre_named(name)
        for words, count in counts.items():
            place, length = map(Fraction, words.split())
            yield _Kind(bar_quarters(metre), beat_lengths(metre)[0], LastNote(place, length), count)


def _of_metre(kinds: Iterable[_Kind], bar: Fraction, beat: Fraction) -> Counter[LastNote]:
    """Count those of a metre."""
    found: Counter[LastNote] = Counter()
    for kind in kinds:
        if (kind.bar, kind.beat) == (bar, beat):
            found[kind.note.within(bar, min(beat, Fraction(1)))] += kind.tunes
    return found


def _moved(kinds: Iterable[_Kind], bar: Fraction, beat: Fraction) -> Counter[LastNote]:
    """Count all of them as if they stood in one metre."""
    found: Counter[LastNote] = Counter()
    for kind in kinds:
        found[kind.note.moved(bar, beat, kind.bar).within(bar, min(beat, Fraction(1)))] += kind.tunes
    return found


def _shares(counts: Counter[LastNote]) -> dict[LastNote, Fraction]:
    """Divide counts by their sum."""
    return {name: Fraction(count, counts.total()) for name, count in counts.items()}


def _backed(counts: Counter[LastNote], prior: Mapping[LastNote, Fraction]) -> dict[LastNote, Fraction]:
    """Add a prior to counts, that weighs as much as so many more endings."""
    whole = counts.total() + BACKING
    return {name: (counts[name] + BACKING * prior.get(name, Fraction(0))) / whole for name in {*counts, *prior}}
