"""Families: pieces that are the same tune, or nearly, in whatever key, speed, rhythm or words.

Pieces with one fingerprint are the same tune: copies, transposed or stretched ones. Of the others, those that share
a long run are compared (see `likeness`), and pairs alike enough are joined. Kin of kin are one family, so that a
family can hold two tunes that have little in common but a third between them; all of it stays in one split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.kin import Kinship, kinship
from ritornello.corpus.families.likeness import CONTOUR_RUN, RHYTHM_RUN, Line, likeness, line_of
from ritornello.corpus.families.shared_runs import RunFinder
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus

SAME_TUNE = 0.6
"""Share of the shorter tune that shared runs must cover."""

FEW = 20
"""Up to this many pieces that share a run, every pair is compared; of more, each with its neighbour and the first.

Such a run of intervals and rhythm is no sign of kinship: it is the half scale that everybody writes."""


def fingerprint(corpus: Corpus, index: int) -> str:
    """16 hex digits that name the tune of a piece in any key and at any speed.

    Made of the contour or, where that has fewer than CONTOUR_RUN steps, of intervals and relative rhythm.
    """
    return _print_of(line_of(corpus, index))


class Comparison:
    """Which pieces are alike enough, each pair compared once, whoever asks and however often.

    line: the line of a piece by its number. similarity: share of the shorter tune that shared runs must cover.
    Pieces may be compared while others are still to come: what is found for a pair holds.
    """

    def __init__(self, line: Callable[[int], Line], similarity: float = SAME_TUNE) -> None:
        self._line = lru_cache(maxsize=512)(line)
        self._similarity = similarity
        self._known: dict[tuple[int, int], bool] = {}
        self._kinships: dict[tuple[int, int], Kinship] = {}
        self._last: tuple[Sequence[int], list[tuple[int, int]]] = ((), [])

    def are_alike(self, a: int, b: int) -> bool:
        """Whether shared runs cover enough of the shorter of two pieces."""
        low, high = pair = min(a, b), max(a, b)
        if pair not in self._known:
            self._known[pair] = likeness(self._line(low), self._line(high), self._similarity) >= self._similarity
        return self._known[pair]

    def alike_pairs(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        """Pairs of the given pieces, one of each fingerprint, that share a long run and are alike enough."""
        if indices == self._last[0]:  # no new tune since they were asked for
            return self._last[1]
        names = [""] * len(indices)
        contours = RunFinder([self._line(i).contour for i in indices], names)
        rhythms = RunFinder([self._line(i).rhythmic for i in indices], names)
        pairs = _sharing(contours, CONTOUR_RUN + 1) | _sharing_rare(rhythms, RHYTHM_RUN + 1)
        numbered = ((indices[a], indices[b]) for a, b in sorted(pairs))
        self._last = list(indices), [pair for pair in numbered if self.are_alike(*pair)]
        return self._last[1]

    def kinship(self, index: int, twin: int) -> Kinship:
        """How a piece is like another."""
        pair = index, twin
        if pair not in self._kinships:
            self._kinships[pair] = kinship(self._line(index), self._line(twin))
        return self._kinships[pair]


def families(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> list[str]:
    """The family of each piece, in order: the smallest fingerprint among its members.

    similarity: share of the shorter tune that shared runs must cover, in (0, 1]; at 1 a tune must lie wholly in
        another. prints: the pieces' fingerprints where they are known. comparison: of these very pieces at this
        similarity, where some were compared already. Raises CorpusError for a similarity outside.
    """
    check_similarity(similarity)
    prints = [fingerprint(corpus, i) for i in range(len(corpus))] if prints is None else prints
    comparison = comparison or Comparison(lambda i: line_of(corpus, i), similarity)
    first_with: dict[str, int] = {}
    same = [(first_with.setdefault(name, i), i) for i, name in enumerate(prints)]
    alike = comparison.alike_pairs(sorted(first_with.values()))
    groups = linked(len(corpus), [*same, *alike])
    names = {root: min(prints[i] for i in members) for root, members in _members(groups).items()}
    return [names[root] for root in groups]


def with_families(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> Corpus:
    """The corpus with the family of every piece filled in. Arguments and errors as of `families`."""
    named = zip(corpus.pieces, families(corpus, similarity, prints, comparison), strict=True)
    pieces = tuple(replace(p, family=family) for p, family in named)
    return Corpus(corpus.notes, pieces, corpus.report, corpus.steps)


def without_copies(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> tuple[Corpus, list[tuple[CorpusPiece, CorpusPiece]]]:
    """The corpus without copies, and every piece left out with the twin that stays for it.

    A piece is left out where a piece of its family before it stays and the two are alike themselves; kin of kin
    stay beside each other. Arguments as of `families`.
    """
    prints = [fingerprint(corpus, i) for i in range(len(corpus))] if prints is None else prints
    comparison = comparison or Comparison(lambda i: line_of(corpus, i), similarity)
    kept: dict[str, list[int]] = {}
    copies: list[tuple[CorpusPiece, CorpusPiece]] = []
    for index, piece in enumerate(corpus.pieces):
        others = kept.setdefault(piece.family, [])
        same = (other for other in others if prints[index] == prints[other] or comparison.are_alike(index, other))
        twin = next(same, None)
        if twin is None:
            others.append(index)
        else:
            copies.append((piece, corpus.pieces[twin]))
    staying = sorted(index for indices in kept.values() for index in indices)
    return corpus.selected(corpus.pieces[i] for i in staying), copies


def check_similarity(similarity: float) -> None:
    """Raise CorpusError for a similarity outside (0, 1]."""
    if not 0.0 < similarity <= 1.0:
        raise CorpusError(f"similarity must be above 0 and at most 1, not {similarity}")


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


def _print_of(line: Line) -> str:
    steps = line.contour
    if len(steps) < CONTOUR_RUN:
        between = line.onsets[:-1]  # how long the last note lasts is not the tune's
        beats = between // np.gcd.reduce(between) if len(between) else between
        steps = np.concatenate([[len(line.pitches)], np.diff(line.pitches), beats])
    return hashlib.sha256(steps.astype("<i8").tobytes()).hexdigest()[:16]


def _members(groups: Sequence[int]) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for index, root in enumerate(groups):
        members.setdefault(root, []).append(index)
    return members


def _sharing(finder: RunFinder, notes: int) -> set[tuple[int, int]]:
    """Pairs of pieces that share at least one run of `notes` notes (its steps and one)."""
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
    """Pairs of pieces that share two runs of `notes` notes, or one longer one, which few pieces have."""
    once: set[tuple[int, int]] = set()
    twice: set[tuple[int, int]] = set()
    for group in finder.shared(notes):
        if len(group) <= FEW:
            pairs = set(combinations(group.tolist(), 2))
            twice |= pairs & once
            once |= pairs
    return twice
