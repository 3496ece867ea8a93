"""Counts of the training melodies: what followed each context, in every view and order (see `encoding.memory`).

Tensors in a model file, the tables of all views with corpus levels end to end, order by order:

    counts.contexts    (tables,)   number of contexts of each table
    counts.children    how many contexts of the next order each context has; for each view first those of order 0
    counts.item        of each context the code of the head, or of the event that is one further back
    counts.followers   how many distinct ones each context has
    counts.names       all followers that there are, rising
    counts.follower    of each pair of a context and a follower its place among them
    counts.count       how often the pair came; MANY for what stands in `many`, one after the other
    counts.many
    counts.least       contexts that came less often were left out
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ritornello.encoding.memory import ITEMS, VIEWS, Codes, View

FOLLOWERS = 1 << 12  # more than there are ids of followers
PREFIX = "counts."
MOST_BYTES = 1_500_000  # in a model file
MANY = 255  # so often or more
COUNTED = tuple(index for index, view in enumerate(VIEWS) if view.counted)


@dataclass(frozen=True)
class Table:
    """Counts of one view and order: C contexts and N pairs of a context and a follower.

    keys: (C,), rising: ITEMS x the context of the order below + the code of the head, or of the event that is one
    further back. start: (C + 1,), the first pair of each context. followers, counts: (N,), followers rising.
    """

    keys: np.ndarray
    start: np.ndarray
    followers: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, followers: np.ndarray, counts: np.ndarray, least: int = 1) -> Table:
        """Sum counts by key and follower.

        Negative ones are left out, and keys that came less often than `least`.
        """
        is_in = (keys >= 0) & (followers >= 0)
        keys, followers, counts = keys[is_in], followers[is_in], counts[is_in]
        distinct, context = np.unique(keys, return_inverse=True)
        is_kept = np.bincount(context, counts, len(distinct)) >= least
        context = np.where(is_kept, is_kept.cumsum() - 1, -1)[context]
        known = context >= 0
        pairs, place = np.unique(context[known] * FOLLOWERS + followers[known], return_inverse=True)
        sums = np.bincount(place, counts[known], len(pairs)).astype(np.int64)
        start = (pairs // FOLLOWERS).searchsorted(np.arange(is_kept.sum() + 1))
        return cls(distinct[is_kept], start, pairs % FOLLOWERS, sums)

    @cached_property
    def contexts(self) -> np.ndarray:
        """Context of each pair, (N,)."""
        return np.repeat(np.arange(len(self.keys)), np.diff(self.start))

    @cached_property
    def pairs(self) -> np.ndarray:
        """Context and follower in one number, (N,), rising."""
        return self.contexts * FOLLOWERS + self.followers

    @cached_property
    def totals(self) -> np.ndarray:
        """How many followers were counted in each context, (C,)."""
        return np.bincount(self.contexts, self.counts, len(self.keys)).astype(np.int64)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Find contexts by their keys, -1 for those that are not there."""
        return _find(self.keys, keys)

    def find_pairs(self, contexts: np.ndarray, followers: np.ndarray) -> np.ndarray:
        """Find pairs of contexts, 0 or more, and followers, -1 for those that are not there."""
        return np.where(followers < 0, -1, _find(self.pairs, contexts * FOLLOWERS + followers))


