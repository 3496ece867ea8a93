"""Memory while playing: each melody's own past, compared with the present, and the corpus counts, found by contexts.

How many events before each earlier place of a melody are as those before the due one grows or falls to 0 event by
event. So every order's contexts are known at once, and what followed them is counted anew for every token: events may
be weighed anew, or forgotten, at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import pairwise

import numpy as np

from ritornello.encoding.memory import (
    ITEMS,
    PHRASE,
    SECTION,
    VIEWS,
    Codes,
    Sizes,
    events_of_steps,
    levels,
    place_among,
    place_at_end,
    steps_of_events,
    timed,
)
from ritornello.model.counts import COUNTED, Counts
from ritornello.model.memory import RAREST, Recalled, evidence_of, gains_of

PASTS, KINDS = Codes._fields[:5], Codes._fields[:3]  # forms of the past, kinds of followers
PLACE, PHRASED, SECTIONED, PLACED, ENDING, ENDED = map(
    Codes._fields.index, ("place", "phrase", "section", "placed", "ending", "ended")
)
CODED = ENDED + 1  # rows of codes; one more, of zeros, is the head of views that have none
MOST_BACK = max(max(view.own + view.counted) for view in VIEWS)  # events
ORDERS = MOST_BACK + 1
STEP = KINDS.index("step")
BY_MELODY = (
    "_codes",
    "_alike",
    "_slots",
    "_followers",
    "_slot_of",
    "_used",
    "_pasts",
    "_now",
)  # second axis
ROOM = 32  # for the groups of a melody and for its distinct followers, at first
NOT_CODED = -9  # of a group in the header
Place = tuple[int, int, int, int]  # see `context` of a tracker

# A context is known by 64 bits, a sum of products modulo 2^64: two are as good as never taken for each other.
BASE, HEAD, WHICH, SLOT = (
    np.array([number], np.uint64)
    for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xFF51AFD7ED558CCD)
)
POWERS = np.multiply.accumulate(np.append(np.ones(1, np.uint64), BASE.repeat(MOST_BACK)))
SPREAD = 4  # slots of the table for each context, at least
# A context of the corpus: where its followers begin, and how many they are. A follower: an item, and its gain.
CONTEXT = np.dtype([("key", np.uint64), ("begin", np.uint32), ("size", np.uint16), ("evidence", np.uint8, 2)])
FOLLOWER = np.dtype([("id", np.int32), ("gain", np.float32)])


def which_of(view: np.ndarray | int, order: np.ndarray | int) -> np.ndarray:
    """Return what a view and an order add to the keys of their contexts.

    A key is the sum of this, of the head x HEAD, and of the codes of the events before x POWERS, from the latest on.
    """
    return np.asarray(view * ORDERS + order + 1, np.uint64) * WHICH


class Corpus:
    """The counts of the training melodies as a player looks them up: one table of all contexts.

    followers: of all contexts end to end, with their gains. What is needed at once lies side by side: most of the
    time goes by while memory is waited for.
    """

    def __init__(self, counts: Counts):
        keys, sizes, evidence, followers, gains = [], [], [], [], []
        for index in COUNTED:
            sums = np.zeros(1, np.uint64)
            for order, table in enumerate(counts.tables[index]):
                parents, items = table.keys // ITEMS, (table.keys % ITEMS).astype(np.uint64)
                sums = sums[parents] + items * POWERS[order] if order else items * HEAD
                if order not in VIEWS[index].counted:
                    continue
                keys.append(sums + which_of(index, order))
                distinct = np.diff(table.start)
                is_common = table.counts >= RAREST * table.totals[table.contexts]
                sizes.append(np.bincount(table.contexts[is_common], minlength=len(items)))
                evidence.append(np.stack([evidence_of(table.totals), evidence_of(distinct)], 1))
                followers.append(table.followers[is_common])
                gains.append(gains_of(table.counts, distinct[table.contexts])[is_common])
        contexts = np.zeros(sum(map(len, keys)), CONTEXT)
        contexts["key"], contexts["size"] = np.concatenate(keys), np.concatenate(sizes)
        contexts["begin"] = contexts["size"].cumsum(dtype=np.int64) - contexts["size"]
        contexts["evidence"] = np.concatenate(evidence)
        self.followers = np.zeros(sum(map(len, followers)), FOLLOWER)
        self.followers["id"], self.followers["gain"] = np.concatenate(followers), np.concatenate(gains)
        self._build(contexts)

    def _build(self, contexts: np.ndarray) -> None:
        """Put the contexts into an open table, each at the first free slot from its own one on."""
        bits = (SPREAD * (len(contexts) + 1)).bit_length()
        self._shift = np.uint64(64 - bits)
        own = (contexts["key"] * SLOT >> self._shift).astype(np.int64)
        rising = own.argsort(kind="stable")
        slots = np.maximum.accumulate(own[rising] - np.arange(len(own))) + np.arange(len(own))
        self._table = np.zeros((1 << bits) + len(own) + 1, CONTEXT)
        self._table[slots] = contexts[rising]

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Find contexts by their keys, of CONTEXT: zeros for those that are not there."""
        wanted = keys.ravel()
        slots = (wanted * SLOT >> self._shift).astype(np.int64)
        found = self._table.take(slots)
        others = _others(found, wanted).nonzero()[0]
        while len(others):  # they may lie behind
            slots[others] += 1
            found[others] = behind = self._table.take(slots[others])
            others = others[_others(behind, wanted[others])]
        return found.reshape(keys.shape)


