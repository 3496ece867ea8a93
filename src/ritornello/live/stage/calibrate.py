"""How late a device sounds: measured by a loop back to an input, or by a person who taps along.

A loop is exact. Whoever taps is early by some hundredths of a second, without knowing it, so that a loop is better
where there is one. Source: B. H. Repp, "Sensorimotor synchronization", Psychonomic Bulletin & Review 12 (2005).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from ritornello.live.stage.backends import Backend, Sender, open_backend
from ritornello.live.stage.messages import Parser, bytes_of
from ritornello.live.stage.ports import VIRTUAL, device_name, find_backend, find_port, keep_offset
from ritornello.live.values import Event, percentiles

SOUND = "sound"  # the sample bank, as an output
PITCHES = (60, 64, 67, 72)  # of the notes that go round, so that a late one is not taken for the next
LOOPS, SILENT = 24, 3  # notes that are sent, and after how many without an answer it is given up
WAIT_SECONDS, STEP_SECONDS = 1.0, 0.0005
BREAK_SECONDS = (0.05, 0.063, 0.071, 0.087)  # between notes: not in step with a driver's period
CLICKS, FIRST_CLICKS, FEWEST_TAPS = 20, 4, 8  # notes to tap to; those to find into it; taps that make a measure
CLICK_SECONDS = 0.6
CLICK, CLICK_LENGTH, VELOCITY = 76, 0.1, 100
MOST_SPREAD = {"loop": 5.0, "taps": 80.0}  # milliseconds between the middle and the late ones


class Measured(NamedTuple):
    """How late a device sounds. spread_ms: from the median to the 99th percentile. notes: that were measured."""

    port: str
    offset_ms: float
    spread_ms: float
    notes: int
    way: str

    @property
    def line(self) -> str:
        """What a player is told."""
        unsteady = self.spread_ms > MOST_SPREAD[self.way]
        again = {"loop": "the delay is unsteady: nothing can make up for that", "taps": "tap again, more evenly"}
        return (
            f"{self.port}: {self.offset_ms:.1f} ms late, by {self.notes} {'notes' if self.way == 'loop' else 'taps'} "
            f"(99 of 100 within {self.spread_ms:.1f} ms more); from now on jam sends to it so much earlier"
            + (f". {again[self.way]}" if unsteady else "")
        )


def calibrate(
    port: str,
    back: str | None,
    taps: Callable[[], tuple[Callable[[], list[float]], Callable[[], None]]],
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
    backend: Backend | None = None,
) -> Measured:
    """Measure how late an output sounds, and keep it for its device.

    port: of an output, as of `ports.find_port`, or "sound". back: an input to which it is looped; None for taps.
    taps: opens the tapping person: a function that returns the times of new taps by `clock`, and one to close with.
    Raises OSError where there is no MIDI; ValueError for a port that is not there, and where nothing was measured.
    """
    if port == SOUND and back is not None:
        raise ValueError("the sample bank sends nothing back: calibrate `sound` by tapping, without --listen")
    opened = None
    if port != SOUND and backend is None:
        found = find_backend()
        if found.fault:
            raise OSError(found.fault)
        backend = opened = open_backend(found.kind)
    try:
        name, sender = _sender(port, backend)
        try:
            if back is None:
                read, close = taps()
                try:
                    delays = tapped_delays(sender, read, clock, sleep)
                finally:
                    close()
            else:
                assert backend is not None
                delays = looped_delays(backend, sender, find_port(back, backend.inputs()), clock, sleep)
        finally:
            sender.close()
    finally:
        if opened is not None:
            opened.close()
    middle, late = median(delays) * 1000, percentiles(delays)[1] * 1000
    keep_offset(name, max(middle, 0.0))
    return Measured(name, max(middle, 0.0), late - middle, len(delays), "taps" if back is None else "loop")


def _sender(port: str, backend: Backend | None) -> tuple[str, Sender]:
    """Open an output; return its device's name with it."""
    if port == SOUND:
        from ritornello.live.stage.sound import SoundPort

        return SOUND, SoundPort(None, 0)
    assert backend is not None
    is_virtual = port.split(" ")[0].lower() == VIRTUAL
    name = port[len(VIRTUAL) :].strip() or "ritornello out" if is_virtual else find_port(port, backend.outputs())
    return device_name(name), backend.open_output(name, is_virtual)


