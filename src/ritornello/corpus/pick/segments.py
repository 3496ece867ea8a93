"""Cut a melody at its long rests: a singer's silence of many bars is the pianist's music, not the tune's."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ritornello.music.values import Melody

REST_BARS = 2.0
"""A rest this many bars long, or longer, is cut out."""

LEAST_NOTES = 8
"""A segment with fewer notes is left out: too short to be a tune or to learn its end from."""


def cut_at_rests(melody: Melody, rest_bars: float = REST_BARS, least_notes: int = LEAST_NOTES) -> list[Melody]:
    """Cut a melody at rests of `rest_bars` bars or more, and at opening and closing rests.

    A segment begins with the bar of its first note and ends with the bar of its last (or where the melody
    ends, if that is earlier), so its metre, key, tempo and up-beat stay as they were, counted from 0 anew.
    Segments of fewer than `least_notes` notes are left out; what was lost is `len(melody.notes)` less theirs.
    Raises ValueError unless rest_bars is at least 1, since a shorter rest need not hold a barline.
    """
    if rest_bars < 1:
        raise ValueError(f"rest_bars must be 1 or more, not {rest_bars}")
    lines = melody.timeline.barlines()
    segments = []
    for first, last in _between_rests(melody, rest_bars):
        if last - first + 1 < least_notes:
            continue
        start = lines[bisect_right(lines, melody.notes[first].start) - 1]
        end = lines[min(bisect_left(lines, melody.notes[last].end), len(lines) - 1)]
        end = max(min(end, melody.timeline.length), melody.notes[last].end)
        segments.append(melody.between(start, end))
    return segments


def is_long_enough(melody: Melody, least_notes: int, min_bars: int) -> bool:
    """Tell whether a melody has so many notes and so many bars."""
    return len(melody.notes) >= least_notes and sounding_bars(melody) >= min_bars


def sounding_bars(melody: Melody) -> int:
    """Count bars from the first note's to the last one's without a pick-up; 0 without notes."""
    if not melody.notes:
        return 0
    lines = melody.timeline.barlines()
    first = bisect_right(lines, melody.notes[0].start) - 1
    last = bisect_left(lines, melody.notes[-1].end)
    return last - first - (first == 0 and bool(melody.timeline.pickup))


def shortness(melodies: Sequence[Melody], least_notes: int) -> str:
    """Say in what the longest of some melodies (at least one) falls short: notes or bars."""
    notes, bars = max(len(m.notes) for m in melodies), max(sounding_bars(m) for m in melodies)
    if notes < least_notes:
        return f"{notes} note{'s' if notes != 1 else ''}"
    return f"the longest useful line is {bars} bar{'s' if bars != 1 else ''}"


def _between_rests(melody: Melody, rest_bars: float) -> list[tuple[int, int]]:
    """List first and last note of each stretch without a long rest."""
    notes, timeline = melody.notes, melody.timeline
    stretches, first = [], 0
    for index in range(1, len(notes)):
        rest_start = notes[index - 1].end
        if notes[index].start - rest_start >= rest_bars * timeline.bar_ticks(timeline.metre_at(rest_start)):
            stretches.append((first, index - 1))
            first = index
    return [*stretches, (first, len(notes) - 1)] if notes else []
