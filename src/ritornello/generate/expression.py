"""How loud each note is: accents by metre and a swell by phrase.

The rule: 66, plus 16 on a barline, 8 on the middle of a bar that has one, 4 on another beat; plus a swell of
up to 14 over every four bars, rising to the third bar and falling after it; the last note 6 softer.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

from ritornello.music.beats import beat_lengths
from ritornello.music.values import Melody, Note

BASE, BARLINE, MIDDLE, BEAT, SWELL, LAST = 66, 16, 8, 4, 14, -6
PHRASE_BARS = 4


def with_expression(melody: Melody) -> Melody:
    """The same notes with velocities by the rule above."""
    lines = melody.timeline.barlines()
    notes = []
    for note in melody.notes:
        bar = max(n for n, line in enumerate(lines) if line <= note.start)
        phrase = (bar - (1 if melody.timeline.pickup else 0) + _share(lines, bar, note)) / PHRASE_BARS % 1
        swell = SWELL * math.sin(math.pi * phrase**1.3)
        notes.append(note._replace(velocity=round(BASE + _accent(melody, lines[bar], note) + swell)))
    if notes:
        notes[-1] = notes[-1]._replace(velocity=notes[-1].velocity + LAST)
    return replace(melody, notes=tuple(notes))


def _accent(melody: Melody, line: int, note: Note) -> int:
    """Weight of the note's place in its bar; a pick-up's place is counted back from the barline after it."""
    timeline = melody.timeline
    metre = timeline.metre_at(note.start)
    bar = Fraction(timeline.bar_ticks(metre))
    place = note.start - line + (bar - timeline.pickup if line < timeline.pickup else 0)
    beats = list(accumulate((b * timeline.ticks_per_quarter for b in beat_lengths(metre)), initial=Fraction(0)))
    if place == 0:
        return BARLINE
    if len(beats) % 2 and place == bar / 2:
        return MIDDLE
    return BEAT if place in beats else 0


def _share(lines: list[int], bar: int, note: Note) -> float:
    """How far into its bar a note starts, 0 to 1."""
    end = lines[bar + 1] if bar + 1 < len(lines) else note.end
    return (note.start - lines[bar]) / max(1, end - lines[bar])