def looped_delays(
    backend: Backend, sender: Sender, back: str, clock: Callable[[], float], sleep: Callable[[float], None]
) -> list[float]:
    """Send notes and await them at an input; return what each took, in seconds.

    Raises ValueError where none comes back.
    """
    came: list[Event] = []
    parser = Parser()
    close = backend.open_input(back, lambda message, at: came.extend(parser.feed(message, at)), False)
    delays: list[float] = []
    try:
        for number in range(LOOPS):
            pitch = PITCHES[number % len(PITCHES)]
            came.clear()
            sent = clock()
            sender.send(bytes_of(Event(sent, "note_on", pitch, VELOCITY)))
            times: list[float] = []
            while not times and clock() - sent < WAIT_SECONDS:
                sleep(STEP_SECONDS)
                times = [event.time for event in came if event.kind == "note_on" and event.number == pitch]
            sender.send(bytes_of(Event(sent, "note_off", pitch)))
            delays += [times[0] - sent] if times else []
            if not delays and number + 1 == SILENT:
                raise ValueError(
                    f"nothing came back at {back!r}: connect the output to it (a cable from MIDI out to MIDI in, "
                    "or in your patch bay), or leave --listen out and tap along"
                )
            sleep(BREAK_SECONDS[number % len(BREAK_SECONDS)])
    finally:
        close()
    return delays


def tapped_delays(
    sender: Sender, read: Callable[[], list[float]], clock: Callable[[], float], sleep: Callable[[float], None]
) -> list[float]:
    """Play notes at an even tempo; return how late each tap came after its note, in seconds.

    Raises ValueError where too few taps belong to a note.
    """
    begun, taps = clock() + CLICK_SECONDS, []
    sent: list[float] = []
    for number in range(CLICKS):
        while clock() < begun + number * CLICK_SECONDS:
            sleep(STEP_SECONDS)
        sent.append(clock())
        sender.send(bytes_of(Event(0.0, "note_on", CLICK, VELOCITY)))
        sleep(CLICK_LENGTH)
        sender.send(bytes_of(Event(0.0, "note_off", CLICK)))
        taps += read()
    sleep(CLICK_SECONDS / 2)
    delays = nearest_delays(sent[FIRST_CLICKS:], [*taps, *read()])
    if len(delays) < FEWEST_TAPS:
        raise ValueError(f"only {len(delays)} taps came near a note: tap enter or space on each note")
    return delays


def nearest_delays(sent: Sequence[float], taps: Sequence[float]) -> list[float]:
    """Return how late each tap came after the note that is nearest, in seconds.

    A tap half-way between two notes, or beyond the first and the last, belongs to none.
    """
    delays = [min((tap - at for at in sent), key=abs) for tap in taps]
    return [delay for delay in delays if abs(delay) < 0.45 * CLICK_SECONDS]


def keyboard_taps() -> tuple[Callable[[], list[float]], Callable[[], None]]:
    """Open the terminal's keys for tapping. Raises OSError where standard input is no terminal."""
    from ritornello.live.stage.keyboard import Keyboard

    events: list[Event] = []
    try:
        keyboard = Keyboard(events.append, time.perf_counter)
    except OSError:
        raise OSError("tapping needs a terminal; with --listen PORT the delay is measured by a loop") from None

    def read() -> list[float]:
        found = [event.time for event in events if event.kind in ("tap", "turn", "note_on")]
        if any(event.kind == "quit" for event in events):
            raise KeyboardInterrupt
        events.clear()
        return found

    return read, keyboard.close
