"""The process that plays: it owns MIDI ports and deadlines, and ends what sounds whatever happens to the rest.

Events come by a pipe with absolute times; the process sleeps until a millisecond before each, then spins. What it
hears goes back by the same pipe, stamped on arrival. Where the pipe closes, as after `kill -9` of the other side, all
notes are ended and the process leaves within a second.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from ritornello.live.stage.backends import open_backend
from ritornello.live.stage.desk import Desk, PlayOptions, ports_of
from ritornello.live.stage.ports import PortOptions
from ritornello.live.stage.schedule import Schedule
from ritornello.live.values import Event, Timing, percentiles

SPIN_SECONDS = 0.001  # a sleep may end so much too late
POLL_SECONDS = 0.0025  # a pipe is waited for in whole milliseconds, rounded up
TURN_SECONDS = 0.1  # the longest wait
LOOK_SECONDS = 1.0  # between looks at which ports are there
CLOSE_SECONDS = 1.0
LONGEST_SECONDS = 60.0  # of a note
MISSED_MS = 20.0
KEPT = 4096  # latenesses, for the percentiles
REPORT_SECONDS = 0.5
RESTART_SECONDS = 1.0  # between two trials to start a process
PLAY_OUT_SECONDS = 0.5  # in which a port that goes plays what it has: notes are handed over a quarter second ahead
LOST = 3  # exit status: the MIDI system is gone, and nothing can be closed any more


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
        open_backend,
        options,
        lambda events: tell("events", events),
        lambda line: tell("notice", line),
    )
    schedule = Schedule(desk.send, desk.offset_of)
    try:
        desk.open()
        tell("ready", None)
        gc.freeze()
        gc.disable()  # nothing here makes circles
        _serve(pipe, desk, schedule, tell)
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


def _serve(pipe: Connection, desk: Desk, schedule: Schedule, tell: Callable[[str, Any], None]) -> None:
    """Play until the pipe closes. Raises EOFError then, OSError where the MIDI system is gone."""
    lateness: deque[float] = deque(maxlen=KEPT)
    answers: deque[float] = deque(maxlen=KEPT)
    notes, missed, reported, looked = 0, 0, 0, time.perf_counter()
    report_at = looked
    while True:
        now = time.perf_counter()
        due = schedule.next_due + desk.origin
        if pipe.poll(max(min(due - now - POLL_SECONDS, TURN_SECONDS), 0)):
            kind, value = pipe.recv()
            if kind == "events":
                for event in value:
                    for each in desk.split(event):
                        schedule.put(each)
            elif kind == "panic":
                schedule.clear()
                desk.panic()
            elif kind == "connect":
                before = desk.targets
                for name in desk.leaving(value):
                    schedule.silence(name)
                desk.connect(value)
                schedule.redirect(before, desk.targets)
            elif kind == "origin":
                desk.origin = value
            elif kind == "close":
                return
            continue
        now = time.perf_counter()
        if due - now <= POLL_SECONDS:
            if due - now > SPIN_SECONDS:
                time.sleep(due - now - SPIN_SECONDS)
            while time.perf_counter() < due:
                time.sleep(0)  # lets a thread of the driver have its turn
            for event, at in schedule.play(time.perf_counter() - desk.origin):
                if event.kind == "note_on" and event.port in ("", *desk.targets[:1]):  # one output is enough
                    sent = time.perf_counter()
                    late = (sent - at - desk.origin) * 1000
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
            schedule.end_long(now - desk.origin - LONGEST_SECONDS)
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

    `pipe` can be waited for by `multiprocessing.connection.wait`; `receive` then takes what came. options: what it
    has open.
    """

    def __init__(self, options: PlayOptions):
        self.options = options
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")  # the same on all systems, and no thread of ours is copied
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=run, args=(theirs, self.options), daemon=True, name="ritornello ports")
        with _no_main():
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

    def set_origin(self, origin: float) -> None:
        """Let the engine's clock begin at another time of `time.perf_counter`."""
        self.options = self.options._replace(origin=origin)
        self._tell("origin", origin)

    def connect(self, options: PlayOptions) -> None:
        """Change the ports while playing: those that were open before stay open, and play on."""
        self.options = options
        self._tell("connect", options)

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
        self.options = self.options._replace(is_restart=True)
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


