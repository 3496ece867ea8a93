"""A slow walk of the dials, for a machine that plays alone."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ritornello.live.dials import Dials
from ritornello.music.keys import key_name
from ritornello.music.values import Key

WIDTH = 19  # semitones of a register
USUAL = 55, 88  # the pitches between which it wanders, where the dials set no bounds
STEP = 0.2  # of a walk between 0 and 1, its standard deviation
MOST_FIFTHS = 4  # of a key's signature
CHANGE_OF_KEY = 0.25  # how often a phrase is in another key than the last


class Wander:
    """Register, density and temperature walk within bounds around the dials.

    The key walks by fifths.
    """

    def __init__(self, random: Random):
        self._random = random
        self._places = {"register": 0.5, "density": 0.5, "temperature": 0.5}
        self._key: Key | None = None

    def turned(self, dials: Dials, key: Key | None) -> Dials:
        """Walk a step; return the dials of the next phrase.

        key: that of the line, from which the walk begins; a scale that is locked stays.
        """
        for name, place in self._places.items():
            stepped = place + self._random.gauss(0, STEP)
            self._places[name] = min(abs(stepped), 1.0) if stepped < 1 else max(2 - stepped, 0.0)
        high = dials.high if dials.high < 127 else max(USUAL[1], dials.low + WIDTH)
        low = dials.low or max(min(USUAL[0], high - WIDTH), 0)
        high = min(high, 127)
        width = min(WIDTH, high - low)
        bottom = low + round(self._places["register"] * (high - low - width))
        return replace(
            dials,
            low=bottom,
            high=bottom + width,
            density=_within(dials.density * 2 ** (1.4 * self._places["density"] - 0.7), 0.25, 4),
            temperature=_within(dials.temperature * 2 ** (0.6 * self._places["temperature"] - 0.3), 0, 3),
            scale=dials.scale or self._walked(key),
        )

    def _walked(self, key: Key | None) -> str:
        """Walk to a neighbouring key now and then; return its name."""
        now = self._key or key or Key(0, 0)
        if self._key and self._random.random() < CHANGE_OF_KEY:
            fifths = now.fifths + self._random.choice((-1, 1))
            now = now._replace(fifths=int(_within(fifths, -MOST_FIFTHS, MOST_FIFTHS)))
        self._key = now._replace(tick=0)
        return key_name(self._key)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
