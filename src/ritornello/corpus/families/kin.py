"""Kinship in words and numbers: which tunes of a corpus are one family, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any

import numpy as np

from ritornello.corpus.families.likeness import RHYTHM_RUN, Line, likeness, line_of
from ritornello.corpus.families.shared_runs import Ints
from ritornello.corpus.store import Corpus

KINDS = ("exact", "transposed", "stretched", "near")
_SPEEDS = {Fraction(2): "at half speed", Fraction(1, 2): "at double speed"}


@dataclass(frozen=True, slots=True)
class Kinship:
    """How a tune is like its twin.

    kind: "exact", "transposed" (in another key), "stretched" (at another speed, perhaps in another key too), or
        "near" (some of it). semitones: how much higher it lies than the twin, along their longest shared run.
    stretch: how much longer it lasts than the twin, along that run; None where the rhythm is another.
    run_notes: notes of the longest run that both have. coverage: the share of the shorter in shared runs, 0 to 1.
    """

    kind: str
    semitones: int
    stretch: Fraction | None
    run_notes: int
    coverage: float

    def words(self, twin: str) -> str:
        """One line: "same tune as a.mid, 5 semitones up", or how much of it is the same."""
        moved = "".join(f", {word}" for word in (self._moved(), self._stretched()) if word)
        if self.kind != "near":
            return f"same tune as {twin}{moved}"
        shared = f"{self.coverage:.0%} in shared runs, the longest {self.run_notes} notes"
        return f"nearly the same tune as {twin}{moved}: {shared}".replace("%", " %")

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the stretch is a fraction as text ("1/2"), or null."""
        stretch = None if self.stretch is None else str(self.stretch)
        return {
            "kind": self.kind,
            "semitones": self.semitones,
            "stretch": stretch,
            "run_notes": self.run_notes,
            "coverage": round(self.coverage, 4),
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Kinship:
        """Back from `to_json`. Raises KeyError, TypeError or ValueError where the line is not one of ours."""
        stretch = None if line["stretch"] is None else Fraction(line["stretch"])
        return cls(
            str(line["kind"]), int(line["semitones"]), stretch, int(line["run_notes"]), float(line["coverage"])
        )

    def _moved(self) -> str:
        steps = abs(self.semitones)
        up = "up" if self.semitones > 0 else "down"
        return f"{steps} semitone{'s' if steps != 1 else ''} {up}" if steps else ""

    def _stretched(self) -> str:
        if self.stretch is None:
            return "in another rhythm"
        if self.stretch == 1:
            return ""
        return _SPEEDS.get(self.stretch, f"{float(self.stretch):.3g} times as long")


@dataclass(frozen=True, slots=True)
class Member:
    """One piece of a family. twin, kinship: the member it is most like, and how; empty and None for the first.

    kept: whether it is in the corpus; a copy that was left out is not.
    """

    source: str
    kept: bool
    twin: str = ""
    kinship: Kinship | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """Pieces that are one tune, or nearly: the first in file order leads. splits: those that it lies in."""

    name: str
    splits: tuple[str, ...]
    members: tuple[Member, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        members = [
            {"source": m.source, "kept": m.kept, "twin": m.twin or None, "kinship": m.kinship and m.kinship.to_dict()}
            for m in self.members
        ]
        return {"family": self.name, "splits": list(self.splits), "members": members}


def kinship(one: Line, twin: Line) -> Kinship:
    """How one tune is like another."""
    if _is_same(one, twin):
        semitones = int(one.pitches[0] - twin.pitches[0])
        stretch = _stretch(one, twin, 0, 0)
        kind = "stretched" if stretch != 1 else "transposed" if semitones else "exact"
        return Kinship(kind, semitones, stretch, len(one.pitches), 1.0)
    run = _longest(one.rhythmic, twin.rhythmic)
    coverage = likeness(one, twin)
    if run.size >= RHYTHM_RUN:
        here, there = run.a + 1, run.b + 1  # the note before is shared where its interval is
        longer = int(one.pitches[here] - one.pitches[run.a] == twin.pitches[there] - twin.pitches[run.b])
        semitones = int(one.pitches[here] - twin.pitches[there])
        return Kinship("near", semitones, _stretch(one, twin, here, there), run.size + 1 + longer, coverage)
    run = _longest(one.contour, twin.contour)
    semitones = int(_without_repeats(one.pitches)[run.a] - _without_repeats(twin.pitches)[run.b])
    return Kinship("near", semitones, None, run.size + 1 if run.size else 0, coverage)


def families_of(corpus: Corpus) -> list[Family]:
    """Families of two or more, copies that were left out among them; the largest first."""
    indices: dict[str, list[int]] = {}
    for index, piece in enumerate(corpus.pieces):
        indices.setdefault(piece.family, []).append(index)
    copies = _copies(corpus)
    found = []
    for name, members in indices.items():
        sources = [corpus.pieces[i].source for i in members]
        left = tuple(copy for source in sources for copy in copies.get(source, ()))
        if len(members) + len(left) > 1:
            splits = tuple(dict.fromkeys(corpus.pieces[i].split for i in members))
            found.append(Family(name, splits, (*_kept(corpus, members), *left)))
    return sorted(found, key=lambda family: (-len(family.members), family.members[0].source))


def families_as_text(families: Sequence[Family]) -> str:
    """Families for a terminal, a line for each member."""
    if not families:
        return "no tune has kin: every family is of one"
    count = sum(len(f.members) for f in families)
    lines = [f"{len(families)} families of two or more, {count} tunes in them"]
    for family in families:
        lines += ["", f"{family.name}  {' and '.join(family.splits)}  {len(family.members)} tunes"]
        for member in family.members:
            why = member.kinship.words(member.twin) if member.kinship else "the first of them"
            more = _numbers(member.kinship) if member.kinship and member.kinship.kind != "near" else ""
            lines.append(f"  {member.source}{'' if member.kept else '  (left out)'}\n    {why}{more}")
    return "\n".join(lines)


def _numbers(kin: Kinship) -> str:
    return f" ({kin.run_notes} notes, all shared)"


def _kept(corpus: Corpus, members: Sequence[int]) -> list[Member]:
    """Members that are in the corpus, each with the one before it that it is most like."""
    lines = [line_of(corpus, i) for i in members]
    sources = [corpus.pieces[i].source for i in members]
    told = [Member(sources[0], True)]
    for at in range(1, len(members)):
        twin = max(range(at), key=lambda other: (_alike(lines[at], lines[other]), -other))
        told.append(Member(sources[at], True, sources[twin], kinship(lines[at], lines[twin])))
    return told


def _alike(one: Line, other: Line) -> float:
    return 1.0 if _is_same(one, other) else likeness(one, other)


def _copies(corpus: Corpus) -> dict[str, list[Member]]:
    """Copies that were left out, by the piece that stays for them, as the report tells of them."""
    copies: dict[str, list[Member]] = {}
    for line in corpus.report:
        for kin in line.kin:
            member = Member(kin["source"], False, kin["twin"], Kinship.from_json(kin))
            copies.setdefault(kin["twin"], []).append(member)
    return copies


def _is_same(one: Line, other: Line) -> bool:
    """Whether two tunes have the same intervals and, but for one stretch, the same rhythm."""
    return (
        0 < len(one.pitches) == len(other.pitches)
        and np.array_equal(np.diff(one.pitches), np.diff(other.pitches))
        and np.array_equal(one.rhythmic, other.rhythmic)
    )


def _stretch(one: Line, twin: Line, here: int, there: int) -> Fraction:
    """How much longer note `here` of one lasts, to the next, than note `there` of its twin."""
    long, short = int(one.onsets[here]) * twin.ticks_per_quarter, int(twin.onsets[there]) * one.ticks_per_quarter
    return Fraction(long, max(short, 1))


def _longest(one: Ints, other: Ints):
    """The longest run of equal steps: its place in both, and its size."""
    matcher = SequenceMatcher(None, one.tolist(), other.tolist(), autojunk=False)
    return matcher.find_longest_match()


def _without_repeats(pitches: Ints) -> Ints:
    """Pitches without those that repeat the one before."""
    return pitches[np.flatnonzero(np.diff(pitches, prepend=-1))]
