"""Compose a form: sections that return are remembered, and varied by as much as is asked for.

A section is drawn with the network's own state, told that the tune is over at its end, so that it closes as tunes do:
full, on the tonic, at the end of the form and of varied sections, and elsewhere as often so, open, on a pitch of the
dominant, or on the third, as people's sections do. One that returns is fed to the network note by note; bars of it
that are varied, or have other chords, are drawn between what stands before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import numpy as np

from ritornello.generate.choice.drawing import Continuation, Drawing, Group, Targets
from ritornello.generate.choice.steering import Stretch
from ritornello.generate.draw import Dice, drawn_name
from ritornello.generate.options import Goal, Section
from ritornello.music.values import Chord
from ritornello.wording import option

WAYS = 12  # to go on, of a cadence or of a bar that is varied
ENDING_BARS = 2  # drawn together with a cadence
Cadence = tuple[Goal, ...]
FULL: Cadence = (Goal(degree=1),)
CADENCES: dict[str, Cadence] = {
    "full": FULL,
    "open": tuple(Goal(degree=degree) for degree in (5, 2, 7)),  # a half close, on the dominant
    "third": (Goal(degree=3),),
}
FIRST_CADENCES = {"full": 44, "open": 41, "third": 15}
LATER_CADENCES = {"full": 11, "open": 74, "third": 15}
"""How people's sections end that are not the last one, in percent: the first one, and later ones."""
VARIED = 0.5  # of the bars, for each prime
STRANGE = 0.3  # semitones that a bit per note counts
SMOOTH = 4  # semitones; so far the step to what follows goes without a miss
MOST_ALIKE = 0.05  # share of its notes that a new section has in common with one before, where it can be so low
RUN = 4  # notes
SHORT = 2.0  # what a last note counts that is much shorter than half a bar
VARY_STRIDE = 1 << 31  # of the dice that choose the bars to be varied
CADENCE_STRIDE = 5 << 29  # of those that choose how sections end


@dataclass(frozen=True)
class Remembered:
    """A section as it was. start: the tick at which it began. cadence: what it was to end on."""

    start: int
    groups: tuple[Group, ...]
    cadence: Cadence

    @property
    def notes(self) -> list[tuple[int, int]]:
        """Its notes, by ticks from its beginning and pitch."""
        return [(group.time - self.start, group.pitch) for group in self.groups if group.pitch >= 0]


