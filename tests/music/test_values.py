"""The values that every room passes on: exact, whole, refused where they cannot be."""

from fractions import Fraction

import pytest

from ritornello.music.values import Key, Melody, Metre, Note, Part, Piece, Tempo, Timeline, exact_resolution

PICKUP = Timeline(480, 480 + 2 * 1920, (Metre(0, 4, 4), Metre(480, 4, 4)), (Key(0, 1),), (Tempo(0, 90.0),))


def test_a_timeline_knows_its_bars():
    assert Timeline(480, 3 * 1440, (Metre(0, 3, 4),)).barlines() == [0, 1440, 2880, 4320]
    assert Timeline(480, 2000).barlines() == [0, 1920, 3840]  # the last bar is counted whole
    assert PICKUP.barlines() == [0, 480, 2400, 4320]
    assert PICKUP.pickup == 480
    assert Timeline(480, 1920).pickup == 0


def test_a_bar_between_two_ticks_is_a_fraction():
    assert Timeline(1, 0, (Metre(0, 3, 8),)).bar_ticks(Metre(0, 3, 8)) == Fraction(3, 2)
    assert Timeline(480).bar_ticks(Metre(0, 6, 8)) == 1440


def test_what_is_in_force_at_a_tick():
    timeline = Timeline(480, 4000, (Metre(0, 4, 4), Metre(1920, 3, 4)), (Key(0, 0), Key(1920, 2)), (Tempo(0, 120.0),))
    assert timeline.metre_at(1919).name == "4/4"
    assert timeline.metre_at(1920).name == "3/4"
    assert timeline.key_at(5000) == Key(1920, 2)
    assert Timeline().key_at(0) is None


def test_seconds_through_changes_of_tempo():
    timeline = Timeline(480, 1920, tempos=(Tempo(0, 60.0), Tempo(960, 120.0)))
    assert [timeline.seconds(t) for t in (0, 480, 960, 1440, 1920)] == [0, 1, 2, 2.5, 3]


IMPOSSIBLE_TIMELINES = [
    ({"ticks_per_quarter": 0}, "ticks_per_quarter"),
    ({"length": -1}, "length"),
    ({"metres": ()}, "metres must begin"),
    ({"metres": (Metre(5, 4, 4),)}, "metres must begin"),
    ({"tempos": ()}, "tempos must begin"),
    ({"metres": (Metre(0, 0, 4),)}, "two positive numbers"),
    ({"keys": (Key(3, 0),)}, "keys must begin"),
    ({"metres": (Metre(0, 4, 4), Metre(0, 3, 4))}, "out of order"),
]
IMPOSSIBLE_NOTES = [
    ([(0, 10, 60), (9, 10, 60)], "overlap"),
    ([(10, 5, 60), (0, 5, 60)], "overlap"),
    ([(0, 0, 60)], "at least one tick"),
    ([(-1, 5, 60)], "tick 0 or later"),
    ([(0, 5, 128)], "pitch"),
    ([(0, 5, -1)], "pitch"),
    ([(0, 5, 60, 0)], "velocity"),
    ([(0, 5, 60, 128)], "velocity"),
]


@pytest.mark.parametrize(("fields", "match"), IMPOSSIBLE_TIMELINES)
def test_an_impossible_timeline_is_refused(fields, match):
    with pytest.raises(ValueError, match=match):
        Timeline(**fields)


@pytest.mark.parametrize(("notes", "match"), IMPOSSIBLE_NOTES)
def test_an_impossible_melody_is_refused(notes, match):
    with pytest.raises(ValueError, match=match):
        Melody(tuple(Note(*n) for n in notes))


def test_a_timeline_is_stretched_to_the_last_note():
    assert Melody((Note(0, 700, 60),), Timeline(480, 480)).timeline.length == 700
    assert Piece((Part((Note(100, 700, 60),)),)).timeline.length == 800


def test_a_parts_notes_are_put_in_order_and_may_overlap():
    part = Part((Note(5, 9, 62), Note(0, 9, 67), Note(0, 9, 60)))
    assert [(n.start, n.pitch) for n in part.notes] == [(0, 60), (0, 67), (5, 62)]


