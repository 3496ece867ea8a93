"""Notes that lack an end or a length, and waits that no music has: what is made of them, and the remarks on it."""

from __future__ import annotations

import random

import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.music.midi.reader import read_midi, scan_midi

LONGEST = 2**28 - 1  # what one wait can say
TEXT = b"\xff\x01\x00"


def notes_and_remarks(*events, **options) -> tuple[list[tuple[int, int, int]], list[tuple[str, str]]]:
    """Start, end and pitch of the notes of a file of one track, and the remarks."""
    (piece,), remarks = scan_midi(midi_file(track(*events, **options)))
    return [(n.start, n.end, n.pitch) for part in piece.parts for n in part.notes], remarks


def endless(count: str) -> list[tuple[str, str]]:
    return [("endless_notes", f"{count} never switched off: ended at the next note, 4 quarters at most")]


def test_a_note_never_switched_off_ends_with_the_next_one():
    notes, remarks = notes_and_remarks((0, on(60)), (480, on(62)), (480, off(62)))
    assert (notes, remarks) == ([(0, 480, 60), (480, 960, 62)], endless("1 note"))


def test_the_notes_of_a_chord_do_not_end_each_other():
    notes, remarks = notes_and_remarks((0, on(60)), (3, on(64)), (477, on(62)), (480, off(62)))
    assert (notes, remarks) == ([(0, 480, 60), (3, 480, 64), (480, 960, 62)], endless("2 notes"))


def test_the_last_one_ends_with_its_track_or_after_four_quarters():
    assert notes_and_remarks((0, on(60)), (960, TEXT)) == ([(0, 960, 60)], endless("1 note"))
    assert notes_and_remarks((0, on(60)), (9600, TEXT)) == ([(0, 1920, 60)], endless("1 note"))
    assert notes_and_remarks((0, on(60))) == ([(0, 1920, 60)], endless("1 note"))
    assert notes_and_remarks((0, on(60)), end=None) == ([(0, 1920, 60)], endless("1 note"))


def test_a_file_of_nothing_but_such_notes_has_notes():
    notes, remarks = notes_and_remarks(*[(480, on(pitch)) for pitch in (60, 62, 64, 65)], (480, TEXT))
    assert notes == [(480, 960, 60), (960, 1440, 62), (1440, 1920, 64), (1920, 2400, 65)]
    assert remarks == endless("4 notes")


def test_a_lost_note_off_does_not_shift_those_of_the_later_notes_of_its_pitch():
    events = [(0, on(60)), (480, on(60)), (240, off(60)), (240, on(60)), (120, off(60))]
    assert notes_and_remarks(*events) == ([(0, 480, 60), (480, 720, 60), (960, 1080, 60)], endless("1 note"))


def test_each_channel_of_each_track_is_mended_by_itself():
    whole = track((0, on(60)), (480, off(60)))
    torn = track((0, on(60, channel=3)), (0, on(36, channel=9)), (240, off(36, 9)), (240, on(65, channel=3)))
    (piece,), remarks = scan_midi(midi_file(whole, torn))
    lengths = [[n.duration for n in part.notes] for part in piece.parts]
    assert (lengths, remarks) == ([[480], [480, 1920], [240]], endless("2 notes"))


def test_drums_that_are_never_switched_off_are_kept_without_a_word():
    drums = track(*[(120, on(36, channel=9)) for _ in range(4)])
    (piece,), remarks = scan_midi(midi_file(track((0, on(60)), (480, off(60))), drums))
    assert [len(part.notes) for part in piece.parts] == [1, 4]
    assert remarks == []


def test_notes_of_length_zero_among_others_are_left_out_and_counted():
    notes, remarks = notes_and_remarks((0, on(60)), (0, off(60)), (480, on(62)), (480, off(62)))
    assert (notes, remarks) == ([(480, 960, 62)], [("empty_notes", "1 note of length zero left out")])


def test_where_most_notes_have_no_length_they_last_to_the_next_one():
    notes, remarks = notes_and_remarks(
        (0, on(60)), (0, off(60)), (240, on(62)), (0, on(62, 0)), (960, on(64)), (0, off(64))
    )
    assert notes == [(0, 240, 60), (240, 720, 62), (1200, 1680, 64)]
    assert remarks == [("empty_notes", "3 notes of length zero lengthened to the next note")]


def test_what_lies_behind_a_wait_of_two_to_the_twenty_eighth_is_left_out_and_the_rest_kept():
    events = [(0, on(60)), (480, off(60)), (LONGEST, on(62)), (480, off(62))]
    assert notes_and_remarks(*events) == ([(0, 480, 60)], [("damaged_wait", "1 note after 100000 quarters left out")])


def test_the_other_tracks_of_such_a_file_are_whole():
    torn = track((0, on(60)), (480, off(60)), (LONGEST, on(62)), (480, off(62)))
    piece = read_midi(midi_file(torn, track((0, on(48)), (4800, off(48)))))
    assert [[n.duration for n in part.notes] for part in piece.parts] == [[480], [4800]]
    assert piece.timeline.length == 4800


