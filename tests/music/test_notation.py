"""How notes become note values, ties, tuplets, beams and accidentals; expectations written by hand."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.music.beats import TYPES, beat_lengths
from ritornello.music.notation import FLAGS, notate
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

SHORT = {"whole": "1", "half": "2", "quarter": "4", "eighth": "8", "16th": "16", "32nd": "32"}


def line(spans, metre=(4, 4), pitch=60, per_quarter=4, keys=()):
    """A melody of (start, duration) in sixteenths."""
    notes = tuple(Note(start, duration, pitch) for start, duration in spans)
    return Melody(notes, Timeline(per_quarter, metres=(Metre(0, *metre),), keys=keys))


def values(melody):
    """The written values, "8." for a dotted eighth, "r4" for a rest, "~" for a tie to the next, "|" for a barline."""
    bars = []
    for bar in notate(melody):
        words = [
            ("r" if e.note is None else "")
            + ("bar" if e.full_bar else SHORT[e.type] + "." * e.dots)
            + ("~" if e.tie_start else "")
            for e in bar.elements
        ]
        bars.append(" ".join(words))
    return " | ".join(bars)


@pytest.mark.parametrize(
    ("metre", "spans", "written"),
    [
        ((4, 4), [(0, 16)], "1"),
        ((4, 4), [(0, 12), (12, 4)], "2. 4"),
        ((4, 4), [(0, 4), (4, 8), (12, 4)], "4 4~ 4 4"),  # the middle of the bar shows
        ((4, 4), [(0, 2), (2, 4), (6, 2), (8, 8)], "8 4 8 2"),  # plain syncopation stays one note
        ((4, 4), [(0, 6), (6, 4), (10, 6)], "4. 8~ 8 4."),
        ((4, 4), [(0, 3), (3, 2), (5, 3), (8, 8)], "8. 16~ 16 8. 2"),  # no note hides a beat
        ((4, 4), [(0, 10), (10, 6)], "2~ 8 4."),
        ((4, 4), [(0, 12), (12, 8), (20, 12)], "2. 4~ | 4 2."),
        ((4, 4), [(0, 40)], "1~ | 1~ | 2 r2"),
        ((4, 4), [(8, 4)], "r2 4 r4"),
        ((4, 4), [(2, 2)], "r8 8 r4 r2"),
        ((4, 4), [(20, 4)], "rbar | r4 4 r2"),
        ((3, 4), [(0, 12)], "2."),
        ((3, 4), [(0, 4)], "4 r4 r4"),  # no half rest in a bar of three
        ((3, 4), [(0, 10), (10, 2)], "2~ 8 8"),
        ((3, 4), [(0, 2), (2, 10)], "8 8~ 2"),
        ((2, 4), [(0, 2), (2, 4), (6, 2)], "8 4 8"),
        ((6, 8), [(0, 12)], "2."),
        ((6, 8), [(0, 6), (6, 4), (10, 2)], "4. 4 8"),
        ((6, 8), [(0, 4), (4, 4), (8, 4)], "4 8~ 8 4"),
        ((6, 8), [(0, 8), (8, 4)], "4.~ 8 4"),
        ((6, 8), [(6, 6)], "r4. 4."),
        ((6, 8), [(0, 6), (10, 2)], "4. r4 8"),  # two eighths that open a beat are one rest
        ((6, 8), [(0, 2), (6, 6)], "8 r8 r8 4."),
        ((3, 8), [(4, 2)], "r4 8"),
        ((9, 8), [(0, 18)], "2.~ 4."),
        ((5, 4), [(0, 20)], "2.~ 2"),
        ((5, 4, (2, 3)), [(0, 20)], "2~ 2."),
        ((7, 8, (3, 2, 2)), [(0, 14)], "4.~ 4~ 4"),
        ((2, 2), [(0, 16)], "1"),
    ],
)
def test_values_show_the_beats(metre, spans, written):
    assert values(line(spans, metre)) == written


def test_a_pick_up_is_counted_from_its_end_and_taken_from_the_last_bar():
    timeline = Timeline(4, length=2 + 12 + 10, metres=(Metre(0, 3, 4), Metre(2, 3, 4)))
    melody = Melody((Note(0, 2, 67), Note(2, 12, 72), Note(14, 10, 72)), timeline)
    assert values(melody) == "8 | 2. | 2~ 8"
    assert [(bar.number, bar.full) for bar in notate(melody)] == [(0, False), (1, True), (2, False)]


@pytest.mark.parametrize(
    ("last", "written"),
    [
        (4, "4 r4"),  # filled up to what the pick-up leaves
        (8, "2"),
        (10, "2~ 8 r8"),  # more sounds than that: a full bar
    ],
)
def test_a_last_bar_and_a_pick_up_make_one_bar(last, written):
    timeline = Timeline(4, metres=(Metre(0, 3, 4), Metre(4, 3, 4)))
    melody = Melody((Note(0, 4, 67), Note(4, 12, 72), Note(16, last, 72)), timeline)
    assert values(melody) == f"4 | 2. | {written}"


@pytest.mark.parametrize(
    ("metre", "lengths"),
    [
        ((4, 4), "1 1 1 1"),
        ((3, 8), "3/2"),
        ((6, 8), "3/2 3/2"),
        ((12, 8), "3/2 3/2 3/2 3/2"),
        ((6, 4), "3 3"),
        ((3, 2), "2 2 2"),
        ((7, 8), "1 1 3/2"),
        ((5, 8), "1 3/2"),
        ((1, 8), "1/2"),
        ((7, 8, (3, 2, 2)), "3/2 1 1"),
        ((5, 4, (3, 2)), "1 1 1 1 1"),
        ((9, 8, (2, 2, 2, 3)), "1 1 1 3/2"),
        ((8, 8, (3, 3, 2)), "3/2 3/2 1"),
        ((11, 16, (4, 4, 3)), "1/2 1/2 1/2 1/2 3/4"),
    ],
)
def test_metres_fall_into_beats(metre, lengths):
    assert " ".join(map(str, beat_lengths(Metre(0, *metre)))) == lengths


def tuplets(melody):
    return [(e.type, e.dots, e.ratio, e.tuplet) for bar in notate(melody) for e in bar.elements if e.ratio]


def test_triplet_eighths_are_a_tuplet_of_a_beat():
    melody = Melody((Note(0, 1, 60), Note(1, 1, 62), Note(2, 1, 64), Note(3, 9, 65)), Timeline(3))
    assert tuplets(melody) == [("eighth", 0, (3, 2), edge) for edge in ("start", "", "stop")]


def test_triplet_quarters_span_two_beats():
    melody = Melody((Note(0, 2, 60), Note(2, 2, 62), Note(4, 2, 64), Note(6, 6, 65)), Timeline(3))
    assert tuplets(melody) == [("quarter", 0, (3, 2), edge) for edge in ("start", "", "stop")]


def test_a_triplet_may_hold_a_rest_and_a_longer_note():
    melody = Melody((Note(1, 2, 60), Note(3, 9, 62)), Timeline(3))
    assert tuplets(melody) == [("eighth", 0, (3, 2), "start"), ("quarter", 0, (3, 2), "stop")]


def test_sixteenth_triplets_sit_in_half_a_beat():
    melody = Melody((Note(0, 1, 60), Note(1, 1, 62), Note(2, 1, 64), Note(3, 3, 65)), Timeline(6))
    assert tuplets(melody) == [("16th", 0, (3, 2), edge) for edge in ("start", "", "stop")]


def test_quintuplets_and_septuplets_keep_the_longer_of_two_values():
    five = Melody(tuple(Note(i, 1, 60) for i in range(5)), Timeline(5))
    seven = Melody(tuple(Note(i, 1, 60) for i in range(7)), Timeline(7))
    assert {t[:3] for t in tuplets(five)} == {("16th", 0, (5, 4))}
    assert {t[:3] for t in tuplets(seven)} == {("16th", 0, (7, 4))}


@given(
    st.lists(st.tuples(st.integers(0, 70), st.integers(1, 200)), min_size=1, max_size=8),
    st.sampled_from([1, 3, 5, 48, 480, 1001]),
    st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8), (5, 16), (2, 3)]),
)
@settings(max_examples=60, deadline=None)
def test_values_add_up_to_the_notes_exactly(gaps, per_quarter, metre):
    notes, place = [], 0
    for gap, length in gaps:
        notes.append(Note(place + gap, length, 60))
        place += gap + length
    melody = Melody(tuple(notes), Timeline(per_quarter, metres=(Metre(0, *metre),)))
    elements = [e for bar in notate(melody) for e in bar.elements]
    names = {name: length for length, name in TYPES.items()}
    for e in elements:
        if not e.full_bar:
            actual, normal = e.ratio or (1, 1)
            assert names[e.type] * (Fraction(3, 2) if e.dots else 1) * normal / actual == e.duration
    for i, note in enumerate(notes):
        mine = [e for e in elements if e.note == i]
        assert mine[0].start * per_quarter == note.start
        assert sum(e.duration for e in mine) * per_quarter == note.duration
        assert [e.tie_start for e in mine] == [True] * (len(mine) - 1) + [False]
        assert [e.tie_stop for e in mine] == [False] + [True] * (len(mine) - 1)


def shown(pitches, fifths, durations=4, metre=(4, 4)):
    """Accidentals shown for notes of equal length, bar by bar; "." for none."""
    notes = tuple(Note(durations * i, durations, pitch) for i, pitch in enumerate(pitches))
    melody = Melody(notes, Timeline(4, metres=(Metre(0, *metre),), keys=(Key(0, fifths),)))
    signs = {None: ".", -1: "b", 0: "n", 1: "#", 2: "x", -2: "bb"}
    return " | ".join(
        "".join(signs[e.accidental] for e in bar.elements if e.note is not None) for bar in notate(melody)
    )


def test_accidentals_hold_through_the_bar_and_no_longer():
    assert shown([66, 67, 66, 67, 66, 67, 66, 65], fifths=0) == "#... | #..n"


def test_notes_of_the_key_show_no_accidental():
    assert shown([67, 66, 67, 69], fifths=1) == "...."
    assert shown([70, 69, 70, 63], fifths=-2) == "...."


def test_an_accidental_counts_for_its_own_octave_only():
    assert shown([66, 78, 66, 78], fifths=0) == "##.."


def test_a_tie_into_the_bar_shows_no_accidental_but_the_next_same_note_does():
    melody = line([(0, 12), (12, 8), (20, 4), (24, 8)], pitch=66, keys=(Key(0, 0),))
    found = [[e.accidental for e in bar.elements] for bar in notate(melody)]
    assert found == [[1, None], [None, 1, None]]


def test_a_natural_is_shown_after_a_sharp_that_was_tied_into_the_bar():
    notes = (Note(0, 12, 60), Note(12, 8, 66), Note(20, 4, 65))
    in_c = Timeline(4, keys=(Key(0, 0),))
    found = [[e.accidental for e in bar.elements if e.pitch] for bar in notate(Melody(notes, in_c))]
    assert found == [[None, 1], [None, 0]]


def test_a_new_key_inside_a_bar_cuts_the_note_there_and_changes_the_signature():
    timeline = Timeline(4, keys=(Key(0, 0), Key(8, 1)))
    bars = notate(Melody((Note(0, 4, 66), Note(4, 8, 67), Note(12, 4, 66)), timeline))
    assert [(e.type, e.accidental, e.tie_start) for e in bars[0].elements] == [
        ("quarter", 1, False),
        ("quarter", None, True),
        ("quarter", None, False),
        ("quarter", None, False),
    ]
    assert list(bars[0].keys) == [0, 2]


def beams(melody):
    short = {"begin": "(", "continue": "-", "end": ")", "forward hook": ">", "backward hook": "<"}
    return " | ".join(
        " ".join("".join(short[w] for w in e.beams) or "." for e in bar.elements) for bar in notate(melody)
    )


def eighths(count, metre=(4, 4)):
    return line([(2 * i, 2) for i in range(count)], metre=metre)


def test_beams_join_the_notes_of_a_beat():
    assert beams(eighths(6, (6, 8))) == "( - ) ( - )"
    assert beams(line([(2 * i, 2) for i in range(7)], metre=(7, 8))) == "( ) ( ) ( - )"
    assert beams(line([(2 * i, 2) for i in range(7)], metre=(7, 8, (3, 2, 2)))) == "( - ) ( ) ( )"


def test_eighths_are_joined_by_half_bars_by_bars_of_two_or_three_beats_and_by_stated_groups():
    assert beams(eighths(8)) == "( - - ) ( - - )"
    assert beams(eighths(6, (3, 4))) == "( - - - - )"
    assert beams(eighths(4, (2, 4))) == "( - - )"
    assert beams(eighths(8, (2, 2))) == "( - - ) ( - - )"
    assert beams(eighths(10, (5, 4))) == "( ) ( ) ( ) ( ) ( )"
    assert beams(eighths(10, (5, 4, (3, 2)))) == "( - - - - ) ( - - )"
    assert beams(eighths(10, (5, 4, (2, 3)))) == "( - - ) ( - - - - )"


def test_eighths_are_joined_over_no_other_value_and_no_rest():
    assert beams(line([(0, 4), (4, 2), (6, 2), (8, 2), (10, 2)], metre=(3, 4))) == ". ( - - )"
    assert beams(line([(0, 2), (2, 2), (4, 1), (5, 1), (6, 2)], metre=(2, 4))) == "( ) (( -) )"
    assert beams(line([(0, 2), (2, 2), (6, 2)], metre=(2, 4))) == "( ) . ."
    assert beams(line([(2, 2), (4, 2), (6, 2)], metre=(2, 4))) == ". . ( )"


def test_a_silent_bar_of_an_additive_metre_rests_by_its_groups():
    assert values(line([(0, 14), (28, 14)], metre=(7, 8, (3, 2, 2)))) == "4.~ 4~ 4 | r4. r4 r4 | 4.~ 4~ 4"


def names_by_bar(pitches, fifths=0):
    notes = tuple(Note(2 * i, 2, pitch) for i, pitch in enumerate(pitches))
    bars = notate(Melody(notes, Timeline(4, keys=(Key(0, fifths),))))
    return [" ".join(e.pitch.letter + "b#"[e.pitch.alter > 0] * abs(e.pitch.alter) for e in b.elements) for b in bars]


def test_a_pitch_has_one_name_in_a_bar_and_may_have_another_in_the_next():
    assert names_by_bar([64, 63, 62, 63, 64, 63, 62, 60]) == ["E Eb D Eb E Eb D C"]
    assert names_by_bar([64, 63, 62, 60, 64, 63, 62, 60, 62, 63, 64, 62, 62, 63, 64, 67]) == [
        "E Eb D C E Eb D C",
        "D D# E D D D# E G",
    ]


def test_second_beams_and_hooks():
    assert beams(line([(0, 1), (1, 1), (2, 2), (4, 3), (7, 1), (8, 1), (9, 3), (12, 4)])) == "(( -) ) ( )< (> ) ."


def test_the_beats_of_a_pick_up_are_counted_from_its_end():
    timeline = Timeline(4, metres=(Metre(0, 4, 4), Metre(6, 4, 4)))
    melody = Melody((*(Note(2 * i, 2, 60) for i in range(3)), Note(6, 8, 60)), timeline)
    assert beams(melody).split(" | ")[0] == ". ( )"


def test_a_rest_or_a_longer_note_ends_a_beam():
    assert beams(line([(0, 2), (4, 2), (6, 2), (8, 2), (10, 6)])) == ". . ( ) . ."


def test_flags_follow_the_value():
    assert [FLAGS[name] for name in ("whole", "quarter", "eighth", "16th", "64th")] == [0, 0, 1, 2, 4]


def test_metres_and_bar_numbers_are_marked_where_they_change():
    timeline = Timeline(4, metres=(Metre(0, 4, 4), Metre(16, 4, 4), Metre(32, 3, 4)))
    bars = notate(Melody(tuple(Note(4 * i, 4, 60) for i in range(11)), timeline))
    assert [(b.number, b.metre.name, b.new_metre) for b in bars] == [
        (1, "4/4", True),
        (2, "4/4", False),
        (3, "3/4", True),
    ]


def test_nothing_is_one_bar_of_rest():
    assert values(Melody(())) == "rbar"
