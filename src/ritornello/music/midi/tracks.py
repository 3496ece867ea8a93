"""Read and write the bytes of a MIDI file: header and tracks, checked before the parser, and their events.

Source: The Complete MIDI 1.0 Detailed Specification (1996), "Standard MIDI Files 1.0"; RP-029 for RIFF.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ritornello.music.errors import Remark
from ritornello.plural import counted

LENGTHS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # data bytes of channel messages
META, TRACK_NAME, END_OF_TRACK = 0xFF, 0x03, 0x2F
END_BYTES = b"\xff\x2f\x00"
_AFTER_SYSTEM = re.compile(rb"\xf7[\x80-\xff]{0,3}[\x00-\x7f]{2}")  # end of a message, wait, a data byte

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

    Raises ValueError where it is none, its header is damaged, or it holds no track.
    A track whose length is wrong, or that the file cuts short, is read as far as it goes, with a remark.
    A division in SMPTE frames becomes quarter notes of half a second (of a second, where half a second is no whole
    number of ticks). Chunks of other kinds are passed over; tracks count, not how many the header promises.
    """
    content = _unwrapped(content)
    if content[:4] != b"MThd":
        raise ValueError(f"not a MIDI file: it begins with {content[:12].decode('latin-1')!a}")
    if len(content) < 14:
        raise ValueError("cut short: the file ends inside its header; fetch it again")
    size, kind, promised, division = struct.unpack_from(">IHHH", content, 4)
    resolution, qpm = _resolution(division)
    tracks, remarks = _tracks(content, 8 + size, promised)
    if qpm:
        remarks.insert(0, ("smpte_time", f"{256 - (division >> 8)} frames a second"))
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


def _tracks(content: bytes, place: int, promised: int) -> tuple[list[bytes], list[Remark]]:
    """Read the tracks from `place` on, with remarks on wrong lengths. Raises ValueError."""
    if content[place : place + 4] != b"MTrk" and not content[place : place + 4].isalpha():
        place = content.find(b"MTrk", 14)  # the header's own length is wrong
    tracks: list[bytes] = []
    wrong = 0
    while place >= 0 and place + 8 <= len(content):
        name, size = struct.unpack_from(">4sI", content, place)
        end = place + 8 + size
        if name == b"MTrk":
            stated, end = end, _true_end(content, place + 8, end)
            wrong += end != stated
            tracks.append(content[place + 8 : end])
        elif end > len(content):
            break
        place = end
    if not tracks:
        raise ValueError(f"cut short: {promised} tracks are promised, none is there; fetch the file again")
    remarks = []
    if wrong:
        remarks.append(("wrong_length", f"{counted(wrong, 'track')} of another length than stated"))
    if len(tracks) < promised:
        remarks.append(("missing_tracks", f"{counted(promised, 'track')} promised, {len(tracks)} there"))
    if place < len(content):
        remarks.append(("trailing_bytes", f"{counted(len(content) - place, 'byte')} after the last track"))
    return tracks, remarks


def _true_end(content: bytes, start: int, stated: int) -> int:
    """Find the end of a track: as stated, else after its last event or before the next track.

    Raises ValueError where the file ends inside it.
    """

    def is_end(place: int) -> bool:
        ends_here = place <= len(content) and content[place - 3 : place] == END_BYTES
        return ends_here or content[place : place + 4] == b"MTrk"

    if is_end(stated) or stated == len(content):
        return stated
    found, following = start + _last_event(content[start:]), content.find(b"MTrk", start)
    if is_end(found) and not start <= following < found:
        return found
    if following >= 0:
        return following
    if stated > len(content):
        there = len(content) - start
        raise ValueError(
            f"cut short: a track promises {stated - start} bytes, {there} are there; fetch the file again"
        )
    return stated


def _last_event(track: bytes) -> int:
    """Find the place after the end-of-track event; the length of `track` where it has none."""
    place, running = 0, 0
    try:
        while True:
            _, place = _quantity(track, place)
            place, running, (_, kind, _) = _event(track, place, running)
            if kind == END_OF_TRACK:
                return place
    except IndexError:
        return len(track)


