"""Which pieces train, which stop the training, and which are kept to judge it by.

`hash` (the default): a piece goes where a hash of its family says, so it goes there in every corpus, whatever
else that holds. Two things may overrule the hash. Pieces that share a run of 12 notes (intervals and rhythm,
see `runs`) stay together, going where the smallest family name among them says, so that no held-out tune quotes
a training tune at that length; if so many are linked that they would fill a share of the corpus by themselves,
they train. And where a split would be empty although there is something to put there, it gets one group.

`last:0.1`: the last tenth in file order is test and is kept as given. Of the rest, validation is the groups whose
hashes are smallest, as many as fill a tenth.
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
    kept = len(corpus) if not rule.last else int(len(corpus) * (1.0 - rule.test) + 1e-9)
    rest = corpus.selected(corpus.pieces[:kept])
    chosen = _ranked(rest, rule.validation) if rule.last else _hashed(rest, rule)
    names = {index: name for name, members in chosen.items() for index in members}
    pieces = tuple(replace(p, split=names.get(i, "test")) for i, p in enumerate(corpus.pieces))
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


def _groups(corpus: Corpus) -> list[list[int]]:
    """Linked pieces, the group first whose place is smallest; its place is that of its smallest family name."""
    members: dict[int, list[int]] = {}
    for index, root in enumerate(linked_pieces(corpus)):
        members.setdefault(root, []).append(index)
    return sorted(members.values(), key=lambda group: (_place_of(corpus, group), group))


def _place_of(corpus: Corpus, group: Sequence[int]) -> float:
    return place(min(corpus.pieces[i].family for i in group))


def _hashed(corpus: Corpus, rule: SplitRule) -> dict[str, list[int]]:
    """Test and validation are the groups whose place lies below their shares; all else trains."""
    groups = _groups(corpus)
    large = max(2.0, rule.validation * len(corpus))
    chosen: dict[str, list[list[int]]] = {name: [] for name in SPLITS}
    for group in groups:
        at = _place_of(corpus, group)
        held_out = "test" if at < rule.test else "validation" if at < rule.test + rule.validation else "train"
        chosen["train" if len(group) > large else held_out].append(group)
    _fill_empty(chosen)
    return {name: [i for group in groups for i in group] for name, groups in chosen.items()}


def _ranked(corpus: Corpus, share: float) -> dict[str, list[int]]:
    """Validation is the groups of smallest place, as many as fill its share of the pieces; all else trains."""
    validation: list[int] = []
    groups = _groups(corpus)
    for group in groups[:-1]:
        if len(validation) + len(group) <= max(1.0, share * len(corpus)):
            validation.extend(group)
    return {"validation": validation, "train": [i for group in groups for i in group if i not in set(validation)]}


def _fill_empty(chosen: dict[str, list[list[int]]]) -> None:
    """Give each empty split, training first, a group of the fullest one; a lone group trains."""
    for name in SPLITS:
        fullest = max(SPLITS, key=lambda s: len(chosen[s]))
        if not chosen[name] and len(chosen[fullest]) > (name != "train"):
            chosen[name].append(chosen[fullest].pop(0))
