"""Reading and writing MIDI, against bytes made by hand and mido as an oracle."""

from __future__ import annotations

import io
import random
import struct

import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.music.midi.reader import read_midi, scan_midi, write_midi
from ritornello.music.values import Imprint, Key, Melody, Metre, Note, Tempo, Timeline

ONE_NOTE = track((0, on(60)), (480, off(60)))


def metre(numerator: int, power: int) -> bytes:
    return bytes([0xFF, 0x58, 4, numerator, power, 24, 8])


def test_notes_keep_their_exact_ticks_and_the_files_resolution():
    piece = read_midi(midi_file(track((7, on(60, 33)), (131, off(60)), (1, on(61)), (2, off(61))), division=96))
    assert piece.timeline.ticks_per_quarter == 96
    assert piece.parts[0].notes == (Note(7, 131, 60, 33), Note(139, 2, 61, 80))


def test_each_track_and_channel_is_a_part_and_channel_ten_is_percussion():
    first = track((0, b"\xff\x03\x04Lead"), (0, b"\xc0\x48"), (0, on(60)), (480, off(60)))
    mixed = track((0, on(50, channel=1)), (0, on(36, channel=9)), (240, off(50, 1)), (0, off(36, 9)))
    parts = read_midi(midi_file(track(), first, mixed)).parts
    assert [(p.name, p.program, p.is_drum) for p in parts] == [("Lead", 72, False), ("", 0, False), ("", 0, True)]
    assert [p.notes[0].pitch for p in parts] == [60, 50, 36]


def test_percussion_alone_is_still_read():
    (part,) = read_midi(midi_file(track((0, on(36, channel=9)), (10, off(36, 9))))).parts
    assert part.is_drum


def test_names_that_are_not_utf8_are_decoded_as_old_windows_programs_wrote_them():
    latin = track((0, b"\xff\x03\x05Fl\xf6te"), (0, on(60)), (1, off(60)))
    utf8 = track((0, b"\xff\x03\x06Fl\xc3\xb6te"), (0, on(60)), (1, off(60)))
    piece = read_midi(midi_file(latin, utf8))
    assert [p.name for p in piece.parts] == ["Flöte", "Flöte"]
    assert piece.title == "Flöte"


def test_a_name_after_the_first_channel_event_is_not_decoded_for_the_track():
    program_3 = b"\xc0\x03"  # with the wait of 7 after it, it looks like a track name of 7 bytes
    late = track((0, program_3), (7, b"\xff\x03\x05Fl\xf6te"), (0, on(60)), (1, off(60)))
    piece = read_midi(midi_file(late))
    assert piece.title == ""
    assert "ö" not in piece.parts[0].name


def test_running_status_and_note_on_without_velocity_end_notes():
    piece = read_midi(
        midi_file(track((0, on(60)), (100, bytes([60, 0])), (0, bytes([62, 70])), (50, bytes([62, 0]))))
    )
    assert piece.parts[0].notes == (Note(0, 100, 60, 80), Note(100, 50, 62, 70))


def test_a_closing_rest_is_kept_up_to_the_end_of_track():
    late = track((0, on(60)), (480, off(60)), (1440, b"\xff\x01\x00"))
    assert read_midi(midi_file(late)).timeline.length == 1920


def test_a_track_without_its_end_event_is_read():
    assert read_midi(midi_file(track((0, on(60)), (480, off(60)), end=None))).timeline.length == 480


def test_metre_key_and_tempo_changes_are_read_from_any_track():
    changes = track(
        (0, metre(6, 3)),
        (0, b"\xff\x59\x02\xfd\x01"),
        (0, b"\xff\x51\x03\x06\xe2\x4c"),  # 451148 microseconds
        (1440, metre(3, 2)),
        (0, b"\xff\x59\x02\x02\x00"),
        (0, b"\xff\x51\x03\x0f\x42\x40"),
    )
    timeline = read_midi(midi_file(track((0, on(60)), (2880, off(60))), changes)).timeline
    assert timeline.metres == (Metre(0, 6, 8), Metre(1440, 3, 4))
    assert timeline.keys == (Key(0, -3, "minor"), Key(1440, 2, "major"))
    assert [t.tick for t in timeline.tempos] == [0, 1440]
    assert timeline.tempos[0].qpm == pytest.approx(60_000_000 / 451148, abs=1e-4)
    assert timeline.tempos[1].qpm == 60.0


