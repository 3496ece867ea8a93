"""The influences on faders: what memory counts, how long it keeps to a source, what must not come again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ritornello.encoding.memory import levels
from ritornello.generate.circles import FIGURES, MOST_NOTES, UNITS
from ritornello.live.dials import Dials
from ritornello.live.line.history import Group

LONG_ORDER = 2  # events of a context from which on it is a source that a melody keeps to


def group_weights(groups: Sequence[Group], dials: Dials, now: float) -> np.ndarray:
    """Compute how much each note group counts in memory, (groups,).

    By who played it, and by its age: it halves with each half-life. now: in quarters.
    """
    table = np.array(groups, float).reshape(-1, 3)
    weights = np.where(table[:, 1] > 0, dials.own, dials.phrase) * table[:, 2]
    if dials.half_life:
        seconds = np.maximum(now - table[:, 0], 0) * 60 / dials.qpm
        weights *= 0.5 ** (seconds / dials.half_life)
    return weights


def level_factors(sources: Sequence[str], dials: Dials) -> list[np.ndarray | None]:
    """Compute by what the levels of memory are multiplied, (levels,) of each part; None for 1.

    The corpus by its own fader; contexts of several events, of either source, by the continuity.
    """
    if (dials.corpus, dials.continuity) == (1, 1) or not sources:
        return [None, None]
    return [
        np.array(
            [
                (dials.corpus if level.source == "corpus" else 1.0)
                * (dials.continuity if level.order >= LONG_ORDER else 1.0)
                for level in levels(sources, part)
            ]
        )
        for part in (0, 1)
    ]


def forbidden_pitches(played: Sequence[int], notes: int) -> set[int]:
    """Find the pitches that would repeat so many notes in a row of what was played.

    played: pitches, the last of them the one before the next. notes: 0 for no such rule.
    """
    if not notes:
        return set()
    last = list(played[len(played) - notes + 1 :]) if notes > 1 else []
    ends = range(notes - 1, len(played))
    return {played[end] for end in ends if list(played[end - notes + 1 : end]) == last}


def circling_pitches(played: Mapping[int, int], place: int, bar: int) -> set[int]:
    """Find the pitches that would carry a circle on if they started at a place.

    By the rules of `generate.circles`: a unit of bars is too much from the middle of its third time on, a figure of a
    few pitches once it has filled so many notes. played: pitches by their starts, in order. bar: its length.
    """
    found = set()
    for lag in (bars * bar for bars in UNITS):
        now = {start: pitch for start, pitch in played.items() if 2 * (place - start) <= 3 * lag}
        before = {s + lag: p for s, p in played.items() if 2 * (place - s - lag) <= 3 * lag and s + lag < place}
        if now and now == before and place - lag in played:
            found.add(played[place - lag])
    pitches = [*played.values()][-MOST_NOTES + 1 :]
    for notes in FIGURES:
        if len(pitches) == MOST_NOTES - 1 and pitches[notes:] == pitches[:-notes]:
            found.add(pitches[-notes])
    return found
