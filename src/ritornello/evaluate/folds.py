"""Folds for cross-validation: every tune is tested once, by a model that has learned none of its family."""

from __future__ import annotations

from dataclasses import replace

from ritornello.corpus.families.split import linked_pieces, place
from ritornello.corpus.store import Corpus

VALIDATION = 0.1  # of the pieces that are not tested


def fold_corpora(corpus: Corpus, folds: int) -> list[Corpus]:
    """Make a corpus for each fold: it is the test split, the rest trains, a tenth validates.

    Pieces of one family, or with a long run in common, stay together in all of this. Every corpus holds all pieces in
    their order; the splits that they had count for nothing. The same corpus gives the same folds, of like size.
    Raises ValueError for fewer than two folds, or more than there are families.
    """
    groups = _groups(corpus)
    if len(groups) < 2:
        raise ValueError(f"folds need two families of tunes or more, and this corpus has {len(groups)}")
    if not 2 <= folds <= len(groups):
        raise ValueError(f"folds must be 2 to {len(groups)}, the number of families in this corpus, not {folds}")
    parts: list[list[list[int]]] = [[] for _ in range(folds)]
    for group in sorted(groups, key=len, reverse=True):
        sizes = [sum(len(taken) for taken in part) for part in parts]
        parts[sizes.index(min(sizes))].append(group)
    found = []
    for part in parts:
        tested = {n for group in part for n in group}
        rest = [group for group in groups if group[0] not in tested]
        validated = _first(rest, VALIDATION * (len(corpus) - len(tested))) if len(rest) > 1 else set()
        names = ["test" if n in tested else "validation" if n in validated else "train" for n in range(len(corpus))]
        pieces = tuple(replace(piece, split=name) for piece, name in zip(corpus.pieces, names, strict=True))
        found.append(replace(corpus, pieces=pieces))
    return found


def _groups(corpus: Corpus) -> list[list[int]]:
    """Group linked pieces, in the order of a hash of their smallest family name."""
    members: dict[int, list[int]] = {}
    for index, root in enumerate(linked_pieces(corpus)):
        members.setdefault(root, []).append(index)
    return sorted(members.values(), key=lambda group: (place(min(corpus.pieces[n].family for n in group)), group[0]))


def _first(groups: list[list[int]], room: float) -> set[int]:
    """Take groups in their order while they fit, one at least."""
    taken: list[int] = []
    for group in groups:
        if len(taken) + len(group) <= room:
            taken += group
    if not taken:
        taken = sorted(groups, key=len)[0]
    return set(taken)
