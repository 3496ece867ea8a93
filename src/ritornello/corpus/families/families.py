"""Families: pieces that are the same tune, or nearly, in whatever key, speed, rhythm or words.

Pieces with one fingerprint are duplicates: the same, transposed or stretched. Of the others, those that share a long
run are compared (see `likeness`), and pairs that are like enough are joined as variants. Variants of variants are one
family, which can hold two pieces that have little in common but a third between them; all of it stays in one split.
Of variants that are nearly equal in length and content too, the longest stays and the others are left out as
duplicates; a tune and its half, or a medley and one of its tunes, stay both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.likeness import likeness, sameness
from ritornello.corpus.families.shared_runs import CONTOUR_RUN, RHYTHM_RUN, Line, RunFinder, line_of
from ritornello.corpus.families.split import SplitRule, linked, with_splits
from ritornello.corpus.families.variants import Member, Variant, variant_of
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.store import Corpus

SAME_TUNE = 0.6
"""Share of the shorter tune that shared runs must cover."""

DUPLICATE = 0.8
"""Share of the longer of two variants that shared runs must cover where the shorter is left out."""

FEW = 20
"""Up to this many pieces that share a run, every pair is compared; of more, each with its neighbour and the first.

Such a run of intervals and rhythm makes no variants: it is the half scale that everybody writes."""

Duplicates = dict[str, Member]


def judged(
    corpus: Corpus,
    options: BuildOptions,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> tuple[Corpus, Duplicates, Duplicates]:
    """Group pieces into families, leave duplicates out, and put each family into one split.

    Returns the corpus; by source, the pieces that were left out; and, by source, pieces of validation and test that
    vary one in training (only where the split was given).

    Duplicates stay where the split is given (those across it are then listed) and under `options.keep_copies`.
    prints: the pieces' fingerprints where they are known. comparison: of these very pieces, where some were compared
    already. Raises CorpusError for a split or similarity that is none, and, where the options are strict, for a list
    that names what is no piece of the corpus.
    """
    rule = SplitRule.parse(options.split)
    comparison = comparison or Comparison(lambda i: line_of(corpus, i), options.similarity)
    whole = with_families(corpus, options.similarity, prints, comparison)
    if rule.explicit:
        done = with_splits(whole, rule)
        unknown = rule.unknown(done) if options.strict else ()
        if unknown:
            raise CorpusError(f"strict: {unknown_names(rule, unknown)}")
        return done, {}, _by_source(done, copies_across(done), comparison, kept=True)
    if options.keep_copies:
        return with_splits(whole, rule), {}, {}
    kept, left_out = without_duplicates(whole, options.similarity, prints, comparison)
    return with_splits(kept, rule), _by_source(whole, left_out, comparison, kept=False), {}


def unknown_names(rule: SplitRule, unknown: Sequence[str]) -> str:
    """Report the names in a split list that are no piece of the corpus (at least one)."""
    names = f"{len(unknown)} of its names are" if len(unknown) > 1 else "one of its names is"
    return f"{rule.path}: {names} no tune of the corpus, the first {unknown[0]!r}; such a tune trains, if it is there"


def copies_across(corpus: Corpus) -> list[tuple[int, int]]:
    """Find pieces of validation and test whose family is in training too, with its first there.

    Returns numbers of pieces. There are none unless the split was given: by "last:SHARE" or "list:FILE".
    """
    trains = {p.family: i for i, p in reversed(list(enumerate(corpus.pieces))) if p.split == "train"}
    return [(i, trains[p.family]) for i, p in enumerate(corpus.pieces) if p.split != "train" and p.family in trains]


def fingerprint(corpus: Corpus, index: int) -> str:
    """Name the melodies of a piece by 16 hex digits, the same in any key and at any speed.

    Made of the contour or, where that has fewer than CONTOUR_RUN steps, of intervals and relative rhythm.
    """
    line = line_of(corpus, index)
    steps = line.contour
    if len(steps) < CONTOUR_RUN:
        between = line.onsets[:-1]  # the duration of the last note does not count
        beats = between // np.gcd.reduce(between) if len(between) else between
        steps = np.concatenate([[len(line.pitches)], np.diff(line.pitches), beats])
    return hashlib.sha256(steps.astype("<i8").tobytes()).hexdigest()[:16]


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

    def are_duplicates(self, a: int, b: int) -> bool:
        """Decide whether two pieces are variants, and nearly equal in length and content."""
        return self.are_variants(a, b) and sameness(self._line(a), self._line(b)) >= DUPLICATE

    def by_length(self, indices: Iterable[int]) -> list[int]:
        """Order pieces by notes, the longest first, equal ones in file order."""
        return sorted(indices, key=lambda i: (-len(self._line(i).pitches), i))

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


def with_families(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> Corpus:
    """Name the family of every piece by the smallest fingerprint among its members.

    similarity: share of the shorter piece that shared runs must cover, in (0, 1]; at 1 a piece must lie wholly in
        another. prints: the pieces' fingerprints where they are known. comparison: of these very pieces at this
        similarity, where some were compared already. Raises CorpusError for a similarity outside.
    """
    if not 0.0 < similarity <= 1.0:
        raise CorpusError(f"similarity must be above 0 and at most 1, not {similarity}")
    prints = [fingerprint(corpus, i) for i in range(len(corpus))] if prints is None else prints
    comparison = comparison or Comparison(lambda i: line_of(corpus, i), similarity)
    first_with: dict[str, int] = {}
    duplicates = [(first_with.setdefault(name, i), i) for i, name in enumerate(prints)]
    variants = comparison.variant_pairs(sorted(first_with.values()))
    names: dict[int, str] = {}
    groups = linked(len(corpus), [*duplicates, *variants])
    for root, name in zip(groups, prints, strict=True):
        names[root] = min(name, names.get(root, name))
    pieces = tuple(replace(p, family=names[root]) for p, root in zip(corpus.pieces, groups, strict=True))
    return replace(corpus, pieces=pieces)


def without_duplicates(
    corpus: Corpus,
    similarity: float = SAME_TUNE,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> tuple[Corpus, list[tuple[int, int]]]:
    """Leave duplicates out; return the corpus, and by number who went and who stays for it.

    Of duplicates the longest stays, the first in file order of equal ones. Arguments as of `with_families`.
    """
    prints = [fingerprint(corpus, i) for i in range(len(corpus))] if prints is None else prints
    comparison = comparison or Comparison(lambda i: line_of(corpus, i), similarity)
    members: dict[str, list[int]] = {}
    for index, piece in enumerate(corpus.pieces):
        members.setdefault(piece.family, []).append(index)
    original_of: dict[int, int] = {}
    staying: list[int] = []
    for family in members.values():
        kept: list[int] = []
        for index in comparison.by_length(family) if len(family) > 1 else family:
            same = (i for i in kept if prints[index] == prints[i] or comparison.are_duplicates(index, i))
            original = next(same, None)
            if original is None:
                kept.append(index)
            else:
                original_of[index] = original
        staying += kept
    return corpus.selected(corpus.pieces[i] for i in sorted(staying)), sorted(original_of.items())


def _by_source(corpus: Corpus, pairs: Iterable[tuple[int, int]], comparison: Comparison, kept: bool) -> Duplicates:
    """Find how pieces vary their originals, both given by number."""
    sources = [piece.source for piece in corpus.pieces]
    return {sources[i]: Member(sources[i], kept, sources[j], comparison.variant(i, j)) for i, j in pairs}


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
