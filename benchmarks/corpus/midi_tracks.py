"""A piece of several parts as a MIDI file of type 1, one track for each part."""

from __future__ import annotations

import struct

from ritornello.music.values import Piece

DRUMS = 9


def piece_bytes(piece: Piece) -> bytes:
    """The file: tempos, metres and keys on a track of their own, then the parts in their order."""
    line = piece.timeline
    conductor = [(t.tick, b"\xff\x51\x03" + round(60_000_000 / t.qpm).to_bytes(3, "big")) for t in line.tempos]
    conductor += [
        (m.tick, bytes([0xFF, 0x58, 4, m.numerator, m.denominator.bit_length() - 1, 24, 8])) for m in line.metres
    ]
    channels = [c for c in range(16) if c != DRUMS]
    tracks = [_track(conductor)]
    for number, part in enumerate(piece.parts):
        channel = DRUMS if part.is_drum else channels[number % len(channels)]
        name = part.name.encode()[:127]
        events = [(0, bytes([0xFF, 3, len(name)]) + name)] if name else []
        events.append((0, bytes([0xC0 | channel, part.program])))
        for note in part.notes:
            events.append((note.start, bytes([0x90 | channel, note.pitch, note.velocity])))
            events.append((note.end, bytes([0x80 | channel, note.pitch, 0])))
        tracks.append(_track(events))
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), line.ticks_per_quarter)
    return header + b"".join(tracks)


def _track(events: list[tuple[int, bytes]]) -> bytes:
    body, now = [], 0
    for tick, data in sorted(events, key=lambda e: (e[0], (e[1][0] & 0xF0) == 0x90)):
        body.append(_quantity(tick - now) + data)
        now = tick
    chunk = b"".join(body) + b"\0\xff\x2f\0"
    return b"MTrk" + struct.pack(">I", len(chunk)) + chunk


def _quantity(number: int) -> bytes:
    data = [number & 0x7F]
    while number := number >> 7:
        data.insert(0, number & 0x7F | 0x80)
    return bytes(data)
