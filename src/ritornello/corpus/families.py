"""Families: pieces that are the same tune, or nearly, in whatever key, rhythm or words.

A tune's *contour* is its intervals without the repeated notes: hymns under other words differ in how often a
note is repeated, editions differ in rhythm and key, and none of these changes the contour. Two pieces are one
family where runs of 12 contour steps that both have cover at least 60 % of the shorter one's contour. (On hymns
and art songs the pairs that are the same tune lie at 68 % and above, chance pairs at 57 % and below.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np

from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.runs import Ints, RunFinder, corpus_steps
from ritornello.corpus.store import Corpus

CONTOUR_RUN = 12
"""Contour steps in a run that is too long to be shared by chance, as a rule."""

SAME_TUNE = 0.6
"""Share of the shorter contour that shared runs must cover."""

FEW = 20
"""Up to this many pieces that share a run, every pair is compared; of more, each with its neighbour and the first."""


def contour(pitches: Ints) -> Ints:
    """Intervals between successive different pitches, in semitones: (notes,) -> (at most notes - 1,)."""
    intervals = np.diff(pitches.astype(np.int64))
    return intervals[intervals != 0]


def fingerprint(corpus: Corpus, index: int) -> str:
    """16 hex digits that name the tune of a piece in any key.

    Made of the contour or, where that has fewer than CONTOUR_RUN steps, of intervals and rhythm.
    """
    steps = contour(_pitches(corpus, index))
    if len(steps) < CONTOUR_RUN:
        parts = corpus.pieces[index].melodies
        runs = [corpus_steps(corpus, m.first, m.stop, m.timeline.ticks_per_quarter) for m in parts]
        steps = np.concatenate([[len(r), *r] for r in runs])
    return hashlib.sha256(steps.astype("<i8").tobytes()).hexdigest()[:16]


def families(corpus: Corpus) -> list[str]:
    """The family of each piece, in order: the smallest fingerprint among its members."""
    prints = [fingerprint(corpus, i) for i in range(len(corpus))]
    first_with: dict[str, int] = {}
    same = [(first_with.setdefault(name, i), i) for i, name in enumerate(prints)]
    groups = linked(len(corpus), [*same, *_same_tune_pairs(corpus)])
    names = {root: min(prints[i] for i in members) for root, members in _members(groups).items()}
    return [names[root] for root in groups]


def with_families(corpus: Corpus) -> Corpus:
    """The corpus with the family of every piece filled in."""
    pieces = tuple(replace(p, family=f) for p, f in zip(corpus.pieces, families(corpus), strict=True))
    return Corpus(corpus.notes, pieces, corpus.report, corpus.steps)


def without_copies(corpus: Corpus) -> tuple[Corpus, list[tuple[CorpusPiece, CorpusPiece]]]:
    """The first piece of each family, and every piece left out with the twin that stays for it."""
    first: dict[str, CorpusPiece] = {}
    copies = [(p, first[p.family]) for p in corpus.pieces if first.setdefault(p.family, p) is not p]
    return corpus.selected(first.values()), copies


def linked(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Join the numbers 0 to count - 1 by pairs; returns for each the smallest number of its group."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return [root(i) for i in range(count)]


def _members(groups: Sequence[int]) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for index, root in enumerate(groups):
        members.setdefault(root, []).append(index)
    return members


def _same_tune_pairs(corpus: Corpus) -> list[tuple[int, int]]:
    """Pairs of pieces of which the shorter is covered by runs that the other has."""
    contours = [contour(_pitches(corpus, i)) for i in range(len(corpus))]
    finder = RunFinder(contours, [p.source for p in corpus.pieces])
    names, owners, starts = finder.runs(CONTOUR_RUN + 1)
    order = np.argsort(owners, kind="stable")
    bounds = np.searchsorted(owners[order], np.arange(len(corpus) + 1))
    own = [(names[o], starts[o]) for o in (order[a:b] for a, b in pairwise(bounds))]

    def covered(a: int, b: int) -> float:
        shorter, other = (a, b) if len(contours[a]) <= len(contours[b]) else (b, a)
        marked = np.zeros(len(contours[shorter]), bool)
        for start in own[shorter][1][np.isin(own[shorter][0], own[other][0])]:
            marked[start : start + CONTOUR_RUN] = True
        return float(marked.mean())

    return [pair for pair in sorted(_candidates(finder)) if covered(*pair) >= SAME_TUNE]


def _candidates(finder: RunFinder) -> set[tuple[int, int]]:
    """Pairs of pieces that share at least one run of CONTOUR_RUN steps."""
    pairs: set[tuple[int, int]] = set()
    for group in finder.shared(CONTOUR_RUN + 1):
        having = group.tolist()
        if len(having) <= FEW:
            pairs.update(combinations(having, 2))
        else:
            pairs.update(pairwise(having))
            pairs.update((having[0], other) for other in having[1:])
    return pairs


def _pitches(corpus: Corpus, index: int) -> Ints:
    """All pitches of a piece, its segments end to end."""
    melodies = corpus.pieces[index].melodies
    return corpus.notes["pitch"][melodies[0].first : melodies[-1].stop].astype(np.int64)
