"""Pending events in the order of time, and the notes that sound."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from ritornello.live.values import Event
from ritornello.live.ways.playing import CLOCK


class Schedule:
    """Pending events in the order of time, and the notes that sound.

    send: plays one event at a named port, "" for all. Times are in seconds, of any one clock.
    """

    def __init__(self, send: Callable[[Event], None], offset_of: Callable[[str], float] = lambda port: 0.0):
        self._send, self._offset_of = send, offset_of
        self._pending: list[tuple[float, int, int, Event]] = []
        self._number = count()
        self._is_running = False  # our clock
        self._sounding: dict[tuple[str, int, int], list[float]] = {}  # port, channel, pitch -> times of its notes
        self._last_due: dict[tuple[str, int, int], float] = {}  # of the last note_on that was put

    def put(self, event: Event) -> None:
        """Take an event; a silence drops what is pending from its time on."""
        if event.kind == "silence":
            self._pending = [
                item
                for item in self._pending
                if item[3].time < event.time or item[3].kind in CLOCK or event.port not in ("", item[3].port)
            ]
            heapq.heapify(self._pending)
        if event.kind == "stop":
            self._pending = [item for item in self._pending if item[3].kind != "clock" or item[3].time < event.time]
            heapq.heapify(self._pending)
        due = event.time - self._offset_of(event.port)
        key = (event.port, event.channel, event.number)
        rank = 0 if event.kind in ("note_off", "silence") else 1  # a note ends before the next begins
        if event.kind == "note_on":
            self._last_due[key] = due
        elif event.kind == "note_off" and self._last_due.get(key) == due:
            rank = 2  # but a note of no length ends after it began
        heapq.heappush(self._pending, (due, rank, next(self._number), event))

    @property
    def next_due(self) -> float:
        """Time of the next event, infinite where nothing is pending."""
        return self._pending[0][0] if self._pending else float("inf")

    @property
    def sounding(self) -> int:
        """Number of notes that sound."""
        return sum(map(len, self._sounding.values()))

    def play(self, now: float) -> list[tuple[Event, float]]:
        """Play what is due; returns the events, each with the time at which it was due."""
        played = []
        while self._pending and self._pending[0][0] <= now:
            due, _, _, event = heapq.heappop(self._pending)
            self._play(event, now)
            played.append((event, due))
        return played

    def _play(self, event: Event, now: float) -> None:
        key = (event.port, event.channel, event.number)
        if event.kind == "silence":
            self.silence(event.port)
        elif event.kind == "note_on":
            starts = self._sounding.setdefault(key, [])
            if starts:  # struck again: an instrument would take the first end for both
                self._send(event._replace(kind="note_off", value=0))
            starts.append(now)
            self._send(event)
        elif event.kind == "note_off":
            starts = self._sounding.get(key, [])
            if len(starts) > 1:
                starts.pop(0)
            elif self._sounding.pop(key, None):
                self._send(event)
        else:
            self._is_running = event.kind in ("start", "continue") or (self._is_running and event.kind != "stop")
            self._send(event)

    def redirect(self, before: list[str], after: list[str]) -> None:
        """Move what is pending to other ports.

        before, after: the names of the ports that play everything. New ones get what is pending at the first of
        before. What is pending for "" stays: it goes to all.
        """
        inserted = sorted(self._pending, key=lambda item: item[2])
        events = [event for *_, event in inserted if before and event.port == before[0]]
        gone = {*before} - {*after}
        self._pending = [item for item in self._pending if item[3].port not in gone]
        heapq.heapify(self._pending)
        for name in after:
            for event in events if name not in before else ():
                self.put(event._replace(port=name))

    def silence(self, port: str = "") -> None:
        """End all notes that sound at a port, "" for all ports."""
        for key in [key for key in self._sounding if port in ("", key[0])]:
            self._end(key)

    def end_long(self, before: float) -> None:
        """End notes that began before a time."""
        for key in [key for key, starts in self._sounding.items() if starts[-1] < before]:
            self._end(key)

    def _end(self, key: tuple[str, int, int]) -> None:
        del self._sounding[key]
        self._send(Event(0.0, "note_off", key[2], 0, key[1], key[0]))

    def clear(self) -> None:
        """Drop all that is pending, end all that sounds, and stop our clock."""
        self._pending.clear()
        self.silence()
        if self._is_running:  # those who follow our clock
            self._is_running = False
            self._send(Event(0.0, "stop"))
