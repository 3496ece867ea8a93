"""The engine: what is heard goes in, what is to be played comes out; the time is given, never asked for.

It works at moments of its own, in order of time: the sixteenths of the beat, where it plans, timers of the way of
playing, notes that are due. What is played depends on the events with their times, the settings and the seed alone.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from functools import partial

from ritornello.live.dials import Dials
from ritornello.live.ticks import Ticks
from ritornello.live.values import ALL_NOTES_OFF, ALL_SOUND_OFF, Event, LineNote, Shown, State
from ritornello.live.ways.keys import OWN_WINDOW, STUCK, Name, name_of
from ritornello.live.ways.plan import Composer
from ritornello.live.ways.playing import LEAD, Playing, Record
from ritornello.live.ways.ways import BOUNDED, WAYS
from ritornello.music.keys import key_name

SHOWN_BEATS = 8  # that a screen shows of what is over
MOST_SHOWN = 512  # notes
TURN_PEDAL, RESET_PEDAL = 67, 66  # soft and sostenuto, as in Aria-Duet
DOWN = 64  # of a pedal


class Engine:
    """An instrument that plays with a player. line: the melody of both. seed: of all that is drawn besides.

    record: called with each event that is heard, and each that is played. time: at which the beat begins, in seconds.
    sends_clock: whether its beat is played as a MIDI clock, too. change: makes the line that plays on, of the one so
    far and a "model" event; raises ValueError where it cannot.
    """

    def __init__(
        self,
        line: Composer,
        dials: Dials = Dials(),
        seed: int = 0,
        record: Record | None = None,
        time: float = 0.0,
        sends_clock: bool = False,
        change: Callable[[Composer, Event], Composer] | None = None,
    ):
        self.play = Playing(line, dials, seed, time, record)
        self._ticks = Ticks(self.play.beat) if sends_clock else None
        self._change = change
        self.notify: Callable[[str], None] = lambda line: None  # takes a line on what was refused
        self._way = dials.mode
        self._step = 0  # the next sixteenth at which is planned
        self._done = time
        self._is_skipped = False
        self._plans, self._skipped = 0, 0
        self._own: dict[int, float] = {}  # when the machine last played a pitch
        self._shown: deque[Shown] = deque(maxlen=MOST_SHOWN)
        if dials.program != Dials().program:  # else a synthesiser keeps the sound that it has
            self._change_program(time)

    # -- what is heard --

    def hear(self, event: Event) -> None:
        """Take an event.

        Moments before it are dealt with first; one that comes late counts as heard now.
        """
        self._catch_up(event.time, is_before=event.kind == "skipped")
        event = event._replace(time=max(event.time, self._done))
        self._done = self.play.time = event.time
        self.play.keep("heard", event)
        getattr(self, "go_on" if event.kind == "continue" else event.kind)(event)

    def note_on(self, event: Event) -> None:
        """Hear a key that goes down.

        An echo of an own note is not heard; a file, which has no port, brings none. Velocity 0 is a key that goes up.
        """
        if not event.value:
            return self.note_off(event)
        play = self.play
        if event.port and event.time - self._own.get(event.number, -math.inf) <= OWN_WINDOW:
            return None
        if event.number < play.dials.split:
            play.keys.chord[name_of(event)] = event.time
            play.line.chord({name[2] for name in play.keys.chord})
            return None
        if name_of(event) in play.keys.held:
            self.note_off(event)
        self._retire()  # what sounds, before the player changes it
        note = play.keys.press(event, play.now)
        self._settle(note.start)
        WAYS[self._way].note(play, name_of(event), note)
        return None

    def note_off(self, event: Event) -> None:
        """Hear a key that goes up."""
        play, name = self.play, name_of(event)
        if play.keys.chord.pop(name, None) is not None:
            play.line.chord({name[2] for name in play.keys.chord})
        note = play.keys.release(event, play.now)
        if note:
            pending = play.keys.pending
            if pending and pending.start != note.start:
                play.settle_pending()
            play.keys.phrase.append(note)
            if not play.line.is_melody:
                play.keys.pending = note
                play.settle_pending()
            elif not (pending and pending.start == note.start and pending.pitch > note.pitch):
                play.keys.pending = note  # of a chord the highest
            self._shown.append(Shown(note, "heard"))
            WAYS[self._way].release(play, name, note)

    def control(self, event: Event) -> None:
        """Hear a controller: a pedal that gives the turn or resets, or the end of all notes."""
        if event.number in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            for name in [*self.play.keys.held, *self.play.keys.chord]:
                if name[:2] == (event.port, event.channel):
                    self.note_off(event._replace(kind="note_off", number=name[2]))
        elif event.number == TURN_PEDAL and event.value >= DOWN:
            self.turn(event)
        elif event.number == RESET_PEDAL and event.value >= DOWN:
            self.reset(event)

    def clock(self, event: Event) -> None:
        """Hear a tick of a MIDI clock."""
        self.play.beat.clock(event.time)

    def link(self, event: Event) -> None:
        """Hear tempo and place of a Link session."""
        try:
            qpm, beat = map(float, event.value)
        except (TypeError, ValueError):
            return
        self.play.beat.link(event.time, qpm, beat)

    def position(self, event: Event) -> None:
        """Hear the place of a song."""
        self.play.beat.position(event.time, event.value)

    def start(self, event: Event) -> None:
        """Hear that the beat begins at a barline."""
        self.play.beat.start(event.time)

    def go_on(self, event: Event) -> None:
        """Hear that the beat goes on."""
        self.play.beat.go_on(event.time)

    def stop(self, event: Event) -> None:
        """Hear that the beat stops; the machine is silent until it goes on."""
        self.play.stop()
        self.play.timers.clear()
        self.play.beat.stop(event.time)
        if self._ticks:
            self.play.events += self._ticks.stop(event.time)

    def tap(self, event: Event) -> None:
        """Hear a tap of the tempo."""
        self.play.beat.tap(event.time)

    def turn(self, event: Event) -> None:
        """Hear that the player gives the turn."""
        WAYS[self._way].turn(self.play)

    def dial(self, event: Event) -> None:
        """Turn a dial.

        What is tentative is planned anew at the next moment; a wrong value is named, and changes nothing.
        """
        play = self.play
        try:
            dials = play.dials.turned(event.name, event.value)
            if event.name == "metre":
                play.beat.set_metre(event.time, dials.metre)
        except ValueError as error:
            self.notify(str(error))
            return
        play.dials = dials
        if event.name == "qpm":
            play.beat.set_tempo(event.time, dials.qpm)
        elif event.name == "program":
            self._change_program(event.time)
            return
        if play.plan.is_open:
            play.plan.discard(play.line)

    def _change_program(self, time: float) -> None:
        """Play with the instrument of the dial from now on; a session needs no more than the dial."""
        self.play.events.append(Event(time, "program", self.play.dials.program))

    def reset(self, event: Event) -> None:
        """Forget what was learned on the spot."""
        self.play.line.reset()

    def snapshot(self, event: Event) -> None:
        """Keep what was learned under a name."""
        self.play.line.snapshot(event.name)

    def recall(self, event: Event) -> None:
        """Return to what was kept under a name; where there is nothing, it is said."""
        try:
            self.play.line.recall(event.name)
        except ValueError as error:
            self.notify(str(error))

    def prime(self, event: Event) -> None:
        """Take notes as just played: the line goes on from them. Broken ones change nothing."""
        play, bars = self.play, self.play.beat.bars
        end = bars.barline_from(play.now)
        end = end if end <= play.now else max(end - bars.length, Fraction(0))
        with suppress(TypeError, ValueError):
            play.line.prime(event.value, end)
            if play.plan.is_open:
                play.plan.discard(play.line)

    def model(self, event: Event) -> None:
        """Let another model play on; what is committed is still played."""
        play = self.play
        if self._change is None:
            return
        if play.plan.is_open:
            play.plan.discard(play.line)
        with suppress(ValueError):
            play.line = self._change(play.line, event)

    def skipped(self, event: Event) -> None:
        """Leave the next plan out: it could not be computed in time.

        The plan that there is goes on.
        """
        self._is_skipped = True

    # -- what is played --

    def advance(self, now: float) -> list[Event]:
        """Deal with all moments up to `now`; return the events that are to be played.

        Their times may lie ahead, by LEAD and the length of a note.
        """
        self._catch_up(now)
        events, self.play.events = self.play.events, []
        return sorted(events, key=lambda event: event.time)

    @property
    def is_active(self) -> bool:
        """Whether the machine plays a stretch, or sounds."""
        return self.play.is_active

    def next_moment(self) -> float | None:
        """Return when there is something to do next, in seconds.

        None where only the player can bring it.
        """
        time = min((time for time, _ in self._moments()), default=math.inf)
        return None if time == math.inf else max(time, self._done)

    def state(self, now: float) -> State:
        """Describe a moment for screens."""
        play = self.play
        beat, bars, plan = play.beat.beat_at(now), play.beat.bars, play.plan
        shown = [each for each in self._shown if each.note.end > beat - SHOWN_BEATS]
        shown += [Shown(pressed.note, "heard") for pressed in play.keys.held.values()]
        shown += [Shown(handed.note, "committed") for handed in play.handed if handed.on > now]
        shown += [Shown(note, "committed") for note in plan.committed]
        shown += [Shown(note, "tentative") for note in plan.tentative]
        key = play.line.key
        return State(
            time=now,
            beat=beat,
            bar=bars.number(beat),
            qpm=play.beat.qpm,
            metre=bars.metre,
            key=key_name(key) if key else "",
            is_running=play.beat.is_running,
            clock=play.beat.source,
            way=self._way,
            turn=("both" if not play.keys.is_resting else "machine") if play.is_active else "player",
            notes=tuple(shown),
            dials=vars(play.dials).copy(),
            hit_rate=1 - self._skipped / max(self._plans, 1),
        )

    # -- moments --

    def _moments(self) -> list[tuple[float, Callable[[], None]]]:
        """List what is to be done, each with its time."""
        play = self.play
        moments: list[tuple[float, Callable[[], None]]] = [
            (time, partial(self._ring, name)) for name, time in play.timers.items()
        ]
        moments += [(each.until, partial(play.end, key)) for key, each in play.sounding.items()]
        first = play.keys.first_time()
        if first is not None:
            moments.append((first + STUCK, self._drop_stuck))
        if play.plan.committed:
            moments.append((play.time_of(play.plan.committed[0]) - LEAD, play.hand_over))
        if self._ticks:
            moments.append((self._ticks.next_time(), self._tick))
        moments.append((play.beat.time_of(Fraction(self._step, 4)), self._plan))
        return moments

    def _catch_up(self, now: float, is_before: bool = False) -> None:
        """Deal with all moments up to `now`, in order of time.

        is_before: leave those at `now` itself.
        """
        while True:
            time, work = min(self._moments(), key=lambda moment: moment[0])
            if time > now or (is_before and time >= now):
                return
            self._done = self.play.time = max(time, self._done)
            self._retire()
            work()

    def _tick(self) -> None:
        """Play the ticks of the own clock that are due; a session needs none."""
        assert self._ticks is not None
        self.play.events += self._ticks.write(self.play.time)

    def _plan(self) -> None:
        """Plan at a sixteenth of the beat."""
        play, place = self.play, Fraction(self._step, 4)
        self._step = max(self._step, math.floor(4 * play.now)) + 1
        play.beat.watch(play.time)
        if self._way != play.dials.mode:
            self._switch(play.dials.mode)
        self._plans += play.plan.is_open
        if self._is_skipped:
            self._is_skipped = False
            self._skipped += play.plan.is_open
            play.plan.commit(place + Fraction(1, 4))
            return
        WAYS[self._way].moment(play, place)
        if play.plan.is_open:
            play.go_on(place)

    def _switch(self, way: str) -> None:
        """Change the way of playing; what is committed is still played."""
        play = self.play
        for key in [*play.sounding]:
            play.end(key)
        play.timers.clear()
        self._way, play.wandered = way, None
        plan, bars = play.plan, play.beat.bars
        if plan.is_open:
            plan.discard(play.line)
            if way in BOUNDED:
                plan.end = max(bars.barline_from(plan.settled), plan.begin + bars.length)
            elif way == "continue":
                plan.end = None
            else:
                plan.close(play.line, plan.settled)
        elif way == "continue" and play.keys.phrase and play.keys.is_resting:
            play.timers["take"] = play.time

    def _ring(self, name: str) -> None:
        del self.play.timers[name]
        WAYS[self._way].timer(self.play)

    def _drop_stuck(self) -> None:
        """Let go of the keys that have been down too long: their ends were lost."""
        keys, now = self.play.keys, self.play.time
        names: list[Name] = [name for name, pressed in keys.held.items() if pressed.time + STUCK <= now]
        names += [name for name, time in keys.chord.items() if time + STUCK <= now]
        for port, channel, number in names:
            self.note_off(Event(now, "note_off", number, 0, channel, port))

    def _retire(self) -> None:
        """Move the handed notes that are over to what was played."""
        play, now = self.play, self.play.time
        for handed in [each for each in play.handed if each.on <= now]:
            if handed.note.pitch not in self._own or self._own[handed.note.pitch] < handed.on:
                self._own[handed.note.pitch] = handed.on
                self._shown.append(Shown(handed.note, "played"))
        play.handed = [each for each in play.handed if each.off > now]

    def _settle(self, start: Fraction) -> None:
        """Feed the note before to the line; a short gap before `start` belongs to it."""
        keys = self.play.keys
        if keys.pending and keys.pending.start < start:
            note: LineNote = keys.pending
            between = start - note.start
            if note.duration >= between / 2 and between <= 4:
                keys.pending = note._replace(duration=between)
        self.play.settle_pending()