def test_without_metre_or_tempo_the_specifications_defaults_hold_and_the_key_is_unknown():
    timeline = read_midi(midi_file(ONE_NOTE)).timeline
    assert (timeline.metres, timeline.tempos, timeline.keys) == ((Metre(0, 4, 4),), (Tempo(0, 120.0),), ())


def test_a_tempo_of_zero_an_absurd_metre_and_an_absurd_key_are_passed_over():
    silly = track((0, metre(0, 2)), (0, metre(4, 40)), (0, b"\xff\x51\x03\0\0\0"), (0, b"\xff\x59\x02\x63\x05"))
    timeline = read_midi(midi_file(silly, ONE_NOTE)).timeline
    assert (timeline.metres, timeline.tempos, timeline.keys) == ((Metre(0, 4, 4),), (Tempo(0, 120.0),), ())


def test_a_short_first_bar_with_its_own_metre_is_a_pickup():
    file = midi_file(track((0, metre(1, 2)), (480, metre(4, 2))), track((0, on(60)), (960, off(60))))
    timeline = read_midi(file).timeline
    assert timeline.metres == (Metre(0, 4, 4), Metre(480, 4, 4))
    assert timeline.pickup == 480


def test_a_short_first_bar_in_a_metre_that_comes_back_is_a_whole_bar():
    file = midi_file(track((0, metre(4, 2)), (1920, metre(6, 2)), (2880, metre(4, 2))), ONE_NOTE)
    timeline = read_midi(file).timeline
    assert timeline.metres == (Metre(0, 4, 4), Metre(1920, 6, 4), Metre(4800, 4, 4))
    assert timeline.pickup == 0


def test_a_metre_repeated_on_a_barline_says_nothing_new():
    file = midi_file(track((0, metre(4, 2)), (3840, metre(4, 2))), ONE_NOTE)
    assert read_midi(file).timeline.metres == (Metre(0, 4, 4),)


def test_a_riff_wrapper_is_opened():
    inner = midi_file(ONE_NOTE)
    data = b"RMIDdata" + struct.pack("<I", len(inner)) + inner
    assert read_midi(b"RIFF" + struct.pack("<I", len(data)) + data).parts[0].notes == (Note(0, 480, 60, 80),)


def test_a_riff_wrapper_may_hold_other_chunks_before_the_music():
    inner = midi_file(ONE_NOTE)
    listed = b"LIST" + struct.pack("<I", 9) + b"INFOdata!" + b"\0"  # an odd size is padded, and "data" is only text
    data = b"RMID" + listed + b"data" + struct.pack("<I", len(inner)) + inner
    assert read_midi(b"RIFF" + struct.pack("<I", len(data)) + data).parts[0].notes == (Note(0, 480, 60, 80),)
    with pytest.raises(ValueError, match="holds no MIDI data"):
        read_midi(b"RIFF" + struct.pack("<I", 22) + b"RMID" + listed)


def test_each_pattern_of_a_type_two_file_is_a_piece_of_its_own():
    second = track((0, b"\xff\x03\x03Two"), (0, metre(3, 2)), (24, on(67)), (96, off(67)))
    pieces, remarks = scan_midi(midi_file(ONE_NOTE, track(), second, kind=2), "a.mid")
    assert [p.source for p in pieces] == ["a.mid#1", "a.mid#3"]
    assert [p.parts[0].notes for p in pieces] == [(Note(0, 480, 60, 80),), (Note(24, 96, 67, 80),)]
    assert [p.timeline.metre.name for p in pieces] == ["4/4", "3/4"]
    assert [p.title for p in pieces] == ["", "Two"]
    assert remarks == [("patterns", "type 2: 2 of 3 tracks, each a piece")]


def test_a_type_two_file_with_one_pattern_is_like_any_other():
    pieces, remarks = scan_midi(midi_file(ONE_NOTE, kind=2), "a.mid")
    assert [p.source for p in pieces] == ["a.mid"]
    assert remarks == []


