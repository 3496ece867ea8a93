"""Play in real time: the engine between what is heard and the process that plays."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, NamedTuple, Protocol

from ritornello.live.stage.desk import PlayOptions
from ritornello.live.stage.output import Outputs
from ritornello.live.stage.ports import PortOptions, find_backend
from ritornello.live.stage.presets import Controllers, Preset, changed_dials, nudged, read_preset, save_preset
from ritornello.live.values import Event, State, Timing
from ritornello.model.blas import limit_blas

TURN_SECONDS = 0.1  # the longest wait
SHOWN_SECONDS = 0.05  # between two states that are shown
SLACK_SECONDS = 0.004  # before the next moment, within which nothing is shown
LATE_SECONDS = 0.05  # a plan that is later than this is left out: the one before goes on
TICK_SECONDS = 0.5
COLLECT_SECONDS = 10.0  # between two collections of garbage
OURS = ("preset", "learn", "save", "change", "nudge", "panic", "quit", "notice", "connect")  # not for the engine


class Instrument(Protocol):
    """What is played: the face of `engine.Engine`."""

    notify: Callable[[str], None]

    def hear(self, event: Event) -> None:
        """Take an event."""

    def advance(self, now: float) -> list[Event]:
        """Return the events that are to be played, with their times."""

    @property
    def is_active(self) -> bool:
        """Whether it plays something of its own."""

    def next_moment(self) -> float | None:
        """Return when there is something to do next."""

    def state(self, now: float) -> State:
        """Describe a moment for screens."""


class Performed(NamedTuple):
    """What became of a performance. end: in seconds of the engine's time. controllers: as given and learned."""

    end: float
    timing: Timing
    controllers: dict[int, str]


class View(Protocol):
    """Something that shows states: a screen, OSC, a WebSocket."""

    def show(self, state: State, timing: Timing, notices: Sequence[str]) -> None:
        """Show a state. It must not take long: the engine waits."""

    def close(self) -> None:
        """Stop showing."""


@dataclass(frozen=True)
class StageOptions:
    """What is connected to the instrument.

    kind: of the MIDI backend; "auto" looks for one where ports are asked for. preset: whose ports are opened where
    none of their sort are asked for. sound: a sound device's name, "" for the system's own, None for none.
    controllers: MIDI controller -> dial. seconds: after which it ends.
    script: events of a player that is no person, with their times. osc: where OSC is received, as HOST:PORT or PORT.
    osc_to: where the state goes by OSC. web: port of the WebSocket, 0 for any, None for none.
    clock_out: whether the outputs get a MIDI clock. quiet_after: a time after which it ends as soon as the machine is
    silent. prime: makes the value of a "prime" event of a preset's primer and a metre. load: makes a model ready to
    play on, and returns the SHA-256 of its weights; both raise OSError or ValueError.
    """

    inputs: tuple[PortOptions, ...] = ()
    outputs: tuple[PortOptions, ...] = ()
    thru: tuple[tuple[str, str], ...] = ()
    kind: str = "auto"
    preset: Preset = field(default_factory=Preset)
    sound: str | None = None
    program: int = 0
    controllers: dict[int, str] = field(default_factory=dict)
    seconds: float | None = None
    script: tuple[Event, ...] = ()
    keys: bool = False
    key_length: float = 0.6  # seconds, where the terminal does not report when a key goes up
    screen: bool = False
    osc: str = ""
    osc_to: str = ""
    web: int | None = None
    link: bool = False
    clock_out: bool = False
    quiet_after: float | None = None
    prime: Callable[[str, str], Any] | None = None
    load: Callable[[str], str] | None = None


class Inbox:
    """Events from other threads; `pipe` can be waited for together with that of the process that plays."""

    def __init__(self, origin: float):
        self.origin = origin
        self._queue: SimpleQueue[Event] = SimpleQueue()
        self.pipe, self._bell = Pipe(duplex=False)

    def put(self, event: Event) -> None:
        """Add an event, from any thread."""
        self._queue.put(event)
        with suppress(OSError):  # closed: the performance is over
            self._bell.send_bytes(b"!")

    def now(self) -> float:
        """Tell the engine's time."""
        return time.perf_counter() - self.origin

    def take(self) -> list[Event]:
        """Take all events that came."""
        with suppress(OSError, EOFError):
            while self.pipe.poll():
                self.pipe.recv_bytes()
        events: list[Event] = []
        with suppress(Empty):
            while True:
                events.append(self._queue.get_nowait())
        return events


