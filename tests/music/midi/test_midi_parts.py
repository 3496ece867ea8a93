"""Which notes of a MIDI file are one part: tracks, channels and programs, bytes made by hand."""

from __future__ import annotations

import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.music.midi.reader import read_midi, scan_midi

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def played(notes, *first: tuple[int, bytes]) -> bytes:
    """A track of (start, end, pitch, channel)."""
    ends = [(end, 0, off(pitch, channel)) for _, end, pitch, channel in notes]
    events = sorted(ends + [(start, 1, on(pitch, channel=channel)) for start, _, pitch, channel in notes])
    return track(*first, *((e[0] - b, e[2]) for b, e in zip([0, *(e[0] for e in events)], events)))


def sizes(*tracks: bytes, **options) -> list[int]:
    return [len(part.notes) for part in read_midi(midi_file(*tracks, **options)).parts]


def line(channel: int = 0, pitch: int = 0, start: int = 0, length: int = 480) -> list[tuple[int, int, int, int]]:
    return [(start + 480 * i, start + 480 * i + length, p + pitch, channel) for i, p in enumerate(SCALE)]


ROTATED = [(s, e, p, i % 3) for i, (s, e, p, _) in enumerate(line())]
LEGATO = [(s, e + 20, p, c) for s, e, p, c in ROTATED]
OTHER = played(line(pitch=-24))
PROGRAMS = [(0, bytes([0xC0 | channel, 24 + channel])) for channel in range(3)]


@pytest.mark.parametrize("notes", [ROTATED, LEGATO])
@pytest.mark.parametrize("programs", [[], PROGRAMS])
def test_notes_that_rotate_over_the_channels_of_a_track_are_one_line(notes, programs):
    assert sizes(played(notes, *programs), OTHER) == [8, 8]
    assert sizes(played(notes, *programs), kind=0) == [8]


def test_a_bank_and_a_program_chosen_between_notes_do_not_divide_a_line():
    events = [e for i, p in enumerate(SCALE) for e in (
        (0, bytes([0xB0, 0, i])), (0, bytes([0xB0, 32, 1])), (0, bytes([0xC0, 8 * i])), (0, on(p)), (480, off(p)),
    )]  # fmt: skip
    assert sizes(track(*events)) == [8]
    assert sizes(track(*events), OTHER) == [8, 8]


def test_a_program_chosen_while_a_note_sounds_does_not_divide_a_line():
    events = [e for i, p in enumerate(SCALE) for e in ((0, on(p)), (240, bytes([0xC0, i])), (240, off(p)))]
    (part,) = read_midi(midi_file(track(*events))).parts
    assert [(n.start, n.duration, n.pitch) for n in part.notes] == [(480 * i, 480, p) for i, p in enumerate(SCALE)]


def test_the_program_of_a_line_is_that_of_most_of_its_notes():
    events = [
        e for i, p in enumerate(SCALE) for e in ((0, bytes([0xC0, 73 if i > 2 else 40])), (0, on(p)), (1, off(p)))
    ]
    assert [p.program for p in read_midi(midi_file(track(*events))).parts] == [73]


def test_a_band_on_the_channels_of_one_track_is_many_parts():
    band = [*line(0), *line(1, -12), *line(2, -24), *[(0, 1920, 40, 3), (1920, 3840, 43, 3)]]
    assert sizes(played(band), kind=0) == [8, 8, 8, 2]
    assert sizes(played(band), track(), kind=1) == [8, 8, 8, 2]


def test_a_guitar_on_several_channels_of_such_a_band_is_one_of_its_parts():
    band = [*ROTATED, *line(5, -12)]
    programs = [(0, bytes([0xC0 | c, 27])) for c in range(3)] + [(0, b"\xc5\x20")]
    assert sizes(played(band, *programs), kind=0) == [8, 8]


def test_a_choir_of_one_program_on_the_channels_of_one_track_is_its_voices():
    assert sizes(played([*line(0), *line(1, -5), *line(2, -12), *line(3, -19)]), kind=0) == [8, 8, 8, 8]


def test_the_channels_of_an_instrument_that_declares_mpe_are_one_part():
    declared = [(0, b"\xb0\x65\x00"), (0, b"\xb0\x64\x06"), (0, b"\xb0\x06\x0f")]
    chords = [*line(1), *line(2, 4), *line(3, 7)]
    assert sizes(played(chords, *declared), kind=0) == [24]
    assert sizes(played(chords), kind=0) == [8, 8, 8]


def test_two_players_who_sound_together_on_one_track_of_several_are_two_parts():
    programs = [(0, b"\xc0\x49"), (0, b"\xc1\x20")]
    assert sizes(played([*line(0), *line(1, -24)], *programs), OTHER) == [8, 8, 8]


def test_percussion_on_the_track_of_a_line_is_a_part_of_its_own():
    drums = [(s, s + 60, 36, 9) for s, *_ in line()]
    assert sizes(played([*ROTATED, *drums], *PROGRAMS), OTHER) == [8, 8, 8]


def test_tracks_of_one_name_stay_apart():
    name = (0, b"\xff\x03\x05Piano")
    tracks = played(line(), name), played(line(pitch=-12), name), played(line(1, -24), name)
    parts = read_midi(midi_file(*tracks)).parts
    assert [(p.name, p.notes[0].pitch) for p in parts] == [("Piano", 60), ("Piano", 48), ("Piano", 36)]


def test_a_note_never_switched_off_is_repaired_in_the_channel_that_holds_it():
    torn = [(0, on(60)), (480, off(60)), (0, on(62, channel=1)), (480, on(64)), (480, off(64))]
    (piece,), remarks = scan_midi(midi_file(track(*torn), OTHER))
    assert [(n.start, n.end) for n in piece.parts[0].notes] == [(0, 480), (480, 1440), (960, 1440)]
    assert [code for code, _ in remarks] == ["endless_notes"]


def test_a_type_two_file_that_a_first_track_conducts_is_one_piece():
    conductor = track((0, b"\xff\x58\x04\x03\x02\x18\x08"))
    pieces, remarks = scan_midi(midi_file(conductor, OTHER, played(line()), kind=2))
    assert [len(piece.parts) for piece in pieces] == [2]
    assert [piece.timeline.metre.name for piece in pieces] == ["3/4"]
    assert remarks == []


@pytest.mark.parametrize("kind", [0, 3, 255])
def test_a_wrong_format_field_does_no_harm(kind):
    assert sizes(played(line()), OTHER, kind=kind) == [8, 8]


@pytest.mark.parametrize("kind", [3, 4])
def test_names_behind_a_channel_prefix_name_the_players_of_one_track(kind):
    """Up to the next message of a channel: "Standard MIDI Files 1.0", MIDI Channel Prefix."""
    named = [(0, b"\xff\x03\x03Seq")]
    for channel, name in enumerate((b"Fl\xf6te", b"Bass")):
        named += [(0, bytes([0xFF, 0x20, 1, channel])), (0, bytes([0xFF, kind, len(name)]) + name)]
    named += [(0, b"\xc2\x30"), (0, b"\xff\x04\x04Alle")]
    band = line() + line(1, -24) + line(2, -12)
    piece = read_midi(midi_file(played(band, *named), kind=0))
    assert (piece.title, [part.name for part in piece.parts]) == ("Seq", ["Flöte", "Bass", "Seq"])
