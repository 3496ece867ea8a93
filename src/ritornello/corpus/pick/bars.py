"""Find where the bars of a piece begin, count those of a melody, and cut it at long rests.

A MIDI file does not say that it has a pick-up: its bars are counted from its first note, which is an upbeat.

The stresses of all parts are laid on each eighth of the bar: how long the notes are that start there, how often the
lowest note changes, whether the last note starts there. Only where one eighth other than the first leads by far do
the bars begin there (after Temperley 2001, "The Cognition of Basic Musical Structures", chapter 2: strong beats are
where long notes and new harmonies begin). On 948 hymns, songs and folk tunes without a pick-up it found none; of 886
with one it found 213, six of them of a wrong length: it would rather leave a bar as it stands.

A singer's silence of many bars is the pianist's music, not the tune's: there a melody is cut into segments.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from ritornello.corpus.beats.settle import has_counted_bars
from ritornello.corpus.pick.line import Columns
from ritornello.music.values import Melody, Piece, Timeline
from ritornello.plural import counted

LEAD = 0.4  # of the stresses, over the first eighth and every other
FEWEST = 24  # notes to tell it from
CHANGES, LAST = 0.7, 0.15  # weights of new lowest notes and of the last note, beside the notes' lengths

REST_BARS = 2.0
"""A rest this many bars long, or longer, is cut out."""

LEAST_NOTES = 8
"""A segment with fewer notes is left out: too short to be a tune or to learn its end from."""


def with_upbeat(piece: Piece, arrays: Sequence[Columns]) -> Timeline:
    """Cut the first bar of a piece's timeline short where its notes show a pick-up.

    arrays: its notes, by part.
    Unchanged for pieces whose bars are written, and where the metre changes or nothing tells.
    """
    line = piece.timeline
    if not has_counted_bars(piece) or len(line.metres) != 1:
        return line
    eighths = upbeat_eighths(np.concatenate(arrays), line)
    if not eighths:
        return line
    metre = line.metre
    first = metre._replace(tick=eighths * line.ticks_per_quarter // 2)
    return Timeline(line.ticks_per_quarter, line.length, (metre, first), line.keys, line.tempos)


def upbeat_eighths(notes: Columns, line: Timeline) -> int:
    """Count the eighths before the first barline by the notes of all parts; 0 where unsure."""
    tpq = line.ticks_per_quarter
    eighth, bar = tpq // 2, line.bar_ticks(line.metre)
    if len(notes) < FEWEST or tpq % 2 or bar % eighth or notes[:, 0].min() > tpq // 8:
        return 0
    stress = _stress(notes, eighth, int(bar // eighth), tpq // 12)
    best = int(stress.argmax())
    others = np.delete(stress, best)
    return best if len(others) and best and stress[best] - others.max() > LEAD else 0


def _stress(notes: Columns, eighth: int, count: int, slack: int) -> np.ndarray:
    """Sum the stress on each eighth of the bar, (count,), in all about 1 + CHANGES + LAST."""
    notes = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    starts = notes[:, 0] + slack
    on_eighth = starts % eighth <= 2 * slack
    places = starts // eighth % count
    lengths = np.minimum(notes[:, 1], 4 * eighth) * on_eighth
    found = np.bincount(places, lengths, count) / max(int(lengths.sum()), 1)
    lowest = np.flatnonzero(np.diff(starts, prepend=starts[0] - 4 * slack - 1) > 2 * slack)
    new = np.diff(notes[lowest, 2] % 12, prepend=-1) != 0
    new[0] = False  # the first note is no change
    counted = lowest[new & on_eighth[lowest]]
    found += CHANGES * np.bincount(places[counted], minlength=count) / max(len(counted), 1)
    if on_eighth[-1]:
        found[places[-1]] += LAST
    return found


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
        return counted(notes, "note")
    return f"the longest useful line is {counted(bars, 'bar')}"


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
