"""The values that the live room passes on: events, notes of a line, what a screen shows, how punctual notes are."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123  # controllers (MIDI 1.0, channel mode messages)
HEARD = (
    "note_on",  # number: pitch; value: velocity 1-127
    "note_off",
    "control",  # number: controller 0-127; value: 0-127
    "clock",  # 24 to a quarter note
    "start",
    "stop",
    "continue",
    "position",  # value: sixteenths from the beginning
    "link",  # value: (quarters per minute, beat at this time)
    "tap",  # of the tempo
    "turn",  # the player says: your turn
    "dial",  # name: of a dial; value: its new one
    "reset",  # forget what was learned on the spot
    "snapshot",  # name: keep what was learned under it
    "recall",  # name: of a snapshot
    "prime",  # value: notes that count as just played, (start, duration, pitch, velocity), as of `Line.prime`
    "model",  # name: of the model that plays on. value: SHA-256 of its weights
    "skipped",  # the plan for this moment could not be computed in time
)
PLAYED = (
    "note_on",
    "note_off",
    "silence",  # stop what sounds, and drop what is committed from this time on
    "clock",
    "start",
    "stop",
    "continue",
    "position",
    "program",  # number: of the instrument, General MIDI
)


class Event(NamedTuple):
    """What is heard or played at one moment.

    time: seconds on the engine's clock. kind: of HEARD or PLAYED. number, value: see there. channel: 0-15. port: a
    name, "" for the only one.
    """

    time: float
    kind: str
    number: int = 0
    value: Any = 0
    channel: int = 0
    port: str = ""
    name: str = ""


class LineNote(NamedTuple):
    """A note of a line.

    start, duration: quarters from the barline where the line began, exact. velocity: 1-127. bits: what the note cost
    the model, None for a note that was heard. push: how far from the beat it was or is played, in quarters.
    """

    start: Fraction
    duration: Fraction
    pitch: int
    velocity: int = 80
    bits: float | None = None
    push: float = 0.0

    @property
    def end(self) -> Fraction:
        """Where it no longer sounds, in quarters."""
        return self.start + self.duration


class Shown(NamedTuple):
    """A note as a screen shows it. standing: "heard", "played", "committed" or "tentative"."""

    note: LineNote
    standing: str


class State(NamedTuple):
    """What a screen, OSC and the WebSocket show of one moment.

    beat: quarters from the first barline. bar: its number from 1 on. is_running: whether the beat goes on. clock: who
    gives it, or what is wrong with it. turn: "player", "machine" or "both". hit_rate: share of plans that were ready
    in time.
    """

    time: float
    beat: float
    bar: int
    qpm: float
    metre: str
    key: str
    is_running: bool
    clock: str
    way: str
    turn: str
    notes: tuple[Shown, ...]
    dials: dict[str, Any]
    hit_rate: float


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
