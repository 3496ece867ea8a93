"""Read Standard MIDI files through symusic, and write them byte by byte.

Ticks are kept as they stand in the file. Source: The Complete MIDI 1.0 Detailed Specification (1996),
"Standard MIDI Files 1.0".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ritornello.music.chords import read_chord
from ritornello.music.errors import Remark
from ritornello.music.midi.notes import (
    NoteRepair,
    exact_late_note_offs,
    late_note_offs,
    latest_tick,
    without_key_switches,
)
from ritornello.music.midi.parts import DRUMS, INSTRUMENT_NAME, Voice, channel_names, channels, joined
from ritornello.music.midi.signatures import MICROSECONDS_PER_MINUTE, keys, metres, mode_text, named_modes, tempos
from ritornello.music.midi.texts import TEXT, decoded_names, with_syllables
from ritornello.music.midi.tracks import (
    END_BYTES,
    META,
    TRACK_NAME,
    Chunks,
    breaks_running_status,
    chunk_bytes,
    events,
    header_bytes,
    meta_bytes,
    read_chunks,
    rewritten,
    track_bytes,
)
from ritornello.music.quarters import PLAIN
from ritornello.music.values import (
    NO_IMPRINT,
    Chord,
    ChordChanges,
    Imprint,
    Key,
    Melody,
    Metre,
    Note,
    Part,
    Piece,
    Tempo,
    Timeline,
)
from ritornello.plural import counted

MAX_NOTES = 1_000_000
MAX_RESOLUTION = 0x7FFF  # what fifteen bits of the header hold
OURS = b"Ritornello"  # a text at the start of our own files, whose times are exact
PLAYED_CHANNELS = [channel for channel in range(16) if channel != DRUMS]
LONGEST_ORIGIN = 500  # bytes
TITLE_PAGE = 1000  # bytes of a track in which such a text would stand
TEMPO, TIME_SIGNATURE, MARKER = 0x51, 0x58, 6  # kinds of meta events
LAST_TEXT = "\x7f"  # the marker that we set before each end of track, see _with_marked_ends
NO_NOTES = "no notes in this MIDI file: export it again with the notes on a track"


def read_midi(content: bytes, source: str = "") -> Piece:
    """Read a MIDI file: one Part for each track with notes, or for each player of one track.

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
    Remarks: smpte_time, trailing_bytes, wrong_length, missing_tracks (see `tracks.read_chunks`), large_bytes (data
    bytes over 127), patterns (type 2), key_switches (see `notes.without_key_switches`), and those of
    `notes.NoteRepair`.
    Raises ValueError where this is not a MIDI file, is cut short or damaged, or holds no notes.
    """
    chunks = read_chunks(content)
    remarks = list(chunks.remarks)
    if chunks.kind != 2 or len(chunks.tracks) == 1 or _is_conducted(chunks.tracks):
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


def _is_conducted(tracks: Sequence[bytes]) -> bool:
    """Test whether the first track holds all metres and tempos and no notes, as in type 1."""
    kinds = [{kind or status >> 4 for _, status, kind, _ in events(track)} for track in tracks]
    signatures = {TEMPO, TIME_SIGNATURE}
    return 9 not in kinds[0] and bool(kinds[0] & signatures) and not any(k & signatures for k in kinds[1:])


class _NoNotesError(ValueError):
    """A MIDI file, or a pattern of one, without notes within reach."""


def _piece(chunks: Chunks, tracks: Sequence[bytes], source: str, remarks: list[Remark]) -> Piece:
    """Join tracks that sound together in a Piece, with `remarks` on losses. Raises ValueError."""
    resolution = chunks.resolution
    scores = [_parsed(resolution, track, remarks) for track in tracks]
    count = sum(len(track.notes) for score in scores for track in score.tracks)
    if count > MAX_NOTES:
        raise ValueError(f"{count} notes: more than {MAX_NOTES} are not read, cut the file into pieces")
    if not count and any(code == "large_bytes" for code, _ in remarks):
        raise _NoNotesError("damaged MIDI data (no note has a pitch that there is): export or fetch it again")
    if not count:
        raise _NoNotesError(NO_NOTES)
    ends = [m.time for score in scores for m in score.markers if m.text == LAST_TEXT]
    names = decoded_names([_leading_name(track) for track in tracks])
    is_counted = not any(
        kind == TEXT and data.startswith(OURS) for _, _, kind, data in events(tracks[0][:TITLE_PAGE])
    )
    found = _parts(resolution, tracks, scores, names, ends, remarks)
    found = _without_key_switches(found, remarks) if is_counted else found
    if not found:
        wait = f"only after {latest_tick(resolution) // resolution} quarters"
        raise _NoNotesError(f"damaged: its first note comes {wait}; take the wait before it out in a sequencer")
    last = max(note.end for part in found for note in part.notes)
    length = max([last, *(end for end in ends if end <= latest_tick(resolution))])
    in_metres = metres(scores, resolution, length)
    in_tempos = tempos(scores, resolution, in_metres) if chunks.qpm is None else (Tempo(0, chunks.qpm),)
    timeline = Timeline(
        resolution, length, in_metres, keys(scores, resolution, in_metres, named_modes(tracks)), in_tempos
    )
    chords: ChordChanges = ()
    if not is_counted:  # of other programs "A" may be the name of a section
        chords = _chords([(mark.time, mark.text) for score in scores for mark in score.markers], timeline)
    parts = with_syllables(found, tracks, resolution)
    return Piece(parts, timeline, names[0], "", source, is_counted, chords=chords)


def _chords(markers: Sequence[tuple[int, str]], timeline: Timeline) -> ChordChanges:
    """Read markers that are chord symbols, by tick."""
    found: dict[int, Chord] = {}
    for tick, text in sorted(markers):
        with suppress(ValueError):
            found[tick] = read_chord(text, timeline.key_at(tick) or PLAIN)
    return tuple(found.items())


def _parts(
    resolution: int,
    tracks: Sequence[bytes],
    scores: Sequence[Any],
    names: Sequence[str],
    ends: Sequence[int],
    remarks: list[Remark],
) -> tuple[Part, ...]:
    """Make the parts of a piece: one for each track with notes, its channels joined."""
    repair, of_drums = NoteRepair(resolution, ends), NoteRepair(resolution, ends)  # drums often lack note-offs
    is_alone = sum(any(not t.is_drum and t.notes for t in score.tracks) for score in scores) < 2
    parts = []
    for track, score, name in zip(tracks, scores, names, strict=True):
        voices, is_mpe, is_split = score.tracks, False, False
        if sum(not t.is_drum for t in voices) > 1:  # several programs or channels, which symusic does not tell apart
            (voices, is_mpe), is_split = _by_channel(resolution, track), True
        read = []
        for voice in voices:
            notes = tuple(Note(n.time, n.duration, n.pitch, n.velocity) for n in voice.notes)
            mend = of_drums if voice.is_drum else repair
            if notes and mend.is_needed(notes[0].start, max(n.end for n in notes), min(n[1] for n in notes)):
                notes = mend.notes(notes)
            own = voice.name if is_split else ""
            read += [Voice(notes, voice.program, voice.is_drum, own)] if notes else []
        name = name or next((t.name.strip() for t in score.tracks), "")
        parts += [Part(tuple(v.notes), v.name or name, v.program, v.is_drum) for v in joined(read, is_alone, is_mpe)]
    remarks.extend(repair.remarks())
    return tuple(parts)


def _without_key_switches(parts: Sequence[Part], remarks: list[Remark]) -> tuple[Part, ...]:
    """Leave out notes that switch an instrument's articulation, with a remark on them."""
    kept = tuple(part if part.is_drum else replace(part, notes=without_key_switches(part.notes)) for part in parts)
    for before, after in zip(parts, kept, strict=True):
        count = len(before.notes) - len(after.notes)
        if count:
            pitches = sorted({note.pitch for note in before.notes} - {note.pitch for note in after.notes})
            named = f' of "{before.name}"' if before.name else ""
            listed = ", ".join(map(str, pitches))
            remarks.append(("key_switches", f"{counted(count, 'note')}{named} far below the others (pitch {listed})"))
    return kept