def _find(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if not len(known):
        return np.full(len(wanted), -1)
    places = np.minimum(known.searchsorted(wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, -1)


def items_of(view: View, codes: Codes, first: np.ndarray, order: int) -> np.ndarray:
    """List what an order adds to the context of each event, (events,), -1 for nothing.

    codes: of events of melodies end to end. first: index of the first event of each one's melody.
    """
    if order == 0:
        return getattr(codes, view.head) if view.head else np.zeros(len(first), np.int64)
    past, places = getattr(codes, view.past), np.arange(len(first)) - order
    return np.where(places >= first, past[np.maximum(places, 0)], -1)


def keys_of(parents: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Join contexts of an order and what the next one adds to keys; -1 where one is -1."""
    return np.where((parents >= 0) & (items >= 0), parents * ITEMS + items, -1)


def followers_of(view: View, codes: Codes, events: int) -> np.ndarray:
    """List what each event is as a follower.

    -1 for none: a first note has no step, `end` no duration.
    """
    followers = getattr(codes, view.follower)
    return np.where(followers >= 3 * events, -1, followers) if view.follower == "step" else followers


class Counts(NamedTuple):
    """tables: by the index of a view with corpus levels, its tables by order. least: contexts that came less often
    say nothing and are left out."""

    tables: dict[int, list[Table]]
    least: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether all of a few melodies is counted, and nothing was left out."""
        return self.least == 1

    @property
    def places(self) -> np.ndarray:
        """Places in the bar where events were counted, rising, coded as `Codes.place`."""
        [view] = [index for index in self.tables if VIEWS[index].head == "place" and VIEWS[index].part == 0]
        return self.tables[view][0].keys % ITEMS

    @property
    def size(self) -> int:
        """Bytes in a model file."""
        return sum(values.nbytes for values in counts_to_tensors(self).values())

    def of_size(self, most: int = MOST_BYTES) -> Counts:
        """Leave out what came once, or twice, ..., until a model file has room for the rest."""
        counts = self
        while counts.size > most:
            counts = pruned(counts, counts.least + 1)
        return counts


def pruned(counts: Counts, least: int) -> Counts:
    """Leave contexts out that came less often than `least`."""
    tables: dict[int, list[Table]] = {}
    for index in COUNTED:
        tables[index], names = [], np.zeros(1, np.int64)
        for table in counts.tables[index]:
            keys = keys_of(names[table.keys // ITEMS], table.keys % ITEMS)
            kept = Table.of(keys[table.contexts], table.followers, table.counts, least)
            names = kept.find(keys)
            tables[index].append(kept)
    return Counts(tables, least)


def count(codes: Codes, first: np.ndarray, events: int) -> Counts:
    """Count events of melodies end to end."""
    found: dict[int, list[Table]] = {}
    for index in COUNTED:
        view, found[index] = VIEWS[index], []
        followers, context = followers_of(view, codes, events), np.zeros(len(first), np.int64)
        for order in range(max(view.counted) + 1):
            keys = keys_of(context, items_of(view, codes, first, order))
            table = Table.of(keys, followers, np.ones(len(keys), np.int64))
            context = table.find(keys)
            found[index].append(table)
    return Counts(found)


def nothing_counted() -> Counts:
    """Return the counts of no melody."""
    nothing = np.zeros(0, np.int64)
    return count(Codes(*[nothing] * len(Codes._fields)), nothing, 0)


def added(one: Counts, other: Counts) -> Counts:
    """Add the counts of two corpora; every context that is left in either says something then."""
    found: dict[int, list[Table]] = {}
    for index in COUNTED:
        found[index], names = [], [np.zeros(1, np.int64)] * 2  # of each one's contexts in the sum
        for tables in zip(one.tables[index], other.tables[index], strict=True):
            keys = [name[t.keys // ITEMS] * ITEMS + t.keys % ITEMS for name, t in zip(names, tables, strict=True)]
            by_pair = [key[t.contexts] for key, t in zip(keys, tables, strict=True)]
            followers, counts = (np.concatenate([getattr(t, of) for t in tables]) for of in ("followers", "counts"))
            table = Table.of(np.concatenate(by_pair), followers, counts)
            found[index].append(table)
            names = [table.find(key) for key in keys]
    return Counts(found)


def counts_to_tensors(counts: Counts) -> dict[str, np.ndarray]:
    """Return counts as small whole numbers by their names in the model file."""
    contexts, children, items, distinct, followers, numbers = [], [], [], [], [], []
    for index in COUNTED:
        above = 1
        for table in counts.tables[index]:
            contexts.append(len(table.keys))
            children.append(np.bincount(table.keys // ITEMS, minlength=above))
            items.append(table.keys % ITEMS)
            distinct.append(np.diff(table.start))
            followers.append(table.followers)
            numbers.append(table.counts)
            above = len(table.keys)
    named = {"contexts": np.array(contexts), "children": np.concatenate(children), "item": np.concatenate(items)}
    names, follower = np.unique(np.concatenate(followers), return_inverse=True)
    number = np.concatenate(numbers)
    named |= {"followers": np.concatenate(distinct), "names": names, "follower": follower}
    named |= {"count": np.minimum(number, MANY), "many": number[number >= MANY]}
    named["least"] = np.array([counts.least])
    return {PREFIX + name: _smallest(values) for name, values in named.items()}


def _smallest(values: np.ndarray) -> np.ndarray:
    """Store whole numbers in the smallest type that holds them."""
    most = int(values.max(initial=0))
    return values.astype(np.uint8 if most < 1 << 8 else np.uint16 if most < 1 << 16 else np.uint32)


def counts_of_tensors(tensors: Mapping[str, np.ndarray]) -> Counts:
    """Read counts from the tensors of a model file.

    Raises ValueError where they do not fit together.
    """
    named = {name: tensors[PREFIX + name].astype(np.int64) for name in ("contexts", "children", "item", "followers")}
    follower = tensors[PREFIX + "names"].astype(np.int64)[tensors[PREFIX + "follower"]]
    number = tensors[PREFIX + "count"].astype(np.int64)
    number[number == MANY] = tensors[PREFIX + "many"]
    sizes = iter(named["contexts"].tolist())
    found: dict[int, list[Table]] = {}
    child = context = pair = 0
    for index in COUNTED:
        found[index], above = [], 1
        for _ in range(max(VIEWS[index].counted) + 1):
            size = next(sizes, None)
            if size is None:  # an older file has no tables of views that came later
                nothing = np.zeros(0, np.int64)
                found[index].append(Table.of(nothing, nothing, nothing))
                continue
            parents = np.repeat(np.arange(above), named["children"][child : child + above])
            keys = parents * ITEMS + named["item"][context : context + size]
            start = np.append(0, named["followers"][context : context + size].cumsum())
            pairs = slice(pair, pair + int(start[-1]))
            found[index].append(Table(keys, start, follower[pairs], number[pairs]))
            child, context, pair, above = child + above, context + size, pairs.stop, size
    return Counts(found, int(tensors[PREFIX + "least"][0]))
