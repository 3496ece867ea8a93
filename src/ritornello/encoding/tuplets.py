"""Tuplets: which durations may begin one at a place in the bar, and which complete one that has begun.

Places and durations that are whole numbers of 64th notes are plain. Another duration begins a
tuplet: it divides a frame, a stretch of time between two plain places, into 3, 5 or 7 parts or twice as many. What
follows goes on in these parts until the frame is full. Which frame is meant, the first notes may leave open: after a
third of a quarter it is half a quarter long, or one, or two. A frame lies inside one beat, or takes up whole beats;
what completes one of several beats ends with it, since a tie over its end could not be read.

A composed tune keeps to this, so that it can be read; people's tunes are legal whatever they do (`Place.finishable`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ritornello.encoding.durations import LENGTHS, TICKS

PLAIN = TICKS // 16  # ticks
FRAMES = tuple(int(TICKS * quarters) for quarters in (1 / 4, 1 / 2, 3 / 4, 1, 3 / 2, 2, 3, 4))
PARTS = (3, 5, 7)
UNITS = {  # ticks of the smallest part by frame and number of parts: half of one where that can be read, or one
    (frame, parts): next(
        unit
        for unit in (frame // (2 * parts), frame // parts)
        if unit in LENGTHS and (frame < 2 * TICKS or parts * unit == frame or parts == 3)
    )
    for frame in FRAMES
    for parts in PARTS
}
WIDE_UNITS = {  # likewise of a frame of several beats, whose parts are halved where there are three
    (frame, parts): unit if parts == 3 else frame // parts for (frame, parts), unit in UNITS.items()
}

Frames = tuple[tuple[int, int], ...]
"""Frames that may be meant: the ticks left in each, and the ticks of its smallest part."""

Edges = tuple[int, ...]
"""Where the beats of a bar begin, in ticks from its barline, and where the bar ends (see `vocabulary.tick_edges`)."""


@dataclass(frozen=True, eq=False)
class Rule:
    """What a duration has to keep to. is_begun: whether it must go on with a tuplet, or may be plain.

    Equal to itself alone, so that masks are found again at once: `rules_at` and `completing` make each rule once.
    """

    frames: Frames
    is_begun: bool


NO_TUPLET = Rule((), False)


@lru_cache(maxsize=4096)
def frames_at(place: int, room: int, edges: Edges, is_open: bool = False) -> Frames:
    """List the frames that may begin at a plain place in the bar.

    room: ticks that they may fill. They begin on a half of their own length, or of a quarter: five and seven parts on
    whole sixteenths alone. is_open: no note begins with it, but a tie or the opening rest, which can be read inside
    one beat alone.
    """
    found = []
    for frame in FRAMES:
        if frame > room or place % (min(frame, TICKS) // 2):
            continue
        is_wide = not is_in_one_beat(place, place + frame, edges)
        if is_wide and (is_open or place not in edges or place + frame not in edges):
            continue
        units = WIDE_UNITS if is_wide else UNITS
        found += [(frame, units[frame, parts]) for parts in PARTS if parts == 3 or place % (TICKS // 4) == 0]
    return tuple(found)


@lru_cache(maxsize=4096)
def rules_at(place: int, room: int, edges: Edges) -> tuple[Rule, Rule]:
    """Make the rules of a duration at a plain place.

    Of a note, and of a tie or the opening rest.
    Arguments as of `frames_at`.
    """
    return Rule(frames_at(place, room, edges), False), Rule(frames_at(place, room, edges, True), False)


@lru_cache(maxsize=4096)
def completing(tuplet: Frames, room: int) -> Rule:
    """Make the rule of a duration inside a tuplet that has begun.

    room: ticks that it may still fill.
    """
    return Rule(tuple(frame for frame in tuplet if frame[0] <= room), True)


def is_in_one_beat(start: int, end: int, edges: Edges) -> bool:
    """Tell whether a stretch of a bar lies inside one beat."""
    return bisect_right(edges, start) == bisect_left(edges, end)


@lru_cache(maxsize=4096)
def begun(place: int, ticks: int, edges: Edges, is_open: bool = False) -> Frames:
    """Begin a tuplet at a plain place in the bar, by a duration of so many ticks.

    See `found` where it fits none. is_open: see `frames_at`.
    """
    bar = edges[-1]
    frames = frames_at(place, bar - place, edges, is_open)
    left = tuple((frame - ticks, unit) for frame, unit in frames if ticks < frame and ticks % unit == 0)
    return left or found((place + ticks) % bar, edges)


@lru_cache(maxsize=4096)
def found(place: int, edges: Edges) -> Frames:
    """Find the tuplet that goes on at a place in the bar, where its beginning is not known.

    () at a plain place. One inside a beat that divides a quarter or less; where there is none, whatever leads to a
    plain place in that beat.
    """
    if place % PLAIN == 0:
        return ()
    left = []
    for frame in (frame for frame in FRAMES if frame <= TICKS):
        past = place % frame
        if is_in_one_beat(place - past, place - past + frame, edges):
            units = (UNITS[frame, parts] for parts in PARTS)
            left += [(frame - past, unit) for unit in units if past % unit == 0]
    room = edges[bisect_right(edges, place)] - place
    ways = range(PLAIN - place % PLAIN, min(TICKS, room) + 1, PLAIN)
    return tuple(left) or tuple((ticks, ticks) for ticks in ways if ticks in LENGTHS)


def gone_on(frames: Frames, place: int, ticks: int, edges: Edges) -> Frames:
    """Go on with a tuplet by a duration; () where that completes it.

    place: in the bar, after it, for a tuplet that the duration breaks off. edges: the beats of that bar.
    """
    after = tuple((left - ticks, unit) for left, unit in frames if ticks <= left and ticks % unit == 0)
    if any(left == 0 for left, _ in after):
        return ()
    return after or found(place, edges)


@lru_cache(maxsize=4096)
def keeping(rule: Rule) -> np.ndarray:
    """Tell which durations keep to a rule, (durations,) of bool."""
    mask = (LENGTHS % PLAIN == 0) & (not rule.is_begun)
    for left, unit in rule.frames:
        mask |= (left >= LENGTHS) & (LENGTHS % unit == 0)
    mask.flags.writeable = False
    return mask
