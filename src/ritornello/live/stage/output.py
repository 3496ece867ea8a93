"""The process that plays: it owns MIDI ports and deadlines, and ends what sounds whatever happens to the rest.

Events come by a pipe with absolute times; the process sleeps until a millisecond before each, then spins. What it
hears goes back by the same pipe, stamped on arrival. Where the pipe closes, as after `kill -9` of the other side, all
notes are ended and the process leaves within a second.
"""

from __future__ import annotations

import gc
import heapq
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from ritornello.live.stage.backends import Backend, Sender, open_backend
from ritornello.live.stage.messages import PANIC, Parser, bytes_of
from ritornello.live.stage.ports import PortOptions, find_port
from ritornello.live.values import Event

SPIN_SECONDS = 0.001  # a sleep may end so much too late
POLL_SECONDS = 0.0025  # a pipe is waited for in whole milliseconds, rounded up
TURN_SECONDS = 0.1  # the longest wait
LOOK_SECONDS = 1.0  # between looks at which ports are there
CLOSE_SECONDS = 1.0
LONGEST_SECONDS = 60.0  # of a note
MISSED_MS = 20.0
KEPT = 4096  # latenesses, for the percentiles
REPORT_SECONDS = 0.5
STAYS = ("clock", "start", "stop", "continue", "position")  # what a silence does not drop
LOST = 3  # exit status: the MIDI system is gone, and nothing can be closed any more


class PlayOptions(NamedTuple):
    """What the process opens.

    kind: of the backend, as of `backends.open_backend`; "" for none. thru: pairs of names, from an input to an
    output, as in the options of both. origin: of the engine's clock, in seconds of `time.perf_counter`. sound: a
    device's name or "", to sound notes by the sample bank; None for no sound. program: General MIDI, of the sound.
    is_restart: whether the player knows already what is missing.
    """

    kind: str
    inputs: tuple[PortOptions, ...] = ()
    outputs: tuple[PortOptions, ...] = ()
    thru: tuple[tuple[str, str], ...] = ()
    origin: float = 0.0
    sound: str | None = None
    program: int = 0
    is_restart: bool = False


class Timing(NamedTuple):
    """How punctual the last notes were.

    notes: so far. p50_ms, p99_ms: lateness. missed: notes over 20 ms late. answer_p50_ms, answer_p99_ms: from a note
    heard to the next one played, where that came within a quarter of a second. sound_ms: delay of the sample bank's
    sound, None without it.
    """

    notes: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    missed: int = 0
    answer_p50_ms: float = 0.0
    answer_p99_ms: float = 0.0
    sound_ms: float | None = None

    @property
    def jitter_ms(self) -> float:
        """The difference between the usual lateness and the greatest, p99 - p50."""
        return self.p99_ms - self.p50_ms


