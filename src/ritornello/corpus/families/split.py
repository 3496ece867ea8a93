"""Which pieces train, which stop the training, and which are kept to judge it by.

`hash` (the default): a piece goes where a hash of its family says, so it goes there in every corpus, whatever
else that holds. Two things may overrule the hash. Pieces that share a run of 12 notes (intervals and rhythm,
see `shared_runs`) stay together, going where the smallest family name among them says, so that no validation or test
tune quotes a training tune at that length; if so many are linked that they would fill a share of the corpus by
themselves, they train. And where a split would be empty although there is something to put there, it gets one group.

`80/10/10`: the same groups in the order of their hashes, test first, as many as fill each share of the pieces.

`last:0.1`: the last tenth in file order is test and is kept as given. Of the rest, validation is the groups whose
hashes are smallest, as many as fill a tenth.

`list:FILE`: as a file says (see `split_list`), kept as given. Pieces that it does not name train; where it names none
for validation, a tenth of those that it does not name validates, chosen as for `last`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.shared_runs import RunFinder
from ritornello.corpus.families.split_list import listed_splits, read_split_list
from ritornello.corpus.store import SPLITS, Corpus

_NUMBER = r"(?:\d+\.?\d*|\.\d+)"

FEW_GROUPS, MANY_GROUPS = 5, 20
"""A hashed split of fewer groups than the first is all for training; from the second on it has a test split."""

LEAK_NOTES = 12
"""No validation or test tune shares a run of this many notes with a training tune under a hashed split."""


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How a corpus is split: shares of validation and test, and who says which pieces they are.

    kind: "hash", "shares", "last" or "list". path: the file of a list.
    """

    validation: float = 0.1
    test: float = 0.1
    kind: str = "hash"
    path: str = ""

    @property
    def explicit(self) -> bool:
        """Whether the split is kept as given, copies across it included."""
        return self.kind in ("last", "list")

    @classmethod
    def parse(cls, text: str) -> SplitRule:
        """Read "hash", "80/10/10", "last:SHARE" or "list:FILE"; the file is not opened yet.

        SHARE is in (0, 1).
        Raises CorpusError for anything else, and for shares that are not 100 together.
        """
        if text == "hash":
            return cls()
        if text.startswith("list:") and text != "list:":
            return cls(kind="list", path=text.removeprefix("list:"))
        if re.fullmatch(rf"{_NUMBER}/{_NUMBER}/{_NUMBER}", text):
            shares = [float(share) for share in text.split("/")]
            if round(sum(shares), 6) not in (1.0, 100.0) or not shares[0]:
                raise CorpusError(f"the shares of a split must be 100 together and the first above 0, not {text}")
            return cls(shares[1] / sum(shares), shares[2] / sum(shares), "shares")
        match = re.fullmatch(rf"last:({_NUMBER})", text)
        if not match or not 0.0 < float(match[1]) < 1.0:
            raise CorpusError(
                'split must be "hash" or "last:SHARE" with a share between 0 and 1, or "80/10/10" (training, '
                f'validation, test), or "list:FILE", not {text!r}'
            )
        return cls(test=float(match[1]), kind="last")

    def unknown(self, corpus: Corpus) -> tuple[str, ...]:
        """List names of a list that are no piece. Raises CorpusError where it cannot be read."""
        if self.kind != "list":
            return ()
        return tuple(listed_splits(corpus.pieces, read_split_list(self.path))[1])


def with_splits(corpus: Corpus, rule: SplitRule) -> Corpus:
    """Put every piece in a split; families must be filled in.

    Raises CorpusError where a list cannot be read or names no piece of the corpus.
    """
    given = _given(corpus, rule)
    free = [i for i, split in enumerate(given) if split is None]
    rest = corpus.selected(corpus.pieces[i] for i in free)
    if rule.kind == "hash":
        chosen = _hashed(rest, rule)
    elif rule.kind == "shares":
        chosen = _filled(rest, {"test": rule.test, "validation": rule.validation})
    else:
        chosen = _ranked(rest, 0.0 if "validation" in given else rule.validation)
    names = {free[index]: name for name, members in chosen.items() for index in members}
    pieces = tuple(replace(p, split=given[i] or names[i]) for i, p in enumerate(corpus.pieces))
    return replace(corpus, pieces=pieces)


def linked_pieces(corpus: Corpus, notes: int = LEAK_NOTES) -> list[int]:
    """Group pieces of one family or with a shared run of `notes` notes; name the first of each."""
    owners = [i for i, piece in enumerate(corpus.pieces) for _ in piece.melodies]
    pairs = [
        (owners[a], owners[b]) for group in RunFinder.of_corpus(corpus).shared(notes) for a, b in pairwise(group)
    ]
    first_of: dict[str, int] = {}
    families = [(first_of.setdefault(p.family, i), i) for i, p in enumerate(corpus.pieces)]
    return linked(len(corpus), [*pairs, *families])


