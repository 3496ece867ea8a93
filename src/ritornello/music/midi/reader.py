"""Read Standard MIDI files through symusic, and write them byte by byte.

Ticks are kept as they stand in the file. Source: The Complete MIDI 1.0 Detailed Specification (1996),
"Standard MIDI Files 1.0".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from ritornello.music.errors import Remark
from ritornello.music.midi.notes import NoteRepair, exact_late_note_offs, late_note_offs, latest_tick
from ritornello.music.midi.texts import decoded_name, with_syllables
from ritornello.music.midi.tracks import META, TRACK_NAME, Chunks, events, read_chunks
from ritornello.music.values import Key, Melody, Metre, Note, Part, Piece, Tempo, Timeline

MAX_NOTES = 1_000_000
MAX_RESOLUTION = 0x7FFF  # what fifteen bits of the header hold
MICROSECONDS_PER_MINUTE = 60_000_000
LAST_TEXT = "\x7f"  # the marker that we set before each end of track, see _with_marked_ends
END_OF_TRACK = b"\xff\x2f\x00"
NO_NOTES = "no notes in this MIDI file: export it again with the notes on a track"


def read_midi(content: bytes, source: str = "") -> Piece:
    """Read a MIDI file: one Part for each track, channel and program that has notes.

    Percussion (channel 10) is a part with `is_drum`. Notes without length, never switched off or out of reach are
    left out or repaired (see `notes.NoteRepair`). A short first bar whose time signature does not come back is read
    as a pick-up; a time signature that restates the metre on a barline is dropped. The length of the timeline is the
    latest end of track.
    A file that counts SMPTE frames is read as quarters of half a second, whatever tempo it states.
    Of a file of type 2 this is the first pattern that has notes. Raises ValueError as `scan_midi`.
    """
    return scan_midi(content, source)[0][0]


def scan_midi(content: bytes, source: str = "") -> tuple[list[Piece], list[Remark]]:
    """Read a MIDI file as `read_midi` does, and say what had to be guessed or passed over.

    The list holds one Piece; of a file of type 2, whose tracks do not sound together, one for each track that has
    notes, its source "#2" for the second track.
    Raises ValueError where this is not a MIDI file, is cut short or damaged, or holds no notes.
    """
    chunks = read_chunks(content)
    remarks = list(chunks.remarks)
    if chunks.kind != 2 or len(chunks.tracks) == 1:
        return [_piece(chunks, chunks.tracks, source, remarks)], remarks
    pieces, errors = [], []
    for number, track in enumerate(chunks.tracks, 1):
        try:
            pieces.append(_piece(chunks, (track,), f"{source}#{number}", remarks))
        except _NoNotesError as error:
            errors.append(error)
    if not pieces:
        raise min(errors, key=lambda error: str(error) == NO_NOTES)
    remarks.append(("patterns", f"type 2: {len(pieces)} of {len(chunks.tracks)} tracks, each a piece"))
    return pieces, remarks


class _NoNotesError(ValueError):
    """A MIDI file, or a pattern of one, without notes within reach."""


def _piece(chunks: Chunks, tracks: Sequence[bytes], source: str, remarks: list[Remark]) -> Piece:
    """Join tracks that sound together in a Piece, with `remarks` on losses. Raises ValueError."""
    resolution = chunks.resolution
    score = _parsed(resolution, tracks)
    count = sum(len(track.notes) for track in score.tracks)
    if count > MAX_NOTES:
        raise ValueError(f"{count} notes: more than {MAX_NOTES} are not read, cut the file into pieces")
    if not count:
        raise _NoNotesError(NO_NOTES)
    # symusic gives a name with bad UTF-8 replaced
    names = {name.decode("utf-8", "replace"): decoded_name(name) for name in map(_leading_name, tracks)}
    ends = [m.time for m in score.markers if m.text == LAST_TEXT]
    repair, of_drums = NoteRepair(resolution, ends), NoteRepair(resolution, ends)  # drums often lack note-offs
    read = (_part(track, names, of_drums if track.is_drum else repair) for track in score.tracks)
    found = tuple(part for part in read if part.notes)
    remarks.extend(repair.remarks())
    if not found:
        wait = f"only after {latest_tick(resolution) // resolution} quarters"
        raise _NoNotesError(f"damaged: its first note comes {wait}; take the wait before it out in a sequencer")
    last = max(note.end for part in found for note in part.notes)
    length = max([last, *(end for end in ends if end <= latest_tick(resolution))])
    tempos = _tempos(score) if chunks.qpm is None else (Tempo(0, chunks.qpm),)
    timeline = Timeline(resolution, length, _metres(score, resolution), _keys(score), tempos)
    title = names.get(_leading_name(tracks[0]).decode("utf-8", "replace"), "")
    return Piece(with_syllables(found, tracks, resolution), timeline, title=title, source=source)


def write_midi(melody: Melody, program: int = 0) -> bytes:
    """Write a MIDI file of one track: title, tempos, metres, keys, notes, end of the timeline.

    A pick-up is written as a short bar with a time signature of its own, so that other programs see it too.
    The same melody gives the same bytes. program: General MIDI program 0-127.
    Raises ValueError for a metre, tempo or program that MIDI cannot express, and for a melody that is exact
    only at more than 32767 ticks per quarter.
    """
    if not 0 <= program <= 127:
        raise ValueError(f"program must be 0 to 127, not {program}")
    melody = _within_resolution(melody)
    timeline = melody.timeline
    messages: list[tuple[int, int, bytes]] = [(0, 0, _meta(3, melody.title.encode("utf-8")))] if melody.title else []
    messages += [(m.tick, 1, _meta(0x58, _time_signature(m))) for m in _written_metres(timeline)]
    messages += [(k.tick, 2, _meta(0x59, _key_signature(k))) for k in _before_end(timeline.keys, timeline)]
    messages += [(t.tick, 3, _meta(0x51, _microseconds(t))) for t in _before_end(timeline.tempos, timeline)]
    messages.append((0, 4, bytes([0xC0, program])))
    for note in melody.notes:
        messages.append((note.start, 6, bytes([0x90, note.pitch, note.velocity])))
        messages.append((note.end, 5, bytes([0x80, note.pitch, 0])))  # off before the next on
    messages.append((timeline.length, 7, END_OF_TRACK))
    track = _track(sorted(messages, key=lambda e: e[:2]))
    return _header(0, 1, timeline.ticks_per_quarter) + _chunk(b"MTrk", track)


def _with_marked_ends(resolution: int, tracks: Sequence[bytes], offs: Callable[[bytes], bytes]) -> bytes:
    """Rewrite the file with a marker and late note-offs before each end of track (see `notes`).

    symusic reports markers but not the end of a track, so that a closing rest would be lost. It also drops notes
    that are never switched off.
    """
    mark = _meta(6, LAST_TEXT.encode())
    opened = [t.removesuffix(END_OF_TRACK) if t.endswith(END_OF_TRACK) else t + b"\0" for t in tracks]
    ended = [t + mark + offs(t) + END_OF_TRACK for t in opened]
    return _header(1, len(tracks), resolution) + b"".join(_chunk(b"MTrk", t) for t in ended)


def _parsed(resolution: int, tracks: Sequence[bytes]):
    """Parse tracks with symusic, a second time and closer where notes are never switched off."""
    from symusic import Score

    for offs in (late_note_offs, exact_late_note_offs):
        try:
            score: Any = Score.from_midi(_with_marked_ends(resolution, tracks, offs))
        except (RuntimeError, ValueError, IndexError) as error:
            why = " ".join(str(error).split())
            raise ValueError(f"damaged MIDI data ({why}): export or fetch it again") from None
        if score.end() <= latest_tick(resolution):
            break
    return score


def _part(track, names: dict[str, str], repair: NoteRepair) -> Part:
    notes = tuple(Note(n.time, n.duration, n.pitch, n.velocity) for n in track.notes)
    if notes and repair.is_needed(track.start(), track.end(), min(n[1] for n in notes)):
        notes = repair.notes(notes)
    name = names.get(track.name, track.name).strip()
    return Part(notes, name, track.program & 0x7F, track.is_drum)


def _leading_name(track: bytes) -> bytes:
    """Find the track name among the meta events that open a track; empty where there is none."""
    for _, status, kind, data in events(track):
        if status != META:
            break
        if kind == TRACK_NAME:
            return data
    return b""


def _metres(score, resolution: int) -> tuple[Metre, ...]:
    found = {
        t.time: Metre(t.time, t.numerator, t.denominator)
        for t in score.time_signatures
        if t.numerator > 0 and 1 <= t.denominator <= 64 and t.time >= 0
    }
    found.setdefault(0, Metre(0, 4, 4))  # the default of the specification
    kept: list[Metre] = []
    for metre in sorted(found.values()):
        is_new = not kept or metre[1:] != kept[-1][1:]
        if is_new or (metre.tick - kept[-1].tick) % _bar(
            kept[-1], resolution
        ):  # on a barline it would change nothing
            kept.append(metre)
    comes_back = any(metre[1:] == kept[0][1:] for metre in kept[2:])
    if len(kept) > 1 and not comes_back and kept[1].tick <= _bar(kept[0], resolution) < _bar(kept[1], resolution):
        kept[0] = kept[1]._replace(tick=0)  # a short bar of its own metre before the first full one
    return tuple(kept)


def _bar(metre: Metre, resolution: int) -> Fraction:
    return Fraction(4 * metre.numerator * resolution, metre.denominator)


def _keys(score) -> tuple[Key, ...]:
    found = {
        k.time: Key(k.time, k.key, "minor" if k.tonality else "major")
        for k in score.key_signatures
        if -7 <= k.key <= 7 and k.tonality in (0, 1) and k.time >= 0
    }
    kept: list[Key] = []
    for key in sorted(found.values()):
        if not kept:
            kept.append(key._replace(tick=0))  # also before its own tick, where no key is stated
        elif key[1:] != kept[-1][1:]:
            kept.append(key)
    return tuple(kept)


def _tempos(score) -> tuple[Tempo, ...]:
    found = {t.time: t.mspq for t in score.tempos if t.mspq > 0 and t.time >= 0}
    found.setdefault(0, 500_000)  # the default of the specification
    kept: list[Tempo] = []
    for tick, mspq in sorted(found.items()):
        tempo = Tempo(tick, _qpm(mspq))
        if not kept or tempo.qpm != kept[-1].qpm:
            kept.append(tempo)
    return tuple(kept)


def _qpm(mspq: int) -> float:
    """Convert to quarters per minute with the fewest decimals: 133, not 132.99995."""
    exact = MICROSECONDS_PER_MINUTE / mspq
    rounded = (round(exact, digits) for digits in range(6))
    return next((qpm for qpm in rounded if qpm and round(MICROSECONDS_PER_MINUTE / qpm) == mspq), exact)


def _within_resolution(melody: Melody) -> Melody:
    """Rescale a melody to the finest resolution that MIDI can hold, nearly always its own."""
    if melody.timeline.ticks_per_quarter <= MAX_RESOLUTION:
        return melody
    own = melody.timeline.ticks_per_quarter
    for divisor in range(-(-own // MAX_RESOLUTION), own + 1):
        if own % divisor == 0:
            try:
                return melody.with_resolution(own // divisor)
            except ValueError:
                continue
    raise ValueError(f"exact only at more than {MAX_RESOLUTION} ticks per quarter, MIDI's limit: quantise it first")


def _before_end(changes: tuple, timeline: Timeline) -> list:
    """List the changes before the end; a later one would put off the end of the track."""
    return [c for c in changes if c.tick == 0 or c.tick < timeline.length]


def _written_metres(timeline: Timeline) -> list[Metre]:
    """List the metres, with a bar of its own for a pick-up that a time signature can express."""
    metres = _before_end(timeline.metres, timeline)
    if not timeline.pickup or len(metres) < 2 or metres[0][1:] != metres[1][1:]:
        return metres
    share = Fraction(timeline.pickup, 4 * timeline.ticks_per_quarter)
    denominator = max(share.denominator, metres[0].denominator)
    numerator = share * denominator
    if numerator.denominator == 1 and numerator <= 255 and denominator in (1, 2, 4, 8, 16, 32, 64):
        metres[0] = Metre(0, int(numerator), denominator)
    return metres


def _time_signature(metre: Metre) -> bytes:
    power = metre.denominator.bit_length() - 1
    if 2**power != metre.denominator or power > 6 or metre.numerator > 255:
        raise ValueError(
            f"MIDI cannot express the metre {metre.name}: "
            "the upper number must be at most 255, the lower 1, 2, 4, 8, 16, 32 or 64"
        )
    return bytes([metre.numerator, power, 24, 8])


def _key_signature(key: Key) -> bytes:
    if not -7 <= key.fifths <= 7:
        raise ValueError(f"MIDI cannot express a key of {key.fifths} fifths: it must be -7 to 7")
    return struct.pack("bB", key.fifths, key.mode == "minor")


def _microseconds(tempo: Tempo) -> bytes:
    mspq = round(MICROSECONDS_PER_MINUTE / tempo.qpm) if tempo.qpm > 0 else 0
    if not 0 < mspq < 1 << 24:
        raise ValueError(f"MIDI cannot express {tempo.qpm} quarters per minute: it must be 3.6 to 60000000")
    return mspq.to_bytes(3, "big")


def _track(messages: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Write messages (tick, order, bytes) as the bytes of a track, each after its delta time."""
    pieces, now = [], 0
    for tick, _, data in messages:
        pieces.append(_quantity(tick - now) + data)
        now = tick
    return b"".join(pieces)


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + _quantity(len(data)) + data


def _header(kind: int, tracks: int, resolution: int) -> bytes:
    return _chunk(b"MThd", struct.pack(">HHH", kind, tracks, resolution))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">I", len(data)) + data


def _quantity(number: int) -> bytes:
    """Write a variable-length quantity: seven bits a byte, the top bit set but in the last."""
    if number >= 1 << 28:
        raise ValueError(f"MIDI cannot wait for {number} ticks at once: 268435455 is its limit")
    data = [number & 0x7F]
    while number := number >> 7:
        data.append(number & 0x7F | 0x80)
    return bytes(reversed(data))
