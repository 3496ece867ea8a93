"""Tracks of wrong length or number, and data bytes that MIDI does not have."""

from __future__ import annotations

import struct

import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.music.midi.reader import read_midi, scan_midi

PITCHES = (60, 62, 64, 65)
EVENTS = [event for pitch in PITCHES for event in ((0, on(pitch)), (480, off(pitch)))]
TUNE = track(*EVENTS)
NAMED = track(
    (0, b"\xff\x03\x04Bass"), *((wait, data[:1] + bytes([data[1] - 24]) + data[2:]) for wait, data in EVENTS)
)


def stretched(chunk: bytes, by: int) -> bytes:
    """The track with a stated length that is `by` too large."""
    return chunk[:4] + struct.pack(">I", len(chunk) - 8 + by) + chunk[8:]


def pitches(content: bytes) -> tuple[list[list[int]], list[str]]:
    (piece,), remarks = scan_midi(content)
    return [[n.pitch for n in part.notes] for part in piece.parts], [code for code, _ in remarks]


@pytest.mark.parametrize("by", [-20, -3, -1, 1, 3, 7, 9, 100, 10_000])
def test_a_track_of_wrong_length_is_read_up_to_its_end_event(by):
    low = [p - 24 for p in PITCHES]
    assert pitches(midi_file(stretched(TUNE, by), NAMED)) == ([[*PITCHES], low], ["wrong_length"])
    assert pitches(midi_file(NAMED, stretched(TUNE, by))) == ([low, [*PITCHES]], ["wrong_length"])


@pytest.mark.parametrize("by", [-5, 5])
def test_a_track_of_wrong_length_without_its_end_event_ends_before_the_next(by):
    assert pitches(midi_file(stretched(track(*EVENTS, end=None), by), NAMED))[0] == [
        [*PITCHES], [p - 24 for p in PITCHES]]  # fmt: skip


def test_a_file_that_ends_inside_its_last_track_is_refused():
    whole = midi_file(NAMED, TUNE)
    for cut in (5, 12, 20):
        with pytest.raises(ValueError, match="cut short"):
            read_midi(whole[:-cut])


@pytest.mark.parametrize(
    ("promised", "codes"), [(0, []), (1, []), (2, []), (3, ["missing_tracks"]), (65535, ["missing_tracks"])]
)
def test_the_tracks_that_are_there_count_not_those_that_are_promised(promised, codes):
    assert pitches(midi_file(NAMED, TUNE, promised=promised)) == ([[p - 24 for p in PITCHES], [*PITCHES]], codes)


def test_a_wrong_length_of_the_header_does_no_harm():
    content = midi_file(TUNE)
    for length in (5, 7, 600):
        assert pitches(content[:4] + struct.pack(">I", length) + content[8:])[0] == [[*PITCHES]]


@pytest.mark.parametrize(
    "strange",
    [
        b"\xb0\x07\xff",
        b"\xb0\xff\x07",
        b"\xc0\x80",
        b"\xe0\x80\xff",
        b"\xd0\xc0",
        b"\xa0\x3c\x80",
        b"\x80\x3c\xff",
        b"\x80\xbc\x40",
    ],
)
def test_a_data_byte_over_127_costs_no_note(strange):
    events = [*EVENTS[:2], (0, strange), *EVENTS[2:]]
    found, codes = pitches(midi_file(track(*events)))
    assert found == [[*PITCHES]]
    assert codes in (["large_bytes"], [])


def test_a_velocity_over_127_is_the_loudest():
    (part,) = read_midi(midi_file(track((0, on(60, 200)), (480, off(60)), (0, on(62)), (480, off(62))))).parts
    assert [(n.pitch, n.velocity) for n in part.notes] == [(60, 127), (62, 80)]


def test_a_pitch_over_127_is_left_out_and_counted():
    events = [(0, bytes([0x90, 200, 80])), (480, bytes([0x90, 200, 0])), *EVENTS]
    (piece,), remarks = scan_midi(midi_file(track(*events)))
    assert [n.start for n in piece.parts[0].notes] == [480, 960, 1440, 1920]
    assert remarks == [
        ("large_bytes", "1 data byte over 127 brought down to it; 1 note of a pitch over 127 left out")
    ]


def test_a_closing_rest_is_kept_where_bytes_are_repaired():
    assert (
        read_midi(midi_file(track(*EVENTS, (0, b"\xb0\x07\xff"), end=(960, b"\xff\x2f\x00")))).timeline.length == 2880
    )


@pytest.mark.parametrize("between", [b"\xf0\x03\x43\x12\xf7", b"\xff\x01\x02hi", b"\xf7\x01\x43"])
def test_running_status_goes_on_after_what_breaks_it(between):
    events = [(0, on(60)), (480, bytes([60, 0])), (0, between), (0, bytes([62, 80])), (480, bytes([62, 0]))]
    assert pitches(midi_file(track(*events)))[0] == [[60, 62]]


def test_the_velocity_of_a_note_off_counts_for_nothing():
    assert pitches(midi_file(track((0, on(60)), (480, b"\x80\x3c\x7f"), (0, on(62)), (480, b"\x80\x3e\x40"))))[0] == [
        [60, 62]
    ]
