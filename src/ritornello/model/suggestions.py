"""Memory of whole melodies at once: what levels suggest for every note group, on what evidence.

A training melody is not to find itself in the corpus counts, nor its variants: its family is left out of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding.memory import VIEWS, Codes, Sizes, View, coded, events_of_steps, levels
from ritornello.model.counts import FOLLOWERS, Counts, Table, followers_of, items_of, keys_of
from ritornello.model.memory import RAREST, Recalled, evidence_of, gains_of

GAIN_STEP = 1 / 4096
BLOCK = 8_192  # note groups, about, whose suggestions are computed together
NO_FAMILY = -1  # of a melody that is not among those counted


class Suggestions(NamedTuple):
    """What one part's levels suggest for G note groups, E entries in all.

    start: (G + 1,), the first entry of each group. token: (E,), an id within the part. level: (E,). gain: (E,), of
    float32, or `rounded`. evidence: (G, L, 2), as of `model.memory.Recalled`.
    """

    start: np.ndarray
    token: np.ndarray
    level: np.ndarray
    gain: np.ndarray
    evidence: np.ndarray

    def recall(self, groups: np.ndarray) -> Recalled:
        """Recall what is suggested for groups by their numbers, (N,), nothing for -1."""
        begin, is_none = self.start[groups], groups < 0
        size = np.where(is_none, 0, self.start[groups + 1] - begin)
        row = np.repeat(np.arange(len(groups)), size)
        place = np.arange(len(row)) + np.repeat(begin - size.cumsum() + size, size)
        evidence = self.evidence[groups]
        evidence[is_none] = 0
        token, level = self.token[place].astype(np.int64), self.level[place].astype(np.int64)
        gain = self.gain[place]
        return Recalled(row, token, level, gain if gain.dtype.kind == "f" else gain * np.float32(GAIN_STEP), evidence)

    def rounded(self) -> Suggestions:
        """Round gains to whole GAIN_STEPs, uint16: half the room."""
        return self._replace(gain=np.rint(self.gain / GAIN_STEP).astype(np.uint16))


class Events(NamedTuple):
    """Events of melodies end to end: the note groups after each one's header.

    codes: arrays of (events,). first: (events,), index of the first event of its melody. family: (events,). group:
    (events,), its number among all `groups`.
    """

    codes: Codes
    first: np.ndarray
    family: np.ndarray
    group: np.ndarray
    groups: int


def read_events(
    encoding: Any,
    melodies: Sequence[np.ndarray],
    families: Sequence[int] | None = None,
    ends: Sequence[int] | None = None,
) -> Events:
    """Read the events of melodies.

    families: of each, NO_FAMILY where none is given. ends: ticks at which each is over, -1 for unknown, None for all.
    """
    sizes, at = Sizes.of(encoding), 0
    found: list[tuple[int, ...]] = []  # event, duration and context
    group: list[int] = []
    first: list[int] = []
    family: list[int] = []
    for n, tokens in enumerate(melodies):
        tracker, begin, ids = encoding.tracker(), len(found), tokens.tolist()
        tracker.until = -1 if ends is None else ends[n]
        for place in range(0, len(ids), 2):
            context = tracker.context()
            if context[0] >= 0:
                duration = ids[place + 1] - sizes.events if place + 1 < len(ids) else -1
                found.append((ids[place], duration, *context))
                group.append(at + place // 2)
            for token in ids[place : place + 2]:
                tracker.advance(token)
        first += [begin] * (len(found) - begin)
        family += [NO_FAMILY if families is None else families[n]] * (len(found) - begin)
        at += -(-len(ids) // 2)
    event, duration, *contexts = np.array(found, np.int64).reshape(-1, 6).T
    codes = coded(sizes, event, duration, np.array(contexts))
    whole = [np.array(each, np.int64) for each in (first, family, group)]
    return Events(codes, whole[0], whole[1], whole[2], at)


Entries = tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""An order; the event, follower and gain of each entry; of each event how many followers were counted in its context,
and how many distinct ones."""


def suggest(events: Events, sizes: Sizes, part: int, sources: Sequence[str], counts: Counts | None) -> Suggestions:
    """Compute what the levels of a part suggest for the groups of events.

    The counts of their own families are left out.
    """
    wanted, numbered = levels(sources, part), np.min_scalar_type(events.groups)
    evidence = np.zeros((events.groups, len(wanted), 2), np.uint8)
    group, token, level, gain = [], [], [], []
    for index, view in enumerate(VIEWS):
        made = []
        if view.part == part and "own" in sources:
            made += [("own", each) for each in own_entries(events, view, sizes)]
        source = "corpus" if view.corpus else "ending"
        if view.part == part and view.counted and source in sources and counts is not None:
            made += [
                (source, each) for each in corpus_entries(events, view, sizes, counts.tables[index], counts.least)
            ]
        for source, (order, event, follower, gains, total, distinct) in made:
            number = wanted.index((source, index, order))
            if view.follower == "step":
                follower = events_of_steps(sizes, follower, events.codes.last[event])
            is_there = follower >= 0
            group.append(events.group[event[is_there]].astype(numbered))
            token.append(follower[is_there].astype(np.uint16))
            level.append(np.full(len(token[-1]), number, np.uint8))
            gain.append(gains[is_there].astype(np.float32))
            evidence[events.group, number, 0] = evidence_of(total)
            evidence[events.group, number, 1] = evidence_of(distinct)
    groups = np.concatenate(group)
    by_group = np.argsort(groups, kind="stable")  # where of 16 bits: by digits, in linear time
    start = np.append(0, np.bincount(groups, minlength=events.groups).cumsum())
    tokens, numbers, gained = (np.concatenate(each)[by_group] for each in (token, level, gain))
    return Suggestions(start, tokens, numbers, gained, evidence)


