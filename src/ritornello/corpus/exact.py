"""Which melodies an encoding reproduces exactly: only on these may encodings be compared."""

from __future__ import annotations

from fractions import Fraction

from ritornello.encoding import MelodyEncoding
from ritornello.music.values import Melody


def reproduced_exactly(encoding: MelodyEncoding, melody: Melody) -> bool:
    """Tell whether decoding an encoded melody gives the same list of (onset, duration, pitch).

    Onsets count from the first barline, or from the one that a pick-up leaves out; where the encoding knows no bars
    (the plain grid), from the first note or opening rest. False for a melody that the encoding refuses.
    """
    try:
        again = encoding.decode(encoding.encode(melody).tokens)
    except ValueError:
        return False
    line = melody.timeline
    bar = None if encoding.end is None else Fraction(line.bar_ticks(line.metre), line.ticks_per_quarter)
    return _places(melody, bar) == _places(again, bar)


def _places(melody: Melody, bar: Fraction | None) -> list[tuple[Fraction, Fraction, int]]:
    """List (onset, duration, pitch) of each note, times in quarters.

    bar: quarters from the barline that a pick-up leaves out to the one after it, whatever metre it comes back in
    (one that has no token is read as 4/4); None to count from the pick-up.
    """
    timeline = melody.timeline
    per_quarter = timeline.ticks_per_quarter
    before = bar - Fraction(timeline.pickup, per_quarter) if bar is not None and timeline.pickup else 0
    return [
        (before + Fraction(n.start, per_quarter), Fraction(n.duration, per_quarter), n.pitch) for n in melody.notes
    ]
