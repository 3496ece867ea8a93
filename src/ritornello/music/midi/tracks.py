"""Read the bytes of a MIDI file: header and tracks, checked before the parser, and events that it leaves out.

Source: The Complete MIDI 1.0 Detailed Specification (1996), "Standard MIDI Files 1.0"; RP-029 for RIFF.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ritornello.music.errors import Remark

LENGTHS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # data bytes of channel messages
META, TRACK_NAME, END_OF_TRACK = 0xFF, 0x03, 0x2F

Event = tuple[int, int, int, bytes]  # tick, status byte, kind of a meta event (else 0), data
SMPTE_RATES = (24, 25, 29, 30)  # frames a second; 29 stands for 30 in 1.001 seconds


@dataclass(frozen=True, slots=True)
class Chunks:
    """The contents of a MIDI file: format 0, 1 or 2, ticks per quarter note, and the bytes of each track.

    qpm: the tempo that the resolution implies, for a file that counts seconds, else None.
    """

    kind: int
    resolution: int
    tracks: tuple[bytes, ...]
    qpm: float | None = None
    remarks: tuple[Remark, ...] = ()


def read_chunks(content: bytes) -> Chunks:
    """Open a MIDI file, bare or in a RIFF wrapper.

    Raises ValueError where it is none, damaged or cut short.
    A division in SMPTE frames becomes quarter notes of half a second (of a second, where half a second is no whole
    number of ticks). Chunks of other kinds are passed over, and so is what follows the tracks that the header
    promises, unless it is another whole track.
    """
    content = _unwrapped(content)
    if content[:4] != b"MThd":
        raise ValueError(f"not a MIDI file: it begins with {content[:12].decode('latin-1')!a}")
    if len(content) < 14:
        raise ValueError("cut short: the file ends inside its header; fetch it again")
    size, kind, promised, division = struct.unpack_from(">IHHH", content, 4)
    resolution, qpm = _resolution(division)
    tracks, rest = _tracks(content, 8 + size, promised)
    remarks = [("smpte_time", f"{256 - (division >> 8)} frames a second")] if qpm else []
    if rest:
        remarks.append(("trailing_bytes", f"{rest} bytes after the last track"))
    return Chunks(kind, resolution, tuple(tracks), qpm, tuple(remarks))


def _unwrapped(content: bytes) -> bytes:
    """Take the MIDI file out of a RIFF wrapper (.rmi), if it has one. Raises ValueError."""
    if content[:4] != b"RIFF" or content[8:12] != b"RMID":
        return content
    place = 12
    while place + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        if name == b"data":
            return content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    raise ValueError("damaged: the RIFF wrapper holds no MIDI data")


def _resolution(division: int) -> tuple[int, float | None]:
    """Read the division: ticks per quarter, and a tempo if it counts frames. Raises ValueError."""
    if not division & 0x8000:
        if not division:
            raise ValueError("damaged: the header says 0 ticks per quarter note")
        return division, None
    rate, ticks_per_frame = 256 - (division >> 8), division & 0xFF
    if rate not in SMPTE_RATES or not ticks_per_frame:
        raise ValueError(f"damaged: the header says {rate} frames a second of {ticks_per_frame} ticks")
    ticks = (30 if rate == 29 else rate) * ticks_per_frame  # in a second, or in 1.001
    resolution, qpm = (ticks // 2, 120.0) if ticks % 2 == 0 else (ticks, 60.0)
    return resolution, qpm * 1000 / 1001 if rate == 29 else qpm


def _tracks(content: bytes, place: int, promised: int) -> tuple[list[bytes], int]:
    """Read the tracks from `place` on, and count the bytes left over. Raises ValueError."""
    tracks: list[bytes] = []
    while place + 8 <= len(content):
        name, size = struct.unpack_from(">4sI", content, place)
        if place + 8 + size > len(content):
            if len(tracks) >= max(promised, 1):
                break
            there = len(content) - place - 8
            raise ValueError(f"cut short: a track promises {size} bytes, {there} are there; fetch the file again")
        if name == b"MTrk":
            tracks.append(content[place + 8 : place + 8 + size])
        place += 8 + size
    if len(tracks) < max(promised, 1):
        raise ValueError(f"cut short: {promised} tracks are promised, {len(tracks)} are there; fetch the file again")
    return tracks, max(0, len(content) - place)


def events(track: bytes) -> Iterator[Event]:
    """List the events of a track up to its end, running status resolved.

    A damaged track is read as far as it goes.
    track: its bytes, as between its header and the next chunk.
    """
    place, tick, running = 0, 0, 0
    try:
        while place < len(track):
            wait, place = _quantity(track, place)
            tick += wait
            status = track[place] if track[place] & 0x80 else running
            place += track[place] >> 7
            kind, length = 0, LENGTHS.get(status >> 4, 1)
            if status < 0xF0:
                running = status
            else:
                if status == META:
                    kind = track[place]
                    place += 1
                length, place = _quantity(track, place)
            if kind == END_OF_TRACK:
                return
            yield tick, status, kind, track[place : place + length]
            place += length
    except IndexError:
        return  # cut short: keep the events before


def _quantity(track: bytes, place: int) -> tuple[int, int]:
    """Read a variable-length quantity, and the place after it. Raises IndexError at the end."""
    value = track[place] & 0x7F
    while track[place] & 0x80:
        place += 1
        value = value << 7 | track[place] & 0x7F
    return value, place + 1