@pytest.mark.parametrize(
    ("rate", "per_frame", "resolution", "qpm"),
    [
        (25, 40, 500, 120.0),  # milliseconds: half a second is 500 ticks
        (24, 4, 48, 120.0),
        (30, 80, 1200, 120.0),
        (29, 80, 1200, 120.0 * 1000 / 1001),  # 30 frames in 1.001 seconds
        (25, 1, 25, 60.0),  # half a second would be 12.5 ticks
    ],
)
def test_time_in_smpte_frames_becomes_quarters_of_half_a_second(rate, per_frame, resolution, qpm):
    tempo = (0, b"\xff\x51\x03\x0f\x42\x40")  # says 60; frames do not heed it
    division = (256 - rate) << 8 | per_frame
    (piece,), remarks = scan_midi(midi_file(track(tempo, (0, on(60)), (100, off(60))), division=division))
    assert piece.timeline.ticks_per_quarter == resolution
    assert piece.timeline.tempos == (Tempo(0, pytest.approx(qpm)),)
    assert piece.parts[0].notes == (Note(0, 100, 60, 80),)
    seconds = 100 / (rate * per_frame) if rate != 29 else 100 / (30 * per_frame) * 1.001
    assert piece.timeline.seconds(100) == pytest.approx(seconds)
    assert remarks == [("smpte_time", f"{rate} frames a second")]


def test_garbage_after_the_last_track_is_passed_over_with_a_remark():
    garbage = b"this is no chunk, but long enough to be taken for one"
    (piece,), remarks = scan_midi(midi_file(ONE_NOTE) + garbage)
    assert piece.parts[0].notes == (Note(0, 480, 60, 80),)
    assert remarks == [("trailing_bytes", f"{len(garbage)} bytes after the last track")]