def test_a_note_held_through_such_a_wait_is_ended():
    notes, remarks = notes_and_remarks((0, on(60)), (240, on(64)), (240, off(64)), (LONGEST, off(60)))
    assert notes == [(0, 240, 60), (240, 480, 64)]
    assert remarks == [("damaged_wait", "1 note held beyond 100000 quarters: ended at the next note")]


def test_a_wait_so_long_that_nothing_comes_before_it_is_named_and_one_at_the_end_passed_over():
    with pytest.raises(ValueError, match="damaged: its first note comes only after 100000 quarters; take the wait"):
        notes_and_remarks((LONGEST, on(60)), (480, off(60)))
    assert read_midi(midi_file(track((0, on(60)), (480, off(60)), (LONGEST, TEXT)))).timeline.length == 480


def test_many_such_waits_do_no_harm():
    events = [event for _ in range(20) for event in ((0, on(60)), (LONGEST, off(60)))]
    notes, remarks = notes_and_remarks(*events)
    assert notes == [(0, 1920, 60)]
    assert {code for code, _ in remarks} == {"damaged_wait"}


def test_of_patterns_one_that_lies_out_of_reach_costs_itself_alone():
    late, sound = track((LONGEST, on(60)), (480, off(60))), track((0, on(62)), (480, off(62)))
    pieces, remarks = scan_midi(midi_file(late, sound, kind=2))
    assert [p.source for p in pieces] == ["#2"]
    assert ("patterns", "type 2: 1 of 2 tracks, each a piece") in remarks
    with pytest.raises(ValueError, match="only after 100000 quarters"):
        scan_midi(midi_file(track(), late, kind=2))


def test_at_the_finest_resolution_a_note_at_the_far_end_of_an_hour_is_kept():
    (piece,), remarks = scan_midi(midi_file(track((LONGEST - 9000, on(60)), (8000, off(60))), division=32767))
    assert (piece.parts[0].notes[0][:2], remarks) == ((LONGEST - 9000, 8000), [])


def test_any_notes_left_on_in_any_order_are_all_kept_and_none_is_silent():
    rng = random.Random(4)
    for _ in range(50):
        events, ons = [], 0
        for _ in range(rng.randrange(1, 60)):
            is_on = rng.random() < 0.6
            ons += is_on
            events.append((rng.randrange(1, 300), (on if is_on else off)(rng.randrange(58, 64))))
        if ons:
            notes, _ = notes_and_remarks(*events)
            assert len(notes) == ons
            assert all(start < end for start, end, _ in notes)


@pytest.mark.parametrize(
    ("waits", "notes"),
    [
        ((-3, 483, 0, 480), [(0, 480, 60), (480, 960, 62)]),
        ((0, 480, -5, 485), [(0, 480, 60), (480, 960, 62)]),
    ],
)
def test_a_negative_wait_in_32_bits_is_no_long_one(waits, notes):
    waits = [wait % 2**32 for wait in waits]  # as Ableton Live writes a clip that begins before its start marker
    data = on(60), off(60), on(62), off(62)
    assert notes_and_remarks(*zip(waits, data, strict=True)) == (notes, [])


TUNE = [62, 64, 66, 67, 69, 71, 73, 74]


def played(pitches: list[int]) -> list[tuple[int, bytes]]:
    return [event for pitch in pitches for event in ((0, on(pitch)), (480, off(pitch)))]


@pytest.mark.parametrize(
    ("switches", "kept"),
    [
        ([12], TUNE),  # C0, below the keyboard
        ([0, 2], TUNE),
        ([24], TUNE),  # C1, three octaves below
        ([36], [36, *TUNE]),  # C2 is a bass note
        ([35], TUNE),
        ([24, 45], [24, 45, *TUNE]),  # a note between them
        ([12, 14, 16], [12, 14, 16, *TUNE]),  # more than a quarter
    ],
)
def test_few_notes_far_below_a_part_switch_its_articulation(switches, kept):
    (piece,), remarks = scan_midi(midi_file(track(*played([*switches, *TUNE]))))
    assert [n.pitch for n in piece.parts[0].notes] == kept
    assert [code for code, _ in remarks] == (["key_switches"] if kept == TUNE else [])


def test_key_switches_under_the_notes_are_counted_with_their_part_and_pitches():
    violin = [
        (0, b"\xff\x03\x06Violin"),
        (0, on(24)),
        *played(TUNE),
        (0, off(24)),
        (0, on(26)),
        *played(TUNE),
        (0, off(26)),
    ]
    (piece,), remarks = scan_midi(midi_file(track(*violin), track(*played([40, 43]))))
    assert [n.pitch for n in piece.parts[0].notes] == TUNE + TUNE
    assert piece.parts[0].notes[0].start == 0
    assert remarks == [("key_switches", '2 notes of "Violin" far below the others (pitch 24, 26)')]


def test_a_low_last_note_is_music():
    notes, remarks = notes_and_remarks(*played([*TUNE, 24]))
    assert ([pitch for *_, pitch in notes], remarks) == ([*TUNE, 24], [])
