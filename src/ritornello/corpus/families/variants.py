"""Variants in words and numbers: which pieces of a corpus are one family, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from ritornello.corpus.families.likeness import likeness
from ritornello.corpus.families.shared_runs import RHYTHM_RUN, Ints, Line, line_of
from ritornello.corpus.store import Corpus
from ritornello.music.errors import printable
from ritornello.plural import counted

KINDS = ("exact", "transposed", "stretched", "near")
KIN = "kin"
"""Where the provenance of a piece of several parts notes how its melody varies another: source, twin and variant."""
_SPEEDS = {Fraction(2): "at half speed", Fraction(1, 2): "at double speed"}


@dataclass(frozen=True, slots=True)
class Variant:
    """How a piece varies another, the original.

    kind: "exact", "transposed" (in another key), "stretched" (at another speed, perhaps in another key too), or
        "near" (only parts are the same). semitones: how much higher it lies along the longest shared run.
    stretch: how much longer it lasts along that run; None where the rhythm differs.
    run_notes: notes of the longest shared run. coverage: share of the shorter piece in shared runs, 0 to 1.
    """

    kind: str
    semitones: int
    stretch: Fraction | None
    run_notes: int
    coverage: float

    def words(self, original: str) -> str:
        """Describe it in one line: "same tune as a.mid, 5 semitones up", or how much is the same."""
        steps, moved = abs(self.semitones), ""
        if steps:
            moved = f", {counted(steps, 'semitone')} {'up' if self.semitones > 0 else 'down'}"
        if self.stretch is None:
            moved += ", in another rhythm"
        elif self.stretch != 1:
            moved += f", {_SPEEDS.get(self.stretch, f'{float(self.stretch):.3g} times as long')}"
        if self.kind != "near":
            return f"same tune as {original}{moved}"
        shared = f"{self.coverage:.0%} in shared runs, the longest {self.run_notes} notes"
        return f"nearly the same tune as {original}{moved}: {shared}".replace("%", " %")

    def to_dict(self) -> dict[str, Any]:
        """List plain values; the stretch is a fraction as text ("1/2"), or null."""
        stretch = None if self.stretch is None else str(self.stretch)
        return {**asdict(self), "stretch": stretch, "coverage": round(self.coverage, 4)}

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> Variant:
        """Rebuild it from `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        stretch = None if line["stretch"] is None else Fraction(line["stretch"])
        return cls(
            str(line["kind"]), int(line["semitones"]), stretch, int(line["run_notes"]), float(line["coverage"])
        )


@dataclass(frozen=True, slots=True)
class Member:
    """One piece of a family. kept: whether it is in the corpus, or was left out as a duplicate.

    nearest: source of the member it is most like, or that stays for it; empty for the first. variant: how it varies
    that one.
    """

    source: str
    kept: bool
    nearest: str = ""
    variant: Variant | None = None

    @property
    def words(self) -> str:
        """One line: "same tune as a.mid, 5 semitones up"."""
        return self.variant.words(self.nearest) if self.variant else "the first of them"

    def to_dict(self) -> dict[str, Any]:
        """List plain values for `kin` in `report.jsonl`."""
        return {"source": self.source, "twin": self.nearest, **(self.variant.to_dict() if self.variant else {})}


@dataclass(frozen=True, slots=True)
class Family:
    """Pieces that are one tune, or nearly, in file order. splits: those that its pieces are in."""

    name: str
    splits: tuple[str, ...]
    members: tuple[Member, ...]

    def to_dict(self) -> dict[str, Any]:
        """List plain values."""
        members = [
            {
                "source": m.source,
                "kept": m.kept,
                "twin": m.nearest or None,
                "kinship": m.variant and m.variant.to_dict(),
            }
            for m in self.members
        ]
        return {"family": self.name, "splits": list(self.splits), "members": members}


def variant_of(line: Line, original: Line) -> Variant:
    """Find how one piece varies another."""
    if _is_same(line, original):
        semitones = int(line.pitches[0] - original.pitches[0])
        stretch = _stretch(line, original, 0, 0)
        kind = "stretched" if stretch != 1 else "transposed" if semitones else "exact"
        return Variant(kind, semitones, stretch, len(line.pitches), 1.0)
    run = _longest(line.rhythmic, original.rhythmic)
    coverage = likeness(line, original)
    if run.size >= RHYTHM_RUN:
        here, there = run.a + 1, run.b + 1  # the note before is shared where its interval is
        longer = int(line.pitches[here] - line.pitches[run.a] == original.pitches[there] - original.pitches[run.b])
        semitones = int(line.pitches[here] - original.pitches[there])
        return Variant("near", semitones, _stretch(line, original, here, there), run.size + 1 + longer, coverage)
    run = _longest(line.contour, original.contour)
    semitones = 0  # a piece without notes, as an array of rests is, lies nowhere
    if len(line.pitches) and len(original.pitches):
        here, there = (p[np.flatnonzero(np.diff(p, prepend=-1))] for p in (line.pitches, original.pitches))
        semitones = int(here[run.a] - there[run.b])  # of the notes without repeats
    return Variant("near", semitones, None, run.size + 1 if run.size else 0, coverage)


def families_of(corpus: Corpus) -> list[Family]:
    """Find families of two or more, with the duplicates that were left out; the largest first."""
    indices: dict[str, list[int]] = {}
    for index, piece in enumerate(corpus.pieces):
        indices.setdefault(piece.family, []).append(index)
    duplicates = _duplicates(corpus)
    found = []
    for name, members in indices.items():
        sources = [corpus.pieces[i].source for i in members]
        left_out = tuple(member for source in sources for member in duplicates.get(source, ()))
        if len(members) + len(left_out) > 1:
            splits = tuple(dict.fromkeys(corpus.pieces[i].split for i in members))
            found.append(Family(name, splits, (*_kept(corpus, members), *left_out)))
    return sorted(found, key=lambda family: (-len(family.members), family.members[0].source))


def families_as_text(families: Sequence[Family]) -> str:
    """List families for a terminal, a line for each member."""
    if not families:
        return "no tune has a duplicate or a variant: every family is of one"
    count = sum(len(f.members) for f in families)
    lines = [f"{counted(len(families), 'family')} of two or more, {counted(count, 'tune')} in them"]
    for family in families:
        lines += ["", f"{family.name}  {' and '.join(family.splits)}  {counted(len(family.members), 'tune')}"]
        for member in family.members:
            variant = member.variant
            more = f" ({variant.run_notes} notes, all shared)" if variant and variant.kind != "near" else ""
            for words in (f"{member.source}{'' if member.kept else '  (left out)'}", f"  {member.words}{more}"):
                lines.append(f"  {printable(words)}")
    return "\n".join(lines)


def _kept(corpus: Corpus, members: Sequence[int]) -> list[Member]:
    """List the members that are in the corpus, each with the one before it that it is most like.

    What was noted when their melodies were compared holds, where the other is still there.
    """
    sources = [corpus.pieces[i].source for i in members]
    line = cache(lambda at: line_of(corpus, members[at]))
    kept = [Member(sources[0], True)]
    for at in range(1, len(members)):
        noted = corpus.pieces[members[at]].provenance.get(KIN)
        if noted is not None and noted["twin"] in sources[:at]:
            kept.append(Member(sources[at], True, noted["twin"], Variant.from_dict(noted)))
            continue
        shares = [1.0 if _is_same(line(at), line(o)) else likeness(line(at), line(o)) for o in range(at)]
        nearest = shares.index(max(shares))
        kept.append(Member(sources[at], True, sources[nearest], variant_of(line(at), line(nearest))))
    return kept


def _duplicates(corpus: Corpus) -> dict[str, list[Member]]:
    """List the duplicates in the report, by the piece that stays for them."""
    duplicates: dict[str, list[Member]] = {}
    for line in corpus.report:
        for entry in line.duplicates:
            member = Member(entry["source"], False, entry["twin"], Variant.from_dict(entry))
            duplicates.setdefault(entry["twin"], []).append(member)
    return duplicates


def _is_same(one: Line, other: Line) -> bool:
    """Tell whether two pieces have the same intervals and, but for one stretch, the same rhythm."""
    return (
        0 < len(one.pitches) == len(other.pitches)
        and np.array_equal(np.diff(one.pitches), np.diff(other.pitches))
        and np.array_equal(one.rhythmic, other.rhythmic)
    )


def _stretch(line: Line, original: Line, here: int, there: int) -> Fraction:
    """Divide the time from note `here` to the next by that from note `there` of the original."""
    long = int(line.onsets[here]) * original.ticks_per_quarter
    short = int(original.onsets[there]) * line.ticks_per_quarter
    return Fraction(long, max(short, 1))


def _longest(one: Ints, other: Ints):
    """Find the longest run of equal steps: its place in both, and its size."""
    matcher = SequenceMatcher(None, one.tolist(), other.tolist(), autojunk=False)
    return matcher.find_longest_match()
