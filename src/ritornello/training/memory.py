"""Memory in training: what a corpus counts, and what is suggested for the melodies that are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding.features import length_of
from ritornello.encoding.memory import Sizes, needs_counts
from ritornello.model.counts import Counts, added, count
from ritornello.model.memory import Recalled
from ritornello.model.suggestions import BLOCK, NO_FAMILY, Suggestions, read_events, suggest


class Recollection(NamedTuple):
    """What is suggested for melodies, part by part. firsts: (melodies,), number of each one's first note group."""

    parts: tuple[Suggestions, ...]
    firsts: np.ndarray

    def recall(self, groups: np.ndarray) -> tuple[Recalled, ...]:
        """Recall what is suggested for groups by their numbers, (N,), nothing for -1."""
        return tuple(part.recall(groups) for part in self.parts)


class Memory:
    """Counts of a corpus, and what they and each melody's own past suggest.

    melodies: to learn from, token arrays. families: a number for each. base: counts to add theirs to; with them
    come `counted`, melodies of whole families that are among them, to be read as well.
    counts: of all, for the model file; None for an encoding without corpus memory. learned: what is suggested for
    `melodies` and `others`, of whose families nothing is counted.
    """

    def __init__(
        self,
        encoding: Any,
        melodies: Sequence[np.ndarray],
        families: Sequence[int],
        base: Counts | None = None,
        others: Sequence[np.ndarray] = (),
        other_families: Sequence[int] = (),
    ):
        self._encoding = encoding
        self.counts: Counts | None = None
        every, ends = [*melodies, *others], None
        if "ending" in encoding.memory:
            ends = [length_of(encoding, tokens) for tokens in every]
        if needs_counts(encoding.memory):
            # Of a single family nothing would be left: its counts could not be learned with.
            counted = melodies if len(set(families)) > 1 or base else []
            events = read_events(encoding, counted, None, ends)
            counts = count(events.codes, events.first, encoding.parts[0])
            self.counts = (added(base, counts) if base else counts).of_size()
        theirs = [f if f == NO_FAMILY else f + 1 + max(families, default=0) for f in other_families]
        self.learned = self._suggest(every, [*families, *theirs], ends)
        self._kept: tuple[Sequence[np.ndarray], Recollection] | None = None  # the last ones that were asked for

    def recollect(self, melodies: Sequence[np.ndarray]) -> Recollection:
        """Find what is suggested for melodies that are not among those counted."""
        if self._kept is None or len(self._kept[0]) != len(melodies) or any(map(_differ, self._kept[0], melodies)):
            self._kept = list(melodies), self._suggest(melodies, [NO_FAMILY] * len(melodies))
        return self._kept[1]

    def _suggest(
        self, melodies: Sequence[np.ndarray], families: Sequence[int], ends: Sequence[int] | None = None
    ) -> Recollection:
        """Compute what is suggested for melodies, whole families at a time.

        ends: see `read_events`.
        """
        lengths, order = np.array([-(-len(m) // 2) for m in melodies]), np.argsort(families, kind="stable")
        firsts = np.zeros(len(melodies), np.int64)
        firsts[order] = lengths[order].cumsum() - lengths[order]
        blocks: list[list[int]] = [[]]
        for n in order.tolist():
            is_apart = not blocks[-1] or families[n] != families[blocks[-1][-1]] or families[n] == NO_FAMILY
            if is_apart and sum(lengths[blocks[-1]]) > BLOCK:
                blocks.append([])
            blocks[-1].append(n)
        sizes, parts = Sizes.of(self._encoding), list[Suggestions]()
        for block in blocks:
            known = None if ends is None else [ends[n] for n in block]
            events = read_events(self._encoding, [melodies[n] for n in block], [families[n] for n in block], known)
            for part in (0, 1):
                found = suggest(events, sizes, part, self._encoding.memory, self.counts).rounded()
                if len(parts) < 2:
                    parts.append(Suggestions(*(values.copy() for values in found)))  # each owns its memory
                else:
                    _append(parts[part], found)
        return Recollection(tuple(parts), firsts)


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    return one is not other and not np.array_equal(one, other)


def _append(known: Suggestions, more: Suggestions) -> None:
    """Append a block of groups to suggestions.

    The arrays grow in place: blocks that are joined at the end would be in memory twice.
    """
    for values, others in zip(known, more._replace(start=more.start[1:] + known.start[-1]), strict=True):
        size = len(values)
        values.resize((size + len(others), *values.shape[1:]), refcheck=False)
        values[size:] = others
