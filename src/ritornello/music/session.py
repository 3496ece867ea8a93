"""Read the music of a session of `ritornello jam`: two parts, the player and the machine.

A session is lines of JSON: settings, then what was heard and played, each note with its time and its place on the
beat (`live/session.py` writes them).
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

from ritornello.music.beats import metre_named
from ritornello.music.values import Metre, Note, Part, Piece, Tempo, Timeline

FIRST_KEY = "ritornello_session"
TICKS = 960  # per quarter, of the notes that were played
SAME_TEMPO = 0.005  # share of a tempo that counts as no change
NO_NOTES = "no notes in this session"
MOST_SOUNDING = 256  # notes that sound or wait at one time


class Played(NamedTuple):
    """What was heard or played at a time, in seconds. kind: note_on, note_off or silence."""

    time: float
    kind: str
    number: int = 0
    value: Any = 0
    channel: int = 0


Place = tuple[float, float, float]
"""Where a time lies: seconds, quarters from the first barline, quarters per minute."""


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
                places.append((float(line["t"]), float(line["b"]), float(line["q"])))
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

    Notes lie where they were played. Raises ValueError for a performance without a note.
    """
    places = sorted(set(performance.places))
    if not places:
        raise ValueError(NO_NOTES)
    ticks = {time: max(round(beat * TICKS), 0) for time, beat, _ in places}
    parts = []
    for name, events, program in (
        ("player", performance.player, 0),
        ("machine", performance.machine, performance.program),
    ):
        notes = [
            Note(ticks[on], max(ticks.get(off, ticks[on]) - ticks[on], 1), pitch, velocity)
            for on, off, pitch, velocity in sounded(events)
            if on in ticks
        ]
        parts.append(Part(tuple(notes), name, program))
    return Piece(tuple(parts), _timeline(places, performance.metres), title, source=source, is_counted=True)


def _timeline(places: list[Place], changes: Sequence[tuple[float, str]]) -> Timeline:
    """Make the timeline of a performance: its tempos, and its metres where they were changed."""
    tempos = [Tempo(0, places[0][2])]
    for (time, beat, qpm), (next_time, next_beat, next_qpm) in pairwise(places):
        if abs(next_qpm / tempos[-1].qpm - 1) > SAME_TEMPO:
            missing = next_beat - beat - (next_time - time) * next_qpm / 60
            place = beat + missing * qpm / (qpm - next_qpm) if qpm != next_qpm else next_beat
            tick = round(min(max(place, beat), next_beat) * TICKS)
            if tick > tempos[-1].tick:
                tempos.append(Tempo(tick, next_qpm))
    metres: list[Metre] = []
    for when, name in changes:
        with suppress(ValueError):
            metre = metre_named(name)
            if metres:
                time, beat, qpm = places[max(bisect_right(places, (when, math.inf, math.inf)) - 1, 0)]
                metre = metre._replace(tick=_barline_from(metres[-1], beat + (when - time) * qpm / 60))
                metres = [before for before in metres if before.tick < metre.tick]
            metres.append(metre if metres else metre._replace(tick=0))
    return Timeline(TICKS, 0, tuple(metres), tempos=tuple(tempos))


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
