"""Divide a bar in beats and parts of beats, and find the note values that show the division.

A bar is a tree: bar, half-bars where there are any, beats, thirds or halves of a beat, and so on in halves.
The *depth* of a place is the level at which it first appears as a boundary: -1 for the barline, 0 for the
middle of the bar, 1 for a beat, 2 and more inside beats. Times here are quarters from the barline, as Fractions.
Source of the rules: Gould, "Behind Bars" (2011), chapter 6, on notating rhythm within the metre.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from math import lcm
from typing import NamedTuple

from ritornello.music.values import Metre, MetreName

LONGEST = Fraction(8)  # a breve, in quarters
SHORTEST = Fraction(1, 256)  # a 1024th, in quarters: the shortest value that has a name

TYPES = {
    Fraction(8): "breve",
    Fraction(4): "whole",
    Fraction(2): "half",
    Fraction(1): "quarter",
    Fraction(1, 2): "eighth",
    Fraction(1, 4): "16th",
    **{Fraction(4, n): f"{n}{'nd' if n == 32 else 'th'}" for n in (32, 64, 128, 256, 512, 1024)},
}

Span = tuple[Fraction, Fraction]


class Tuplet(NamedTuple):
    """A stretch of a bar, in quarters, in which `actual` notes take the time of `normal`."""

    start: Fraction
    end: Fraction
    actual: int
    normal: int


class Node(NamedTuple):
    """One stretch of the bar, at its depth in the tree."""

    start: Fraction
    end: Fraction
    depth: int


def metre_named(name: str) -> Metre:
    """Read a metre by its name, at tick 0: "6/8", "3+2+2/8".

    Raises ValueError for anything else.
    """
    upper, _, lower = name.partition("/")
    counts = [
        int(count) if count.isascii() and count.isdecimal() and len(count) < 4 else 0 for count in upper.split("+")
    ]
    below = int(lower) if lower.isascii() and lower.isdecimal() and len(lower) < 4 else 0
    if min(*counts, below) < 1:
        raise ValueError(f"not a metre: {name!r}; write beats and their value, as in 3/4, 6/8 or 3+2+2/8")
    return Metre(0, sum(counts), below, tuple(counts) if len(counts) > 1 else ())


def joined_metre(terms: Sequence[tuple[Sequence[int], int]]) -> MetreName:
    """Join the terms of a time signature in one metre: 3+2+2/8, and 3/8 + 2/4 as 3+2+2/8.

    terms: the counts over each lower figure, one number where it states no groups.
    """
    unit = max(denominator for _, denominator in terms)
    groups: list[int] = []
    for counts, denominator in terms:
        if len(terms) > 1 and len(counts) == 1:
            groups += [int(beat * unit / 4) for beat in beat_lengths(Metre(0, counts[0], denominator))]
        else:
            groups += [count * unit // denominator for count in counts]
    return (sum(groups), unit, tuple(groups)) if len(groups) > 1 else (groups[0], unit)


def beat_lengths(metre: Metre) -> list[Fraction]:
    """List the beats of a full bar in quarters: 6/8 has 3/2, 3/2; 3+2+2/8 has 3/2, 1, 1."""
    if metre.groups:
        return [beat for count in metre.groups for beat in beat_lengths(Metre(0, count, metre.denominator))]
    unit, count = Fraction(4, metre.denominator), metre.numerator
    if count % 3 == 0 and (count > 3 or metre.denominator >= 8):
        return [3 * unit] * (count // 3)
    if metre.denominator < 8 or count == 1:
        return [unit] * count
    twos = [2 * unit] * (count // 2)
    return [*twos[:-1], 3 * unit] if count % 2 else twos


def beat_edges(metre: Metre) -> list[Fraction]:
    """List where the beats of a full bar begin, in quarters, and where the bar ends.

    Beats of several quarters count as quarters.
    """
    beats = beat_lengths(metre)
    parts = [part for beat in beats for part in ([Fraction(1)] * int(beat) if beat.denominator == 1 else [beat])]
    return [*accumulate(parts, initial=Fraction(0))]


def bar_quarters(metre: Metre) -> Fraction:
    """Return the length of a full bar in quarters."""
    return Fraction(4 * metre.numerator, metre.denominator)


def tempo_mark(qpm: float, metre: Metre) -> tuple[str, int, int]:
    """Express a tempo in the first beat of a metre.

    Returns its note value by name, the number of its dots, 0 or 1, and beats per minute, rounded; quarters where no
    value has the length of the beat.
    """
    beat = beat_lengths(metre)[0]
    dots = int(beat.numerator % 3 == 0)
    value = TYPES.get(beat * Fraction(2, 3) if dots else beat)
    if value is None:  # a metre that counts in thirds
        beat, value, dots = Fraction(1), "quarter", 0
    return value, dots, max(1, round(qpm / float(beat)))


@dataclass(frozen=True)
class BeatTree:
    """The beats of one bar as a tree.

    beats: their lengths in quarters. unit: the note value of the metre. stated: where its groups begin in the bar, if
    they are of more than a beat each: 3 of 3+2/4.
    """

    beats: tuple[Fraction, ...]
    unit: Fraction
    stated: tuple[Fraction, ...] = ()

    @classmethod
    def of(cls, metre: Metre, length: Fraction) -> BeatTree:
        """Build the tree of a bar of `metre`, with further beats where `length` exceeds a full bar."""
        beats = beat_lengths(metre)
        times = max(1, -(-length // sum(beats)))
        unit = Fraction(4, metre.denominator)
        groups = metre.groups if times == 1 and len(metre.groups) < len(beats) else ()
        return cls(tuple(beats * int(times)), unit, tuple(place * unit for place in accumulate(groups[:-1])))

    @cached_property
    def length(self) -> Fraction:
        """Quarters in the bar."""
        return sum(self.beats, Fraction(0))

    @cached_property
    def beat_starts(self) -> list[Fraction]:
        """Where the beats begin, the first at 0."""
        return [Fraction(0), *accumulate(self.beats[:-1])]

    def beat_of(self, place: Fraction) -> int:
        """Index of the beat that contains `place`."""
        return bisect_right(self.beat_starts, place) - 1

    def joins_beats(self, place: Fraction) -> bool:
        """Tell whether the beat at `place` may share a beam of eighths with the beat before.

        Quarter beats may, up to the middle of the bar or within stated groups.
        """
        beat = self.beat_of(place)
        if beat == 0 or self.beats[beat - 1 : beat + 1] != (1, 1) or self.unit != 1:
            return False
        return (bool(self.stated) or len(self.beats) <= 4) and self.beat_starts[beat] not in self._middle

    def root(self) -> Node:
        """Return the node of the whole bar."""
        return Node(Fraction(0), self.length, 0)

    def children(self, node: Node) -> list[Node]:
        """Split a node into its parts."""
        if node.depth == 0:
            inner = self._middle
        elif node.depth == 1:
            inner = [b for b in self.beat_starts if node.start < b < node.end]
        else:
            parts = 3 if node.depth == 2 and (node.end - node.start) == 3 * self.unit else 2
            inner = [node.start + (node.end - node.start) * i / parts for i in range(1, parts)]
        edges = [node.start, *inner, node.end]
        return [Node(a, b, node.depth + 1) for a, b in pairwise(edges)]

    @cached_property
    def _middle(self) -> list[Fraction]:
        """Four, six ... beats have a middle; two compound beats too; five fall into three and two."""
        starts, count = self.beat_starts, len(self.beats)
        if self.stated:
            return list(self.stated)
        if count == 5:
            return [starts[3]]
        if (count >= 4 and count % 2 == 0) or (count == 2 and self.compound):
            return [starts[count // 2]]
        return []

    @cached_property
    def compound(self) -> bool:
        """Whether every beat falls into three."""
        return all(beat == 3 * self.unit for beat in self.beats)

    def depth(self, place: Fraction) -> int:
        """Find the level at which `place` is a boundary; a large number where it is none."""
        node = self.root()
        if place in (node.start, node.end):
            return -1
        while node.depth < 24:
            children = self.children(node)
            if any(child.start == place for child in children[1:]):
                return node.depth
            node = next(child for child in children if child.start < place < child.end)
        return node.depth

    def strongest(self, start: Fraction, end: Fraction) -> tuple[int, list[Fraction]]:
        """Find the depth and places of the strongest boundaries strictly between two places."""
        node = self.root()
        while True:
            children = self.children(node)
            inside = [child.start for child in children[1:] if start < child.start < end]
            if inside:
                return node.depth, inside
            node = next(child for child in children if child.start <= start and end <= child.end)

    def values(self, start: Fraction, end: Fraction) -> Iterator[Span]:
        """Cut a sounding stretch into single note values that show the beats."""
        if self._shows_the_beat(start, end):
            yield start, end
            return
        level, places = self.strongest(start, end)
        cut = places[-1] if self.depth(start) <= level else places[0]
        yield from self.values(start, cut)
        yield from self.values(cut, end)

    def _shows_the_beat(self, start: Fraction, end: Fraction) -> bool:
        if not is_one_value(end - start):
            return False
        level, crossed = self.strongest(start, end)
        first, last = self.depth(start), self.depth(end)
        if level == 0:
            return min(first, last) == -1 and max(first, last) <= 1
        if level == 1 and self.compound:
            return max(first, last) <= 1
        syncopation = len(crossed) == 1 and first == last == level + 1  # eighth, quarter, eighth
        return min(first, last) <= level or syncopation

    def rests(self, start: Fraction, end: Fraction, node: Node | None = None) -> Iterator[Span]:
        """Cut a silent stretch into the largest whole parts of the tree: rests never hide a beat.

        Two thirds that open a compound beat are one rest, two that end it are two.
        """
        node = node or self.root()
        start, end = max(start, node.start), min(end, node.end)
        if start >= end:
            return
        children = self.children(node)
        opens_three = len(children) == 3 and node.depth == 2 and (start, end) == (node.start, children[2].start)
        if opens_three or ((start, end) == (node.start, node.end) and is_one_value(end - start)):
            yield start, end
        else:
            for child in children:
                yield from self.rests(start, end, child)

    def tuplets(self, edges: Iterable[Fraction], node: Node | None = None) -> Iterator[Tuplet]:
        """Find the tuplets that `edges` (starts and ends of notes) need, the largest that fit."""
        node = node or self.root()
        inside = [edge for edge in edges if node.start < edge < node.end]
        length = node.end - node.start
        bottom = lcm(*{((edge - node.start) / length).denominator for edge in inside})
        actual = odd_part(bottom)
        whole = odd_part(length.numerator) == 1  # one value without a dot: only such a stretch takes a tuplet
        if actual == 1 and whole:
            return
        if inside and whole and actual == bottom:
            yield Tuplet(node.start, node.end, *_ratio(actual, length))
        elif inside and node.depth < 40:
            for child in self.children(node):
                yield from self.tuplets(inside, child)


def _ratio(actual: int, length: Fraction) -> tuple[int, int]:
    """Choose actual and normal notes of a tuplet of `length` quarters so that each has a name."""
    normal = normal_for(actual)
    while length / normal < SHORTEST:
        actual, normal = (actual, normal // 2) if normal > 1 else (2 * actual, 1)
    return actual, normal


def odd_part(number: int) -> int:
    """Divide `number` by its factors of two."""
    return number // (number & -number)


def normal_for(actual: int) -> int:
    """Find how many plain notes a tuplet stands for: 2 for 3, 4 for 5 and 7, 8 for 9 to 15."""
    return 1 << (actual.bit_length() - 1)


def is_one_value(quarters: Fraction) -> bool:
    """Tell whether a length is one note value, dotted once at most, up to a dotted breve."""
    return odd_part(quarters.numerator) in (1, 3) and quarters <= LONGEST * Fraction(3, 2)