def percentiles(values: Iterable[float]) -> tuple[float, float]:
    """Find the median and the 99th percentile; 0 of nothing."""
    ordered = sorted(values)
    return (
        (ordered[len(ordered) // 2], ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]) if ordered else (0, 0)
    )


class Schedule:
    """Pending events in the order of time, and the notes that sound.

    send: plays one event at a named port, "" for all. Times are in seconds, of any one clock.
    """

    def __init__(self, send: Callable[[Event], None], offset_of: Callable[[str], float] = lambda port: 0.0):
        self._send, self._offset_of = send, offset_of
        self._pending: list[tuple[float, int, int, Event]] = []
        self._number = count()
        self._sounding: dict[tuple[str, int, int], list[float]] = {}  # port, channel, pitch -> times of its notes
        self._last_due: dict[tuple[str, int, int], float] = {}  # of the last note_on that was put

    def put(self, event: Event) -> None:
        """Take an event; a silence drops what is pending from its time on."""
        if event.kind == "silence":
            self._pending = [
                item
                for item in self._pending
                if item[3].time < event.time or item[3].kind in STAYS or event.port not in ("", item[3].port)
            ]
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
            self._send(event)

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
        """Drop all that is pending, and end all that sounds."""
        self._pending.clear()
        self.silence()


class Desk:
    """The ports of the process: opened by name, watched, opened again when they come back.

    make: opens the backend, and may raise OSError. notify: takes a line for the player. receive: takes events.
    """

    def __init__(
        self,
        make: Callable[[], Backend],
        options: PlayOptions,
        receive: Callable[[list[Event]], None],
        notify: Callable[[str], None],
    ):
        self._make, self._options = make, options
        self._backend: Backend | None = None
        self._receive, self._notify = receive, notify
        self._senders: dict[str, Sender] = {}  # by the name in the options
        self._listeners: dict[str, Callable[[], None]] = {}
        self._names: dict[tuple[str, str], str] = {}  # way and name in the options -> the port's own name
        self._held: dict[str, set[tuple[int, int]]] = {}  # input -> channel and pitch of keys that are down
        self._sending = threading.Lock()  # keys that are passed through come on a thread of the driver
        self._missing: set[tuple[str, str]] = set()
        self.heard_at: float | None = None  # when the last note came, until one is played

    def open(self) -> None:
        """Open all ports. A port that is not there is awaited, and the player is told."""
        self._missing = {(way, port.name) for way, port in self._ports}
        if self._options.sound is not None:
            self._open_sound(self._options.sound)
        try:
            self._backend = self._make() if self._ports else None
        except (OSError, ImportError) as error:
            if not self._options.is_restart:
                self._notify(f"{error} (see `ritornello ports`; waiting for it)")
            return
        for way, port in self._ports:
            try:
                self._open(way, port)
                if self._options.is_restart:
                    self._notify(f"the port {port.name!r} is back")
            except (OSError, ValueError) as error:
                if not self._options.is_restart:
                    self._notify(f"{error} (waiting for it)")

    @property
    def _ports(self) -> list[tuple[str, PortOptions]]:
        return [*(("in", port) for port in self._options.inputs), *(("out", port) for port in self._options.outputs)]

    def _open_sound(self, device: str) -> None:
        from ritornello.live.stage.sound import SoundPort

        try:
            self._senders["sound"] = SoundPort(device or None, self._options.program)
        except (OSError, ValueError, ImportError) as error:
            self._notify(f"no sound: {error}")

    def _open(self, way: str, port: PortOptions) -> None:
        assert self._backend is not None
        if port.is_virtual:
            name = port.name[len("virtual") :].strip() or f"ritornello {way}"
        else:
            name = find_port(port.name, self._backend.inputs() if way == "in" else self._backend.outputs())
        if way == "in":
            parser = Parser(port.name)
            self._listeners[port.name] = self._backend.open_input(
                name, lambda message, at: self._hear(port, parser, message, at), port.is_virtual
            )
        else:
            sender = self._backend.open_output(name, port.is_virtual)
            if not port.is_virtual:  # what a process that died here left sounding
                for message in PANIC:
                    sender.send(message)
            self._senders[port.name] = sender
        self._names[way, port.name] = name
        self._missing.discard((way, port.name))

    def look(self) -> None:
        """Look which ports are there: close those that are gone, open those that came back.

        Raises OSError where the MIDI system itself is gone.
        """
        if self._backend is None:
            if not self._missing:
                return
            try:
                self._backend = self._make()
            except (OSError, ImportError):
                if "sound" not in self._senders:
                    raise OSError("still no MIDI") from None  # libjack finds a new server in a new process only
                return
        there = {"in": self._backend.inputs(), "out": self._backend.outputs()}
        for way, port in self._ports:
            is_open = (way, port.name) not in self._missing
            if is_open and not port.is_virtual and self._names[way, port.name] not in there[way]:
                self.lose(way, port.name)
            elif not is_open:
                with suppress(OSError, ValueError):
                    self._open(way, port)
                    self._notify(f"the port {port.name!r} is back")

    def lose(self, way: str, name: str) -> None:
        """Give a port up until it comes back; keys that were down on it are released."""
        if (way, name) in self._missing:
            return
        self._missing.add((way, name))
        self._notify(f"the port {name!r} is lost; waiting for it to come back")
        close = (
            self._listeners.pop(name, None) if way == "in" else getattr(self._senders.pop(name, None), "close", None)
        )
        if close is not None:
            threading.Thread(target=close, daemon=True).start()  # a driver may hang here
        if way == "in":
            now = time.perf_counter() - self._options.origin
            ends = [Event(now, "note_off", pitch, 0, channel, name) for channel, pitch in self._held.pop(name, ())]
            self._pass_on(name, [bytes_of(end) for end in ends])
            self._receive(ends)

    def _hear(self, port: PortOptions, parser: Parser, message: bytes, at: float) -> None:
        """Take a message from an input: filter its channel, transpose, pass it through, hand it on."""
        heard = []
        for event in parser.feed(message, at - self._options.origin):
            if event.kind in ("note_on", "note_off", "control"):
                if not port.takes(event.channel):
                    continue
                if event.kind != "control":
                    pitch = port.shifted(event.number)
                    if pitch is None:
                        continue
                    event = event._replace(number=pitch)
                    keys = self._held.setdefault(port.name, set())
                    (keys.add if event.kind == "note_on" else keys.discard)((event.channel, pitch))
                    if event.kind == "note_on":
                        self.heard_at = at
            heard.append(event)
        if heard:
            self._pass_on(port.name, [bytes_of(event) for event in heard])
            self._receive(heard)

    def _pass_on(self, source: str, messages: list[bytes]) -> None:
        """Send messages of an input to the outputs that it is wired to."""
        for name in [to for here, to in self._options.thru if here == source]:
            for message in messages:
                self._send(name, message)

    def send(self, event: Event) -> None:
        """Play an event at its port, "" for all that are open."""
        for port in self._options.outputs:
            if event.port in ("", port.name):
                pitch = port.shifted(event.number) if event.kind in ("note_on", "note_off") else event.number
                if pitch is not None:
                    channel = port.channels[0] if port.channels else event.channel
                    self._send(port.name, bytes_of(event._replace(number=pitch, channel=channel)))
        if "sound" in self._senders and event.port in ("", "sound"):
            self._send("sound", bytes_of(event))

    def _send(self, name: str, message: bytes) -> None:
        with self._sending:
            sender = self._senders.get(name)
            try:
                if sender is not None and message:
                    sender.send(message)
                return
            except OSError:
                pass
        self.lose("out", name)

    def panic(self) -> None:
        """Tell every output to end all notes, whoever began them."""
        for name in list(self._senders):
            for message in PANIC:
                self._send(name, message)

    @property
    def is_open(self) -> bool:
        """Whether the MIDI system was found."""
        return self._backend is not None

    @property
    def sound_ms(self) -> float | None:
        """Delay of the sample bank's sound, None without it."""
        return getattr(self._senders.get("sound"), "delay_ms", None)

    def close(self) -> None:
        """Close all ports; a driver may hang here."""
        for close in self._listeners.values():
            close()
        for sender in self._senders.values():
            sender.close()
        if self._backend is not None:
            self._backend.close()


def run(pipe: Connection, options: PlayOptions) -> None:
    """Run the process that plays: the other end of an `Output`. It never returns."""
    for name in ("SIGINT", "SIGTSTP"):  # Ctrl-C goes to all processes of a terminal, and only the first decides
        with suppress(AttributeError, ValueError):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with suppress(OSError):  # ALSA and JACK write pages there; what matters comes by the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.setswitchinterval(0.0005)
    _hurry()
    lock = threading.Lock()

    def tell(kind: str, value: Any) -> None:
        with lock, suppress(OSError):
            pipe.send((kind, value))

    status = 0
    desk = Desk(
        lambda: open_backend(options.kind),
        options,
        lambda events: tell("events", events),
        lambda line: tell("notice", line),
    )
    offsets = {port.name: port.offset_ms / 1000 for port in options.outputs}
    shared = offsets[options.outputs[0].name] if len(offsets) == 1 else 0.0
    schedule = Schedule(desk.send, lambda port: offsets.get(port, shared))
    try:
        desk.open()
        tell("ready", None)
        gc.freeze()
        gc.disable()  # nothing here makes circles
        _serve(pipe, options, desk, schedule, tell)
    except (EOFError, ConnectionError):
        pass
    except OSError as error:
        status = LOST
        if desk.is_open:
            tell("notice", f"{error}; trying again until it is back")
    schedule.clear()
    if status != LOST:
        desk.panic()  # keys that were passed through too
        _close(desk)
    os._exit(status)


def _serve(
    pipe: Connection, options: PlayOptions, desk: Desk, schedule: Schedule, tell: Callable[[str, Any], None]
) -> None:
    """Play until the pipe closes. Raises EOFError then, OSError where the MIDI system is gone."""
    lateness: deque[float] = deque(maxlen=KEPT)
    answers: deque[float] = deque(maxlen=KEPT)
    notes, missed, reported, looked = 0, 0, 0, time.perf_counter()
    report_at = looked
    while True:
        now = time.perf_counter()
        due = schedule.next_due + options.origin
        if pipe.poll(max(min(due - now - POLL_SECONDS, TURN_SECONDS), 0)):
            kind, value = pipe.recv()
            if kind == "events":
                for event in value:
                    schedule.put(event)
            elif kind == "panic":
                schedule.clear()
                desk.panic()
            elif kind == "close":
                return
            continue
        now = time.perf_counter()
        if due - now <= POLL_SECONDS:
            if due - now > SPIN_SECONDS:
                time.sleep(due - now - SPIN_SECONDS)
            while time.perf_counter() < due:
                time.sleep(0)  # lets a thread of the driver have its turn
            for event, at in schedule.play(time.perf_counter() - options.origin):
                if event.kind == "note_on":
                    sent = time.perf_counter()
                    late = (sent - at - options.origin) * 1000
                    lateness.append(late)
                    notes, missed = notes + 1, missed + (late > MISSED_MS)
                    if desk.heard_at is not None:
                        if sent - desk.heard_at < 0.25:
                            answers.append((sent - desk.heard_at) * 1000)
                        desk.heard_at = None
            continue
        if now - looked >= LOOK_SECONDS and due - now > 0.02:  # listing ports takes a while
            looked = now
            desk.look()
            schedule.end_long(now - options.origin - LONGEST_SECONDS)
        if notes != reported and now - report_at >= REPORT_SECONDS and due - now > 0.01:
            reported, report_at = notes, now
            tell("timing", Timing(notes, *percentiles(lateness), missed, *percentiles(answers), desk.sound_ms))


def _hurry() -> None:
    """Ask the system for punctuality, as far as it allows."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # type: ignore[attr-defined,unused-ignore]
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.winmm.timeBeginPeriod(1)


def _close(desk: Desk) -> None:
    """Close the ports, but wait no longer than allowed: some drivers never come back from it."""
    time.sleep(0.02)  # JACK sends with its next period
    closing = threading.Thread(target=desk.close, daemon=True)
    closing.start()
    closing.join(0.7 * CLOSE_SECONDS)


class Output:
    """The engine's side of the process that plays.

    `pipe` can be waited for by `multiprocessing.connection.wait`; `receive` then takes what came.
    """

    def __init__(self, options: PlayOptions):
        self._options = options
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")  # the same on all systems, and no thread of ours is copied
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=run, args=(theirs, self._options), daemon=True, name="ritornello ports"
        )
        self._process.start()
        theirs.close()

    def wait_ready(self, seconds: float = 10.0) -> list[tuple[str, Any]]:
        """Wait until the ports are open; returns what came meanwhile, notices above all."""
        came: list[tuple[str, Any]] = []
        until = time.monotonic() + seconds
        while not any(kind in ("ready", "gone") for kind, _ in came) and time.monotonic() < until:
            if self.pipe.poll(0.1):
                came += self.receive()
        return came

    def send(self, events: Sequence[Event]) -> None:
        """Hand events over, to be played at their times."""
        if events:
            self._tell("events", list(events))

    def panic(self) -> None:
        """End all notes now, and drop what is pending."""
        self._tell("panic", None)

    def _tell(self, kind: str, value: Any) -> None:
        with suppress(OSError):  # it is gone: `receive` says so
            self.pipe.send((kind, value))

    def receive(self) -> list[tuple[str, Any]]:
        """Take what came.

        ("events", list), ("notice", text), ("timing", Timing), ("ready", None) or ("gone", exit status).
        """
        came = []
        try:
            while self.pipe.poll():
                came.append(self.pipe.recv())
        except (EOFError, OSError):
            self._process.join(CLOSE_SECONDS)
            came.append(("gone", self._process.exitcode))
        return came

    def restart(self) -> None:
        """Start the process anew, after it is gone."""
        self._kill()
        self._options = self._options._replace(is_restart=True)
        self._start()

    @property
    def process_id(self) -> int | None:
        """Of the process that plays."""
        return self._process.pid

    def close(self) -> None:
        """End all notes, close the ports, and return within about a second."""
        self._tell("close", None)
        self._process.join(CLOSE_SECONDS)
        self._kill()

    def _kill(self) -> None:
        self.pipe.close()
        if self._process.is_alive():
            self._process.kill()
            self._process.join(CLOSE_SECONDS)