def _others(found: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Tell where a slot holds the context of another key."""
    known = found["key"]
    is_other: np.ndarray = known != keys
    is_other &= known != 0
    return is_other


class _Part:
    """What is to be recalled for one part: of the melody's own past V views with L levels, K levels of the corpus.

    kinds, is_step: (L + K,), of the followers of each level, an index of KINDS, and whether they are steps.
    pasts, followers: (V,), of PASTS and of KINDS. heads: of the last views, those that have one, rows of codes.
    ranks: (V x (ORDERS + 1)), by the number of events that are alike + 1, 0 where the head is another: the rank of
    the highest level that has such a context. A view's levels have ranks, highest order first, in steps of V.
    rows: (L,), the rank of each level. unknown: the rank of no level.
    orders, corpus_pasts: (K,), of the corpus. corpus_heads: (K,), rows of codes. which: (K, 1), see `which_of`.
    """

    def __init__(self, sources: Sequence[str], part: int):
        wanted = levels(sources, part)
        own = [level for level in wanted if level.source == "own"]
        corpus = [level for level in wanted if level.source != "own"]
        self.kinds = np.array([KINDS.index(VIEWS[level.view].follower) for level in wanted], np.int64)
        self.is_step = self.kinds == STEP
        views = sorted({level.view for level in own}, key=lambda view: (VIEWS[view].head != "", view))
        self.pasts = np.array([PASTS.index(VIEWS[view].past) for view in views], np.int64)
        self.followers = np.array([KINDS.index(VIEWS[view].follower) for view in views], np.int64)
        heads = [Codes._fields.index(VIEWS[view].head) for view in views if VIEWS[view].head]
        self.heads = np.array(heads, np.int64)
        self.unknown = len(views) * max((len(VIEWS[view].own) for view in views), default=0)
        self.offsets = (np.arange(len(views), dtype=np.uint8) * (ORDERS + 1))[:, None, None]
        ranks = np.full((len(views), ORDERS + 1), self.unknown)
        rank: dict[tuple[int, int], int] = {}
        for n, view in enumerate(views):
            for place, order in enumerate(VIEWS[view].own[::-1]):
                rank[view, order] = place * len(views) + n
            for order in VIEWS[view].own:
                ranks[n, order + 1 :] = rank[view, order]
        self.ranks, self.own = ranks.ravel(), len(own)
        self.rows = np.array([rank[level.view, level.order] for level in own], np.int64)
        self.orders = np.array([level.order for level in corpus], np.int64)
        self.corpus_pasts = np.array([PASTS.index(VIEWS[level.view].past) for level in corpus], np.int64)
        names = [VIEWS[level.view].head for level in corpus]
        self.corpus_heads = np.array([Codes._fields.index(name) if name else CODED for name in names], np.int64)
        self.which = np.array([which_of(level.view, level.order) for level in corpus], np.uint64).reshape(-1, 1)


class Recall:
    """What is recalled for a batch of n melodies in the making, T note groups after their beginning.

    sources: of the memory. corpus: None where it is not among them.
    """

    def __init__(self, sizes: Sizes, sources: Sequence[str], corpus: Corpus | None, n: int):
        self._sizes, self._corpus = sizes, corpus
        self._parts = [_Part(sources, part) for part in (0, 1)]
        self._part = self.groups = self._most = 0  # part due; T; distinct followers of a kind in a melody, at most
        self._codes = np.full((CODED, n, ROOM), NOT_CODED, np.int32)
        self._alike = np.ones((len(PASTS), n, ROOM), np.uint8)  # 1 + events before a group that are as the latest
        self._slots = np.zeros((len(KINDS), n, ROOM), np.int64)  # of a group's followers, 0 for none
        self._followers = np.full((len(KINDS), n, ROOM), -1, np.int64)  # by slot
        self._slot_of = np.zeros((len(KINDS), n, 3 * sizes.events + 1), np.int16)  # by follower; the last is none
        self._used = np.zeros((len(KINDS), n), np.int16)  # slots
        self._weights: np.ndarray | None = None  # (n, room), of groups; None for 1
        # Sums of the codes before, by order; before there are so many events, of none that comes.
        self._pasts = np.tile(np.arange(ORDERS, dtype=np.uint64) * SLOT, (len(PASTS), n, 1))
        self._now = np.zeros((CODED + 1, n), np.int32)  # codes of the due group, as far as they are known
        self._last, self._is_event, self._all = np.full(n, -1), np.zeros(n, bool), False

    def begin(self, places: Sequence[Place]) -> None:
        """Begin a group in each melody. places: see `context` of a tracker."""
        place, self._last, bar, countdown = np.array(places, np.int32).T
        self._now[PLACE] = place
        self._now[PHRASED], self._now[SECTIONED] = place_among(place, bar, PHRASE), place_among(place, bar, SECTION)
        self._now[ENDING] = place_at_end(place, countdown)
        self._is_event = place >= 0
        self._all, self._part = bool(self._is_event.all()), 0

    def take(self, events: np.ndarray) -> None:
        """Take the event of the due group in each melody."""
        now = self._now
        now[0], now[1] = events, steps_of_events(self._sizes, events, self._last)
        now[PLACED] = now[PLACE] * self._sizes.events + events
        now[ENDED] = np.where(now[ENDING] < 0, -1, now[ENDING] * self._sizes.events + events)
        self._part = 1

    def recall(self) -> Recalled:
        """Recall what may come: events or, where one is taken, durations."""
        part = self._parts[self._part]
        evidence = np.zeros((len(self._last), len(part.kinds), 2), np.uint8)
        found = [self._of_own(part, evidence[:, : part.own])] if part.own else []
        if self._corpus is not None:
            found.append(self._of_corpus(self._corpus, part, evidence[:, part.own :]))
        level, row, token, gain = (np.concatenate(each) for each in zip(*found, strict=True))
        if self._part == 0:
            steps = part.is_step.take(level).nonzero()[0]
            mapped = events_of_steps(self._sizes, token.take(steps), self._last.take(row.take(steps)))
            token[steps] = mapped
            if mapped.min(initial=0) < 0:
                there = (token >= 0).nonzero()[0]  # taken by index five times as fast as by a mask
                level, row, token, gain = (each.take(there) for each in (level, row, token, gain))
        return Recalled(row, token, level, gain, evidence)

    def _of_own(self, part: _Part, evidence: np.ndarray) -> list[np.ndarray]:
        """Count what followed in the melodies so far.

        Returns level, row, follower and gain of the entries, by level. evidence: (n, L, 2), is written to.
        """
        n, count, slots = len(self._last), self.groups, self._most + 1
        alike = self._alike[part.pasts, :, :count]  # (V, n, T)
        same = self._codes[part.heads, :, :count] == self._now[part.heads][:, :, None]
        alike[len(alike) - len(same) :] *= same
        if not self._all:
            alike *= self._is_event[:, None]
        alike += part.offsets
        places = (part.ranks * (n * slots)).take(alike)
        places += self._slots[part.followers, :, :count]
        if n > 1:
            places += np.arange(0, n * slots, slots)[:, None]
        weights = None
        if self._weights is not None:
            weights = np.broadcast_to(self._weights[:, :count], alike.shape).ravel()
        counts = np.bincount(places.ravel(), weights, (part.unknown + 1) * n * slots)[: part.unknown * n * slots]
        counts = counts.reshape(-1, len(part.pasts) * n * slots)
        for higher, lower in pairwise(counts):  # what counts in a context counts in those of lower orders
            lower += higher
        counts = counts.reshape(-1, n, slots)[part.rows]  # (L, n, slots)
        counts[:, :, 0] = 0
        counts = counts.ravel()
        found = (counts > 0).nonzero()[0]  # a mask's are found five times as fast
        came, where = counts.take(found), found // slots
        distinct = np.bincount(where, minlength=part.own * n)
        total = np.bincount(where, came, part.own * n)
        evidence[:] = evidence_of(np.array((total, distinct))).reshape(2, part.own, n).T
        level = where // n
        row = where - level * n
        followers = ((part.kinds * n).take(level) + row) * self._followers.shape[2] + (found - where * slots)
        return [level, row, self._followers.ravel().take(followers), gains_of(came, distinct.take(where))]

    def _of_corpus(self, corpus: Corpus, part: _Part, evidence: np.ndarray) -> list[np.ndarray]:
        """Look up the corpus counts likewise."""
        keys = self._now[part.corpus_heads].astype(np.uint64)  # (K, n)
        keys *= HEAD
        keys += self._pasts[part.corpus_pasts, :, part.orders]
        keys += part.which
        contexts = corpus.find(keys if self._all else keys * self._is_event)
        evidence[:] = contexts["evidence"].transpose(1, 0, 2)
        size, begin = (contexts[name].ravel().astype(np.int64) for name in ("size", "begin"))
        begin += size
        begin -= size.cumsum()
        places = begin.repeat(size)
        places += np.arange(len(places))
        followers = corpus.followers.take(places)
        n = len(self._last)
        level, row = np.divmod(np.arange(part.own * n, len(part.kinds) * n), n)
        return [level.repeat(size), row.repeat(size), followers["id"], followers["gain"]]

    def add(self, durations: np.ndarray) -> None:
        """Count the groups that are complete now. durations: from the first id of part 1 on."""
        now, at = self._now, self.groups
        now[2] = durations
        now[3:5] = timed(self._sizes, now[:2], durations)
        codes, latest = now[:CODED], now[:5]
        if not self._all:
            codes, latest = (np.where(self._is_event, c, NOT_CODED - n) for n, c in enumerate((codes, latest)))
        if at + 1 == self._codes.shape[2]:
            self._make_room(0, 2 * at)
        same = self._codes[:5, :, :at] == latest[:, :, None]
        alike = self._alike[:, :, :at] * same
        np.minimum(alike, MOST_BACK, out=alike)
        np.add(alike, 1, out=self._alike[:, :, 1 : at + 1])
        self._codes[:, :, at] = codes
        self._slots[:, :, at] = self._slots_of(codes[:3])
        self.groups += 1
        pasts = (self._pasts[:, :, :-1] + latest[:, :, None].astype(np.uint64)) * BASE
        self._pasts[:, :, 1:] = (
            pasts if self._all else np.where(self._is_event[:, None], pasts, self._pasts[:, :, 1:])
        )

    def _slots_of(self, followers: np.ndarray) -> np.ndarray:
        """Find the slots of followers, (kinds, n), new ones where they are new, 0 for none."""
        none = self._slot_of.shape[2] - 1
        followers = np.minimum(followers if self._all else np.where(self._is_event, followers, none), none)
        where = np.arange(len(KINDS))[:, None], np.arange(followers.shape[1]), followers
        slots = self._slot_of[where]
        is_new = slots == 0
        is_new &= followers < none
        if is_new.any():
            self._used += is_new
            slots = np.where(is_new, self._used, slots)
            self._most = int(self._used.max())
            if self._most >= self._followers.shape[2]:
                self._followers = np.concatenate([self._followers, np.full_like(self._followers, -1)], 2)
            self._slot_of[where] = slots
            self._followers[where[0], where[1], slots] = followers
        return slots

    def weigh(self, weights: np.ndarray) -> None:
        """Set how much each group so far counts, (n, T) or (T,); see `Players.weigh`."""
        n, room = self._codes.shape[1:]
        if np.shape(weights) not in ((n, self.groups), (self.groups,)):
            raise ValueError(f"there are {n} x {self.groups} note groups to be weighed, not {np.shape(weights)}")
        if not np.min(weights, initial=0) >= 0:
            raise ValueError("note groups weigh 0 or more")
        self._weights = np.ones((n, room))
        self._weights[:, : self.groups] = weights

    def forget(self, kept: int) -> None:
        """Forget all groups but the last `kept` ones; see `Players.forget`."""
        if kept < 0:
            raise ValueError(f"0 note groups or more can be kept, not {kept}")
        gone = max(self.groups - kept, 0)
        self.groups -= gone
        self._make_room(gone, self.groups + ROOM)

    def _make_room(self, gone: int, room: int) -> None:
        """Move what is known of groups, without those that are gone, to arrays of so much room."""
        for name in ("_codes", "_alike", "_slots", "_weights"):
            values = getattr(self, name)
            if values is not None:
                moved = np.ones((*values.shape[:-1], room), values.dtype)  # later groups weigh 1
                moved[..., : self.groups] = values[..., gone : gone + self.groups]
                setattr(self, name, moved)

    def keep(self, rows: np.ndarray | slice) -> None:
        """Go on with these melodies alone."""
        for name in BY_MELODY:
            setattr(self, name, getattr(self, name)[:, rows])
        self._weights = None if self._weights is None else self._weights[rows]
        self._is_event, self._last = self._is_event[rows], self._last[rows]

    def copy(self) -> Recall:
        """Return a memory that goes on by itself."""
        other = copy(self)
        for name in BY_MELODY:
            setattr(other, name, getattr(self, name).copy())
        return other
