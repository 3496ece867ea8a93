"""Whether a composed tune is well formed, read off its tokens and its melody, not taken from what composed it."""

from __future__ import annotations

import numpy as np

from ritornello.encoding import Encoding
from ritornello.music.beats import beat_lengths
from ritornello.music.values import Melody


def faults(tokens: np.ndarray, encoding: Encoding, bars: int, pitch_range: tuple[int, int] = (0, 127)) -> list[str]:
    """What is wrong with a composed tune, in words; nothing where it is well formed.

    Well formed: every token is legal where it stands and the tune is over after the last (nothing had to be
    mended in decoding); it ends in the last of so many bars, a pick-up's bar not counted; a note sounds to the
    end, has lasted a beat and is the tune's last; every pitch lies in `compass`, lowest and highest.
    """
    broken = _illegal(tokens, encoding)
    if broken:
        return [broken]
    melody = encoding.decode(tokens)
    if not melody.notes:
        return ["it has no note"]
    return [*_of_length(melody, bars, encoding.end is None), *_of_ending(melody), *_of_range(melody, pitch_range)]


def _illegal(tokens: np.ndarray, encoding: Encoding) -> str:
    tracker = encoding.tracker(1)
    for place, token in enumerate(tokens):
        if not tracker.legal()[0, token]:
            return f"token {place}, {encoding.vocabulary.name_of(int(token))}, is not legal there"
        tracker.advance(np.array([token]))
    return "" if encoding.end is None or tracker.done[0] else "it has no end"


def _of_length(melody: Melody, bars: int, is_plain: bool) -> list[str]:
    """The place of the end, counted in bars from the first barline or the one that a pick-up leaves out."""
    timeline = melody.timeline
    bar = timeline.bar_ticks(timeline.metre)
    before = bar - timeline.pickup if timeline.pickup else 0
    has_pickup = timeline.pickup > 0 or 2 * melody.notes[0].start >= bar
    filled = (before + timeline.length) / bar - has_pickup
    is_right = filled == bars if is_plain else bars - 1 < filled <= bars
    return [] if is_right else [f"it fills {float(filled):g} bars, not {bars}"]


def _of_ending(melody: Melody) -> list[str]:
    timeline, last = melody.timeline, melody.notes[-1]
    beat = beat_lengths(timeline.metre)[0] * timeline.ticks_per_quarter
    found = [] if last.end == timeline.length else ["it ends in silence"]
    return [*found, *([] if last.duration >= beat else ["its last note is shorter than a beat"])]


def _of_range(melody: Melody, pitch_range: tuple[int, int]) -> list[str]:
    outside = sorted({n.pitch for n in melody.notes if not pitch_range[0] <= n.pitch <= pitch_range[1]})
    return [f"pitch {pitch} lies outside {pitch_range[0]} to {pitch_range[1]}" for pitch in outside]
