"""Melodies cut at long rests: where segments begin and end, and what they keep."""

import pytest

from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.bars import cut_at_rests, sounding_bars
from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline


def quarters(*starts, length=1, pitch=60):
    return tuple(Note(s, length, pitch) for s in starts)


FOUR = Timeline(1, 40, (Metre(0, 4, 4),))  # one tick is a quarter, a bar four ticks


def test_a_rest_of_two_bars_is_cut_and_a_shorter_one_is_not():
    melody = Melody(quarters(0, 1, 2, 10, 11, 20, 21), FOUR)  # rests of 7 and of 8 quarters
    first, second = cut_at_rests(melody, 2, 1)
    assert [n.start for n in first.notes] == [0, 1, 2, 10, 11]
    assert [n.start for n in second.notes] == [0, 1]
    assert (first.timeline.length, second.timeline.length) == (12, 4)


def test_a_segment_begins_with_the_bar_of_its_up_beat():
    (segment,) = cut_at_rests(Melody(quarters(15, 16, 17, 18), FOUR), 2, 1)
    assert [n.start for n in segment.notes] == [3, 4, 5, 6]
    assert segment.timeline.length == 8


def test_metre_key_and_tempo_in_force_come_along():
    timeline = Timeline(
        1,
        60,
        (Metre(0, 4, 4), Metre(1, 4, 4), Metre(9, 3, 4), Metre(33, 2, 4)),
        (Key(0, 2), Key(20, -1, "minor")),
        (Tempo(0, 100.0), Tempo(26, 80.0)),
    )
    first, second = cut_at_rests(Melody(quarters(0, 1, 2, 23, 24, 29, 34), timeline), 2, 1)
    assert first.timeline.metres == (Metre(0, 4, 4), Metre(1, 4, 4))
    assert first.timeline.pickup == 1
    assert second.timeline.metres == (Metre(0, 3, 4), Metre(12, 2, 4))  # the bar that begins at 21
    assert second.timeline.keys == (Key(0, -1, "minor"),)
    assert second.timeline.tempos == (Tempo(0, 100.0), Tempo(5, 80.0))
    assert [n.start for n in second.notes] == [2, 3, 8, 13]
    assert second.timeline.length == 14


def test_short_segments_are_left_out():
    melody = Melody(quarters(0, 1, 20, 21, 22), FOUR)
    assert [len(s.notes) for s in cut_at_rests(melody, 2, 3)] == [3]
    assert cut_at_rests(melody, 2, 4) == []


def test_a_melody_that_ends_inside_a_bar_ends_there():
    (segment,) = cut_at_rests(Melody(quarters(3, 4, 5, 6), Timeline(1, 7)), 2, 1)
    assert segment.timeline.length == 7


def test_no_notes_give_no_segments():
    assert cut_at_rests(Melody((), FOUR)) == []


def test_title_and_source_stay():
    (segment,) = cut_at_rests(Melody(quarters(20), FOUR, "T", "s"), 2, 1)
    assert (segment.title, segment.source) == ("T", "s")


def test_a_rest_shorter_than_a_bar_or_of_no_length_cannot_be_asked_for():
    with pytest.raises(ValueError, match="rest_bars must be 1 or more"):
        cut_at_rests(Melody((), FOUR), 0.5)
    for bars in (0.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="rest_bars must be 1 or more"):
            BuildOptions(rest_bars=bars)


def test_bars_are_counted_from_the_first_note_to_the_last_without_the_pick_up():
    notes = tuple(Note(480 * i, 480, 60) for i in range(1, 9))  # from the second beat to the end of the ninth quarter
    assert sounding_bars(Melody(notes, Timeline(480, 480 * 40))) == 3
    assert sounding_bars(Melody(notes[3:], Timeline(480, 480 * 40))) == 2
    upbeat = Timeline(480, 480 * 9, (Metre(0, 4, 4), Metre(480, 4, 4)))
    assert sounding_bars(Melody(tuple(Note(480 * i, 480, 60) for i in range(9)), upbeat)) == 2
    assert sounding_bars(Melody(())) == 0