@pytest.mark.parametrize(
    ("semitones", "fifths"), [(0, 1), (5, 0), (7, 2), (-7, 0), (12, 1), (2, 3), (-1, 6), (1, -4)]
)
def test_transposing_moves_notes_and_keys(semitones, fifths):
    melody = Melody((Note(0, 10, 60), Note(10, 10, 67)), PICKUP)
    moved = melody.transposed(semitones)
    assert [n.pitch for n in moved.notes] == [60 + semitones, 67 + semitones]
    key = moved.timeline.key
    assert key.tonic == (7 + semitones) % 12
    assert key.fifths % 12 == fifths % 12
    assert -6 <= key.fifths <= 6


def test_a_pitch_transposed_out_of_range_is_refused():
    with pytest.raises(ValueError, match="pitch must be 0 to 127, not 130"):
        Melody((Note(0, 10, 120),)).transposed(10)


def test_a_part_of_a_melody_counts_from_its_own_start():
    melody = Melody((Note(0, 480, 60), Note(480, 960, 62), Note(1920, 480, 64)), PICKUP)
    part = melody.between(480, 1200)
    assert part.notes == (Note(0, 720, 62),)
    assert (part.timeline.length, part.timeline.metres) == (720, (Metre(0, 4, 4),))


def test_a_change_at_the_end_of_a_stretch_is_left_out():
    changing = Timeline(480, 3840, (Metre(0, 4, 4), Metre(1920, 3, 4)), (Key(0, 0), Key(1920, 1)))
    assert changing.between(0, 1920) == Timeline(480, 1920, keys=(Key(0, 0),))
    assert changing.between(480, 1921).metres == (Metre(0, 4, 4), Metre(1440, 3, 4))


def test_an_opening_rest_becomes_a_pickup():
    timeline = Timeline(480, 2 * 1920)
    melody = Melody((Note(1440, 480, 67), Note(1920, 1920, 60)), timeline).with_pickup()
    assert melody.notes == (Note(0, 480, 67), Note(480, 1920, 60))
    assert melody.timeline.pickup == 480
    assert melody.timeline.length == 2400
    assert melody.with_pickup() == melody


def test_a_metre_that_changes_at_the_first_barline_stays_after_a_pickup():
    timeline = Timeline(480, 1920 + 2 * 1440, (Metre(0, 4, 4), Metre(1920, 3, 4)))
    melody = Melody((Note(1440, 480, 67), Note(1920, 1440, 60)), timeline).with_pickup()
    assert melody.timeline.metres == (Metre(0, 4, 4), Metre(480, 3, 4))
    assert (melody.timeline.pickup, melody.timeline.length) == (480, 480 + 2 * 1440)


def test_a_metre_that_changes_later_stays_after_a_pickup():
    timeline = Timeline(480, 2 * 1920 + 1440, (Metre(0, 4, 4), Metre(3840, 3, 4)))
    melody = Melody((Note(1440, 480, 67), Note(1920, 1440, 60)), timeline).with_pickup()
    assert melody.timeline.metres == (Metre(0, 4, 4), Metre(480, 4, 4), Metre(2400, 3, 4))


@pytest.mark.parametrize(("start", "length"), [(0, 3840), (1920, 3840), (2400, 3840), (480, 1920), (480, 960)])
def test_an_opening_that_is_no_pickup_stays(start, length):
    melody = Melody((Note(start, 480, 60),), Timeline(480, length))
    assert melody.with_pickup() == melody


def test_another_resolution_is_exact_or_refused():
    melody = Melody((Note(0, 160, 60), Note(160, 320, 62)), Timeline(480, 480))
    assert melody.with_resolution(3).notes == (Note(0, 1, 60), Note(1, 2, 62))
    assert melody.with_resolution(960).with_resolution(480) == melody
    with pytest.raises(ValueError, match="not exact at 4"):
        melody.with_resolution(4)
    assert exact_resolution([Fraction(1, 7), Fraction(1, 3)]) == 3360
