"""The player's keys: what is held, the phrase so far, and where its notes lie on the beat."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import NamedTuple

from ritornello.live.values import Event, LineNote

STUCK = 30.0  # seconds, after which a note without an end is dropped
OWN_WINDOW = 0.03  # seconds, within which a note of the same pitch as an own one is its echo
LONGEST_PHRASE = 512  # notes
SIXTEENTH = Fraction(1, 4)

Name = tuple[str, int, int]
"""A key: port, channel, pitch."""


class Pressed(NamedTuple):
    """A key that is down.

    time: when it was pressed, in seconds. note: as the line has it, its end not yet known.
    """

    time: float
    note: LineNote


class Keys:
    """What the player holds and has played.

    held: melody keys that are down. chord: keys below the split. phrase: the notes since the machine last played.
    released: when the last key went up, in seconds; None before. pending: the last note, whose length is not settled.
    """

    def __init__(self) -> None:
        self.held: dict[Name, Pressed] = {}
        self.chord: dict[Name, float] = {}
        self.phrase: deque[LineNote] = deque(maxlen=LONGEST_PHRASE)
        self.released: float | None = None
        self.pending: LineNote | None = None

    @property
    def is_resting(self) -> bool:
        """Whether no melody key is down."""
        return not self.held

    def press(self, event: Event, beat: float) -> LineNote:
        """Take a key that goes down; return its note, a sixteenth long until it ends."""
        before = max((p.note.start for p in self.held.values()), default=self.pending.start if self.pending else None)
        start = quantised(beat, before)
        note = LineNote(start, SIXTEENTH, event.number, int(event.value), push=beat - float(start))
        self.held[name_of(event)] = Pressed(event.time, note)
        return note

    def release(self, event: Event, beat: float) -> LineNote | None:
        """Take a key that goes up; return its note with the length that it had.

        None for a key that was not down.
        """
        pressed = self.held.pop(name_of(event), None)
        if pressed is None:
            return None
        end = Fraction(round(4 * beat), 4)
        self.released = event.time
        return pressed.note._replace(duration=max(end - pressed.note.start, SIXTEENTH))

    def first_time(self) -> float | None:
        """Return when the key that is down longest was pressed, in seconds; None without one."""
        times = [*(pressed.time for pressed in self.held.values()), *self.chord.values()]
        return min(times, default=None)


def name_of(event: Event) -> Name:
    """Return the key of an event."""
    return event.port, event.channel, event.number


def quantised(beat: float, before: Fraction | None) -> Fraction:
    """Find the place on the grid that is meant by a note played at `beat`.

    before: the place of the note before. It is a sixteenth; a triplet's third where it lies there clearly and the
    second third follows the first; an eighth played late, as in swing, is that eighth.
    """
    whole = int(beat // 1)
    part = beat - whole
    inside = before - whole if before is not None and before >= whole else None
    if abs(part - 1 / 3) < 0.04 and (inside is None or inside == 0):
        return whole + Fraction(1, 3)
    if abs(part - 2 / 3) < 0.08:
        if inside == Fraction(1, 3):
            return whole + Fraction(2, 3)
        if inside in (None, Fraction(0)) and part < 0.71:
            return whole + Fraction(1, 2)
    return Fraction(round(4 * beat), 4)
