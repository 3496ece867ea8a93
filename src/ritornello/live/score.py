"""Music as events, and events as music: a file as the player, a session as a piece of two parts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from ritornello.live.session import Session
from ritornello.live.values import Event
from ritornello.music import session as sessions
from ritornello.music.beats import bar_quarters, metre_named
from ritornello.music.session import sounded
from ritornello.music.values import Note, Piece, Tempo, Timeline

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


def piece_of(session: Session, title: str = "") -> Piece:
    """Make a piece of a session, with two parts: the player and the machine.

    Raises ValueError for a session in which no note was played.
    """
    dials = session.heading.dials
    changes = [(e.time, str(e.value)) for e in session.heard if e.kind == "dial" and e.name == "metre"]
    metres = [(-math.inf, dials.metre), *changes]
    return sessions.piece_of(
        sessions.Performance(session.heard, session.played, session.beats, metres, dials.program), title
    )


def answers_of(session: Session) -> list[tuple[float, float, int]]:
    """List where the machine played without a note of the player: (first bar, bars, notes).

    Bars are counted from 1 in the metre of the beginning.
    """
    beats = {place.time: place.beat for place in session.beats}
    bar = float(bar_quarters(metre_named(session.heading.dials.metre)))
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
