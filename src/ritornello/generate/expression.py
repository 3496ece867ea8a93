"""How loud each note is: accents by metre and a swell by phrase.

The rule: 66, plus 16 on a barline, 8 on the middle of a bar that has one, 4 on another beat; plus a swell of
up to 14 over every four bars, rising to the third bar and falling after it; the last note 6 softer.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import accumulate

from ritornello.music.beats import beat_lengths
from ritornello.music.values import Melody, Metre, Note

BASE, BARLINE, MIDDLE, BEAT, SWELL, LAST = 66, 16, 8, 4, 14, -6
PHRASE_BARS = 4


def with_expression(melody: Melody) -> Melody:
    """Set the velocities of a melody by the rule above."""
    timeline = melody.timeline
    lines, pickup = timeline.barlines(), timeline.pickup
    notes: list[Note] = []
    metre: Metre | None = None
    following = 0  # the barline after the last note's start
    for start, duration, pitch, _ in melody.notes:
        if start >= following:
            bar = bisect_right(lines, start) - 1
            line, following = lines[bar], lines[bar + 1]
            if (begun := timeline.metre_at(line)) != metre:
                metre = begun
                middle, beats = _beat_places(metre._replace(tick=0), timeline.ticks_per_quarter)
            skipped = int(timeline.bar_ticks(metre)) - pickup if line < pickup else 0  # counted back from its barline
        phrase = (bar - (1 if pickup else 0) + (start - line) / max(1, following - line)) / PHRASE_BARS % 1
        swell = SWELL * math.sin(math.pi * phrase**1.3)
        place = start - line + skipped
        accent = BARLINE if place == 0 else MIDDLE if place == middle else BEAT if place in beats else 0
        notes.append(Note(start, duration, pitch, round(BASE + accent + swell)))
    if notes:
        notes[-1] = notes[-1]._replace(velocity=notes[-1].velocity + LAST)
    return replace(melody, notes=tuple(notes))


@cache
def _beat_places(metre: Metre, ticks_per_quarter: int) -> tuple[Fraction | int | None, frozenset]:
    """List ticks from the barline: of the middle of the bar (or None), and of all beats.

    The middle counts where a beat begins there.
    """
    lengths = beat_lengths(metre)
    exact = [place * ticks_per_quarter for place in accumulate(lengths, initial=Fraction(0))]
    places = [int(place) if place.denominator == 1 else place for place in exact]  # whole numbers compare faster
    middle = next((place for place in places if len(lengths) % 2 == 0 and 2 * place == places[-1]), None)
    return middle, frozenset(places[:-1])
