"""Is a composed tune well formed? Judged by its tokens and its melody, not by the rules that composed it."""

from __future__ import annotations

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.music.beats import beat_lengths


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
    timeline, last = melody.timeline, melody.notes[-1]
    found = []
    bar = timeline.bar_ticks(timeline.metre)
    has_pickup = timeline.pickup > 0 or 2 * melody.notes[0].start >= bar
    since, filled = timeline.pickup - bar if timeline.pickup else 0, -float(has_pickup)
    for metre in timeline.metres[1:]:  # bars begin with the barline that a pick-up leaves out, and anew with a metre
        filled += -((since - metre.tick) // bar)
        since, bar = metre.tick, timeline.bar_ticks(metre)
    filled += (timeline.length - since) / bar
    if not (filled == bars if encoding.end is None else bars - 1 < filled <= bars):
        found.append(f"it fills {float(filled):g} bars, not {bars}")
    if last.end != timeline.length:
        found.append("it ends in silence")
    if last.duration < beat_lengths(timeline.metres[-1])[0] * timeline.ticks_per_quarter:
        found.append("its last note is shorter than a beat")
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
