"""Seconds to beats and back: own tempo, taps, MIDI clock, Link.

Beats are quarters from the first barline. They go back by no more than a hair, save at the first tick after a start:
where another clock jumps to another place, the beat goes on at the nearest place ahead that lies alike in its bar.
"""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction
from itertools import pairwise
from statistics import median, quantiles

from ritornello.music.beats import beat_lengths, metre_named

SLOWEST, FASTEST = 10.0, 400.0  # quarters per minute; another tempo is a fault
TAPS_APART = 2.0  # seconds, after which a tap begins anew
MOST_TAPS = 8
OWN, FOLLOWED, LOST, BROKEN = "own tempo", "MIDI clock", "the clock is lost", "the clock is broken"
MOST_BACK = 0.5  # quarters that the beat has run since a start, and is taken back by the tick that begins it
TICKS = 24  # of a MIDI clock in a quarter


class Beat:
    """The beat of the music. qpm: its tempo. source: who gives it, or what is wrong with it."""

    def __init__(self, qpm: float = 100.0, metre: str = "4/4", time: float = 0.0):
        self.qpm, self.is_running, self.source = qpm, True, OWN
        self.bars = Bars(metre)
        self._time, self._beat = time, 0.0
        self._taps: list[float] = []
        self._clock = ClockReader()
        self._awaits_tick = False

    def beat_at(self, time: float) -> float:
        """Return the beat at a time, in quarters."""
        return self._beat + (time - self._time) * self.qpm / 60 if self.is_running else self._beat

    def time_of(self, beat: float | Fraction) -> float:
        """Return the time of a beat in seconds; infinity while the beat stands still."""
        return self._time + (float(beat) - self._beat) * 60 / self.qpm if self.is_running else math.inf

    def set_tempo(self, time: float, qpm: float) -> None:
        """Go on in another tempo from a time on. A clock that is followed has its own."""
        if self.source not in (FOLLOWED, "Link"):
            self._place(time, self.beat_at(time))
            self.qpm = qpm

    def set_metre(self, time: float, metre: str) -> None:
        """Count bars of another metre from the next barline on.

        Raises ValueError for a metre that does not exist.
        """
        self.bars.change(metre, self.beat_at(time))

    def tap(self, time: float) -> None:
        """Take a tap: two or more give the tempo, and each is a beat."""
        if self._taps and time - self._taps[-1] > TAPS_APART:
            self._taps.clear()
        self._taps = [*self._taps[1 - MOST_TAPS :], time]
        if len(self._taps) < 2:
            return
        qpm = 60 / max(median(after - before for before, after in pairwise(self._taps)), 1e-6)
        if SLOWEST <= qpm <= FASTEST:
            self._jump(time, round(self.beat_at(time)), 1.0)
            self.qpm, self.source = qpm, "tapped"

    def link(self, time: float, qpm: float, beat: float) -> None:
        """Take tempo and place from a Link session; impossible ones are left out."""
        if SLOWEST <= qpm <= FASTEST and math.isfinite(beat):
            self._jump(time, beat, float(self.bars.length))
            self.qpm, self.source = qpm, "Link"

    def clock(self, time: float) -> None:
        """Take a tick of a MIDI clock."""
        reader = self._clock
        if reader.is_lost(time):
            if self._awaits_tick:  # start and continue count from the next tick on, however late it comes
                self._awaits_tick = False
                self._await_over(time, (reader.count + 1) / TICKS)
            reader.count = round(self.beat_at(time) * TICKS)  # the ticks between may be lost or not: keep the place
            reader.begin(time)
            return
        if reader.is_broken:
            reader.count = round(self.beat_at(time) * TICKS) - 1  # it may have lost ticks, or added some
        line = reader.tick(time)
        if not self.is_running:
            return
        self.source = BROKEN if reader.is_broken else FOLLOWED
        if line:
            first, interval = line  # seconds of the newest tick, and of a tick
            self._place(first, reader.count / TICKS)
            self.qpm = 60 / (TICKS * interval)

    def start(self, time: float) -> None:
        """Begin at a barline with the next tick of the clock."""
        self._begin(time, 0.0)

    def go_on(self, time: float) -> None:
        """Go on where the beat stopped, with the next tick of the clock."""
        self._begin(time, None)

    def position(self, time: float, sixteenths: float) -> None:
        """Take the place of a song, from which is gone on."""
        self._jump(time, sixteenths / 4, float(self.bars.length))

    def stop(self, time: float) -> None:
        """Stop: the beat stands still."""
        self._place(time, self.beat_at(time))
        self.is_running = False

    def watch(self, time: float) -> None:
        """Watch for a clock that gives no more ticks; its last tempo is held."""
        if self.source == FOLLOWED and self._clock.is_lost(time):
            self.source = LOST

    def _begin(self, time: float, beat: float | None) -> None:
        if beat is not None:
            self._jump(time, beat, float(self.bars.length))
        else:
            self._place(time, self.beat_at(time))
        self.is_running = True
        self._clock.count = round(self._beat * TICKS) - 1  # the next tick is this place
        self._clock.begin(None)
        self._awaits_tick = True

    def _await_over(self, time: float, beat: float) -> None:
        """Take the first tick after a start for the beat that it is.

        Of one that comes late only the place in the bar counts.
        """
        if self.beat_at(time) - beat < MOST_BACK:
            self._place(time, beat)
        else:
            self._jump(time, beat, float(self.bars.length))

    def _jump(self, time: float, beat: float, period: float) -> None:
        """Go on at a place that lies alike in its period.

        The nearest that is not behind by more than a tick.
        """
        least = self.beat_at(time) - 1 / TICKS
        self._place(time, beat + period * math.ceil((least - beat) / period))

    def _place(self, time: float, beat: float) -> None:
        self._time, self._beat = time, beat