def test_garbage_after_the_end_of_track_event_is_passed_over():
    late = track((0, on(60)), (480, off(60)), (0, b"\xff\x2f\x00"), (0, b"\x12\x99junk"), end=None)
    assert read_midi(midi_file(late)).parts[0].notes == (Note(0, 480, 60, 80),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "not a MIDI file"),
        (b"MThd\0\0", "cut short"),
        (midi_file(ONE_NOTE)[:-6], "cut short: a track promises 13 bytes, 7 are there"),
        (midi_file(promised=3), "cut short: 3 tracks are promised, none is there"),
        (midi_file(track()), "no notes"),
        (midi_file(ONE_NOTE, division=0xE700), "25 frames a second of 0 ticks"),
        (midi_file(ONE_NOTE, division=0x8128), "127 frames a second"),
        (midi_file(track(), track(), kind=2), "no notes"),
        (midi_file(ONE_NOTE, division=0), "0 ticks per quarter"),
        (midi_file(track((0, bytes([0x90, 200, 90])), (1, bytes([0x80, 200, 0])))), "damaged"),
        (midi_file(track(*[(2**28 - 1, b"\xff\x01\0")] * 2, (0, on(60)), (9, off(60))), division=1), "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(content, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_midi(content)
    assert "\n" not in str(caught.value)


FULL = Melody(
    (Note(480, 480, 60, 70), Note(960, 240, 62, 1), Note(1200, 1, 62, 127), Note(4000, 320, 127, 64)),
    Timeline(
        480,
        4327,
        (Metre(0, 4, 4), Metre(480, 4, 4), Metre(2400, 3, 8)),
        (Key(0, -3, "minor"), Key(2400, 7)),
        (Tempo(0, 100.0), Tempo(960, 133.0)),
    ),
    title="Né à Ödön",
)


def test_a_melody_written_and_read_back_is_the_same():
    piece = read_midi(write_midi(FULL, Imprint(program=73)))
    assert piece.parts[0].notes == FULL.notes
    assert piece.timeline == FULL.timeline
    assert (piece.title, piece.parts[0].program) == (FULL.title, 73)


def test_mido_sees_what_was_written():
    mido = pytest.importorskip("mido")
    (found,) = mido.MidiFile(file=io.BytesIO(write_midi(FULL)), charset="utf-8").tracks
    now, seen = 0, []
    for message in found:
        now += message.time
        seen.append((now, message))
    notes = [(t, m.type, m.note, m.velocity) for t, m in seen if m.type.startswith("note")]
    assert notes[:4] == [
        (480, "note_on", 60, 70),
        (960, "note_off", 60, 0),
        (960, "note_on", 62, 1),
        (1200, "note_off", 62, 0),
    ]
    assert [(t, m.numerator, m.denominator) for t, m in seen if m.type == "time_signature"] == [
        (0, 1, 4),
        (480, 4, 4),
        (2400, 3, 8),
    ]
    assert [(t, m.key) for t, m in seen if m.type == "key_signature"] == [(0, "Cm"), (2400, "C#")]
    assert [(t, m.tempo) for t, m in seen if m.type == "set_tempo"] == [(0, 600000), (960, 451128)]
    assert [m.name for _, m in seen if m.type == "track_name"] == ["Né à Ödön"]
    assert seen[-1] == (4327, mido.MetaMessage("end_of_track", time=seen[-1][1].time))


def test_the_same_melody_gives_the_same_bytes():
    assert write_midi(FULL) == write_midi(FULL)


def test_a_pickup_that_no_time_signature_can_say_still_comes_back():
    timeline = Timeline(480, 2080, (Metre(0, 4, 4), Metre(160, 4, 4)))
    assert read_midi(write_midi(Melody((Note(0, 160, 60),), timeline))).timeline == timeline


def test_a_finer_resolution_than_midi_has_is_brought_down_exactly_or_refused():
    melody = Melody((Note(0, 48048, 60), Note(48048, 24024, 62)), Timeline(48048, 96096))
    piece = read_midi(write_midi(melody))
    resolution = piece.timeline.ticks_per_quarter
    assert resolution <= 32767
    assert [(n.start / resolution, n.duration / resolution) for n in piece.parts[0].notes] == [(0, 1), (1, 0.5)]
    with pytest.raises(ValueError, match="32767"):
        write_midi(Melody((Note(0, 1, 60),), Timeline(48048, 96096)))


def test_a_finer_resolution_is_brought_down_as_far_as_the_notes_need():
    piece = read_midi(write_midi(Melody((Note(0, 105, 60),), Timeline(39270, 39270))))  # a half is not exact
    assert piece.timeline.ticks_per_quarter == 13090
    assert piece.parts[0].notes == (Note(0, 35, 60),)


def test_changes_at_the_very_end_are_not_written():
    changes = ((Metre(0, 4, 4), Metre(960, 3, 4)), (Key(0, 0), Key(960, 1)), (Tempo(0, 120.0), Tempo(960, 90.0)))
    piece = read_midi(write_midi(Melody((Note(0, 960, 60),), Timeline(480, 960, *changes))))
    assert piece.timeline == Timeline(480, 960, *((first,) for first, _ in changes))


@pytest.mark.parametrize(
    ("melody", "program"),
    [
        (Melody((), Timeline(metres=(Metre(0, 4, 3),))), 0),
        (Melody((), Timeline(tempos=(Tempo(0, 1.0),))), 0),
        (Melody((), Timeline(keys=(Key(0, 9),))), 0),
        (Melody(()), 128),
    ],
)
def test_what_midi_cannot_say_is_refused(melody, program):
    with pytest.raises(ValueError, match=r"must be|cannot express"):
        write_midi(melody, Imprint(program=program))


def test_random_polyphony_agrees_with_mido():
    """Twenty files with up to eight tracks, written by mido; notes compared with the ones put in."""
    mido = pytest.importorskip("mido")
    chance = random.Random(5)
    for _ in range(20):
        file = mido.MidiFile(ticks_per_beat=chance.choice([24, 96, 480, 960]))
        wanted = []
        for _ in range(chance.randint(1, 8)):
            notes, now = [], 0
            for _ in range(chance.randint(1, 40)):
                now += chance.randint(0, 300)
                length = chance.randint(1, 300)
                notes.append(Note(now, length, chance.randint(36, 127), chance.randint(1, 127)))
                now += length
            events = sorted(
                [(n.start, 1, n.pitch, n.velocity) for n in notes] + [(n.end, 0, n.pitch, 0) for n in notes]
            )
            made, at = mido.MidiTrack(), 0
            for tick, is_on, pitch, velocity in events:
                kind = "note_on" if is_on else "note_off"
                made.append(mido.Message(kind, note=pitch, velocity=velocity, time=tick - at))
                at = tick
            file.tracks.append(made)
            wanted.append(tuple(notes))
        stream = io.BytesIO()
        file.save(file=stream)
        assert [p.notes for p in read_midi(stream.getvalue()).parts] == wanted
