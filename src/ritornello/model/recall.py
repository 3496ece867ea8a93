"""Memory while playing: each melody's own past, counted event by event, and the corpus counts, found by contexts."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import copy
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from ritornello.encoding.memory import ITEMS, VIEWS, Codes, Sizes, coded, events_of_steps, levels
from ritornello.model.counts import COUNTED, Counts
from ritornello.model.memory import RAREST, Recalled, evidence_of, gains_of

KINDS = ("event", "step", "duration")  # of followers
HEADS = ("", *sorted({view.head for view in VIEWS} - {""}))
PASTS = tuple(sorted({view.past for view in VIEWS}))
MOST_BACK = max(max(view.own + view.corpus) for view in VIEWS)  # events
CONTEXTS = 1 << 8  # more than there are views with an order
SLOTS = 16  # room for followers of a kind in a melody, at first
EVIDENCE = evidence_of(np.arange(1 << 12))  # of so many; a melody with more events is as one with this number
Place = tuple[int, int, int]  # see `context` of a tracker


class Corpus:
    """The counts of the training melodies as a player looks them up: one dictionary of all contexts.

    nodes: by key of a context (see `key_of`) its number, from 1 on. begin, size: (nodes,), its pairs. evidence:
    (nodes, 2). follower, gain: (pairs,). Node 0 has none.
    """

    def __init__(self, counts: Counts):
        self.nodes: dict[int, int] = {}
        sizes, evidence = [np.zeros(1, np.int64)], [np.zeros((1, 2), np.uint8)]
        followers, gains, number = [], [], 1
        for index in COUNTED:
            heads, pasts = [0], [1]
            for order, table in enumerate(counts.tables[index]):
                parents, items = (table.keys // ITEMS).tolist(), (table.keys % ITEMS).tolist()
                pairs = list(zip(parents, items, strict=True))
                heads = [heads[parent] for parent in parents] if order else items
                pasts = [pasts[parent] * ITEMS + item for parent, item in pairs] if order else [1] * len(items)
                if order not in VIEWS[index].corpus:
                    continue
                keys = (key_of(index, order, *each) for each in zip(heads, pasts, strict=True))
                self.nodes.update(zip(keys, range(number, number + len(pairs)), strict=True))
                number += len(pairs)
                distinct = np.diff(table.start)
                is_common = table.counts >= RAREST * table.totals[table.contexts]
                sizes.append(np.bincount(table.contexts[is_common], minlength=len(pairs)))
                evidence.append(np.stack([evidence_of(table.totals), evidence_of(distinct)], 1))
                followers.append(table.followers[is_common])
                gains.append(gains_of(table.counts, distinct[table.contexts])[is_common])
        self.size, self.evidence = np.concatenate(sizes), np.concatenate(evidence)
        self.begin = self.size.cumsum() - self.size
        self.follower, self.gain = np.concatenate(followers), np.concatenate(gains).astype(np.float32)


def key_of(view: int, order: int, head: int, past: int) -> int:
    """Join a context to one number, above 0.

    past: the codes of the events before, from the latest one on, after a 1: digits of a number to the base ITEMS.
    """
    return (past * ITEMS + head) * CONTEXTS + view * (MOST_BACK + 1) + order


class _Part(NamedTuple):
    """What is to be recalled for one part: contexts of any source, and which of them are levels of which.

    contexts: for each its view, order, head (an index of HEADS) and past (of PASTS). own, corpus: places of their
    levels among these. kinds: of the followers of each level of both, as an index of KINDS.
    """

    contexts: tuple[tuple[int, int, int, int], ...]
    own: np.ndarray
    corpus: np.ndarray
    kinds: np.ndarray

    @classmethod
    def of(cls, sources: Sequence[str], part: int) -> _Part:
        """List what these sources recall."""
        wanted = levels(sources, part)
        contexts = sorted({(level.view, level.order) for level in wanted})
        own, corpus = (
            np.array([contexts.index(level[1:]) for level in wanted if level.source == source], np.int64)
            for source in ("own", "corpus")
        )
        kinds = np.array([KINDS.index(VIEWS[level.view].follower) for level in wanted], np.int64)
        places = [(HEADS.index(VIEWS[view].head), PASTS.index(VIEWS[view].past)) for view, _ in contexts]
        return cls(tuple((*c, *p) for c, p in zip(contexts, places, strict=True)), own, corpus, kinds)


class _Past:
    """One melody's events so far.

    codes: by PASTS those of the last MOST_BACK events, the latest first. pasts: by PASTS and order those of so many,
    as `key_of` takes them. rows: by key of a context its row among the counts. slots: by KINDS the place of each
    follower.
    """

    def __init__(self, new_row: Callable[[], int]) -> None:
        self.codes: list[list[int]] = [[] for _ in PASTS]
        self.pasts: list[list[int]] = [[1] for _ in PASTS]
        self.rows: defaultdict[int, int] = defaultdict(new_row, {0: 0})
        self.slots: list[dict[int, int]] = [{} for _ in KINDS]
        self.place: Place = (-1, -1, 0)  # of the group that is due

    def find(self, wanted: _Part, heads: Sequence[int]) -> list[int]:
        """List the keys of the contexts of the due group, 0 where the melody is too short for one."""
        pasts = self.pasts
        return [
            (pasts[past][order] * ITEMS + heads[head]) * CONTEXTS + view * (MOST_BACK + 1) + order
            if order < len(pasts[past])
            else 0
            for view, order, head, past in wanted.contexts
        ]

    def add(self, codes: Codes) -> None:
        """Append an event."""
        for n, name in enumerate(PASTS):
            latest = [getattr(codes, name), *self.codes[n][: MOST_BACK - 1]]
            self.codes[n] = latest
            self.pasts[n] = list(accumulate(latest, lambda past, code: past * ITEMS + code, initial=1))

    def copy(self, new_row: Callable[[], int]) -> _Past:
        """Return a past that goes on by itself."""
        other = copy(self)
        other.codes, other.pasts = self.codes.copy(), self.pasts.copy()
        other.rows, other.slots = defaultdict(new_row, self.rows), [slots.copy() for slots in self.slots]
        return other


class Recall:
    """What is recalled for a batch of melodies in the making.

    sources: of the memory. corpus: None where it is not among them. n: melodies.
    """

    def __init__(self, sizes: Sizes, sources: Sequence[str], corpus: Corpus | None, n: int):
        self._sizes, self._corpus = sizes, corpus
        self._parts = [_Part.of(sources, part) for part in (0, 1)]
        self._numbers = itertools.count(1)  # of rows
        self._pasts = [_Past(self._numbers.__next__) for _ in range(n)]
        # Of each context of each melody, row 0 of none: how often each follower came, all, and the distinct ones.
        self._counts = np.zeros((256, SLOTS), np.int16)
        self._totals, self._distinct = np.zeros(256, np.int64), np.zeros(256, np.int64)
        self._followers = np.full((n, len(KINDS), SLOTS), -1, np.int64)
        self._rows: list[np.ndarray | None] = [None, None]  # by part, of the contexts of the due group, (n, L)

    def begin(self, places: Sequence[Place]) -> None:
        """Begin a group in each melody. places: see `context` of a tracker."""
        for past, place in zip(self._pasts, places, strict=True):
            past.place = place
        self._rows = [None, None]

    def recall(self, events: Sequence[int] | None = None) -> Recalled:
        """Recall what may come: events or, given those, durations."""
        part = int(events is not None)
        wanted = self._parts[part]
        keys = self._find(part, events)
        row, level, follower, gain, evidence = self._of_own(part)
        if self._corpus is not None and len(wanted.corpus):
            found = self._of_corpus(self._corpus, wanted, keys)
            row, level, follower, gain = (
                np.concatenate(each) for each in zip((row, level, follower, gain), found[:4], strict=True)
            )
            evidence = np.concatenate([evidence, found[4]], 1)
        if part == 0:
            last = np.array([past.place[1] for past in self._pasts])
            steps = wanted.kinds[level] == KINDS.index("step")
            follower[steps] = events_of_steps(self._sizes, follower[steps], last[row[steps]])
            is_there = follower >= 0
            row, level, follower, gain = row[is_there], level[is_there], follower[is_there], gain[is_there]
        return Recalled(row, follower, level, gain, evidence)

    def _find(self, part: int, events: Sequence[int] | None) -> list[list[int]]:
        """Find the contexts of the due group: their keys, and the rows of the melodies' own levels."""
        wanted, keys = self._parts[part], []
        none = [0] * len(wanted.contexts)
        for n, past in enumerate(self._pasts):
            if past.place[0] < 0:
                keys.append(none)
                continue
            codes = coded(self._sizes, events[n] if events else 0, -1, past.place)
            keys.append(past.find(wanted, [getattr(codes, head) if head else 0 for head in HEADS]))
        rows = [list(map(past.rows.__getitem__, own)) for past, own in zip(self._pasts, keys, strict=True)]
        found = self._rows[part] = np.array(rows)[:, wanted.own]
        while found.max(initial=0) >= len(self._counts):
            self._lengthen()
        return keys

    def _of_own(self, part: int) -> tuple[np.ndarray, ...]:
        """Look up the melodies' own counts: row, level, follower, gain of entries, and evidence."""
        rows = self._rows[part]
        assert rows is not None
        counts, distinct = self._counts[rows], self._distinct[rows]
        row, level, slot = counts.nonzero()
        gain = gains_of(counts[row, level, slot], distinct[row, level])
        evidence = EVIDENCE[np.minimum(np.stack([self._totals[rows], distinct], 2), len(EVIDENCE) - 1)]
        return row, level, self._followers[row, self._parts[part].kinds[level], slot], gain, evidence

    def _of_corpus(self, corpus: Corpus, wanted: _Part, keys: Sequence[list[int]]) -> tuple[np.ndarray, ...]:
        """Look up the corpus counts likewise."""
        find, first = corpus.nodes.get, len(wanted.own)
        nodes = np.array([list(map(find, own, itertools.repeat(0))) for own in keys])[:, wanted.corpus]  # (n, L)
        size, flat = corpus.size[nodes].ravel(), nodes.ravel()
        place = np.repeat(np.arange(len(flat)), size)
        pairs = np.arange(len(place)) + np.repeat(corpus.begin[flat] - size.cumsum() + size, size)
        row, level = np.divmod(place, nodes.shape[1])
        return row, level + first, corpus.follower[pairs], corpus.gain[pairs], corpus.evidence[nodes]

    def add(self, events: Sequence[int], durations: Sequence[int]) -> None:
        """Count the groups that are complete now. durations: from the first id of part 1 on."""
        for part, given in enumerate((None, events)):
            if self._rows[part] is None:
                self._find(part, given)
        rows = np.concatenate([found for found in self._rows if found is not None], 1)
        kinds = np.concatenate([part.kinds[: len(part.own)] for part in self._parts])
        slots = np.zeros((len(self._pasts), len(KINDS)), np.int64)
        for n, (past, event, duration) in enumerate(zip(self._pasts, events, durations, strict=True)):
            if past.place[0] < 0:
                continue
            codes = coded(self._sizes, event, duration, past.place)
            followers = codes.event, codes.step, duration
            slots[n] = mine = [
                known.setdefault(f, len(known)) for known, f in zip(past.slots, followers, strict=True)
            ]
            while max(mine) >= self._counts.shape[1]:
                self._widen()
            self._followers[n, range(len(KINDS)), mine] = followers
            past.add(codes)
            if codes.step >= 3 * self._sizes.events:  # of a first note, which follows nothing
                rows[n, kinds == KINDS.index("step")] = 0
        slots = slots[:, kinds]
        self._distinct[rows] += self._counts[rows, slots] == 0
        self._counts[rows, slots] += 1
        self._totals[rows] += 1
        self._counts[0], self._distinct[0], self._totals[0] = 0, 0, 0

    def _widen(self) -> None:
        """Make room for twice as many followers."""
        self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)], 1)
        self._followers = np.concatenate([self._followers, np.full_like(self._followers, -1)], 2)

    def _lengthen(self) -> None:
        """Make room for twice as many contexts."""
        self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._totals, self._distinct = (
            np.append(each, np.zeros_like(each)) for each in (self._totals, self._distinct)
        )

    def keep(self, rows: np.ndarray | slice) -> None:
        """Go on with these melodies alone."""
        self._pasts = [self._pasts[n] for n in np.arange(len(self._pasts))[rows]]
        self._followers = self._followers[rows]
        self._rows = [None if own is None else own[rows] for own in self._rows]

    def copy(self) -> Recall:
        """Return a memory that goes on by itself."""
        other = copy(self)
        other._numbers = copy(self._numbers)
        other._pasts = [past.copy(other._numbers.__next__) for past in self._pasts]
        other._counts, other._followers = self._counts.copy(), self._followers.copy()
        other._totals, other._distinct = self._totals.copy(), self._distinct.copy()
        other._rows = self._rows.copy()
        return other