def perform(
    engine: Instrument,
    options: StageOptions,
    notify: Callable[[str], None] = lambda line: None,
    tick: Callable[[float], None] = lambda now: None,
) -> Performed:
    """Play until the time is up, the player quits, or Ctrl-C.

    All notes are ended whatever happens.

    The engine's time 0 is when all is open. notify: takes a line for the player. tick: called about twice a second,
    with the time, so that a session is written as it is played.
    """
    with calm(), ExitStack() as stack:
        performance = Performance(engine, options, notify, tick)
        stack.callback(performance.close)
        with suppress(KeyboardInterrupt), _ended_by_interrupt(performance.leave):
            performance.open()
            performance.run()
        return Performed(performance.end(), performance.timing, performance.controllers)


class Performance:
    """One performance: what is open, and the loop that serves it. See `perform`."""

    def __init__(
        self,
        engine: Instrument,
        options: StageOptions,
        notify: Callable[[str], None],
        tick: Callable[[float], None],
    ):
        self._engine, self._options, self._notify, self._tick = engine, options, notify, tick
        self._script = sorted(options.script, key=lambda event: event.time)
        self._controllers = Controllers(options.controllers)
        self._views: list[View] = []
        self._sources: list[Any] = []
        self._notices: list[str] = []
        self._requests, self._delivered = count(), dict[str, int]()  # of what takes a while, the last one by kind
        self._delivering = threading.Lock()
        self._is_over = False
        self._shown_at = self._tick_at = self._collect_at = 0.0
        self.timing = Timing()
        engine.notify = self._say
        self._inbox = Inbox(time.perf_counter())
        self._output: Outputs | None = None
        self._kind = options.kind
        self._preset = options.preset  # its ports are those of the last one that named some

    def open(self) -> None:
        """Open ports, views and sources.

        What cannot be opened is named in a line, and the rest plays on.
        """
        options, preset = self._options, self._options.preset
        inputs, outputs = options.inputs or preset.inputs, options.outputs or preset.outputs
        if self._kind == "auto" and not all(port.is_osc for port in (*inputs, *outputs)):
            found = find_backend()
            if found.fault:
                self._say(found.fault)
                inputs, outputs = (), tuple(port for port in outputs if port.is_osc)
            else:
                self._kind = found.kind
        thru = options.thru or preset.thru
        if self._kind != "auto":
            self._check_thru(inputs, outputs, thru)
        self._output = Outputs(
            PlayOptions(self._kind, inputs, outputs, thru, self._inbox.origin, options.sound, options.program)
        )
        self._take(self._output.wait_ready())
        self._inbox.origin = time.perf_counter()  # opening takes a while, and the beat begins when all is open
        self._output.set_origin(self._inbox.origin)
        for opening in (self._open_osc, self._open_web, self._open_link, self._open_keys, self._open_screen):
            try:
                opening()
            except (OSError, ValueError, ImportError) as error:
                self._say(str(error))

    def _open_osc(self) -> None:
        if self._options.osc:
            from ritornello.live.stage.osc import OscIn

            self._sources.append(OscIn(self._options.osc, self._inbox.put, self._inbox.now))
        if self._options.osc_to:
            from ritornello.live.stage.osc import OscOut

            self._views.append(OscOut(self._options.osc_to))

    def _open_web(self) -> None:
        if self._options.web is not None:
            from ritornello.live.stage.broadcast import Broadcast

            broadcast = Broadcast(self._options.web, self._inbox.put, self._inbox.now)
            self._views.append(broadcast)
            self._say(f"the state is sent to {broadcast.address}")

    def _open_link(self) -> None:
        if self._options.link:
            from ritornello.live.stage.link import LinkSource

            self._sources.append(LinkSource(self._inbox.put, self._inbox.now))

    def _open_keys(self) -> None:
        if self._options.keys:
            from ritornello.live.stage.keyboard import HELP, Keyboard

            self._sources.append(Keyboard(self._inbox.put, self._inbox.now, self._options.key_length))
            self._say(HELP)

    def _open_screen(self) -> None:
        if self._options.screen:
            from ritornello.live.stage.screen import Screen

            self._views.append(Screen())

    def run(self) -> None:
        """Run the engine until the performance is over."""
        assert self._output is not None
        while not self._is_over:
            now = self._inbox.now()
            if self._options.seconds is not None and now >= self._options.seconds:
                return
            quiet = self._options.quiet_after
            if quiet is not None and now > quiet and not self._script and not self._engine.is_active:
                return
            moment = self._engine.next_moment()
            until = min(TURN_SECONDS, moment - now if moment is not None else TURN_SECONDS)
            if self._script:
                until = min(until, self._script[0].time - now)
            if until > 0:
                wait([*self._output.pipes, self._inbox.pipe], until)
            self._serve()

    def _serve(self) -> None:
        """Take what came, let the engine work, and hand over what it plays."""
        assert self._output is not None
        events = self._take(self._output.receive()) + self._inbox.take()
        now = self._inbox.now()
        while self._script and self._script[0].time <= now:
            events.append(self._script.pop(0))
        for event in sorted(events, key=lambda event: event.time):
            self._hear(event)
        moment = self._engine.next_moment()
        if moment is not None and now - moment > LATE_SECONDS:
            self._engine.hear(Event(moment, "skipped"))
        self._output.send(self._engine.advance(self._inbox.now()))
        self._do_the_rest()

    def _hear(self, event: Event) -> None:
        """Hand an event to the engine; those of this file are dealt with here."""
        if event.kind == "control":
            learning, turned = self._controllers.learning, self._controllers.turned(event)
            if learning and not self._controllers.learning:
                self._say(f"controller {event.number} is {learning} now")
            event = turned or event
        if event.kind not in OURS:
            self._engine.hear(event)
            return
        try:
            self._command(event)
        except (OSError, ValueError) as error:
            self._say(str(error))

    def _command(self, event: Event) -> None:
        if event.kind == "preset":
            preset = read_preset(event.name)
            self._controllers.numbers |= preset.controllers
            self._say(f"preset {event.name}: {preset.title or 'without a title'}")
            if preset.inputs or preset.outputs or preset.thru:
                before = self._preset
                self._preset = Preset(
                    inputs=preset.inputs or before.inputs,
                    outputs=preset.outputs or before.outputs,
                    thru=preset.thru or before.thru,
                )
                self._prepare("connect", event.name, self._find_kind)
            if preset.primer and self._options.prime is not None:
                prime, metre = self._options.prime, str(self._engine.state(event.time).metre)
                self._prepare("prime", preset.primer, lambda: prime(preset.primer, metre))
            for turn in preset.events(event.time):
                self._engine.hear(turn)
        elif event.kind == "learn":
            self._controllers.learn(event.name)
            self._say(f"move the controller that is to be {event.name}")
        elif event.kind == "save":
            dials = changed_dials(self._engine.state(event.time).dials)
            save_preset(event.name, Preset(dials=dials, controllers=self._controllers.numbers))
            self._say(f"saved in {event.name}: dials as they stand, and {len(self._controllers.numbers)} controllers")
        elif event.kind == "change" and self._options.load is not None:
            load = self._options.load
            self._say(f"{event.name} plays on as soon as it is loaded")
            self._prepare("model", event.name, lambda: load(event.name))
        elif event.kind == "nudge":
            value = nudged(event.name, self._engine.state(event.time).dials[event.name], event.value)
            self._say(f"{event.name} {value if isinstance(value, str) else format(value, 'g')}")
            if event.value:
                self._engine.hear(Event(event.time, "dial", name=event.name, value=value))
        elif event.kind == "connect":
            self._connect(event.value)
        elif event.kind == "notice":
            self._say(event.name)
        elif event.kind == "quit":
            self._is_over = True
        elif event.kind == "panic" and self._output is not None:
            self._output.panic()

    def _find_kind(self) -> str:
        """Find the MIDI backend for a preset's ports. Raises OSError where there is no MIDI."""
        if self._kind != "auto":
            return self._kind
        found = find_backend()
        if found.fault:
            raise OSError(found.fault)
        return found.kind

    def _connect(self, kind: str) -> None:
        """Change from the ports of the preset before to those of the one that was recalled.

        Those that were asked for at the start stay; of two of one name theirs count.
        """
        assert self._output is not None
        self._kind, asked, preset = kind, self._options, self._preset
        inputs = {port.name: port for port in (*preset.inputs, *asked.inputs)}
        outputs = {port.name: port for port in (*preset.outputs, *asked.outputs)}
        thru = tuple(dict.fromkeys((*asked.thru, *preset.thru)))
        self._check_thru(tuple(inputs.values()), tuple(outputs.values()), thru)
        self._output.connect(kind, tuple(inputs.values()), tuple(outputs.values()), thru)

    def _check_thru(
        self, inputs: Sequence[PortOptions], outputs: Sequence[PortOptions], thru: Sequence[tuple[str, str]]
    ) -> None:
        """Say which lines from an input to an output go nowhere."""
        for here, there in thru:
            for name, ports, way in ((here, inputs, "in"), (there, outputs, "out")):
                if name not in {port.name for port in ports}:
                    known = ", ".join(repr(port.name) for port in ports) or "none"
                    self._say(
                        f"thru {here} > {there}: {name!r} is no MIDI {way} that was asked for; there is {known}"
                    )

    def _prepare(self, kind: str, name: str, work: Callable[[], Any]) -> None:
        """Do work that takes a while on a thread of its own.

        Its value comes as an event of this kind, unless that of a later request has come before.
        """
        number = next(self._requests)

        def prepare() -> None:
            try:
                value = work()
            except (OSError, ValueError) as error:
                self._inbox.put(Event(self._inbox.now(), "notice", name=str(error)))
            else:
                with self._delivering:
                    if number > self._delivered.get(kind, -1):
                        self._delivered[kind] = number
                        self._inbox.put(Event(self._inbox.now(), kind, value=value, name=name))

        threading.Thread(target=prepare, daemon=True).start()

    def _take(self, came: list[tuple[str, Any]]) -> list[Event]:
        """Sort what came from the process that plays; returns the events among it."""
        events: list[Event] = []
        for kind, value in came:
            if kind == "events":
                events += value
            elif kind == "timing":
                self.timing = value
            elif kind == "notice":
                self._say(value)
        return events

    def _say(self, line: str) -> None:
        self._notices.append(line)
        self._notify(line)

    def _do_the_rest(self) -> None:
        """Show, write and tidy up, where there is time before the next moment."""
        now, moment = self._inbox.now(), self._engine.next_moment()
        slack = TURN_SECONDS if moment is None else moment - now
        if (
            self._views
            and now - self._shown_at >= SHOWN_SECONDS
            and (slack > SLACK_SECONDS or now - self._shown_at > 0.2)
        ):
            self._shown_at = now
            state = self._engine.state(now)
            for view in self._views:
                view.show(state, self.timing, self._notices[-3:])
        if now - self._tick_at >= TICK_SECONDS:
            self._tick_at = now
            self._tick(now)
        if self._output is not None:
            self._output.tend()
        if now - self._collect_at >= COLLECT_SECONDS and slack > 0.02:
            self._collect_at = now
            gc.collect()

    def leave(self) -> None:
        """End the performance soon. It may be called from anywhere."""
        self._inbox.put(Event(self._inbox.now(), "quit"))

    def end(self) -> float:
        """Let the engine end what it plays; returns the time."""
        now = self._inbox.now()
        self._engine.hear(Event(now, "stop"))
        self._engine.advance(now)  # the process that plays ends what sounds by itself
        return now

    @property
    def controllers(self) -> dict[int, str]:
        """MIDI controllers and their dials, as they were given and learned."""
        return self._controllers.numbers

    def close(self) -> None:
        """End all notes and close everything; what hangs is left behind."""
        if self._output is not None:
            self._output.close()
        for each in (*self._views, *self._sources):
            with suppress(Exception):
                each.close()
        self._tick(self._inbox.now())


