"""Read the music of a session of `ritornello jam`: two parts, the player and the machine.

A session is lines of JSON: settings, then what was heard and played, each note with its time and its place on the
beat (`live/session.py` writes them).
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

from ritornello.music.beats import metre_named
from ritornello.music.values import Metre, Note, Part, Piece, Tempo, Timeline

FIRST_KEY = "ritornello_session"
TICKS = 960  # per quarter, of the notes that were played
SAME_TEMPO = 0.005  # share of a tempo that counts as no change
NO_NOTES = "no notes in this session"
MOST_ASIDE = 1 / 32  # quarters between where a note was meant and where it was played: it lies where it was meant
LEAST_BEAT = 1e-4  # quarters; less is a beat that stands still
ASIDE = 0.008  # seconds by which a place may lie beside the tempos that are written
SLOWEST, FASTEST = 5.0, 2000.0  # quarters per minute that are written
MOST_SOUNDING = 256  # notes that sound or wait at one time


class Played(NamedTuple):
    """What was heard or played at a time, in seconds. kind: note_on, note_off or silence."""

    time: float
    kind: str
    number: int = 0
    value: Any = 0
    channel: int = 0


class Place(NamedTuple):
    """Where a time lies.

    time: in seconds. beat: quarters from the first barline. qpm: quarters per minute. is_past: whether it was written
    when it was there; False of what was foreseen, at the tempo of then.
    """

    time: float
    beat: float
    qpm: float
    is_past: bool = False


TIME = attrgetter("time")


class Performance(NamedTuple):
    """A performance.

    player, machine: events of each in the order in which they were issued. metres: the first, and later ones by time.
    """

    player: Sequence[Any]
    machine: Sequence[Any]
    places: Sequence[Place]
    metres: Sequence[tuple[float, str]]
    program: int = 0


def scan_session(content: bytes, source: str = "") -> Piece:
    """Read the bytes of a session file; a last line that was cut off is left out.

    Raises ValueError for a file that is none, is broken, or holds no note.
    """
    lines = whole_lines(content)
    try:
        dials = json.loads(lines[0])["dials"]
        metres, program = [(-math.inf, str(dials["metre"]))], int(dials["program"])
        player: list[Played] = []
        machine: list[Played] = []
        places: list[Place] = []
        for line in map(json.loads, lines[1:]):
            kind = line.get("heard", line.get("played"))
            if kind == "dial" and line.get("name") == "metre":
                metres.append((float(line["t"]), str(line.get("v"))))
            if kind in ("note_on", "note_off", "silence"):
                event = Played(float(line["t"]), kind, int(line.get("n", 0)), line.get("v", 0), line.get("c", 0))
                (player if "heard" in line else machine).append(event)
            if "b" in line:
                places.append(Place(float(line["t"]), float(line["b"]), float(line["q"]), "heard" in line))
        performance = Performance(player, machine, places, metres, program)
        return piece_of(performance, source=source)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError) as error:
        raise ValueError(error if str(error) == NO_NOTES else f"damaged session of ritornello jam: {error}") from None


def whole_lines(content: bytes) -> list[str]:
    """Split the bytes of a session file into lines; a last one that was cut off is left out."""
    lines = content.decode("utf-8", "replace").splitlines()
    return lines if content.endswith(b"\n") else lines[:-1]


def piece_of(performance: Performance, title: str = "", source: str = "") -> Piece:
    """Make a piece of two parts, the player and the machine, of a performance.

    Notes lie where they were meant, or where they were played if that is another place. Raises ValueError for a
    performance without a note.
    """
    sounds = [sounded(events) for events in (performance.player, performance.machine)]
    if not any(sounds) or not performance.places:
        raise ValueError(NO_NOTES)
    beats = BeatMap(performance.places)
    meant = {place.time: place.beat for place in performance.places}

    def tick(time: float) -> int:
        beat = beats.at(time)
        near = meant.get(time, beat)
        return max(round((near if abs(near - beat) <= MOST_ASIDE else beat) * TICKS), 0)

    parts = []
    for name, program, notes in zip(("player", "machine"), (0, performance.program), sounds, strict=True):
        placed = [Note(tick(on), max(tick(off) - tick(on), 1), pitch, velocity) for on, off, pitch, velocity in notes]
        parts.append(Part(tuple(placed), name, program))
    timeline = Timeline(TICKS, 0, _metres(beats, performance.metres), tempos=beats.tempos())
    return Piece(tuple(parts), timeline, title, source=source, is_counted=True)


class BeatMap:
    """Where the seconds of a performance lie in quarters, through all changes of tempo.

    places: in the order in which they were written. What was foreseen gives way to what was there.
    Raises ValueError for a place that cannot be.
    """

    def __init__(self, places: Iterable[Place]):
        knots: list[Place] = []
        for place in places:
            if not (math.isfinite(place.time) and math.isfinite(place.beat) and place.qpm > 0):
                raise ValueError(f"no place on the beat: {place.beat} at {place.qpm} quarters per minute")
            at = bisect_left(knots, place.time, key=TIME)
            if place.is_past or (knots[at:] and (knots[at].time == place.time or knots[at].beat < place.beat)):
                del knots[at:]
            while place.is_past and knots and knots[-1].beat > place.beat:
                knots.pop()  # the beat went back by a hair
            if place.is_past or not at or knots[at - 1].beat <= place.beat:
                knots.insert(at, place)
        self._knots = [*self._with_changes(knots)]

    @staticmethod
    def _with_changes(knots: Sequence[Place]) -> Iterator[Place]:
        """Add the place between two others at which the tempo of one becomes that of the other."""
        for one, other in pairwise(knots):
            yield one
            if abs(other.qpm / one.qpm - 1) > SAME_TEMPO:
                missing = other.beat - one.beat - (other.time - one.time) * other.qpm / 60
                place = one.beat + missing * one.qpm / (one.qpm - other.qpm)
                if one.beat < place < other.beat:
                    yield Place(one.time + (place - one.beat) * 60 / one.qpm, place, other.qpm)
        yield from knots[-1:]

    def at(self, time: float) -> float:
        """Return the beat at a time, in quarters."""
        after = bisect_right(self._knots, time, key=TIME)
        last = self._knots[max(after - 1, 0)]
        if 0 < after < len(self._knots):
            following = self._knots[after]
            share = (time - last.time) / (following.time - last.time)
            return last.beat + share * (following.beat - last.beat)
        return last.beat + (time - last.time) * last.qpm / 60

    def tempos(self) -> tuple[Tempo, ...]:
        """List as few tempos as keep each place within some milliseconds.

        The time in which the beat stood still is left out.
        """
        clock = 0.0  # seconds of the music, without those of a beat that stands still
        first = (self._knots[0].beat, clock)
        before, low, high = first, 0.0, math.inf  # low, high: seconds per quarter from the first place on
        tempos = []
        for one, other in pairwise(self._knots):
            if other.beat - one.beat < LEAST_BEAT:
                continue
            clock += other.time - one.time
            place = (other.beat, clock)
            low_here, high_here = ((clock + aside - first[1]) / (place[0] - first[0]) for aside in (-ASIDE, ASIDE))
            if max(low, low_here) > min(high, high_here):
                tempos.append(_tempo(first, before))
                first, low, high = before, 0.0, math.inf
                low_here, high_here = (
                    (clock + aside - first[1]) / (place[0] - first[0]) for aside in (-ASIDE, ASIDE)
                )
            low, high, before = max(low, low_here), min(high, high_here), place
        tempos.append(_tempo(first, before) if before > first else Tempo(0, self._knots[-1].qpm))
        kept = {each.tick: each for each in tempos}  # of several at one tick the last
        return (tempos[0]._replace(tick=0), *(each for each in kept.values() if each.tick > tempos[0].tick))


def _tempo(first: tuple[float, float], last: tuple[float, float]) -> Tempo:
    """Make the tempo between two places, each of quarters and seconds."""
    qpm = 60 * (last[0] - first[0]) / max(last[1] - first[1], 1e-9)
    return Tempo(max(round(first[0] * TICKS), 0), round(min(max(qpm, SLOWEST), FASTEST), 4))


def _metres(beats: BeatMap, changes: Sequence[tuple[float, str]]) -> tuple[Metre, ...]:
    """List the metres of a performance, each from the barline after its change on."""
    metres: list[Metre] = []
    for when, name in changes:
        with suppress(ValueError):
            metre = metre_named(name)
            if metres:
                metre = metre._replace(tick=_barline_from(metres[-1], beats.at(when)))
                metres = [before for before in metres if before.tick < metre.tick]
            metres.append(metre if metres else metre._replace(tick=0))
    return tuple(metres)


def _barline_from(metre: Metre, beat: float) -> int:
    """Find the tick of the first barline of a metre at a beat or after it."""
    bar = Timeline(TICKS).bar_ticks(metre)
    return int(metre.tick + max(math.ceil((round(beat * TICKS) - metre.tick) / bar), 0) * bar)


def sounded(events: Iterable[Any]) -> list[tuple[float, float, int, int]]:
    """List the notes that events make sound: when on and off, pitch, velocity.

    Events come in the order in which they were issued, and may lie ahead. A silence ends what sounds and removes what
    was issued for later. A note without an end lasts to the last event.
    """
    notes: list[tuple[float, float, int, int]] = []
    waiting: dict[tuple[int, int], list[Any]] = {}
    last = 0.0
    for event in events:
        last = max(last, event.time)
        if event.kind == "silence":
            before = max(len(notes) - MOST_SOUNDING, 0)  # older ones are over
            cut = [(on, min(off, event.time), pitch, velocity) for on, off, pitch, velocity in notes[before:]]
            notes[before:] = [note for note in cut if note[0] < event.time]
            notes += [(on.time, event.time, on.number, on.value) for key in waiting.values() for on in key]
            waiting.clear()
        elif event.kind == "note_on" and event.value:
            waiting.setdefault((event.channel, event.number), []).append(event)
        elif event.kind in ("note_on", "note_off") and waiting.get((event.channel, event.number)):
            on = waiting[event.channel, event.number].pop(0)
            notes.append((on.time, event.time, on.number, on.value))
    notes += [(on.time, last, on.number, on.value) for key in waiting.values() for on in key]
    return sorted(notes)
