"""What player and machine do at this moment, and what a way of playing may do about it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import NamedTuple

from ritornello.live.beat import Beat
from ritornello.live.dials import Dials
from ritornello.live.session import Source
from ritornello.live.values import Event, LineNote
from ritornello.live.ways.keys import Keys
from ritornello.live.ways.plan import Composer, Plan
from ritornello.live.ways.wander import Wander

LEAD = 0.25  # seconds before it sounds, at which a note is handed to the output
LONGEST = 10.0  # seconds that a note of the machine may sound
CHUNK = Fraction(1)  # quarters that are planned at one moment
OPENING_CHUNKS = 8  # in which a stretch must find its first note
SHORTEST = 0.01  # seconds
CLOCK = ("clock", "start", "stop", "continue", "position")  # what a silence does not end

Record = Callable[[Source, Event, float, float], None]
"""Keeps an event: called with "heard" or "played", the event, its beat and the tempo."""


class Handed(NamedTuple):
    """A note that was handed to the output. on, off: its times in seconds."""

    on: float
    off: float
    note: LineNote


class Sounding(NamedTuple):
    """A note that sounds until something ends it.

    until: the time in seconds at which it ends by itself.
    """

    until: float
    note: LineNote


class Playing:
    """The instrument while it plays: its line, beat, keys and plan, and the events that it emits.

    time: of what is dealt with, in seconds. handed: what the output has, as long as it sounds or is to sound.
    sounding: notes played at once, by the key that they answer. timers: times in seconds, by name.
    wandered: the dials of a machine that plays alone; None while the player's hold. owed: notes that the machine may
    play in turn. rest_until: a place before which it does not begin by itself.
    """

    def __init__(self, line: Composer, dials: Dials, seed: int, time: float = 0.0, record: Record | None = None):
        self.line, self.dials, self.time, self._record = line, dials, time, record
        self.beat = Beat(dials.qpm, dials.metre, time)
        self.keys, self.plan, self.random = Keys(), Plan(), Random(seed)
        self.wander = Wander(self.random)
        self.wandered: Dials | None = None
        self.owed, self.rest_until = 0.0, Fraction(0)
        self.handed: list[Handed] = []
        self.sounding: dict[object, Sounding] = {}
        self.timers: dict[str, float] = {}
        self.events: list[Event] = []

    @property
    def now(self) -> float:
        """The beat at this time."""
        return self.beat.beat_at(self.time)

    @property
    def is_active(self) -> bool:
        """Whether the machine plays a stretch, or sounds."""
        return self.plan.is_open or bool(self.handed or self.sounding)

    def emit(self, kind: str, time: float, note: LineNote | None = None) -> None:
        """Emit an event that is to be played."""
        number, value = (note.pitch, note.velocity if kind == "note_on" else 0) if note else (0, 0)
        event = Event(time, kind, number, value)
        self.events.append(event)
        self.keep("played", event)

    def keep(self, source: Source, event: Event) -> None:
        """Give an event to whoever keeps them."""
        if self._record:
            self._record(source, event, self.beat.beat_at(event.time), self.beat.qpm)

    def take(self, start: Fraction, end: Fraction | None, time: float | None = None) -> None:
        """Begin a stretch of the machine.

        time: of its first note in seconds, where that is not its place on the beat.
        """
        self.keys.phrase.clear()
        self.settle_pending()
        plan = self.plan
        plan.open(start, end)
        for _ in range(OPENING_CHUNKS):
            plan.extend(self.line, plan.planned + CHUNK, self.planning_dials)
            if plan.tentative:
                break
        if plan.tentative:
            first = plan.tentative[0]
            push = first.push if time is None else self.beat.beat_at(time) - self.swung(start)
            plan.tentative = [
                note._replace(start=start, duration=note.end - start, push=push)
                if note.start == first.start
                else note
                for note in plan.tentative
            ]
        self.go_on(start)

    def play_notes(self, count: int) -> None:
        """Play so many notes of the line, the first one now."""
        self.withdraw()
        self.settle_pending()
        plan, start = self.plan, Fraction(round(4 * self.now), 4)
        plan.open(start, None)
        for _ in range(OPENING_CHUNKS + count):
            plan.extend(self.line, plan.planned + CHUNK, self.dials)
            if len(plan.tentative) >= count:
                break
        together = plan.tentative[count - 1 : count]
        count += sum(note.start == together[0].start for note in plan.tentative[count:]) if together else 0
        notes = plan.tentative[:count]
        if notes:
            first = notes[0]._replace(start=start, push=self.now - self.swung(start))
            notes[0] = first._replace(duration=notes[0].end - start)
        later = plan.tentative[count:]
        plan.close(self.line, later[0].start if later else plan.planned)
        plan.committed = notes

    def withdraw(self) -> None:
        """Take back what is planned and not yet handed over; what sounds goes on."""
        planned = [*self.plan.committed, *self.plan.tentative]
        self.plan.close(self.line, min((note.start for note in planned), default=self.plan.planned))
        self.plan.committed.clear()

    @property
    def planning_dials(self) -> Dials:
        """The dials by which is planned."""
        return self.wandered or self.dials

    def go_on(self, place: Fraction) -> None:
        """Plan further, seen from a place; commit what is due, and hand over what comes soon."""
        plan, unit = self.plan, self.beat.bars.beat_length
        settled = place + Fraction(self.dials.commit) * unit + Fraction(1, 4)
        wanted = max(place + Fraction(self.dials.look_ahead) * unit, settled)
        if plan.planned <= wanted - CHUNK or plan.planned < settled:
            plan.extend(self.line, max(min(wanted, plan.planned + CHUNK), settled), self.planning_dials)
        plan.commit(settled)
        if plan.is_open and plan.end is not None and place >= plan.end:
            plan.is_open = False

    def stop(self) -> None:
        """Silence the machine at once; what it has not played is taken back."""
        if not self.is_active:
            return
        waiting = [h.note.start for h in self.handed if h.on > self.time]
        waiting += [note.start for note in (*self.plan.committed, *self.plan.tentative)]
        self.plan.close(self.line, min(waiting, default=self.plan.planned))
        self.plan.committed.clear()
        self.handed.clear()
        self.sounding.clear()
        self.events = [event for event in self.events if event.time <= self.time or event.kind in CLOCK]
        self.emit("silence", self.time)

    def play_at_once(self, key: object, note: LineNote, until: float | None = None) -> None:
        """Play a note now.

        key: what it answers. until: its end in seconds; None where that key decides.
        """
        self.end(key)
        self.emit("note_on", self.time, note)
        last = self.time + LONGEST
        self.sounding[key] = Sounding(last if until is None else min(until, last), note)

    def end(self, key: object) -> None:
        """End the note that answers a key, if one sounds."""
        if key in self.sounding:
            self.emit("note_off", self.time, self.sounding.pop(key).note)

    def end_at(self, key: object, time: float) -> None:
        """Let the note that answers a key end at a time, if one sounds."""
        if key in self.sounding:
            self.sounding[key] = self.sounding[key]._replace(until=min(time, self.sounding[key].until))

    def time_of(self, note: LineNote) -> float:
        """Return when a note begins to sound, in seconds."""
        return self.beat.time_of(self.swung(note.start) + note.push)

    def hand_over(self) -> None:
        """Hand the first committed note to the output."""
        note = self.plan.committed.pop(0)
        on = max(self.time_of(note), self.time)
        following = [*self.plan.committed, *self.plan.tentative][:1]
        share = self.dials.length
        if share > 1 and (not following or following[0].pitch == note.pitch):
            share = 1.0
        end = self.swung(note.start) + (self.swung(note.end) - self.swung(note.start)) * share
        off = min(max(self.beat.time_of(end), on + SHORTEST), on + LONGEST)
        self.emit("note_on", on, note)
        self.emit("note_off", off, note)
        self.handed.append(Handed(on, off, note))

    def swung(self, place: Fraction) -> float:
        """Return where a place is played in swing, in quarters.

        The second half of a beat comes late, and the parts of each half with it.
        """
        late = self.dials.swing / 6
        if not late or self.beat.bars.beat_length.numerator % 3 == 0:
            return float(place)
        whole = place // 1
        part = float(place - whole)
        return whole + (part * (1 + 2 * late) if part <= 0.5 else 0.5 + late + (part - 0.5) * (1 - 2 * late))

    def settle_pending(self) -> None:
        """Feed the player's last note to the line, with the length that it had."""
        if self.keys.pending:
            self.line.heard([self.keys.pending])
            self.keys.pending = None