def own_entries(events: Events, view: View, sizes: Sizes) -> Iterator[Entries]:
    """Count in each melody so far, order by order: what followed where the context was as it is."""
    followers, context, count_of = followers_of(view, events.codes, sizes.events), events.first, len(events.first)
    for order in range(max(view.own, default=-1) + 1):
        keys = keys_of(context, items_of(view, events.codes, events.first, order))
        known = np.flatnonzero(keys >= 0)
        context = np.full(count_of, -1)
        context[known] = np.unique(keys[known], return_inverse=True)[1]
        if order not in view.own:
            continue
        known = known[np.argsort(context[known], kind="stable")]  # by context, in time
        own = context[known]
        size = np.bincount(own)
        begin = size.cumsum() - size
        turn = np.arange(len(known)) - begin[own]  # how often the context came before
        counts = followers[known] >= 0
        row_keys, first, row = np.unique(
            own[counts] * FOLLOWERS + followers[known[counts]], return_index=True, return_inverse=True
        )
        # A row for each context and follower, with a place for each time that the context came.
        width = size[row_keys // FOLLOWERS]
        row_begin = width.cumsum() - width
        came = np.zeros(int(width.sum()), np.int32)
        came[row_begin[row] + turn[counts]] = 1
        so_far = came.cumsum() - came
        so_far -= np.repeat(so_far[row_begin], width)
        is_new = np.zeros(len(known), bool)
        is_new[np.flatnonzero(counts)[first]] = True
        total, distinct = np.zeros(count_of, np.int64), np.zeros(count_of, np.int64)
        for what, into in ((counts, total), (is_new, distinct)):
            sums = what.cumsum() - what
            into[known] = sums - sums[begin[own]]
        place = np.flatnonzero(so_far)
        found = np.repeat(np.arange(len(row_keys)), width)[place]
        event = known[begin[row_keys[found] // FOLLOWERS] + place - row_begin[found]]
        gain = gains_of(so_far[place], distinct[event])
        yield order, event, row_keys[found] % FOLLOWERS, gain, total, distinct


def corpus_entries(
    events: Events, view: View, sizes: Sizes, tables: Sequence[Table], least: int
) -> Iterator[Entries]:
    """Look events up in the counts of other families, order by order."""
    followers, context = followers_of(view, events.codes, sizes.events), np.zeros(len(events.first), np.int64)
    families = int(events.family.max(initial=0)) + 2
    for order, table in enumerate(tables):
        context = table.find(keys_of(context, items_of(view, events.codes, events.first, order)))
        if order not in view.counted:
            continue
        known = np.flatnonzero(context >= 0)
        # One list of pairs for each context and family.
        lists, which = np.unique(context[known] * families + events.family[known] + 1, return_inverse=True)
        theirs = lists // families
        size = np.diff(table.start)[theirs]
        begin = size.cumsum() - size
        owner = np.repeat(np.arange(len(lists)), size)
        pair = np.arange(len(owner)) + np.repeat(table.start[theirs] - begin, size)
        numbers, totals = table.counts[pair], table.totals[theirs]
        own = (events.family[known] != NO_FAMILY) & (followers[known] >= 0)
        its_pair = table.find_pairs(context[known[own]], followers[known[own]])
        own_list, its_pair = which[own][its_pair >= 0], its_pair[its_pair >= 0]
        numbers = numbers - np.bincount(
            begin[own_list] + its_pair - table.start[theirs[own_list]], minlength=len(pair)
        )
        totals = totals - np.bincount(own_list, minlength=len(lists))
        numbers, totals = np.where((totals >= least)[owner], numbers, 0), np.where(totals >= least, totals, 0)
        distinct = np.bincount(owner, numbers > 0, len(lists)).astype(np.int64)
        kept = np.flatnonzero((numbers > 0) & (numbers >= RAREST * totals[owner]))
        owner, pair, gain = owner[kept], pair[kept], gains_of(numbers[kept], distinct[owner[kept]])
        size = np.bincount(owner, minlength=len(lists))
        begin = size.cumsum() - size
        size = size[which]
        entry = np.arange(int(size.sum())) + np.repeat(begin[which] - size.cumsum() + size, size)
        total, many = np.zeros(len(context), np.int64), np.zeros(len(context), np.int64)
        total[known], many[known] = totals[which], distinct[which]
        yield order, np.repeat(known, size), table.followers[pair[entry]], gain[entry], total, many
