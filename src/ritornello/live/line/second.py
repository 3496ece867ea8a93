"""A second voice to a melody: a note for each of its notes, by the table of intervals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ritornello.generate.draw import Dice, draw, rounded
from ritornello.live.dials import Dials
from ritornello.live.line.harmony import allowed_pitches, chord_weights
from ritornello.live.line.intervals import BASS_BELOW, BETWEEN, interval, place_strength, shipped_table, step_class
from ritornello.music.keys import scale_pitch_classes
from ritornello.music.values import Key, Metre

LEAP_COST = 0.3  # nats for a semitone of the second voice's own step beyond a third
OUT_OF_KEY = -3.0  # nats
RAREST = 1e-6  # probability of an interval that hymns do not have
DUET_WEIGHT = 1.5  # of the table, beside the model
USUAL_RANGE = 19  # semitones between the lowest and the highest note of a melody
NEAR = 16  # semitones from the melody, where no register is set


class SecondVoice:
    """The second voice so far: the notes of both that came last."""

    def __init__(self) -> None:
        self.lead: int | None = None
        self.own: int | None = None

    def bias(
        self, lead: int, start: Fraction, dials: Dials, metre: Metre, key: Key | None, chord: frozenset[int]
    ) -> np.ndarray:
        """Weigh the pitches of the second voice under a note of the melody.

        Returns (128,) in nats, -inf for those left out.
        """
        low, high = register(lead, dials)
        pitches = np.arange(128)
        strength = place_strength(start, metre)
        voice = int(lead - (low + high) / 2 >= BASS_BELOW)
        before = -1 if self.lead is None or self.own is None else interval(self.lead, self.own)
        chances = shipped_table().chances(voice, strength, step_class(self.lead, lead), before)
        weight = DUET_WEIGHT if dials.mode == "duet" else 1.0
        bias = weight * np.log(np.maximum(chances, RAREST))[(lead - pitches) % 12]
        bias += dials.harmony * chord_weights(chord, strength < BETWEEN)[pitches % 12]
        if key is not None and not dials.scale:
            bias += np.where(np.isin(pitches % 12, list(scale_pitch_classes(key))), 0.0, OUT_OF_KEY)
        near = (low + high) / 2 if self.own is None else self.own
        bias -= LEAP_COST * np.maximum(np.abs(pitches - near) - 4, 0)
        allowed = allowed_pitches(dials, (low, high)) & (pitches != lead)
        return np.where(allowed, bias, -np.inf)

    def follow(self, lead: int | None, pitch: int) -> None:
        """Take note of what sounds now."""
        self.lead, self.own = lead, pitch


def register(lead: int, dials: Dials) -> tuple[int, int]:
    """Return the register of the second voice: the dials', else a little below the melody."""
    low, high = dials.low, dials.high
    if (low, high) == (0, 127):
        return max(lead - NEAR, 0), max(lead - 1, 1)
    return low if low else max(low, high - 24), min(high, low + 24) if high == 127 else high


def lowest_of(low: int, high: int) -> int:
    """Return down to which pitch a melody of usual range reaches in a register."""
    return max(low, high - USUAL_RANGE)


def drawn(bias: np.ndarray, temperature: float, dice: Dice) -> int:
    """Draw a pitch; the likeliest one at temperature 0."""
    if temperature == 0:
        return int(bias.argmax())
    return int(draw(rounded(bias[None] / temperature), dice)[0])
