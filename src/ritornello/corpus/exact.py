"""Which melodies an encoding reproduces exactly: only on these may encodings be compared."""

from __future__ import annotations

from fractions import Fraction

from ritornello.encoding import Encoding
from ritornello.music.values import Melody

Place = tuple[Fraction, Fraction, int]


def reproduced_exactly(encoding: Encoding, melody: Melody) -> bool:
    """Whether decoding what was encoded gives the same list of (onset, duration, pitch).

    Onsets count from the first barline, or from the one that a pick-up leaves out; where the encoding knows no bars
    (the plain grid), from the first note or opening rest. False for a melody that the encoding refuses.
    """
    try:
        again = encoding.decode(encoding.encode(melody).tokens)
    except ValueError:
        return False
    if encoding.end is None:
        return _places(melody, False) == _places(again, False)
    return _places(melody, True) == _places(again, True)


def _places(melody: Melody, from_barline: bool) -> list[Place]:
    """(onset, duration, pitch) of each note, times in quarters."""
    timeline = melody.timeline
    per_quarter = timeline.ticks_per_quarter
    pickup = timeline.pickup if from_barline else 0
    before = timeline.bar_ticks(timeline.metre) - pickup if pickup else 0
    return [
        (Fraction(before + n.start) / per_quarter, Fraction(n.duration, per_quarter), n.pitch) for n in melody.notes
    ]