def _by_channel(resolution: int, track: bytes) -> tuple[list[Voice], bool]:
    """Read the notes of each channel of a track by itself, and test whether it declares MPE."""
    found, is_mpe = channels(track)
    stated = channel_names(track)
    names = dict(zip(stated, decoded_names(list(stated.values())), strict=True))
    voices = []
    for number, channel in found.items():
        notes = [n for t in _parsed(resolution, channel.to_bytes(), []).tracks for n in t.notes]
        program = channel.programs.most_common(1)[0][0]
        voices.append(Voice(notes, program, number == DRUMS, names.get(number, "")))
    return voices, is_mpe


def write_midi(melody: Melody, imprint: Imprint = NO_IMPRINT) -> bytes:
    """Write a MIDI file of one track: title, program, tempos, metres, keys, notes, end.

    Chord symbols are markers.

    A pick-up is written as a short bar with a time signature of its own, so that other programs see it too.
    The same melody gives the same bytes. imprint: its program, and texts at the start of the track.
    Raises ValueError for a metre, tempo or program that MIDI cannot express, and for a melody that is exact
    only at more than 32767 ticks per quarter.
    """
    if not 0 <= imprint.program <= 127:
        raise ValueError(f"program must be 0 to 127, not {imprint.program}")
    melody = _within_resolution(melody)
    timeline = melody.timeline
    messages: list[tuple[int, int, bytes]] = (
        [(0, 0, meta_bytes(3, melody.title.encode("utf-8")))] if melody.title else []
    )
    origin = b": " + imprint.origin.encode("utf-8")[:LONGEST_ORIGIN] if imprint.origin else b""
    messages.append((0, 0, meta_bytes(TEXT, OURS + origin)))
    messages += [(0, 0, meta_bytes(INSTRUMENT_NAME, imprint.part.encode("utf-8")))] if imprint.part else []
    messages += _timeline_messages(timeline)
    messages += _chord_messages(melody)
    messages.append((0, 4, bytes([0xC0, imprint.program])))
    messages += _note_messages(melody.notes, 0)
    messages.append((timeline.length, 7, END_BYTES))
    return header_bytes(0, 1, timeline.ticks_per_quarter) + _chunk(messages)