@contextmanager
def _ended_by_interrupt(leave: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C end the performance, and a second one the command.

    After the first one there are files to write.

    An exception would not do: the command raises Ctrl-C again where it is suppressed.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        leave()

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def calm() -> Iterator[None]:
    """Keep Python from pausing.

    One BLAS thread, short turns of threads, and garbage is collected when there is time; before other programs where
    the system allows it.
    """
    limit_blas(1)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.disable()
    niceness, session = _hurry(-10), _hurry_session("-10")
    try:
        yield
    finally:
        _hurry_session(session)
        _hurry(niceness)
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(interval)


def _hurry(niceness: int) -> int:
    """Set how willingly this process waits for others, -20 to 19, as far as allowed.

    Returns what it was.
    """
    with suppress(OSError, AttributeError):  # Windows has no such number, and most users may not lower it
        before = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
        return before
    return niceness


def _hurry_session(niceness: str) -> str:
    """Set how willingly all of this terminal's programs wait for those of others.

    Returns what it was.
    Linux shares the processor between sessions first, and a program's own number counts only inside its session.
    Source: sched(7), "The autogroup feature".
    """
    place = Path("/proc/self/autogroup")
    with suppress(OSError, IndexError):  # another system, or not allowed
        before = place.read_text().split()[-1]
        place.write_text(niceness)
        return before
    return niceness
