"""Measurements of the process that plays, and of the way through real ports."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ritornello.live.beat import Beat
from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.line import Line
from ritornello.live.stage.desk import PlayOptions
from ritornello.live.stage.output import Output
from ritornello.live.stage.ports import PortOptions
from ritornello.live.stage.runner import StageOptions, perform
from ritornello.live.values import Event, percentiles

SIXTEENTH = 60 / 180 / 4  # seconds, at 180 quarters per minute
BUSY = "while True: pass"
KIND = "rtmidi2-jack"


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """Keep some cores busy with other processes."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(cores)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def sleeper(deadlines: list[float], late: list[float]) -> None:
    """Sleep until each deadline, and note how late it woke: what the machine itself costs."""
    for deadline in deadlines:
        time.sleep(max(deadline - time.perf_counter(), 0))
        late.append((time.perf_counter() - deadline) * 1000)


def lateness(seconds: float, cores: int) -> dict[str, float]:
    """Measure the lateness of sixteenths at 180 qpm, in milliseconds, beside a thread that only sleeps.

    cores: kept busy by other processes. Notes are handed over a beat ahead, as the engine commits them.
    """
    with TemporaryDirectory() as folder, busy(cores):
        path, origin = Path(folder) / "played", time.perf_counter()
        output = Output(PlayOptions(f"file:{path}", outputs=(PortOptions("virtual f"),), origin=origin))
        output.wait_ready(30)
        start = time.perf_counter() + 1
        deadlines = [start + i * SIXTEENTH for i in range(round(seconds / SIXTEENTH))]
        slept: list[float] = []
        thread = threading.Thread(target=sleeper, args=(deadlines, slept))
        thread.start()
        for i, deadline in enumerate(deadlines):
            time.sleep(max(deadline - 4 * SIXTEENTH - time.perf_counter(), 0))
            at = deadline - origin
            pitch = 48 + i % 24
            output.send([Event(at, "note_on", pitch, 80), Event(at + SIXTEENTH * 0.9, "note_off", pitch)])
        thread.join()
        time.sleep(1)
        output.close()
        lines = [line.split() for line in path.read_text().splitlines()]
    sent = [float(at) for at, message in lines if message.startswith("90")]
    late = [(at - deadline) * 1000 for at, deadline in zip(sent, deadlines, strict=True)]
    median, p99 = percentiles(late)
    bare_median, bare_p99 = percentiles(slept)
    return {
        "notes": len(late),
        "p50_ms": median,
        "p99_ms": p99,
        "jitter_ms": p99 - median,
        "max_ms": max(late),
        "sleeping_p99_ms": bare_p99,
        "sleeping_jitter_ms": bare_p99 - bare_median,
        "sleeping_max_ms": max(slept),
    }


def answers(notes: int) -> dict[str, float]:
    """Measure from a note sent to a second note that answers it, over real virtual ports, in milliseconds.

    A player's process sends, this process hears and answers at once as `follow` does, and the player hears it:
    two ways through JACK, and ours between them. Needs a JACK server.
    """
    player = Output(
        PlayOptions(KIND, inputs=(PortOptions("virtual player in"),), outputs=(PortOptions("virtual player out"),))
    )
    player.wait_ready(30)
    ours = Output(PlayOptions(KIND, inputs=(PortOptions("player out"),), outputs=(PortOptions("player in"),)))
    ours.wait_ready(30)
    sent: dict[int, float] = {}
    got: dict[int, float] = {}
    inside: list[float] = []
    try:
        for i in range(notes):
            pitch = 36 + i % 24
            begin = time.perf_counter() + 0.01
            player.send([Event(begin, "note_on", pitch, 80), Event(begin + 0.02, "note_off", pitch)])
            sent[i] = begin
            until = begin + 0.06
            while (left := until - time.perf_counter()) > 0:
                for pipe in wait([ours.pipe, player.pipe], left):
                    side = ours if pipe is ours.pipe else player
                    for kind, value in side.receive():
                        for event in value if kind == "events" else ():
                            if event.kind != "note_on":
                                continue
                            if side is ours:
                                ours.send(
                                    [
                                        event._replace(number=event.number + 12, port=""),
                                        Event(event.time + 0.02, "note_off", event.number + 12),
                                    ]
                                )
                                inside.append((time.perf_counter() - event.time) * 1000)
                            else:
                                got.setdefault(i, event.time)
    finally:
        with suppress(OSError):
            ours.close()
            player.close()
    median, p99 = percentiles((got[i] - sent[i]) * 1000 for i in got)
    return {
        "answers": len(got),
        "p50_ms": median,
        "p99_ms": p99,
        "jitter_ms": p99 - median,
        "ours_p99_ms": percentiles(inside)[1],
    }


def added_to_clock(seconds: float = 120.0, jitter_ms: float = 2.0) -> float:
    """Follow a MIDI clock at 120 qpm whose ticks are up to `jitter_ms` off; return what we add, in milliseconds.

    That is by how much the 99th percentile of our beat's error, from two beats after the start on, is over the
    ticks' own; none where it is below.
    """
    dice, beat, tick = random.Random(1), Beat(), 60 / 120 / 24
    begin, off, errors = 1.0, [], []
    beat.start(begin - tick / 2)
    for i in range(round(seconds / tick)):
        off.append(dice.uniform(-jitter_ms, jitter_ms) / 1000)
        beat.clock(begin + i * tick + off[-1])
        if i >= 48:
            error = (beat.beat_at(begin + i * tick) - i / 24 + 0.5) % 1 - 0.5  # whatever bar it counts from
            errors.append(abs(error) * 24 * tick * 1000)
    return max(percentiles(errors)[1] - percentiles(abs(each) * 1000 for each in off)[1], 0.0)


def hit_rate(model: Any, seconds: float) -> float:
    """Play alone at 180 qpm, with commit 1 and look-ahead 4; return the share of plans that were ready in time."""
    dials = Dials(mode="autonomous", qpm=180, commit=1, look_ahead=4, density=2)
    engine = Engine(Line.of(model.file, 1, dials), dials, 1)
    with TemporaryDirectory() as folder:
        kind = f"file:{Path(folder) / 'played'}"
        done = perform(engine, StageOptions(kind=kind, outputs=(PortOptions("virtual f"),), seconds=seconds))
    return engine.state(done.end).hit_rate


def first_note() -> float:
    """Measure from the start of the command to its first note, in seconds; the sound goes to a silent device."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.session")
        words = ("--mode", "autonomous", "--device", "null", "--for", "5", "--seed", "1", "--session", path)
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "ritornello", "jam", *words], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        while not (path.is_file() and '"played": "note_on"' in path.read_text("utf-8")):
            if process.poll() is not None:
                raise OSError("ritornello jam ended without a note")
            time.sleep(0.005)
        seconds = time.perf_counter() - begin
        process.wait()
        return seconds
