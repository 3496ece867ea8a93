"""Families: pieces that are the same tune, or nearly, in whatever key, speed, rhythm or words.

Pieces with one fingerprint are duplicates: the same, transposed or stretched. Of the others, those that share a long
run are compared (see `likeness`), and pairs that are like enough are joined as variants. Variants of variants are one
family, which can hold two pieces that have little in common but a third between them; all of it stays in one split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.likeness import CONTOUR_RUN, RHYTHM_RUN, Line, likeness, line_of
from ritornello.corpus.families.shared_runs import RunFinder
from ritornello.corpus.families.variants import Variant, variant_of
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus

SAME_TUNE = 0.6
"""Share of the shorter tune that shared runs must cover."""

FEW = 20
"""Up to this many pieces that share a run, every pair is compared; of more, each with its neighbour and the first.

Such a run of intervals and rhythm makes no variants: it is the half scale that everybody writes."""


def fingerprint(corpus: Corpus, index: int) -> str:
    """Name the melodies of a piece by 16 hex digits, the same in any key and at any speed.

    Made of the contour or, where that has fewer than CONTOUR_RUN steps, of intervals and relative rhythm.
    """
    return _print_of(line_of(corpus, index))


class Comparison:
    """Which pieces are variants of each other; each pair is compared once.

    line: the line of a piece by its number. similarity: share of the shorter piece that shared runs must cover.
    Pieces may be compared while others are still to come: the result of a pair does not change.
    """

    def __init__(self, line: Callable[[int], Line], similarity: float = SAME_TUNE) -> None:
        self._line = lru_cache(maxsize=512)(line)
        self._similarity = similarity
        self._known: dict[tuple[int, int], bool] = {}
        self._variants: dict[tuple[int, int], Variant] = {}
        self._last: tuple[Sequence[int], list[tuple[int, int]]] = ((), [])

    def are_variants(self, a: int, b: int) -> bool:
        """Decide whether shared runs cover enough of the shorter of two pieces."""
        low, high = pair = min(a, b), max(a, b)
        if pair not in self._known:
            self._known[pair] = likeness(self._line(low), self._line(high), self._similarity) >= self._similarity
        return self._known[pair]

    def variant_pairs(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        """Find the pairs of variants among pieces that have different fingerprints."""
        if indices == self._last[0]:  # no new piece since the last call
            return self._last[1]
        names = [""] * len(indices)
        contours = RunFinder([self._line(i).contour for i in indices], names)
        rhythms = RunFinder([self._line(i).rhythmic for i in indices], names)
        pairs = _sharing(contours, CONTOUR_RUN + 1) | _sharing_rare(rhythms, RHYTHM_RUN + 1)
        numbered = ((indices[a], indices[b]) for a, b in sorted(pairs))
        self._last = list(indices), [pair for pair in numbered if self.are_variants(*pair)]
        return self._last[1]

    def variant(self, index: int, original: int) -> Variant:
        """Find how a piece varies another."""
        pair = index, original
        if pair not in self._variants:
            self._variants[pair] = variant_of(self._line(index), self._line(original))
        return self._variants[pair]


def families(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> list[str]:
    """Name the family of each piece, in order, by the smallest fingerprint among its members.

    similarity: share of the shorter piece that shared runs must cover, in (0, 1]; at 1 a piece must lie wholly in
        another. prints: the pieces' fingerprints where they are known. comparison: of these very pieces at this
        similarity, where some were compared already. Raises CorpusError for a similarity outside.
    """
    check_similarity(similarity)
    prints = [fingerprint(corpus, i) for i in range(len(corpus))] if prints is None else prints
    comparison = comparison or Comparison(lambda i: line_of(corpus, i), similarity)
    first_with: dict[str, int] = {}
    duplicates = [(first_with.setdefault(name, i), i) for i, name in enumerate(prints)]
    variants = comparison.variant_pairs(sorted(first_with.values()))
    groups = linked(len(corpus), [*duplicates, *variants])
    names = {root: min(prints[i] for i in members) for root, members in _members(groups).items()}
    return [names[root] for root in groups]


def with_families(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> Corpus:
    """Fill in the family of every piece. Arguments and errors as of `families`."""
    named = zip(corpus.pieces, families(corpus, similarity, prints, comparison), strict=True)
    pieces = tuple(replace(p, family=family) for p, family in named)
    return Corpus(corpus.notes, pieces, corpus.report, corpus.steps)


def without_duplicates(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> tuple[Corpus, list[tuple[CorpusPiece, CorpusPiece]]]:
    """Leave duplicates out; return the corpus, and each piece left out with the one that stays.

    A piece is left out where it varies a piece of its family that stays and comes before it; variants of variants
    stay both. Arguments as of `families`.
    """
    prints = [fingerprint(corpus, i) for i in range(len(corpus))] if prints is None else prints
    comparison = comparison or Comparison(lambda i: line_of(corpus, i), similarity)
    kept: dict[str, list[int]] = {}
    left_out: list[tuple[CorpusPiece, CorpusPiece]] = []
    for index, piece in enumerate(corpus.pieces):
        others = kept.setdefault(piece.family, [])
        same = (other for other in others if prints[index] == prints[other] or comparison.are_variants(index, other))
        original = next(same, None)
        if original is None:
            others.append(index)
        else:
            left_out.append((piece, corpus.pieces[original]))
    staying = sorted(index for indices in kept.values() for index in indices)
    return corpus.selected(corpus.pieces[i] for i in staying), left_out


def check_similarity(similarity: float) -> None:
    """Check that a similarity is in (0, 1]. Raises CorpusError."""
    if not 0.0 < similarity <= 1.0:
        raise CorpusError(f"similarity must be above 0 and at most 1, not {similarity}")


def linked(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Join the numbers 0 to count - 1 by pairs; return the smallest of the group of each."""
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


def _print_of(line: Line) -> str:
    steps = line.contour
    if len(steps) < CONTOUR_RUN:
        between = line.onsets[:-1]  # the duration of the last note does not count
        beats = between // np.gcd.reduce(between) if len(between) else between
        steps = np.concatenate([[len(line.pitches)], np.diff(line.pitches), beats])
    return hashlib.sha256(steps.astype("<i8").tobytes()).hexdigest()[:16]


def _members(groups: Sequence[int]) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for index, root in enumerate(groups):
        members.setdefault(root, []).append(index)
    return members


def _sharing(finder: RunFinder, notes: int) -> set[tuple[int, int]]:
    """Find the pairs of pieces that share a run of `notes` notes."""
    pairs: set[tuple[int, int]] = set()
    for group in finder.shared(notes):
        having = group.tolist()
        if len(having) <= FEW:
            pairs.update(combinations(having, 2))
        else:
            pairs.update(pairwise(having))
            pairs.update((having[0], other) for other in having[1:])
    return pairs


def _sharing_rare(finder: RunFinder, notes: int) -> set[tuple[int, int]]:
    """Find pairs of pieces that share two runs of `notes` notes, or a longer one, that few have."""
    once: set[tuple[int, int]] = set()
    twice: set[tuple[int, int]] = set()
    for group in finder.shared(notes):
        if len(group) <= FEW:
            pairs = set(combinations(group.tolist(), 2))
            twice |= pairs & once
            once |= pairs
    return twice
