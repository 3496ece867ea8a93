"""Is a composed tune well formed? Judged by its tokens and its melody, not by the rules that composed it."""

from __future__ import annotations

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.music.beats import beat_lengths
from ritornello.music.values import Melody


def faults(
    tokens: np.ndarray, encoding: MelodyEncoding, bars: int, pitch_range: tuple[int, int] = (0, 127)
) -> list[str]:
    """List the faults of a composed tune in words; an empty list where it is well formed.

    Well formed: every token is legal in its place and the tune is over after the last; it ends in the last of `bars`,
    a pick-up's bar not counted; a note sounds to the end and has lasted a beat; every pitch lies in `pitch_range`,
    lowest and highest.
    """
    if illegal := _illegal(tokens, encoding):
        return [illegal]
    melody = encoding.decode(tokens)
    if not melody.notes:
        return ["it has no note"]
    return [*_of_length(melody, bars, encoding.end is None), *_of_ending(melody), *_of_range(melody, pitch_range)]


def _illegal(tokens: np.ndarray, encoding: MelodyEncoding) -> str:
    """Name the first token that is not legal, or a missing end; empty where there is neither."""
    rules = encoding.tracker()
    for place, token in enumerate(np.asarray(tokens).tolist()):
        first, legal = sum(encoding.parts[: rules.part]), rules.legal()  # of the ids of the part that is due
        if not 0 <= token - first < len(legal) or not legal[token - first]:
            return f"token {place}, {encoding.vocabulary.name_of(token)}, is not legal there"
        rules.advance(token)
    return "" if encoding.end is None or rules.done else "it has no end"


def _of_length(melody: Melody, bars: int, is_plain: bool) -> list[str]:
    """Check the length in bars; they begin with the barline that a pick-up leaves out, if any."""
    timeline = melody.timeline
    bar = timeline.bar_ticks(timeline.metre)
    before = bar - timeline.pickup if timeline.pickup else 0
    has_pickup = timeline.pickup > 0 or 2 * melody.notes[0].start >= bar
    filled = (before + timeline.length) / bar - has_pickup
    is_right = filled == bars if is_plain else bars - 1 < filled <= bars
    return [] if is_right else [f"it fills {float(filled):g} bars, not {bars}"]


def _of_ending(melody: Melody) -> list[str]:
    """Check that the last note sounds to the end and lasts a beat."""
    timeline, last = melody.timeline, melody.notes[-1]
    beat = beat_lengths(timeline.metre)[0] * timeline.ticks_per_quarter
    found = [] if last.end == timeline.length else ["it ends in silence"]
    return [*found, *([] if last.duration >= beat else ["its last note is shorter than a beat"])]


def _of_range(melody: Melody, pitch_range: tuple[int, int]) -> list[str]:
    """Check that all pitches lie in the range."""
    outside = sorted({n.pitch for n in melody.notes if not pitch_range[0] <= n.pitch <= pitch_range[1]})
    return [f"pitch {pitch} lies outside {pitch_range[0]} to {pitch_range[1]}" for pitch in outside]
