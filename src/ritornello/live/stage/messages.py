"""MIDI messages: bytes to events and back."""

from __future__ import annotations

from collections.abc import Iterable

from ritornello.live.values import ALL_NOTES_OFF, ALL_SOUND_OFF, Event

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
SYSEX, POSITION, SYSEX_END, STATUS, REAL_TIME = 0xF0, 0xF2, 0xF7, 0x80, 0xF8
DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2, 0xF1: 1, 0xF2: 2, 0xF3: 1}
REAL_TIME_KINDS = {0xF8: "clock", 0xFA: "start", 0xFB: "continue", 0xFC: "stop"}
STATUS_OF_KIND = {kind: status for status, kind in REAL_TIME_KINDS.items()}
SUSTAIN = 64
PANIC = tuple(
    bytes((CONTROL | channel, controller, 0))
    for channel in range(16)
    for controller in (SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF)
)


class Parser:
    """Reads the stream of bytes of one port; a message may come in pieces, with running status.

    Source: MIDI 1.0 Detailed Specification, 4.2: real-time bytes may stand inside any message, a status below F8h
    ends system exclusive, and system common messages end running status.
    """

    def __init__(self, port: str = ""):
        self._port = port
        self._status = 0  # of the message that is being read; 0 where data bytes belong to nothing
        self._data: list[int] = []

    def feed(self, content: Iterable[int], time: float) -> list[Event]:
        """Read bytes, and return the events that they complete.

        System exclusive is skipped, note_on of velocity 0 is note_off; pitch bend, pressure, programs and active
        sensing make no event. time: of the events, in seconds.
        """
        events = []
        for byte in content:
            if byte >= REAL_TIME:
                if byte in REAL_TIME_KINDS:
                    events.append(Event(time, REAL_TIME_KINDS[byte], port=self._port))
            elif byte >= STATUS:
                self._status, self._data = byte, []
            elif message := self._completed(byte):
                events += event_of(message, time, self._port)
        return events

    def _completed(self, byte: int) -> bytes:
        """Take a data byte, and return the message where it is now whole, else nothing."""
        kind = self._status if self._status >= SYSEX else self._status & 0xF0
        if kind not in DATA_BYTES:  # of system exclusive, or without a status
            return b""
        self._data.append(byte)
        if len(self._data) < DATA_BYTES[kind]:
            return b""
        message = bytes((self._status, *self._data))
        self._data = []
        if self._status >= SYSEX:
            self._status = 0
        return message


def event_of(message: bytes, time: float, port: str = "") -> list[Event]:
    """Make the event of one whole message, as a list.

    It is empty for messages that the instrument does not use.
    """
    status, channel = message[0], message[0] & 0x0F
    if status == POSITION:
        return [Event(time, "position", value=message[1] | message[2] << 7, port=port)]
    kind = status & 0xF0
    if kind == NOTE_OFF or (kind == NOTE_ON and message[2] == 0):
        return [Event(time, "note_off", message[1], 0, channel, port)]
    if kind in (NOTE_ON, CONTROL):
        return [Event(time, "note_on" if kind == NOTE_ON else "control", message[1], message[2], channel, port)]
    return []


def bytes_of(event: Event) -> bytes:
    """Write an event as a MIDI message; empty for the kinds that MIDI does not have.

    Pitch, velocity and channel are brought into MIDI's range.
    """
    if event.kind in STATUS_OF_KIND:
        return bytes((STATUS_OF_KIND[event.kind],))
    if event.kind == "position":
        return bytes((POSITION, int(event.value) & 0x7F, int(event.value) >> 7 & 0x7F))
    number, channel = min(max(event.number, 0), 127), event.channel & 0x0F
    if event.kind == "note_on":
        return bytes((NOTE_ON | channel, number, min(max(round(event.value), 1), 127)))
    if event.kind == "note_off":
        return bytes((NOTE_OFF | channel, number, 0))
    if event.kind == "control":
        return bytes((CONTROL | channel, number, min(max(round(event.value), 0), 127)))
    if event.kind == "program":
        return bytes((PROGRAM | channel, number))
    return b""
