"""Seconds to beats and back: own tempo, taps, MIDI clock, Link.

Beats are quarters from the first barline. They never go back: where another clock jumps to another place, the beat
goes on at the nearest place ahead that lies alike in its bar.
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import median

from ritornello.music.beats import beat_lengths, metre_named

SLOWEST, FASTEST = 10.0, 400.0  # quarters per minute; another tempo is a fault
TAPS_APART = 2.0  # seconds, after which a tap begins anew
MOST_TAPS = 8


class Beat:
    """The beat of the music. qpm: its tempo. source: who gives it, or what is wrong with it."""

    def __init__(self, qpm: float = 100.0, metre: str = "4/4", time: float = 0.0):
        self.qpm, self.is_running, self.source = qpm, True, "own tempo"
        self._time, self._beat = time, 0.0
        self._taps: list[float] = []
        self.bars = Bars(metre)

    def beat_at(self, time: float) -> float:
        """Return the beat at a time, in quarters."""
        return self._beat + (time - self._time) * self.qpm / 60 if self.is_running else self._beat

    def time_of(self, beat: float | Fraction) -> float:
        """Return the time of a beat in seconds; infinity while the beat stands still."""
        return self._time + (float(beat) - self._beat) * 60 / self.qpm if self.is_running else math.inf

    def set_tempo(self, time: float, qpm: float) -> None:
        """Go on in another tempo from a time on."""
        self._place(time, self.beat_at(time))
        self.qpm = qpm

    def set_metre(self, time: float, metre: str) -> None:
        """Count bars of another metre from the next barline on.

        Raises ValueError for a metre that does not exist.
        """
        self.bars.change(metre, self.beat_at(time))

    def stop(self, time: float) -> None:
        """Stand still."""
        self._place(time, self.beat_at(time))
        self.is_running = False

    def tap(self, time: float) -> None:
        """Take a tap: of two or more the tempo, and each is a beat."""
        if self._taps and time - self._taps[-1] > TAPS_APART:
            self._taps.clear()
        self._taps = [*self._taps[1 - MOST_TAPS :], time]
        if len(self._taps) < 2:
            return
        qpm = 60 / max(median(b - a for a, b in zip(self._taps, self._taps[1:], strict=False)), 1e-6)
        if SLOWEST <= qpm <= FASTEST:
            self._place(time, self._ahead(round(self.beat_at(time)), time, 1))
            self.qpm, self.source = qpm, "tapped"

    def _place(self, time: float, beat: float) -> None:
        self._time, self._beat = time, beat

    def _ahead(self, beat: float, time: float, period: float) -> float:
        """Move a beat by whole periods to the nearest place that is not behind."""
        now = self.beat_at(time)
        return beat + period * max(0, math.ceil((now - beat) / period - 0.5))


class Bars:
    """Barlines and beats of a metre, in quarters.

    metre: its name. Raises ValueError for one that does not exist.
    """

    def __init__(self, metre: str = "4/4"):
        self._begin, self._before = Fraction(0), 0
        self._set(metre)

    def _set(self, metre: str) -> None:
        self._beats = beat_lengths(metre_named(metre))
        self.metre, self.length = metre, sum(self._beats, Fraction(0))

    @property
    def beat_length(self) -> Fraction:
        """The first beat of a bar, in quarters."""
        return self._beats[0]

    def change(self, metre: str, beat: float) -> None:
        """Count bars of another metre from the first barline at `beat` or after it."""
        begin = self.barline_from(beat)
        before = self._before + int((begin - self._begin) / self.length)
        self._set(metre)
        self._begin, self._before = begin, before

    def number(self, beat: float) -> int:
        """Return the number of the bar at a beat, from 1 on."""
        return self._before + max(math.floor((beat - self._begin) / self.length), 0) + 1

    def barline_from(self, beat: float | Fraction) -> Fraction:
        """Find the first barline at `beat` or after it."""
        return self._begin + max(math.ceil((_exact(beat) - self._begin) / self.length), 0) * self.length

    def beat_from(self, beat: float | Fraction) -> Fraction:
        """Find the first beat of the metre at `beat` or after it."""
        place = self.barline_from(beat)
        for length in reversed(self._beats):
            if place - length < beat:
                break
            place -= length
        return place

    def is_barline(self, place: Fraction) -> bool:
        """Tell whether a place is a barline."""
        return self.barline_from(place) == place

    def is_beat(self, place: Fraction) -> bool:
        """Tell whether a place is a beat of the metre."""
        return self.beat_from(place) == place


def _exact(beat: float | Fraction) -> Fraction:
    """Take a beat that lies a hair's breadth after a grid place for that place."""
    near = Fraction(round(beat * 48), 48)
    return near if abs(float(near) - float(beat)) < 1e-6 else Fraction(beat)
