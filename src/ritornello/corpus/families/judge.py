"""What only the whole corpus can tell: families, copies, splits, and copies that lie across a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import Comparison, with_families, without_copies
from ritornello.corpus.families.kin import Kinship
from ritornello.corpus.families.likeness import line_of
from ritornello.corpus.families.split import SplitRule, with_splits
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.store import Corpus


@dataclass(frozen=True, slots=True)
class Copy:
    """A piece that another stands for: `twin` is the source of the one that stays, `kinship` how they are alike."""

    source: str
    twin: str
    kinship: Kinship

    @property
    def words(self) -> str:
        """One line: "same tune as a.mid, 5 semitones up"."""
        return self.kinship.words(self.twin)

    def to_dict(self) -> dict:
        """Plain values, as they stand under `kin` in `report.jsonl`."""
        return {"source": self.source, "twin": self.twin, **self.kinship.to_dict()}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A corpus with families and splits filled in.

    copies: by source, the pieces that were left out. crossing: by source, held-out pieces whose twin trains
    (under an explicit split alone).
    """

    corpus: Corpus
    copies: Mapping[str, Copy] = field(default_factory=dict)
    crossing: Mapping[str, Copy] = field(default_factory=dict)


def judged(
    corpus: Corpus,
    options: BuildOptions,
    prints: Sequence[str] | None = None,
    comparison: Comparison | None = None,
) -> Judgement:
    """Group pieces into families, leave copies out, and put each family into one split.

    Copies stay where the split is explicit (copies across it are then told) and where `options.keep_copies` asks.
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
    kept, pairs = without_copies(whole, options.similarity, prints, comparison)
    index = {piece.source: i for i, piece in enumerate(whole.pieces)}
    copies = {p.source: _copy(whole, index[p.source], index[twin.source], comparison) for p, twin in pairs}
    return Judgement(with_splits(kept, rule), copies)


def unknown_names(rule: SplitRule, unknown: Sequence[str]) -> str:
    """What to say of names in a split list that are no piece of the corpus (at least one)."""
    names = f"{len(unknown)} of its names are" if len(unknown) > 1 else "one of its names is"
    return f"{rule.path}: {names} no tune of the corpus, the first {unknown[0]!r}; such a tune trains, if it is there"


def copies_across(corpus: Corpus) -> list[tuple[int, int]]:
    """Held-out pieces of a family that also trains, each with the first of that family in training, by number.

    There are none unless the split was given: by "last:SHARE" or "list:FILE".
    """
    trains = {p.family: i for i, p in reversed(list(enumerate(corpus.pieces))) if p.split == "train"}
    return [(i, trains[p.family]) for i, p in enumerate(corpus.pieces) if p.split != "train" and p.family in trains]


def _crossing(corpus: Corpus, comparison: Comparison) -> dict[str, Copy]:
    """Held-out pieces whose family also trains, by source, with their twins in training."""
    return {corpus.pieces[i].source: _copy(corpus, i, twin, comparison) for i, twin in copies_across(corpus)}


def _copy(corpus: Corpus, index: int, twin: int, comparison: Comparison) -> Copy:
    return Copy(corpus.pieces[index].source, corpus.pieces[twin].source, comparison.kinship(index, twin))
