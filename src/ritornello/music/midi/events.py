"""Read the events of a MIDI track one by one, for what the parser leaves out.

Source: The Complete MIDI 1.0 Detailed Specification (1996), "Standard MIDI Files 1.0", track chunks.
"""

from __future__ import annotations

from collections.abc import Iterator

LENGTHS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # data bytes of channel messages
META, TRACK_NAME, END_OF_TRACK = 0xFF, 0x03, 0x2F

Event = tuple[int, int, int, bytes]  # tick, status byte, kind of a meta event (else 0), data


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
