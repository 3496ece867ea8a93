"""What key, scale, chord, register and density make of the next note: features, masks, and small weights in nats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ritornello.encoding import Place
from ritornello.live.dials import Dials, named_scale
from ritornello.music.chords import QUALITIES, Chord

CHORD_TONE, BESIDE_CHORD = 1.5, -1.5  # nats, on a beat, of chord tones and of those a semitone above one
BETWEEN_BEATS = 0.5  # share of these between beats
START_SHARE = 1.5  # nats on the start of a note, for a factor of e more notes
FEWER, MORE = 1.1, 2.2  # nats on a note value twice as long, for half or twice as many notes
SHORTEST = 1 / 4  # quarters; shorter note values are not asked for by any density


@lru_cache(maxsize=256)
def held_chord(pitches: frozenset[int]) -> Chord | None:
    """Name the chord that most of the held pitches belong to; None for fewer than two.

    Where several fit as well it is the one that misses the least of them, and then the one on the lowest pitch.
    """
    held = frozenset(pitch % 12 for pitch in pitches)
    if len(held) < 2:
        return None
    bass = min(pitches) % 12
    named = [Chord(root, quality, bass) for quality in QUALITIES if quality != "none" for root in range(12)]

    def fit(chord: Chord) -> tuple[int, bool]:
        tones = chord._replace(bass=chord.root).pitch_classes
        return 2 * len(held - tones) + len(tones - held), chord.root != bass

    return min(named, key=fit)


@lru_cache(maxsize=256)
def chord_weights(chord: frozenset[int], is_beat: bool) -> np.ndarray:
    """Weigh the pitch classes above a chord, (12,) in nats; 0 without one.

    chord: its pitch classes. is_beat: whether the note comes on a beat.
    """
    weights = np.zeros(12)
    weights[[(pitch + 1) % 12 for pitch in chord]] = BESIDE_CHORD
    weights[list(chord)] = CHORD_TONE
    return weights if is_beat else BETWEEN_BEATS * weights


def allowed_pitches(dials: Dials, register: tuple[int, int]) -> np.ndarray:
    """Mask the pitches within a register and, where one is kept, the scale, (128,) of bool."""
    pitches = np.arange(128)
    allowed = (pitches >= register[0]) & (pitches <= register[1])
    if dials.scale:
        allowed &= np.isin(pitches % 12, list(named_scale(dials.scale)[1]))
    return allowed


def octaves_into(pitches: Sequence[int], dials: Dials) -> int:
    """Find the shortest shift by octaves that takes most of these pitches into the register."""
    shifts = sorted(range(-120, 121, 12), key=abs)
    inside = [s for s in shifts if all(0 <= pitch + s <= 127 for pitch in pitches)]

    def outside(shift: int) -> int:
        return sum(max(dials.low - p - shift, p + shift - dials.high, 0) for p in pitches)

    return min(inside, key=outside, default=0)


def note_values(place: Place, first: int, ticks_per_quarter: int) -> np.ndarray:
    """Measure what each id of part 1 lasts, (ids,) in quarters, 0 where it is no duration.

    place: where a note's duration is due. first: the lowest id of that part.
    """
    legal = place.legal()
    quarters = np.zeros(len(legal))
    for number in legal.nonzero()[0].tolist():
        after = place.copy()
        after.advance(first + number)
        quarters[number] = (after.time - place.time) / ticks_per_quarter
    return quarters


def density_bias(density: float, starts: np.ndarray | None, quarters: np.ndarray | None) -> np.ndarray | float:
    """Compute what to add to the logits for so many times as many notes, (ids,) in nats.

    starts: which ids of part 0 start a note, None where a duration is due; then quarters: what the ids last.
    """
    if density == 1:
        return 0.0
    if starts is not None:
        return np.where(starts, START_SHARE * np.log(density), 0.0)
    assert quarters is not None
    lengths = np.log2(np.where(quarters > 0, np.maximum(quarters, SHORTEST), 1.0))
    return (FEWER if density < 1 else MORE) * -np.log2(density) * lengths
