"""MIDI files made by hand, byte by byte, for tests."""

from __future__ import annotations

import struct

END = (0, b"\xff\x2f\x00")


def on(pitch: int, velocity: int = 80, channel: int = 0) -> bytes:
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 0])


def track(*events: tuple[int, bytes], end: tuple[int, bytes] | None = END) -> bytes:
    """A track chunk from (ticks to wait, bytes of the event)."""
    body = b"".join(_quantity(wait) + data for wait, data in ([*events, end] if end else events))
    return b"MTrk" + struct.pack(">I", len(body)) + body


def midi_file(*tracks: bytes, kind: int = 1, division: int = 480, promised: int | None = None) -> bytes:
    count = len(tracks) if promised is None else promised
    return b"MThd" + struct.pack(">IHHH", 6, kind, count, division) + b"".join(tracks)


def _quantity(number: int) -> bytes:
    data = [number & 0x7F]
    while number := number >> 7:
        data.insert(0, number & 0x7F | 0x80)
    return bytes(data)