class Composer:
    """Composes the sections of one tune. known: sections so far, by name and by letter."""

    def __init__(self, drawing: Drawing):
        self.drawing, self.sections = drawing, drawing.options.sections
        self.known: dict[str, Remembered] = {}
        ends = accumulate(section.bars for section in self.sections)
        self._closing = frozenset(end - 1 for end in ends)
        self._targets = Targets(drawing, 0, self._closing)
        self._dice = Dice(drawing.seed, np.array([drawing.index + VARY_STRIDE]))
        dice = Dice(drawing.seed, np.array([drawing.index + CADENCE_STRIDE]))
        self._cadences: dict[str, Cadence] = {}
        for section in self.sections:
            shares = LATER_CADENCES if self._cadences else FIRST_CADENCES
            drawn = CADENCES[drawn_name(shares, int(dice.roll()[0]))]
            self._cadences.setdefault(section.letter, drawn)

    def compose(self) -> tuple[int, ...]:
        """Draw all sections, and the end. Returns the ticks at which the sections end."""
        drawing, ends = self.drawing, list[int]()
        while not drawing.place.notes:
            stretch = Stretch(stop=drawing.place.time + 1, density=self._targets.density())
            drawing.take(drawing.draw(stretch, 1)[0])
        place = drawing.place
        start = int(place.entry or (place.opening if drawing.form.has_pickup() else 0))
        start = start if self._is_plain(start) else int(place.bar)  # no section can be led to such a pick-up
        self._targets = Targets(drawing, start, self._closing)
        if drawing.place.time > start + (self.sections[0].bars - 1) * place.bar:
            raise ValueError(
                f"the primer fills the first section of {drawing.options.form}, or more: take only its first bars "
                f"with {option('primer_bars')}, or make sections longer with {option('bars')}"
            )
        for n, section in enumerate(self.sections):
            stop, first = start + section.bars * int(place.bar), len(drawing.groups) if n else drawing.header
            is_last = n == len(self.sections) - 1
            source = self.known.get(section.name) or self.known.get(section.letter)
            if source is None:
                self._draw(section, start, stop, is_last)
            else:
                is_kept = section.name in self.known
                self._draw_again(section, source, start, stop, is_last, is_kept)
            groups = tuple(group for group in drawing.groups[first:] if group.time >= start)  # no rest before
            remembered = Remembered(start, groups, self._cadence(section, is_last))
            self.known.setdefault(section.name, remembered)
            self.known.setdefault(section.letter, remembered)
            ends.append(stop)
            start = stop
        return tuple(ends)

    def _cadence(self, section: Section, is_last: bool) -> Cadence:
        """Choose how a section closes: full at the end and where it is varied, else as drawn.

        It is drawn for each letter.
        """
        return FULL if is_last or section.primes else self._cadences[section.letter]

    def _goals(self, cadence: Cadence, is_last: bool, stop: int) -> tuple[Goal, ...]:
        """Choose the pitches of a cadence: what the options ask for at the end, else its degrees.

        Of these the tones of the chord that closes the section, or all its tones where there is none among them.
        """
        asked = self.drawing.options.goals("end_on")
        if is_last and asked:
            return asked
        goals, key = cadence, self.drawing.key
        harmony = self.drawing.form.harmony
        chord = harmony.at(stop - 1) if harmony else None
        if chord is None or chord.quality == "none" or key is None:
            return goals
        tones = tuple(Goal(pitch_class=pitch) for pitch in sorted(chord.pitch_classes))
        return tuple(tone for tone in tones if any(g.allows(tone.pitch_class or 0, key) for g in goals)) or tones

    def _draw(self, section: Section, start: int, stop: int, is_last: bool, source: Remembered | None = None) -> None:
        """Draw a section from where the tune stands, two bars at a time, or one along a curve.

        source: the section that it must not repeat; None for a new one.
        """
        drawing, bar = self.drawing, int(self.drawing.place.bar)
        is_fresh = source is None and start > 0 and drawing.place.time >= start
        step = 1 if self._targets.has_curves else ENDING_BARS
        for bars in range(step, section.bars - step + 1, step):
            edge = start + bars * bar
            if edge > drawing.place.time:
                ways = WAYS if self.known or self._targets.has_curves else 1
                misses = partial(self._misses, start, source)
                self._targets.go_on(Stretch(edge, until=stop, is_fresh=is_fresh), edge, ways, misses)
                is_fresh = False
        last = Stretch(None if is_last else stop, not is_last, None if is_last else stop, is_fresh=is_fresh)
        goals = self._goals(self._cadence(section, is_last), is_last, stop)
        self._targets.end_on(last, stop, goals, WAYS, partial(self._misses, start, source, closes=True))

    def _draw_again(
        self, section: Section, source: Remembered, start: int, stop: int, is_last: bool, is_kept: bool
    ) -> None:
        """Copy a section, and draw anew what is varied, has other chords, or must close otherwise."""
        drawing, last = self.drawing, section.bars - 1
        drawing.form.key = drawing.key
        cadence, pitch = self._cadence(section, is_last), source.notes[-1][1]
        varied = set() if is_kept else self._varied(section)
        varied |= {n for n in range(section.bars) if self._chords(source.start, n) != self._chords(start, n)}
        goals = self._goals(cadence, is_last, stop)
        if (is_last or cadence != source.cadence) and not any(goal.allows(pitch, drawing.form.key) for goal in goals):
            varied.add(last)
        edge = last  # bars before the end that are varied are drawn together with it
        while edge in varied:
            edge -= 1
        self._copy(source, start, stop, {n for n in varied if n < edge}, edge + 1 if last in varied else None)
        if last in varied:
            self._draw(section, start, stop, is_last, source)
        elif is_last:
            drawing.form.begin(Stretch())
            if not drawing.form.is_over():  # as a tune is that is full, where the encoding has no `end`
                ways = drawing.draw(Stretch(), WAYS)
                drawing.take(min(ways, key=lambda way: len(way.tokens)))

    def _chords(self, start: int, n: int) -> list[tuple[int, Chord | None]]:
        """List the chords of a bar of a section, by ticks from its beginning; none of a pick-up."""
        harmony, place = self.drawing.form.harmony, self.drawing.place
        bar, first = int(place.bar), start + n * int(place.bar)
        if harmony is None:
            return []
        begin = first if n else first + int(place.since - first) % bar
        changes = [begin, *(tick for tick in harmony.starts if begin < tick < first + bar)]
        return [(tick - first, harmony.at(tick)) for tick in changes]

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
        bar, shift = self.drawing.place.bar, start - source.start
        number = (source.groups[n].time + shift - start) // bar
        while number + 1 in varied:
            number += 1
        edge = start + (number + 1) * bar - shift
        after = next((m for m in range(n, len(source.groups)) if self._resumes(source, m, edge)), len(source.groups))
        to = source.groups[after].time + shift if after < len(source.groups) else stop
        stretch = Stretch(to, True, stop, is_fresh=True)
        following = source.groups[after].pitch if after < len(source.groups) else -1
        self._targets.go_on(stretch, to, WAYS, partial(self._misses, start, source, following=following))
        return after

    def _resumes(self, source: Remembered, n: int, edge: int) -> bool:
        time, pitch = source.groups[n].time, source.groups[n].pitch
        return time >= edge and pitch >= 0 and self._is_plain(time)

    def _is_plain(self, time: int) -> bool:
        """Tell whether a tick is a whole number of 64th notes, so inside no tuplet."""
        return time % max(1, self.drawing.encoding.ticks_per_quarter // 16) == 0

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


def compose_form(drawing: Drawing) -> tuple[int, ...]:
    """Draw the sections of the form asked for. Returns the ticks at which they end."""
    return Composer(drawing).compose()