def write_midi_piece(piece: Piece, origin: str = "") -> bytes:
    """Write a MIDI file of type 1: a track for the timeline, then one for each part.

    The first has title, metres, keys and tempos. The times are ticks that were played. origin: who made it, and how.
    Raises ValueError as `write_midi`, and for more than 15 parts.
    """
    timeline, end = piece.timeline, (piece.timeline.length, 7, END_BYTES)
    if len(piece.parts) > len(PLAYED_CHANNELS):
        raise ValueError(f"{len(piece.parts)} parts: MIDI has channels for {len(PLAYED_CHANNELS)} besides percussion")
    title = [(0, 0, meta_bytes(TRACK_NAME, piece.title.encode("utf-8")))] if piece.title else []
    if origin:
        title.append((0, 0, meta_bytes(1, origin.encode("utf-8")[:LONGEST_ORIGIN])))
    tracks = [_chunk([*title, *_timeline_messages(timeline), *_chord_messages(piece), end])]
    for part, free in zip(piece.parts, PLAYED_CHANNELS, strict=False):
        channel = DRUMS if part.is_drum else free
        named = [
            (0, 0, meta_bytes(TRACK_NAME, part.name.encode("utf-8"))),
            (0, 4, bytes([0xC0 | channel, part.program])),
        ]
        tracks.append(_chunk([*named, *_note_messages(part.notes, channel), end]))
    return header_bytes(1, len(tracks), timeline.ticks_per_quarter) + b"".join(tracks)


Message = tuple[int, int, bytes]
"""A message of a track: its tick, its rank among those of one tick, and its bytes."""


def _chunk(messages: list[Message]) -> bytes:
    """Write a track of messages in any order."""
    return chunk_bytes(b"MTrk", track_bytes(sorted(messages, key=lambda e: e[:2])))