def events(track: bytes) -> Iterator[Event]:
    """List the events of a track up to its end of track, running status resolved.

    A damaged track is read as far as it goes. What lies before the start, by a negative wait in 32 bits (of Ableton
    Live: a clip that begins before its start marker), is moved there.
    track: its bytes, as between its header and the next chunk.
    """
    place, tick, reached, running = 0, 0, 0, 0
    try:
        while place < len(track):
            wait, place = _quantity(track, place)
            tick += wait - (1 << 32 if wait >> 31 == 1 else 0)
            reached = max(reached, tick)
            place, running, (status, kind, data) = _event(track, place, running)
            yield reached, status, kind, data
            if kind == END_OF_TRACK:
                return
    except IndexError:
        return  # cut short: keep the events before


def _event(track: bytes, place: int, running: int) -> tuple[int, int, tuple[int, int, bytes]]:
    """Read the event at `place`: the place after it, running status, status, kind, data.

    Data bytes are taken by their number, whatever their value. Raises IndexError at the end of the bytes.
    """
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
    end = place + length
    if end > len(track):
        raise IndexError
    return end, running, (status, kind, track[place:end])


def _quantity(track: bytes, place: int) -> tuple[int, int]:
    """Read a variable-length quantity, and the place after it. Raises IndexError at the end."""
    value = track[place] & 0x7F
    while track[place] & 0x80:
        place += 1
        value = value << 7 | track[place] & 0x7F
    return value, place + 1


def rewritten(track: bytes) -> tuple[bytes, int, int] | None:
    """Rewrite a track without running status, system messages, large bytes; None without end.

    A note of a pitch over 127 is left out; any other such byte becomes 127.
    Returns the track, and the numbers of bytes changed and of notes left out.
    """
    messages, changed, left_out, kind = [], 0, 0, 0
    for tick, status, kind, data in events(track):
        if status >= 0xF0:
            data = meta_bytes(kind, data) if status == META else b""
        elif status >> 4 in (8, 9, 0xA) and data[0] > 127:
            is_note = status >> 4 == 9 and data[1] > 0
            left_out, changed = left_out + is_note, changed + (not is_note)
            data = b""
        else:
            changed += sum(byte > 127 for byte in data)
            data = bytes([status, *(min(byte, 127) for byte in data)])
        if data:
            messages.append((tick, 0, data))
    return (track_bytes(messages), changed, left_out) if kind == END_OF_TRACK else None


def breaks_running_status(track: bytes) -> bool:
    """Test whether running status may go on after a system message: there parsers lose notes."""
    return _AFTER_SYSTEM.search(track) is not None


def track_bytes(messages: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Write messages (tick, order, bytes) as the bytes of a track, each after its delta time.

    Raises ValueError for a wait of 2^28 ticks or more.
    """
    pieces, now = [], 0
    for tick, _, data in messages:
        pieces.append(quantity_bytes(tick - now) + data)
        now = tick
    return b"".join(pieces)


def meta_bytes(kind: int, data: bytes) -> bytes:
    """Write a meta event."""
    return bytes([META, kind]) + quantity_bytes(len(data)) + data


def header_bytes(kind: int, tracks: int, resolution: int) -> bytes:
    """Write the header of a file: its format, its number of tracks and its ticks per quarter."""
    return chunk_bytes(b"MThd", struct.pack(">HHH", kind, tracks, resolution))


def chunk_bytes(name: bytes, data: bytes) -> bytes:
    """Write a chunk: its name, its length and its data."""
    return name + struct.pack(">I", len(data)) + data


def quantity_bytes(number: int) -> bytes:
    """Write a variable-length quantity, seven bits a byte. Raises ValueError."""
    if number >= 1 << 28:
        raise ValueError(f"MIDI cannot wait for {number} ticks at once: 268435455 is its limit")
    data = [number & 0x7F]
    while number := number >> 7:
        data.append(number & 0x7F | 0x80)
    return bytes(reversed(data))
