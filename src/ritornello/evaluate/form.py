"""Is a composed tune well formed? Judged by its tokens and its melody, not by the rules that composed it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.encoding.vocabulary import bar_length
from ritornello.music.beats import beat_lengths


def faults(
    tokens: np.ndarray, encoding: MelodyEncoding, bars: int, pitch_range: tuple[int, int] = (0, 127)
) -> list[str]:
    """List the faults of a composed tune in words; an empty list where it is well formed.

    Well formed: every token is legal in its place and the tune is over after the last; it ends in the last of `bars`,
    a pick-up's bar not counted; a note sounds to the end and has lasted a beat, or a quarter; every pitch lies in
    `pitch_range`, lowest and highest. Bars and beats are rounded where the encoding's steps are too coarse for them.
    """
    if illegal := _illegal(tokens, encoding):
        return [illegal]
    melody = encoding.decode(tokens)
    if not melody.notes:
        return ["it has no note"]
    timeline, last = melody.timeline, melody.notes[-1]
    found = []
    finer = Fraction(timeline.ticks_per_quarter, encoding.ticks_per_quarter)  # ticks in a step
    bars_of = [bar_length(metre[1:3], encoding.ticks_per_quarter) * finer for metre in timeline.metres]
    bar = bars_of[0]
    has_pickup = timeline.pickup > 0 or 2 * melody.notes[0].start >= bar
    since, filled = timeline.pickup - bar if timeline.pickup else 0, -float(has_pickup)
    # Bars begin with the barline that a pick-up leaves out, and anew with a metre.
    for metre, its_bar in zip(timeline.metres[1:], bars_of[1:], strict=True):
        filled += -((since - metre.tick) // bar)
        since, bar = metre.tick, its_bar
    filled += (timeline.length - since) / bar
    if not (filled == bars if encoding.end is None else bars - 1 < filled <= bars):
        found.append(f"it fills {float(filled):g} bars, not {bars}")
    if last.end != timeline.length:
        found.append("it ends in silence")
    beat = min(Fraction(1), beat_lengths(timeline.metres[-1])[0])
    steps = max(1, round(beat * encoding.ticks_per_quarter))
    if last.duration < steps * finer:
        found.append("its last note is shorter than a beat (or a quarter)")
    lowest, highest = pitch_range
    outside = sorted({n.pitch for n in melody.notes if not lowest <= n.pitch <= highest})
    return found + [f"pitch {pitch} lies outside {lowest} to {highest}" for pitch in outside]


def _illegal(tokens: np.ndarray, encoding: MelodyEncoding) -> str:
    """Name the first token that is not legal, or a missing end; empty where there is neither."""
    rules = encoding.tracker()
    for place, token in enumerate(np.asarray(tokens).tolist()):
        first, legal = sum(encoding.parts[: rules.part]), rules.legal()  # of the ids of the part that is due
        if not 0 <= token - first < len(legal) or not legal[token - first]:
            return f"token {place}, {encoding.vocabulary.name_of(token)}, is not legal there"
        rules.advance(token)
    return "" if encoding.end is None or rules.done else "it has no end"