class ClockReader:
    """Reads tempo and place from the ticks of a MIDI clock.

    A line is fitted through the last ticks, at most four beats; single ticks that lie far from it are left out. Where
    the last ticks lie beside it, the tempo has changed, and the line begins anew with them. Ticks that scatter
    without a tempo give no line: the clock is broken. count: ticks from the first barline.
    """

    LONGEST = 96  # ticks of a line
    RECENT = 6  # ticks that show a small change
    CHANGES = ((12, 0.15, 1.7), (24, 0.3, 100.0))
    """Ticks that show a large change: how many, within which share of an interval, and by what factor at most."""
    FEWEST = 6  # ticks that make a line
    WATCHED = 24  # intervals by whose scatter the clock is judged
    SPAN = 3  # intervals that are measured at once: ticks may come in the periods of a driver, 21 ms for 1,024 frames
    SCATTER, CALM = 0.6, 0.4  # shares of an interval: broken, and well again
    FAR = 0.25  # of an interval: a tick that far from the line is left out
    PAUSE = 0.3  # seconds without a tick: the clock is lost

    def __init__(self) -> None:
        self.count = 0
        self.is_broken = False
        self._calm = 0  # ticks since the clock last scattered
        self._times: deque[float] = deque(maxlen=self.WATCHED + 1)
        self._line: deque[tuple[int, float]] = deque(maxlen=self.LONGEST)
        self._strays: deque[tuple[int, float]] = deque(maxlen=self.WATCHED)
        self._misses: deque[float] = deque(maxlen=self.WATCHED)  # seconds by which the last ticks lay off the line

    def begin(self, time: float | None) -> None:
        """Forget the ticks so far. time: of a first new tick."""
        self._times.clear()
        self._line.clear()
        self._strays.clear()
        if time is not None:
            self._times.append(time)
            self._line.append((self.count, time))

    def is_lost(self, time: float) -> bool:
        """Tell whether the last tick lies too far back."""
        return not self._times or time - self._times[-1] > self.PAUSE

    def tick(self, time: float) -> tuple[float, float] | None:
        """Take a tick; return where the line has it and the interval, in seconds.

        None where there is no line.
        """
        self.count += 1
        self._times.append(time)
        self._judge()
        if self.is_broken:
            self._line.clear()
            self._strays.clear()
            return None
        self._add(time)
        if len(self._line) < self.FEWEST:
            return None
        at, interval = fitted(self._line, self.count)
        return (at, interval) if SLOWEST <= 60 / (TICKS * max(interval, 1e-9)) <= FASTEST else None

    def _judge(self) -> None:
        """Find out whether the ticks scatter too widely to have a tempo, or come impossibly fast."""
        if len(self._times) < self.WATCHED // 2:
            return
        times = [*self._times]
        spans = [(after - before) / self.SPAN for before, after in zip(times, times[self.SPAN :], strict=False)]
        low, middle, high = quantiles(spans, n=4)
        scatter = (high - low) / max(middle, 1e-6)
        is_possible = SLOWEST <= 60 / (TICKS * max(middle, 1e-6)) <= FASTEST
        self._calm = self._calm + 1 if scatter <= self.CALM and is_possible else 0
        if self.is_broken:
            self.is_broken = self._calm < self.WATCHED
        else:
            self.is_broken = scatter > self.SCATTER or not is_possible

    def _add(self, time: float) -> None:
        """Add a tick to the line, or to the strays.

        Where these make a line of their own, it begins with them.
        """
        if len(self._line) < self.FEWEST:
            self._line.append((self.count, time))
            return
        at, interval = fitted(self._line, self.count)
        self._misses.append(abs(time - at))
        noise = median(self._misses) if len(self._misses) == self.WATCHED else 0.0
        if abs(time - at) > max(self.FAR * interval, 0.004, 3 * noise):
            self._strays.append((self.count, time))
            for size, share, ratio in self.CHANGES:
                recent = deque([*self._strays][-size:], maxlen=self.LONGEST)
                _, changed = fitted(recent, self.count)
                if len(recent) == size and is_straight(recent, share) and 1 / ratio < changed / interval < ratio:
                    self._line = recent
                    self._strays.clear()
                    return
            return
        self._strays.clear()
        self._line.append((self.count, time))
        self._shorten()

    def _shorten(self) -> None:
        """Drop the older ticks, where the last ones lie beside the line on one side."""
        while len(self._line) > 2 * self.RECENT:
            at, interval = fitted(self._line, self.count)
            misses = [time - (at + (n - self.count) * interval) for n, time in self._line]
            spread = math.sqrt(sum(miss**2 for miss in misses) / len(misses))
            mean = sum(misses[-self.RECENT :]) / self.RECENT
            if abs(mean) <= max(0.0006, 1.5 * spread):
                return
            for _ in range(len(self._line) // 4 + 1):
                self._line.popleft()


def fitted(ticks: deque[tuple[int, float]], count: int) -> tuple[float, float]:
    """Fit a line through ticks (count, seconds) by least squares; return where `count` lies.

    Returns the interval besides, both in seconds.
    """
    size = len(ticks)
    middle_count = sum(n for n, _ in ticks) / size
    middle_time = sum(time for _, time in ticks) / size
    above = sum((n - middle_count) * (time - middle_time) for n, time in ticks)
    interval = above / max(sum((n - middle_count) ** 2 for n, _ in ticks), 1e-9)
    return middle_time + (count - middle_count) * interval, interval


def is_straight(ticks: deque[tuple[int, float]], share: float) -> bool:
    """Tell whether all ticks lie near one line, within this share of their interval."""
    newest = ticks[-1][0]
    at, interval = fitted(ticks, newest)
    return all(abs(time - at - (n - newest) * interval) <= share * interval for n, time in ticks)


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

    def change(self, metre: str, beat: float) -> Fraction:
        """Count bars of another metre from the first barline at `beat` or after it.

        Returns that place.
        """
        begin = self.barline_from(beat)
        before = self._before + int((begin - self._begin) / self.length)
        self._set(metre)
        self._begin, self._before = begin, before
        return begin

    def number(self, beat: float) -> int:
        """Return the number of the bar at a beat, from 1 on."""
        return max(self._before + math.floor((beat - float(self._begin)) / float(self.length)), 0) + 1

    def barline_from(self, beat: float | Fraction) -> Fraction:
        """Find the first barline at `beat` or after it."""
        return self._begin + max(math.ceil((_exact(beat) - self._begin) / self.length), 0) * self.length

    def beat_from(self, beat: float | Fraction) -> Fraction:
        """Find the first beat of the metre at `beat` or after it."""
        beat = _exact(beat)
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
    """Take a beat that lies a hair's breadth beside a grid place for that place."""
    near = Fraction(round(beat * 48), 48)
    return near if abs(float(near) - float(beat)) < 1e-6 else Fraction(beat)
