"""What only the whole corpus shows: families, duplicates, splits, and duplicates across a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import Comparison, with_families, without_duplicates
from ritornello.corpus.families.likeness import line_of
from ritornello.corpus.families.split import SplitRule, with_splits
from ritornello.corpus.families.variants import Variant
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.store import Corpus


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A piece that varies one already in the corpus. source: of the piece. original: source of the one that stays."""

    source: str
    original: str
    variant: Variant

    @property
    def words(self) -> str:
        """One line: "same tune as a.mid, 5 semitones up"."""
        return self.variant.words(self.original)

    def to_dict(self) -> dict[str, Any]:
        """List plain values for `kin` in `report.jsonl`."""
        return {"source": self.source, "twin": self.original, **self.variant.to_dict()}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A corpus with families and splits filled in.

    duplicates: by source, the pieces that were left out. crossing: by source, pieces of validation and test that
    vary one in training (only where the split was given).
    """

    corpus: Corpus
    duplicates: Mapping[str, Duplicate] = field(default_factory=dict)
    crossing: Mapping[str, Duplicate] = field(default_factory=dict)


def judged(
    corpus: Corpus,
    options: BuildOptions,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> Judgement:
    """Group pieces into families, leave duplicates out, and put each family into one split.

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
        return Judgement(done, {}, _crossing(done, comparison))
    if options.keep_copies:
        return Judgement(with_splits(whole, rule))
    kept, pairs = without_duplicates(whole, options.similarity, prints, comparison)
    index = {piece.source: i for i, piece in enumerate(whole.pieces)}
    found = [_duplicate(whole, index[p.source], index[original.source], comparison) for p, original in pairs]
    return Judgement(with_splits(kept, rule), {duplicate.source: duplicate for duplicate in found})


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


def _crossing(corpus: Corpus, comparison: Comparison) -> dict[str, Duplicate]:
    """Find pieces of validation and test whose family is in training too, by source."""
    found = [_duplicate(corpus, i, original, comparison) for i, original in copies_across(corpus)]
    return {duplicate.source: duplicate for duplicate in found}


def _duplicate(corpus: Corpus, index: int, original: int, comparison: Comparison) -> Duplicate:
    sources = corpus.pieces[index].source, corpus.pieces[original].source
    return Duplicate(*sources, comparison.variant(index, original))
