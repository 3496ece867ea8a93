"""Compose a form: sections that return are remembered, and varied by as much as is asked for.

A section is drawn with the network's own state, told that the tune is over at its end, so that it closes as tunes do:
open, on a pitch of the dominant, and full, on the tonic, at the end of the form and of varied sections. One that
returns is fed to the network note by note; bars of it that are varied are drawn between what stands before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ritornello.generate.choice.drawing import Continuation, Drawing, Group
from ritornello.generate.choice.steering import Stretch
from ritornello.generate.draw import Dice
from ritornello.generate.options import Goal, Section

WAYS = 12  # to go on, of a cadence or of a bar that is varied
ENDING_BARS = 2  # drawn together with a cadence
OPEN = tuple(Goal(degree=degree) for degree in (5, 2, 7))  # a half close, on the dominant
FULL = (Goal(degree=1),)
VARIED = 0.25  # of the bars, for each prime
STRANGE = 0.3  # semitones that a bit per note counts
SMOOTH = 4  # semitones; so far the step to what follows goes without a miss
MOST_ALIKE = 0.05  # share of its notes that a new section has in common with one before, where it can be so low
RUN = 4  # notes
SHORT = 2.0  # what a last note counts that is much shorter than half a bar
VARY_STRIDE = 1 << 31  # of the dice that choose the bars to be varied


@dataclass(frozen=True)
class Remembered:
    """A section as it was. start: the tick at which it began."""

    start: int
    groups: tuple[Group, ...]

    @property
    def notes(self) -> list[tuple[int, int]]:
        """Its notes, by ticks from its beginning and pitch."""
        return [(group.time - self.start, group.pitch) for group in self.groups if group.pitch >= 0]


class Composer:
    """Composes the sections of one tune. known: sections so far, by name and by letter."""

    def __init__(self, drawing: Drawing):
        self.drawing, self.sections = drawing, drawing.options.sections
        self.known: dict[str, Remembered] = {}
        self._first_group = len(drawing.groups)
        self._dice = Dice(drawing.seed, np.array([drawing.index + VARY_STRIDE]))

    def compose(self) -> None:
        """Draw all sections, and the end."""
        drawing = self.drawing
        while not drawing.place.notes:
            drawing.take(drawing.draw(Stretch(stop=drawing.place.time + 1), 1)[0])
        place = drawing.place
        start = place.entry or (place.opening if drawing.form.has_pickup() else 0)
        for n, section in enumerate(self.sections):
            stop, first = start + section.bars * place.bar, len(drawing.groups) if n else self._first_group
            is_last = n == len(self.sections) - 1
            source = self.known.get(section.name) or self.known.get(section.letter)
            if source is None:
                self._draw_new(section, start, stop, is_last)
            else:
                is_kept = section.name in self.known
                self._draw_again(section, source, start, stop, is_last, is_kept)
            groups = tuple(group for group in drawing.groups[first:] if group.time >= start)  # no rest before
            remembered = Remembered(start, groups)
            self.known.setdefault(section.name, remembered)
            self.known.setdefault(section.letter, remembered)
            start = stop

    def _goals(self, section: Section, is_last: bool) -> tuple[Goal, ...]:
        """Choose the cadence of a section: what the options ask for at the end, open or full."""
        asked = self.drawing.options.goals("end_on")
        if is_last:
            return asked or FULL
        return FULL if section.primes else OPEN

    def _draw_new(self, section: Section, start: int, stop: int, is_last: bool) -> None:
        """Draw a section that has not come before, two bars at a time."""
        drawing, bar = self.drawing, self.drawing.place.bar
        misses = partial(self._misses, start, None)
        is_fresh = start > 0 and drawing.place.time >= start
        for bars in range(ENDING_BARS, section.bars - ENDING_BARS + 1, ENDING_BARS):
            if start + bars * bar > drawing.place.time:
                stretch = Stretch(start + bars * bar, until=stop, is_fresh=is_fresh)
                drawing.choose(drawing.draw(stretch, WAYS if self.known else 1), misses)
                is_fresh = False
        self._close(start, stop, self._goals(section, is_last), is_last, is_fresh, None)

    def _close(
        self, start: int, stop: int, goals: tuple[Goal, ...], is_last: bool, is_fresh: bool, source: Remembered | None
    ) -> None:
        """Draw the end of a section, from where the tune stands, with its cadence."""
        last = Stretch(None if is_last else stop, not is_last, None if is_last else stop, is_fresh=is_fresh)
        self.drawing.end_on(last, goals, WAYS, partial(self._misses, start, source, closes=True))

    def _draw_again(
        self, section: Section, source: Remembered, start: int, stop: int, is_last: bool, is_kept: bool
    ) -> None:
        """Copy a section, and draw anew the bars that are varied and what must close otherwise."""
        drawing, last = self.drawing, section.bars - 1
        drawing.form.key = drawing.key
        goals, pitch = self._goals(section, is_last), source.notes[-1][1]
        varied = set() if is_kept else self._varied(section)
        if not any(goal.allows(pitch, drawing.form.key) for goal in goals):
            varied.add(last)
        edge = last  # bars before the end that are varied are drawn together with it
        while edge in varied:
            edge -= 1
        self._copy(source, start, stop, {n for n in varied if n < edge}, edge + 1 if last in varied else None)
        if last in varied:
            self._close(start, stop, goals, is_last, False, source)
        elif is_last:
            ways = drawing.draw(Stretch(), WAYS)
            drawing.choose(ways, lambda found: np.array([len(way.tokens) for way in found]))

    def _varied(self, section: Section) -> set[int]:
        """Choose the bars that primes vary, the last among them."""
        count = min(section.bars, max(1, round(VARIED * section.primes * section.bars))) if section.primes else 0
        others = np.argsort([int(self._dice.roll()[0]) for _ in range(section.bars - 1)], kind="stable")
        return {section.bars - 1, *others[: count - 1].tolist()} if count else set()

    def _copy(self, source: Remembered, start: int, stop: int, varied: set[int], until_bar: int | None) -> None:
        """Feed the groups of a section, up to a bar; bars that are varied are drawn in their places."""
        drawing, bar = self.drawing, self.drawing.place.bar
        shift = start - source.start
        end = stop if until_bar is None else start + until_bar * bar
        n = 0
        while n < len(source.groups):
            group = source.groups[n]
            time = group.time + shift
            if time >= end:
                return
            number = (time - start) // bar
            if number in varied or not drawing.feed_group(group):
                n = self._vary(source, start, stop, n, varied)
            else:
                n += 1

    def _vary(self, source: Remembered, start: int, stop: int, n: int, varied: set[int]) -> int:
        """Draw another end of the bar of group n, and return the group that goes on."""
        drawing, bar = self.drawing, self.drawing.place.bar
        shift = start - source.start
        number = (source.groups[n].time + shift - start) // bar
        while number + 1 in varied:
            number += 1
        edge = start + (number + 1) * bar - shift
        after = next((m for m in range(n, len(source.groups)) if self._resumes(source, m, edge)), len(source.groups))
        to = source.groups[after].time + shift if after < len(source.groups) else stop
        stretch = Stretch(to, True, stop, is_fresh=True)
        following = source.groups[after].pitch if after < len(source.groups) else -1
        ways = drawing.draw(stretch, WAYS)
        drawing.choose(ways, partial(self._misses, start, source, following=following))
        return after

    def _resumes(self, source: Remembered, n: int, edge: int) -> bool:
        return source.groups[n].time >= edge and source.groups[n].pitch >= 0

    def _misses(
        self,
        start: int,
        source: Remembered | None,
        ways: Sequence[Continuation],
        following: int = -1,
        closes: bool = False,
    ) -> np.ndarray:
        """Compute how little each way suits, (ways,).

        source: the section that is varied, which a way must not repeat; None for a new section, which should have
        little in common with others. following: the pitch that comes after, -1 for any. closes: the last note ends a
        section, and should be long.
        """
        total = np.zeros(len(ways))
        for n, way in enumerate(ways):
            notes = [(onset - start, pitch) for onset, pitch in way.notes]
            total[n] = STRANGE * way.bits.sum() / max(1, len(notes))
            if source is not None:
                total[n] += 100.0 * (bool(notes) and set(notes) <= set(source.notes))
            elif notes:
                before = [section.notes for section in self.known.values()]
                alike = max((max(shared(notes, other), repeated(notes, other)) for other in before), default=0.0)
                total[n] += 10 * max(0.0, alike - MOST_ALIKE)
            if following >= 0 and notes:
                total[n] += max(0, abs(notes[-1][1] - following) - SMOOTH)
            if closes:
                total[n] += SHORT * max(0.0, 1 - 2 * way.form.held / self.drawing.place.bar)
        return total


def shared(notes: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> float:
    """Compute the share of notes that have the same place and pitch in another section."""
    return len(set(notes) & set(others)) / max(1, len(notes))


def repeated(notes: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> float:
    """Compute the share of runs of RUN pitches that come in another section too, at any place."""
    runs, known = (
        [tuple(pitch for _, pitch in line[n : n + RUN]) for n in range(len(line) - RUN + 1)]
        for line in (notes, others)
    )
    return sum(run in known for run in runs) / max(1, len(runs))


def compose_form(drawing: Drawing) -> None:
    """Draw the sections of the form that the options ask for."""
    Composer(drawing).compose()