def linked(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Join the numbers 0 to count - 1 by pairs; return the smallest of the group of each.

    Source: Rem's algorithm, in Dijkstra 1976, "A Discipline of Programming", chapter 23.
    """
    smaller = list(range(count))  # of its group, or itself
    for a, b in pairs:
        while smaller[a] != smaller[b]:
            if smaller[a] < smaller[b]:
                a, b = b, a
            smaller[a], a = smaller[b], smaller[a]
    for i in range(count):
        smaller[i] = smaller[smaller[i]]  # whose own is done already
    return smaller


def place(name: str) -> float:
    """Hash a name to a number in [0, 1), always the same (first 53 bits of its SHA-256)."""
    return (int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 11) / 2**53


def _groups(corpus: Corpus) -> list[tuple[float, list[int]]]:
    """Group linked pieces, by ascending place: that of the smallest family name of a group."""
    members: dict[int, list[int]] = {}
    for index, root in enumerate(linked_pieces(corpus)):
        members.setdefault(root, []).append(index)
    return sorted((place(min(corpus.pieces[i].family for i in group)), group) for group in members.values())


def _given(corpus: Corpus, rule: SplitRule) -> list[str | None]:
    """List the split of each piece where the rule fixes it, None where it leaves it open."""
    if rule.kind == "last":
        kept = int(len(corpus) * (1.0 - rule.test) + 1e-9)
        return [None] * kept + ["test"] * (len(corpus) - kept)
    if rule.kind == "list":
        given, unknown = listed_splits(corpus.pieces, read_split_list(rule.path))
        if not any(given):
            raise CorpusError(
                f"{rule.path}: none of its names is a tune of the corpus, the first is {unknown[0]!r}; "
                f"name files as in {corpus.pieces[0].source!r}"
                if corpus.pieces
                else f"{rule.path}: there is no tune to split"
            )
        return given
    return [None] * len(corpus)


def _hashed(corpus: Corpus, rule: SplitRule) -> dict[str, list[int]]:
    """Choose groups for test and validation by whether their place is below their shares.

    An empty split, training first, gets a group of the fullest one. Of fewer than MANY_GROUPS nearly all train: one
    of the smallest validates, from FEW_GROUPS on, and none tests, since a tune or two tell nothing.
    """
    placed = _groups(corpus)
    if len(placed) < MANY_GROUPS:
        groups = [group for _, group in placed]
        held = min(groups, key=len) if len(groups) >= FEW_GROUPS else []
        return {"validation": held, "train": [i for group in groups if group is not held for i in group]}
    large = max(2.0, rule.validation * len(corpus))
    chosen: dict[str, list[list[int]]] = {name: [] for name in SPLITS}
    for at, group in placed:
        split = "test" if at < rule.test else "validation" if at < rule.test + rule.validation else "train"
        chosen["train" if len(group) > large else split].append(group)
    for name in SPLITS:
        sizes = {split: len(groups) for split, groups in chosen.items()}
        fullest = max(SPLITS, key=sizes.__getitem__)
        if not chosen[name] and len(chosen[fullest]) > (name != "train"):
            chosen[name].append(chosen[fullest].pop(0))
    return {name: [i for group in groups for i in group] for name, groups in chosen.items()}


def _ranked(corpus: Corpus, share: float) -> dict[str, list[int]]:
    """Choose groups of smallest place for validation, up to its share; the rest trains."""
    validation: list[int] = []
    groups = [group for _, group in _groups(corpus)]
    for group in groups[:-1] if share else ():
        if len(validation) + len(group) <= max(1.0, share * len(corpus)):
            validation.extend(group)
    return {"validation": validation, "train": [i for group in groups for i in group if i not in set(validation)]}


def _filled(corpus: Corpus, shares: Mapping[str, float]) -> dict[str, list[int]]:
    """Fill each share in turn with groups in the order of their places; the rest trains.

    A share above 0 gets at least one group where two or more are there, even one that is larger than it.
    """
    groups = [group for _, group in _groups(corpus)]
    chosen: dict[str, list[int]] = {}
    for name, share in shares.items():
        room, taken = round(share * len(corpus)), []
        for group in groups:
            if len(group) <= room:
                taken.append(group)
                room -= len(group)
        if not taken and share and len(groups) > 1:
            taken = [min(groups, key=len)]
        groups = [g for g in groups if g not in taken]
        chosen[name] = [i for group in taken for i in group]
    return {**chosen, "train": [i for group in groups for i in group]}
