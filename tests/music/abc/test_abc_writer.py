"""ABC written from a melody reads back as the same notes, and looks as a musician would write it."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.music.abc.reader import read_abc
from ritornello.music.abc.writer import write_abc
from ritornello.music.values import MODES, Key, Melody, Metre, Note, Tempo, Timeline


def exact(notes, ticks):
    return [(Fraction(n.start, ticks), Fraction(n.duration, ticks), n.pitch) for n in notes]


def line(*pitches_and_sixteenths, **timeline) -> Melody:
    """A melody from (pitch or None for a rest, length in sixteenths)."""
    notes, tick = [], 0
    for pitch, sixteenths in pitches_and_sixteenths:
        if pitch is not None:
            notes.append(Note(tick, sixteenths * 120, pitch))
        tick += sixteenths * 120
    return Melody(tuple(notes), Timeline(480, tick, **timeline))


def music_of(melody: Melody) -> str:
    text = write_abc(melody)
    return text[text.index("K:") :].partition("\n")[2].strip()


def test_a_scale_is_written_in_beamed_eighths_with_a_closing_bar():
    scale = line(*[(p, 2) for p in (60, 62, 64, 65, 67, 69, 71, 72)], keys=(Key(0, 0),))
    assert write_abc(scale) == "X:1\nT:\nM:4/4\nL:1/8\nQ:1/4=120\nK:C\nCD EF GA Bc |]\n"


def test_a_note_over_a_barline_is_tied():
    assert music_of(line((60, 12), (62, 8), (64, 12))) == "C6 D2- | D2 E6 |]"


def test_a_length_that_is_no_note_value_is_split_at_the_beat():
    assert music_of(line((60, 2), (62, 10), (64, 4))) == "CD- D4 E2 |]"


def test_triplets_are_written_with_their_3():
    notes = (Note(0, 160, 60), Note(160, 160, 62), Note(320, 160, 64), Note(480, 320, 65), Note(800, 160, 67))
    melody = Melody(notes, Timeline(480, 960, (Metre(0, 2, 4),)))
    assert music_of(melody) == "(3CDE (3:2:2F2 G |]"


def test_what_fits_no_value_is_written_as_a_fraction():
    melody = Melody((Note(0, 237, 60), Note(240, 240, 62)), Timeline(480, 480))
    assert music_of(melody) == "(5:4:1C79/64(5:4:1z/64D |]"


def test_a_sign_is_written_once_a_bar_and_again_in_another_octave():
    bars = line((66, 4), (66, 4), (78, 4), (65, 4), (66, 16), keys=(Key(0, 0),))
    assert music_of(bars) == "^F2 F2 ^f2 =F2 | ^F8 |]"


def test_a_pick_up_is_a_short_first_bar():
    melody = line((67, 4), (72, 16), (72, 12), metres=(Metre(0, 4, 4), Metre(480, 4, 4)))
    assert music_of(melody) == "G2 | c8 | c6 |]"
    assert read_abc(write_abc(melody))[0].timeline.pickup == 480


def test_stated_groups_are_written_and_beamed():
    scale = [(pitch, 2) for pitch in (60, 62, 64, 65, 67, 69, 71)]
    grouped = line(*scale, metres=(Metre(0, 7, 8, (3, 2, 2)),))
    assert "M:3+2+2/8" in write_abc(grouped)
    assert music_of(grouped) == "CDE FG AB |]"
    assert music_of(line(*scale, metres=(Metre(0, 7, 8),))) == "CD EF GAB |]"
    assert read_abc(write_abc(grouped))[0].timeline.metres == grouped.timeline.metres


def test_changes_of_metre_key_and_tempo_stand_where_they_happen():
    melody = line(
        (60, 16),
        (66, 12),
        metres=(Metre(0, 4, 4), Metre(1920, 3, 4)),
        keys=(Key(0, 0), Key(1920, 1)),
        tempos=(Tempo(0, 120.0), Tempo(1920, 87.5)),
    )
    assert music_of(melody) == "C8 | [M:3/4][K:G][Q:1/4=87.5]F6 |]"
    assert read_abc(write_abc(melody))[0].timeline == melody.timeline


def test_a_key_change_within_a_held_note_keeps_the_note_whole():
    melody = line((66, 16), (65, 16), keys=(Key(0, 1), Key(480, 0, "minor")))
    assert music_of(melody) == "F2- [K:Am]^F6 | F8 |]"
    assert exact(read_abc(write_abc(melody))[0].parts[0].notes, 480) == [(0, 4, 66), (4, 4, 65)]


def test_rests_at_the_start_and_the_end_are_kept():
    melody = line((None, 4), (60, 8), (None, 4))
    assert music_of(melody) == "z2 C4 z2 |]"
    assert read_abc(write_abc(melody))[0].timeline.length == 1920


@pytest.mark.parametrize("title", ["50% & more", "back\\slash", "Ça ira, l'été", "a \\% b", "&amp; \\'e", ""])
def test_titles_survive(title):
    melody = Melody((Note(0, 480, 60),), Timeline(), title)
    assert read_abc(write_abc(melody))[0].title == title


def test_a_melody_without_notes_is_written_as_rests():
    assert music_of(Melody((), Timeline(480, 1920))) == "z8 |]"
    assert music_of(Melody((), Timeline(480, 0))) == "|]"


def test_a_key_beyond_seven_sharps_is_refused():
    with pytest.raises(ValueError, match="-7 to 7"):
        write_abc(line((60, 4), keys=(Key(0, 9),)))


@st.composite
def melodies(draw) -> Melody:
    """Any melody: odd resolutions, gaps, metre, key and tempo changes anywhere, pick-ups, extreme pitches."""
    ticks = draw(st.sampled_from([1, 2, 3, 4, 5, 7, 12, 24, 96, 120, 220, 480, 960, 1000, 10080]))
    lengths = st.one_of(
        st.sampled_from([max(1, ticks * n // 12) for n in (1, 2, 3, 4, 6, 8, 9, 12, 16, 24, 36, 60)]),
        st.integers(1, 7 * ticks),
    )
    notes, tick = [], 0
    for _ in range(draw(st.integers(1, 24))):
        tick += draw(st.one_of(st.just(0), st.just(0), lengths))
        duration = draw(lengths)
        notes.append(Note(tick, duration, draw(st.integers(0, 127))))
        tick += duration
    length = tick + draw(st.one_of(st.just(0), lengths))
    at = st.lists(st.integers(1, length + 5), max_size=3, unique=True).map(sorted)
    metre = st.tuples(st.integers(1, 13), st.sampled_from([1, 2, 4, 8, 16, 3]))
    metres = [Metre(t, *draw(metre)) for t in [0, *draw(at)]]
    keys = [Key(t, draw(st.integers(-7, 7)), draw(st.sampled_from(["major", "minor"]))) for t in [0, *draw(at)]]
    tempos = [Tempo(t, draw(st.integers(1, 3000)) / 8) for t in [0, *draw(at)]]
    timeline = Timeline(ticks, length, tuple(metres), tuple(keys) if draw(st.booleans()) else (), tuple(tempos))
    return Melody(tuple(notes), timeline)


@settings(max_examples=300, deadline=None)
@given(melodies())
def test_every_melody_reads_back_with_the_same_notes(melody):
    [piece] = read_abc(write_abc(melody))
    ticks = piece.timeline.ticks_per_quarter
    assert exact(piece.parts[0].notes, ticks) == exact(melody.notes, melody.timeline.ticks_per_quarter)
    assert Fraction(piece.timeline.length, ticks) == Fraction(
        melody.timeline.length, melody.timeline.ticks_per_quarter
    )
    assert piece.timeline.qpm == melody.timeline.qpm
    assert (piece.timeline.key is None) == (melody.timeline.key is None)


@pytest.mark.parametrize("fifths", range(-7, 8))
@pytest.mark.parametrize("mode", MODES)
def test_every_key_reads_back(fifths, mode):
    melody = line((60, 16), keys=(Key(0, fifths, mode),))
    assert read_abc(write_abc(melody))[0].timeline.keys == melody.timeline.keys