class Outputs:
    """The processes that play: the first one, and one for the ports that each preset brings.

    While a port is opened, its process plays nothing, with JACK for a tenth of a second. So what is new is opened by
    a process of its own, and the others play on; ports that go play out what they have before they are closed.
    """

    def __init__(self, options: PlayOptions):
        self.first = Output(options)
        self._all = [self.first]
        self._wanted, self._thru = options, options.thru
        self._ready: set[Output] = set()
        self._leaving: dict[Output, float] = {}  # when it is closed, of `time.monotonic`
        self._restarts: dict[Output, float] = {}
        self._timings: dict[Output, Timing] = {}
        self._program: list[Event] = []  # the last one, for ports that are opened later

    def wait_ready(self) -> list[tuple[str, Any]]:
        """Wait until the first ports are open; returns what came meanwhile, notices above all."""
        return self._sorted(self.first, self.first.wait_ready())

    @property
    def pipes(self) -> list[Connection]:
        """Those that can be waited for."""
        return [output.pipe for output in self._all if output not in self._restarts]

    def set_origin(self, origin: float) -> None:
        """Let the engine's clock begin at another time of `time.perf_counter`."""
        self._wanted = self._wanted._replace(origin=origin)
        for output in self._all:
            output.set_origin(origin)

    def send(self, events: Sequence[Event]) -> None:
        """Hand events over, to be played at their times.

        Ports that are not open yet get none, and those that go no new notes.
        """
        self._program = [event for event in events if event.kind == "program"][-1:] or self._program
        ends = [event for event in events if event.kind != "note_on"] if self._leaving else []
        for output in self._ready:
            output.send(ends if output in self._leaving else events)

    def panic(self) -> None:
        """End all notes now, and drop what is pending."""
        for output in self._all:
            output.panic()

    def receive(self) -> list[tuple[str, Any]]:
        """Take what came, as of `Output.receive`; a process that is gone is started again by `tend`."""
        return [
            each
            for output in list(self._all)
            if output not in self._restarts
            for each in self._sorted(output, output.receive())
        ]

    def _sorted(self, output: Output, came: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Deal with what is for nobody else; return the rest."""
        rest = []
        for kind, value in came:
            if kind == "gone":
                self._ready.discard(output)
                self._restarts[output] = time.monotonic() + RESTART_SECONDS
            elif kind == "ready":
                self._ready.add(output)
                output.send(self._program)
                if output is self._all[-1]:
                    self._part()
            elif kind == "timing":
                self._timings[output] = value
                rest.append((kind, max(self._timings.values(), key=lambda timing: timing.notes)))
            else:
                if kind == "events":
                    self._pass_on(value)
                rest.append((kind, value))
        return rest

    def connect(
        self,
        kind: str,
        inputs: tuple[PortOptions, ...],
        outputs: tuple[PortOptions, ...],
        thru: tuple[tuple[str, str], ...],
    ) -> None:
        """Change the ports while playing: those of a name that was there stay open, and play on."""
        self._wanted = self._wanted._replace(kind=kind, inputs=inputs, outputs=outputs, thru=thru)
        there = [output.options for output in self._all if output not in self._leaving]
        known = {(way, port.name) for options in there for way, port in ports_of(options)}
        new = self._wanted._replace(
            inputs=tuple(port for port in inputs if ("in", port.name) not in known),
            outputs=tuple(port for port in outputs if ("out", port.name) not in known),
            sound=None,
        )
        if new.inputs or new.outputs:
            self._all.append(Output(_with_own_thru(new)))
        else:
            self._part()

    def _part(self) -> None:
        """Give each process what is asked for of its ports; let those go of which nothing is."""
        wanted, before = self._wanted, self._crossing()
        for output in [output for output in self._all if output not in self._leaving]:
            mine = {(way, port.name) for way, port in ports_of(output.options)}
            after = _with_own_thru(
                output.options._replace(
                    kind=wanted.kind,
                    thru=wanted.thru,
                    inputs=tuple(port for port in wanted.inputs if ("in", port.name) in mine),
                    outputs=tuple(port for port in wanted.outputs if ("out", port.name) in mine),
                )
            )
            if output is not self.first and not ports_of(after):
                self._leaving[output] = time.monotonic() + PLAY_OUT_SECONDS
                playing_out = output.options._replace(kind=wanted.kind, inputs=(), thru=())
                output.connect(playing_out)  # keys that are down are released
            elif after[1:4] != output.options[1:4]:  # inputs, outputs, thru
                output.connect(after)
        self._thru = wanted.thru
        for _, there in before - self._crossing():  # keys that are down now would never end there
            self.send([Event(0.0, "silence", port=there)])

    def _crossing(self) -> set[tuple[str, str]]:
        """List the lines from an input of a process to an output of another."""
        inputs = {port.name for output in self._all for port in output.options.inputs}
        within = {pair for output in self._all for pair in output.options.thru}
        return {pair for pair in self._thru if pair[0] in inputs and pair not in within}

    def _pass_on(self, events: Sequence[Event]) -> None:
        """Send what an input of one process hears to the outputs of others that it is wired to."""
        for here, there in self._crossing() if self._thru else ():
            copies = [event._replace(port=there) for event in events if event.port == here]
            for other in self._ready if copies else ():
                if there in {port.name for port in other.options.outputs}:
                    other.send(copies)

    def tend(self) -> None:
        """Start anew what is gone, and close what has played out; it takes little time."""
        now = time.monotonic()
        for output, at in list(self._restarts.items()):
            if now >= at:
                del self._restarts[output]
                output.restart()
        for output, at in list(self._leaving.items()):
            if now >= at:
                del self._leaving[output]
                self._all.remove(output)
                self._ready.discard(output)
                self._restarts.pop(output, None)
                self._timings.pop(output, None)
                threading.Thread(target=output.close, daemon=True).start()

    def close(self) -> None:
        """End all notes, close the ports, and return within about a second."""
        closing = [threading.Thread(target=output.close) for output in self._all]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()


def _with_own_thru(options: PlayOptions) -> PlayOptions:
    """Keep of the lines from inputs to outputs those of which both ends are there."""
    inputs, outputs = ({port.name for port in ports} for ports in (options.inputs, options.outputs))
    thru = tuple((here, there) for here, there in options.thru if here in inputs and there in outputs)
    return options._replace(thru=thru)


@contextmanager
def _no_main() -> Iterator[None]:
    """Hide the main program from a process that is spawned.

    It would run it again, up to its `__main__` guard.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {
        name: main.__dict__.pop(name) for name in ("__spec__", "__file__") if name in main.__dict__
    }
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.update(hidden)
