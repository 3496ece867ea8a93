"""Break a score in systems by phrase, as a copyist would, from the widths that its bars take by themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

PHRASE = 4  # bars
FULLEST = 0.92  # of a system's room that its bars may take by themselves: less air is hard to read
SYSTEM_COST = 0.1
STRETCH_COST = 0.4  # of a system that is all air, by the square of its share
MIDDLE_COST, INNER_COST = 0.5, 1.0  # of a break in the middle of a phrase, and elsewhere inside it
CROSSED_COST = 0.6  # of a phrase that ends inside a system
RAGGED, RAGGED_COST = 0.3, 0.5  # of a last system that is too short to be stretched
LOOSEST = 0.7  # of how full those above it are on average, a last system that is stretched as they are
HALF = 0.5  # of its room; a last system that fills as much is stretched in any case
LONELY_COST = 0.6  # of a last bar, or a pick-up, that has a system to itself


def bar_widths(svg: str) -> tuple[float, list[float]]:
    """Measure a score that verovio drew in a single system.

    Returns the width of clef and key signature at the head of a system, and those of the bars; the first holds that
    head, and the metre, too.
    """
    lines = [int(x) for x in re.findall(r'class="barLine"><path d="M(\d+)', svg)]
    metre = re.search(r'class="meterSig"><use [^>]*?translate\((\d+)', svg)
    widths = [float(right - left) for left, right in pairwise([0, *lines])]
    return float(metre[1]) if metre else 0.0, widths


def system_starts(widths: Sequence[float], head: float, room: float, upbeat: int) -> list[int]:
    """Choose the bars that begin a system, the first among them.

    Phrases are of four bars. Of all ways to break that fit, the one that costs least is taken: what costs is a break
    inside a phrase, a phrase end inside a system, stretching it, a short last one, a lonely bar, and each system
    by itself.
    widths, head: as of `bar_widths`. room: the width of a system. upbeat: 1 if the first bar is a pick-up.
    """
    count = len(widths)
    best = [0.0] + [float("inf")] * count  # the least cost of the bars before each
    came = [0] * (count + 1)
    for start in range(count):
        taken = head if start else 0.0
        for end in range(start + 1, count + 1):
            taken += widths[end - 1]
            if taken > room * FULLEST and end > start + 1:
                break
            cost = best[start] + _cost(min(taken / room, 1.0), max(start - upbeat, 0), end - upbeat, end == count)
            if cost < best[end]:
                best[end], came[end] = cost, start
    starts = [count]
    while starts[-1]:
        starts.append(came[starts[-1]])
    return starts[:0:-1]


def is_ragged(widths: Sequence[float], head: float, room: float, starts: Sequence[int]) -> bool:
    """Tell whether the last system keeps its own width, and ends before the margin.

    So copyists leave one that is short, or less than half full and whose notes would stand much further apart than
    those above.
    Arguments as of `system_starts`, which returns `starts`.
    """
    edges = pairwise([*starts, len(widths)])
    *above, last = [(sum(widths[start:stop]) + head * (start > 0)) / room for start, stop in edges]
    is_loose = bool(above) and last < LOOSEST * sum(above) / len(above)
    return last < RAGGED or (last < HALF and is_loose)


def _cost(share: float, first: int, last: int, is_final: bool) -> float:
    """Rate a system that is filled to a share of its room, from one bar up to another."""
    crossed = max(last - 1, first) // PHRASE - first // PHRASE
    cost = SYSTEM_COST + STRETCH_COST * (1 - share) ** 2 + CROSSED_COST * crossed
    cost += LONELY_COST * (last - first <= is_final) + RAGGED_COST * (is_final and share < RAGGED)
    return cost + (0.0 if is_final or last % PHRASE == 0 else MIDDLE_COST if last % 2 == 0 else INNER_COST)


def broken(text: str, starts: Sequence[int]) -> str:
    """Write into MusicXML that systems begin at these measures, of every part."""
    parts = text.split("<part id=")
    for number, part in enumerate(parts[1:], 1):
        first, *measures = part.split("<measure ")
        for i in starts:
            if i:
                measures[i] = measures[i].replace(">", '><print new-system="yes"/>', 1)
        parts[number] = "<measure ".join([first, *measures])
    return "<part id=".join(parts)
