"""Which pieces train, which stop the training, and which are kept to judge it by.

`hash` (the default): a piece goes where a hash of its family says, so it goes there in every corpus, whatever
else that holds. Two things may overrule the hash. Pieces that share a run of 12 notes (intervals and rhythm,
see `runs`) stay together, going where the smallest family name among them says, so that no held-out tune quotes
a training tune at that length; if so many are linked that they would fill a share of the corpus by themselves,
they train. And where a split would be empty although there is something to put there, it gets one group.

`last:0.1`: the last tenth in file order is test and is kept as given; validation is hashed from the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families import linked
from ritornello.corpus.runs import RunFinder
from ritornello.corpus.store import SPLITS, Corpus

LEAK_NOTES = 12
"""No held-out tune shares a run of this many notes with a training tune under a hashed split."""


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How a corpus is split: shares of validation and test, and whether test is the end of the file order."""

    validation: float = 0.1
    test: float = 0.1
    last: bool = False

    @property
    def explicit(self) -> bool:
        """Whether the split is kept as given, copies across it included."""
        return self.last

    @classmethod
    def parse(cls, text: str) -> SplitRule:
        """Read "hash" or "last:SHARE" with SHARE in (0, 1). Raises CorpusError for anything else."""
        if text == "hash":
            return cls()
        match = re.fullmatch(r"last:(\d*\.?\d+)", text)
        if not match or not 0.0 < float(match[1]) < 1.0:
            raise CorpusError(f'split must be "hash" or "last:SHARE" with a share between 0 and 1, not {text!r}')
        return cls(test=float(match[1]), last=True)


def with_splits(corpus: Corpus, rule: SplitRule) -> Corpus:
    """The corpus with every piece put in a split; families must be filled in."""
    count = len(corpus)
    kept = count if not rule.last else int(count * (1.0 - rule.test) + 1e-9)
    groups = linked_pieces(corpus.selected(corpus.pieces[:kept]))
    families = [p.family for p in corpus.pieces[:kept]]
    wanted = SPLITS[:2] if rule.last else SPLITS
    splits = _hashed(groups, families, rule, wanted) + ["test"] * (count - kept)
    pieces = tuple(replace(p, split=s) for p, s in zip(corpus.pieces, splits, strict=True))
    return Corpus(corpus.notes, pieces, corpus.report, corpus.steps)


def linked_pieces(corpus: Corpus, notes: int = LEAK_NOTES) -> list[int]:
    """Groups of pieces that are of one family or share a run of `notes` notes, each named by its first piece."""
    owners = [i for i, piece in enumerate(corpus.pieces) for _ in piece.melodies]
    pairs = [
        (owners[a], owners[b]) for group in RunFinder.of_corpus(corpus).shared(notes) for a, b in pairwise(group)
    ]
    first_of: dict[str, int] = {}
    kin = [(first_of.setdefault(p.family, i), i) for i, p in enumerate(corpus.pieces)]
    return linked(len(corpus), [*pairs, *kin])


def place(name: str) -> float:
    """A fixed number in [0, 1) for a name, the same everywhere and for ever (first 53 bits of its SHA-256)."""
    return (int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 11) / 2**53


def _hashed(groups: Sequence[int], families: Sequence[str], rule: SplitRule, wanted: Sequence[str]) -> list[str]:
    """The split of each piece by the place of its group."""
    sizes: dict[int, int] = {}
    names: dict[int, str] = {}
    for root, family in zip(groups, families, strict=True):
        sizes[root] = sizes.get(root, 0) + 1
        names[root] = min(names.get(root, family), family)
    test = 0.0 if rule.last else rule.test
    chosen = {}
    for root, name in names.items():
        at = place(name)
        large = sizes[root] > max(2.0, rule.validation * len(groups))
        chosen[root] = (
            "train" if large else "test" if at < test else "validation" if at < test + rule.validation else "train"
        )
    _fill_empty(chosen, names, wanted)
    return [chosen[root] for root in groups]


def _fill_empty(chosen: dict[int, str], names: dict[int, str], wanted: Sequence[str]) -> None:
    """Give each empty split the group of smallest place among those of the fullest split, training first."""
    for split in wanted:
        if split in chosen.values():
            continue
        fullest = max(SPLITS, key=lambda s: sum(c == s for c in chosen.values()))
        spare = sorted((place(names[root]), root) for root, c in chosen.items() if c == fullest)
        if len(spare) > 1:
            chosen[spare[0][1]] = split
