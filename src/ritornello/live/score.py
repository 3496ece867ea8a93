"""Music as events, and events as music: a file as the player, a session as a piece of two parts."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from ritornello.live.beat import Bars
from ritornello.live.session import Session
from ritornello.live.values import Event
from ritornello.music.beats import metre_named
from ritornello.music.values import Note, Part, Piece, Tempo, Timeline

TICKS = 960  # per quarter, of the notes that were played
SAME_TEMPO = 0.005  # share of a tempo that counts as no change
MOST_SOUNDING = 256  # notes that sound or wait at one time
SLOWEST, FASTEST = 10.0, 400.0  # quarters per minute, of the dial


class Performance(NamedTuple):
    """A file as the player.

    events: what it plays. end: its last barline in seconds. qpm, metre: at its beginning.
    """

    events: list[Event]
    end: float
    qpm: float
    metre: str


def performance_of(notes: Iterable[Note], timeline: Timeline, qpm: float | None = None) -> Performance:
    """Turn notes on a timeline into events of a player.

    A pick-up comes before the second barline.

    qpm: a tempo that takes the place of the timeline's own.
    """
    if qpm is not None:
        timeline = Timeline(timeline.ticks_per_quarter, timeline.length, timeline.metres, tempos=(Tempo(0, qpm),))
    tempos = [Tempo(t.tick, min(max(t.qpm, SLOWEST), FASTEST)) for t in timeline.tempos]
    pickup = timeline.pickup
    metres = [*timeline.metres[1:]] if pickup else [*timeline.metres]
    bar = timeline.bar_ticks(timeline.metre)
    opening = (float(bar) - pickup) / timeline.ticks_per_quarter * 60 / tempos[0].qpm if pickup else 0.0

    def seconds(tick: int) -> float:
        return opening + timeline.seconds(tick)

    events = []
    for note in notes:
        events.append(Event(seconds(note.start), "note_on", note.pitch, note.velocity))
        events.append(Event(seconds(note.end), "note_off", note.pitch))
    events += [Event(seconds(t.tick), "dial", value=t.qpm, name="qpm") for t in tempos[1:]]
    events += [Event(seconds(m.tick), "dial", value=m.name, name="metre") for m in metres[1:]]
    events.sort(key=lambda event: (event.time, event.kind != "dial", event.kind == "note_on"))
    last = max((note.end for note in notes), default=0)
    lines = [line for line in timeline.barlines() if line >= last]
    return Performance(events, seconds(lines[0] if lines else last), tempos[0].qpm, metres[0].name)


def piece_of(session: Session, title: str = "", source: str = "") -> Piece:
    """Make a piece of a session, with two parts: the player and the machine.

    Notes lie where they were played. Raises ValueError for a session in which no note was played.
    """
    beats = sorted(set(session.beats))
    if not beats:
        raise ValueError(f"{source or 'session'}: there is not a note in this session")
    ticks = {time: max(round(beat * TICKS), 0) for time, beat, _ in beats}
    parts = []
    for name, events, program in (
        ("player", session.heard, 0),
        ("machine", session.played, session.heading.dials.program),
    ):
        notes = [
            Note(ticks[on], max(ticks.get(off, ticks[on]) - ticks[on], 1), pitch, velocity)
            for on, off, pitch, velocity in sounded(events)
            if on in ticks
        ]
        parts.append(Part(tuple(notes), name, program))
    return Piece(tuple(parts), _timeline(session, beats), title, source=source)


def _timeline(session: Session, beats: list[tuple[float, float, float]]) -> Timeline:
    """Make the timeline of a session: its tempos, and its metres where they were changed."""
    tempos, bars = [Tempo(0, beats[0][2])], Bars(session.heading.dials.metre)
    for (time, beat, qpm), (next_time, next_beat, next_qpm) in pairwise(beats):
        if abs(next_qpm / tempos[-1].qpm - 1) > SAME_TEMPO:
            missing = next_beat - beat - (next_time - time) * next_qpm / 60
            place = beat + missing * qpm / (qpm - next_qpm) if qpm != next_qpm else next_beat
            tick = round(min(max(place, beat), next_beat) * TICKS)
            if tick > tempos[-1].tick:
                tempos.append(Tempo(tick, next_qpm))
    metres = [metre_named(bars.metre)]
    for event in session.heard:
        if event.kind == "dial" and event.name == "metre":
            time, beat, qpm = beats[max(bisect_right(beats, (event.time, math.inf)) - 1, 0)]
            with suppress(ValueError):
                begin = bars.change(event.value, beat + (event.time - time) * qpm / 60)
                metres = [m for m in metres if m.tick < begin * TICKS]
                metres.append(metre_named(bars.metre)._replace(tick=int(begin * TICKS)))
    return Timeline(TICKS, 0, tuple(metres), tempos=tuple(tempos))


def sounded(events: Iterable[Event]) -> list[tuple[float, float, int, int]]:
    """List the notes that events make sound: when on and off, pitch, velocity.

    Events come in the order in which they were issued, and may lie ahead. A silence ends what sounds and removes what
    was issued for later. A note without an end lasts to the last event.
    """
    notes: list[tuple[float, float, int, int]] = []
    waiting: dict[tuple[int, int], list[Event]] = {}
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


def answers_of(session: Session) -> list[tuple[float, float, int]]:
    """List where the machine played without a note of the player: (first bar, bars, notes).

    Bars are counted from 1 in the metre of the beginning.
    """
    beats = {time: beat for time, beat, _ in session.beats}
    bar = float(Timeline().bar_ticks(metre_named(session.heading.dials.metre)) / Timeline().ticks_per_quarter)
    turns = [(on, off, False) for on, off, *_ in sounded(session.played)]
    turns += [(on, off, True) for on, off, *_ in sounded(session.heard)]
    answers: list[list[tuple[float, float]]] = []
    is_new = True
    for on, off, is_player in sorted(turns):
        if is_player:
            is_new = True
            continue
        if is_new:
            answers.append([])
        answers[-1].append((beats.get(on, 0.0) / bar, beats.get(off, 0.0) / bar))
        is_new = False
    return [(notes[0][0] + 1, notes[-1][1] - notes[0][0], len(notes)) for notes in answers]
