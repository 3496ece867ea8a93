"""The own beat as a MIDI clock, for others to follow: 24 ticks to a quarter, start, stop and continue."""

from __future__ import annotations

import math

from ritornello.live.beat import TICKS, Beat
from ritornello.live.values import Event

AHEAD = 0.05  # seconds before it is due, at which a tick is handed to the output
CLOSEST = 0.5  # of an interval: ticks come no closer where the tempo has just gone up
JUMP = 3  # ticks by which the beat may run ahead before its place is sent anew
SIXTEENTH = TICKS // 4


class Ticks:
    """Writes the ticks of a beat.

    Source: MIDI 1.0 Detailed Specification, "System Real Time Messages": the first tick after start is the beginning,
    and a song position, in sixteenths, is sent while the clock is stopped.
    """

    def __init__(self, beat: Beat):
        self._beat = beat
        self._next = 0  # the next tick, counted from the first barline
        self._last = -math.inf  # when the last one was due, in seconds
        self._is_started = False

    def next_time(self) -> float:
        """Return when there is something to do next, in seconds.

        Infinity while the beat stands still.
        """
        if self._beat.is_running and not self._is_started:
            return -math.inf  # at once
        return self._beat.time_of(self._next / TICKS) - AHEAD

    def write(self, time: float) -> list[Event]:
        """Write all that is due up to a moment and a little ahead."""
        events: list[Event] = []
        if not self._beat.is_running:
            return events
        now = TICKS * self._beat.beat_at(time)
        if not self._is_started or now - self._next > JUMP:
            events += self._begin(time, now)
        while self.next_time() <= time:
            interval = 60 / (TICKS * self._beat.qpm)
            self._last = max(self._beat.time_of(self._next / TICKS), time, self._last + CLOSEST * interval)
            events.append(Event(self._last, "clock"))
            self._next += 1
        return events

    def stop(self, time: float) -> list[Event]:
        """Write that the beat stops."""
        was_started, self._is_started = self._is_started, False
        self._last = -math.inf
        return [Event(time, "stop")] if was_started else []

    def _begin(self, time: float, now: float) -> list[Event]:
        """Write where the ticks begin: at the first sixteenth from now on, if not at the beginning."""
        events = self.stop(time)
        sixteenth = max(math.ceil((now - 1) / SIXTEENTH), 0)
        self._next, self._is_started = sixteenth * SIXTEENTH, True
        if not sixteenth:
            return [*events, Event(time, "start")]
        return [*events, Event(time, "position", value=sixteenth), Event(time, "continue")]