def _timeline_messages(timeline: Timeline) -> list[Message]:
    """Make the messages of metres, keys and tempos."""
    messages = [(m.tick, 1, meta_bytes(TIME_SIGNATURE, _time_signature(m))) for m in _written_metres(timeline)]
    for key in _before_end(timeline.keys, timeline):
        messages.append((key.tick, 2, meta_bytes(0x59, _key_signature(key))))
        messages += [(key.tick, 2, meta_bytes(TEXT, text)) for text in [mode_text(key)] if text]
    return messages + [
        (t.tick, 3, meta_bytes(TEMPO, _microseconds(t))) for t in _before_end(timeline.tempos, timeline)
    ]


def _chord_messages(music: Melody | Piece) -> list[Message]:
    """Make a marker of each chord symbol, which sequencers show above the notes."""
    line = music.timeline
    inside = ((tick, chord) for tick, chord in music.chords if tick < line.length)
    return [(tick, 4, meta_bytes(MARKER, chord.name(line.key_at(tick)).encode())) for tick, chord in inside]


def _note_messages(notes: Sequence[Note], channel: int) -> list[Message]:
    """Make the messages of notes; one ends before the next begins."""
    messages = [(note.start, 6, bytes([0x90 | channel, note.pitch, note.velocity])) for note in notes]
    return messages + [(note.end, 5, bytes([0x80 | channel, note.pitch, 0])) for note in notes]


def _with_marked_end(resolution: int, track: bytes, offs: Callable[[bytes], bytes]) -> bytes:
    """Write a file of one track with a marker and late note-offs before its end (see `notes`).

    symusic reports markers but not the end of a track, so that a closing rest would be lost. It also drops notes
    that are never switched off.
    """
    mark = meta_bytes(MARKER, LAST_TEXT.encode())
    opened = track.removesuffix(END_BYTES) if track.endswith(END_BYTES) else track + b"\0"
    return header_bytes(1, 1, resolution) + chunk_bytes(b"MTrk", opened + mark + offs(track) + END_BYTES)


def _parsed(resolution: int, track: bytes, remarks: list[Remark]) -> Any:
    """Parse a track with symusic, a second time and closer where notes are never switched off.

    What symusic refuses or would lose is written out for it: data bytes over 127, with a remark, and running status
    after a system message. Raises ValueError.
    """
    from symusic import Score

    clean = None
    if breaks_running_status(track):
        clean = rewritten(track)
        track = clean[0] if clean else track
    for offs in (late_note_offs, late_note_offs, exact_late_note_offs):
        try:
            score: Any = Score.from_midi(_with_marked_end(resolution, track, offs))
        except (RuntimeError, ValueError, IndexError) as error:
            last = clean
            clean = clean or rewritten(track)
            if last or not clean:
                why = " ".join(str(error).split())
                raise ValueError(f"damaged MIDI data ({why}): export or fetch it again") from None
            track = clean[0]
            continue
        if score.end() <= latest_tick(resolution):
            break
    if clean:
        remarks.extend(_large_bytes(*clean[1:]))
    return score


def _large_bytes(changed: int, left_out: int) -> list[Remark]:
    """List what was done about data bytes over 127, as a remark."""
    lines = []
    if changed:
        lines.append(f"{counted(changed, 'data byte')} over 127 brought down to it")
    if left_out:
        lines.append(f"{counted(left_out, 'note')} of a pitch over 127 left out")
    return [("large_bytes", "; ".join(lines))] if lines else []


def _leading_name(track: bytes) -> bytes:
    """Find the track name among the meta events that open a track; empty where there is none."""
    for _, status, kind, data in events(track):
        if status != META:
            break
        if kind == TRACK_NAME:
            return data
    return b""


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
    return struct.pack("bB", key.fifths, key.is_minor)


def _microseconds(tempo: Tempo) -> bytes:
    mspq = round(MICROSECONDS_PER_MINUTE / tempo.qpm) if tempo.qpm > 0 else 0
    if not 0 < mspq < 1 << 24:
        raise ValueError(f"MIDI cannot express {tempo.qpm} quarters per minute: it must be 3.6 to 60000000")
    return mspq.to_bytes(3, "big")
