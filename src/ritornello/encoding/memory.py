"""Memory: what followed contexts like the present one, in the melody so far and in the training melodies.

A *view* says what counts as alike and what is predicted: of part 0 the event itself, or the step from the last note
(a step is mapped back to an event from the note that is last now); of part 1 the duration. A *context* of order k is
the view's head, known before, and the k events before in the form of the view:

    part 0   event     events
             pair      events with durations
             step      steps
             steps     steps with durations
             place     the place in the bar, then events
             phrase    the place in the bar and among four bars, then events; and likewise steps
             section   the place in the bar and among eight bars, then events; and likewise steps
    part 1   duration  durations
             pair      the event, then events with durations
             steps     its step, then steps with durations
             place     the place in the bar, then durations
             phrase    the place in the bar and among four bars, then durations
             section   the place in the bar and among eight bars, then durations
             placed    the place in the bar and the event, then events

Endings are counted by themselves: their heads hold how many of the last bars are left as well, and are known only
where the countdown is (see `features.py`): where the corpus is counted, for half of the training melodies as they
are learned, and where a tune is composed. Few tunes say more about endings so than a network learns from them.

    part 0   ending    the place in the bar, among the last bars, then events
    part 1   ending    the place in the bar, among the last bars, then durations
             ended     the place in the bar, among the last bars, and the event

A *level* is a view, an order and a source: `own` counts the melody so far, `corpus` and `ending` the training
melodies. If c(x) of n followers are x, t of them distinct, and q the same for all, p(x) = (c(x) + t q) / (n + t)
(Witten & Bell 1991). Then log(p(x) / q) = log(t / (n + t)) + log(1 + c(x) / (t q)). The first term is the same for
all x and cancels in a softmax; so a level is sparse: the second term, its *gain*, for what has followed, 0 for all
else. What weight a level has is learned (`model/memory.py`). To smooth each order with the one below predicted no
better (LOG.md).

Sources: multiple viewpoints with a short-term and a long-term model, Conklin and Witten 1995, Pearce 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

SOURCES = ("own", "corpus", "ending")
PHRASE, SECTION = 4, 8  # bars
LAST_BARS = np.array([-1, 0, 1, 2, -1, -1, -1, -1, 3])  # by the countdown: the last bar, one and two to go, over
ENDINGS = 4
ITEMS = 1 << 26  # more than there are codes


class View(NamedTuple):
    """A way of looking at contexts.

    part: predicted. follower: "event", "step" or "duration". head, past: see `Codes`. own, corpus, ending: orders
    that are levels of these sources.
    """

    part: int
    follower: str
    head: str
    past: str
    own: tuple[int, ...]
    corpus: tuple[int, ...]
    ending: tuple[int, ...] = ()

    @property
    def counted(self) -> tuple[int, ...]:
        """Orders that are counted over the training melodies."""
        return self.corpus or self.ending


VIEWS = (
    View(0, "event", "", "event", (0, 1, 2, 3, 4), (1, 2, 3)),
    View(0, "event", "", "pair", (1, 2, 3, 4, 6, 8), (1, 2, 3)),
    View(0, "step", "", "step", (1, 2, 3, 4, 6), (1, 2, 3)),
    View(0, "step", "", "steps", (1, 2, 3, 4, 6, 8), (1, 2, 3)),
    View(0, "event", "place", "event", (0, 1, 2), (0, 1, 2, 3)),
    View(0, "event", "phrase", "event", (0, 1), ()),
    View(0, "event", "section", "event", (0, 1), ()),
    View(0, "step", "phrase", "step", (0, 1), ()),
    View(0, "step", "section", "step", (0,), ()),
    View(1, "duration", "", "duration", (0, 1, 2, 3, 4, 6, 8), (1, 2, 3)),
    View(1, "duration", "event", "pair", (0, 1, 2, 3, 4), (0, 1, 2, 3)),
    View(1, "duration", "step", "steps", (0, 1, 2, 3, 4), (0, 1, 2, 3)),
    View(1, "duration", "place", "duration", (0, 1, 2, 4, 6), (0, 1, 2, 3)),
    View(1, "duration", "phrase", "duration", (0, 1), ()),
    View(1, "duration", "placed", "event", (0, 1), (0, 1, 2)),
    View(1, "duration", "section", "duration", (0, 1), ()),
    View(0, "event", "ending", "event", (), (), (0, 1)),
    View(1, "duration", "ending", "duration", (), (), (0, 1)),
    View(1, "duration", "ended", "event", (), (), (0,)),
)


class Level(NamedTuple):
    """A view, by its index, and an order, of a source."""

    source: str
    view: int
    order: int


def levels(sources: Sequence[str], part: int) -> tuple[Level, ...]:
    """List the levels of a part in the order of their weights."""
    return tuple(
        Level(source, index, order)
        for source in SOURCES
        if source in sources
        for index, view in enumerate(VIEWS)
        if view.part == part
        for order in getattr(view, source)
    )


def checked_sources(sources: str | Sequence[str]) -> tuple[str, ...]:
    """Return sources in the order of SOURCES. Raises ValueError for an unknown name."""
    names = (sources,) if isinstance(sources, str) else tuple(sources)
    for name in names:
        if name not in SOURCES:
            raise ValueError(f"no such memory: {name!r}; there are {', '.join(SOURCES)}")
    return tuple(name for name in SOURCES if name in names)


def needs_counts(sources: Sequence[str]) -> bool:
    """Tell whether a source is among them that counts the training melodies."""
    return any(name in sources for name in SOURCES[1:])


class Sizes(NamedTuple):
    """What codes are made with: ids of part 0 and of part 1, and the first id of part 0 that is no note."""

    events: int
    durations: int
    notes: int

    @classmethod
    def of(cls, encoding: Any) -> Sizes:
        """Return the sizes of an encoding in two parts whose notes have the lowest ids."""
        events, durations = encoding.parts
        return cls(events, durations, encoding.ids.rest)


class Codes(NamedTuple):
    """An event in whole numbers, or arrays of them.

    event: id of part 0. step: from the last note, as `events_of_steps` reads it. duration: from part 1's first id on,
    -1 of `end`. pair, steps: event and step with the duration. place: in the bar, a number for each metre and
    place. phrase, section: the place in PHRASE and in SECTION bars. placed: place and event. ending: the place
    among the last bars, -1 in others. ended: that and the event. last: the id that would repeat the last note, -1
    before the first.
    """

    event: Any
    step: Any
    duration: Any
    pair: Any
    steps: Any
    place: Any
    phrase: Any
    section: Any
    placed: Any
    ending: Any
    ended: Any
    last: Any


def coded(sizes: Sizes, events: np.ndarray, durations: np.ndarray, contexts: np.ndarray) -> Codes:
    """Code N events in their contexts (see `note_tracker.NoteTracker.context`).

    events, durations: (N,), ids of part 0, and of part 1 from its first one on. contexts: (4, N).
    """
    place, last, bar, countdown = contexts
    step, placed = steps_of_events(sizes, events, last), place * sizes.events + events
    pair, steps = timed(sizes, events, durations), timed(sizes, step, durations)
    phrase, section = place_among(place, bar, PHRASE), place_among(place, bar, SECTION)
    ending = place_at_end(place, countdown)
    ended = np.where(ending < 0, -1, ending * sizes.events + events)
    return Codes(events, step, durations, pair, steps, place, phrase, section, placed, ending, ended, last)


def place_among(place: np.ndarray, bar: np.ndarray, bars: int) -> np.ndarray:
    """Code places in the bar as places in so many bars."""
    return place * bars + bar % bars


def place_at_end(place: np.ndarray, countdown: np.ndarray) -> np.ndarray:
    """Code places in the bar as places among the last bars, by the value of the countdown.

    -1 for others.
    """
    last = LAST_BARS[countdown]
    return np.where(last < 0, -1, place * ENDINGS + last)


def timed(sizes: Sizes, codes: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Code events or steps with their durations."""
    return codes * sizes.durations + durations + 1


def steps_of_events(sizes: Sizes, events: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Code the steps of events from the last note (see `events_of_steps`)."""
    of_notes = np.where(last < 0, 3 * sizes.events, events - last + sizes.events)
    return np.where(events < sizes.notes, of_notes, events + 2 * sizes.events)


def events_of_steps(sizes: Sizes, steps: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Map steps to ids of part 0, given the id that repeats the last note; -1 for none.

    A step is the interval + the number of ids; from twice that number on an id that is no note; three times that of
    a first note, which is no follower.
    """
    is_interval = steps < 2 * sizes.events
    found = np.where(is_interval, steps - sizes.events + last, steps - 2 * sizes.events)
    is_out = is_interval & ((last < 0) | (found < 0) | (found >= sizes.notes))
    return np.where(is_out, -1, found)
