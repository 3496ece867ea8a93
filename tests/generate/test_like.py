"""A new melody on the rhythm of another, exactly, or along its rise and fall, in another rhythm."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import ritornello as rito
from ritornello.generate.choice.like import newness
from ritornello.generate.primer import parse_notes
from ritornello.music.values import Key, Melody, Metre, Tempo

TUNE = parse_notes("C4:2 E4 G4 C5:3 B4:1/2 A4:1/2 G4:2 E4:2 r F4:1/2 E4:1/2 D4:2 E4 G4 C5:2 A4 F4 E4 D4 C4:4")


def rhythm(melody: Melody) -> list[tuple[Fraction, Fraction]]:
    quarter = melody.timeline.ticks_per_quarter
    return [(Fraction(note.start, quarter), Fraction(note.duration, quarter)) for note in melody.notes]


def contour(melody: Melody) -> np.ndarray:
    """The pitch at each sixteenth; in silence that of the note before."""
    starts = [float(start) for start, _ in rhythm(melody)]
    at = np.searchsorted(starts, np.arange(0, 32, 0.25), "right") - 1
    return np.array([note.pitch for note in melody.notes])[at]


@pytest.mark.parametrize("name", ["hymns-and-songs", "grid"])
def test_the_rhythm_is_kept_exactly_and_the_pitches_are_new(name):
    for tune in rito.load_model(name).generate(like=TUNE, keep="rhythm", n=2, seed=1):
        assert rhythm(tune.melody) == rhythm(TUNE)
        same = [a.pitch == b.pitch for a, b in zip(tune.melody.notes, TUNE.notes, strict=True)]
        assert np.mean(same) <= 0.5
        assert tune.rank is not None


def test_a_change_of_metre_is_kept_with_the_rhythm():
    metres = (*TUNE.timeline.metres, Metre(TUNE.timeline.ticks_per_quarter * 16, 2, 4))
    changing = replace(TUNE, timeline=replace(TUNE.timeline, metres=metres))
    tune = rito.load_model("hymns").generate(like=changing, seed=1)
    assert rhythm(tune.melody) == rhythm(TUNE)
    with pytest.raises(ValueError, match="the melody's metre changes to 2/4"):
        rito.load_model("hymns").generate(like=changing, keep="contour", seed=1)


def test_the_tempo_is_that_of_the_tune_or_the_one_asked_for():
    model = rito.load_model("hymns")
    played = replace(TUNE, timeline=replace(TUNE.timeline, tempos=(Tempo(0, 66.0),)))
    assert model.generate(like=played, seed=1, best_of=2).melody.timeline.qpm == 66
    assert model.generate(like=played, seed=1, best_of=2, qpm=90).melody.timeline.qpm == 90


def test_a_contour_is_kept_in_another_rhythm():
    tune = rito.load_model("hymns-and-songs").generate(like=TUNE, keep="contour", seed=2)
    assert np.corrcoef(contour(TUNE), contour(tune.melody))[0, 1] >= 0.9
    assert newness(tune.melody, TUNE, "contour") >= 0.25
    assert tune.melody.timeline.metre == TUNE.timeline.metre


CHART = "C | C | F | Dm | C | G7 | C"


def test_a_kept_rhythm_goes_with_chords_curves_pitches_and_leaps():
    wishes = {"register": "low,high", "start_on": "E", "end_on": "C,G", "leap_at_most": 9}
    melody = rito.load_model().generate(like=TUNE, chords=CHART, seed=1, best_of=2, **wishes).melody
    assert rhythm(melody) == rhythm(TUNE)
    assert [chord.name() for _, chord in melody.chords] == ["C", "F", "Dm", "C", "G7", "C"]
    pitches = [note.pitch for note in melody.notes]
    half = melody.timeline.length / 2
    low, high = (
        np.mean([n.pitch for n in melody.notes if (n.start < half) == is_first]) for is_first in (True, False)
    )
    assert high > low + 2
    assert pitches[0] % 12 == 4
    assert pitches[-1] % 12 in (0, 7)
    assert max(abs(np.diff(pitches))) <= 9


def test_on_a_kept_rhythm_the_key_is_that_of_the_chords():
    chords = "F | F | Bb | Gm | F | C7 | F"
    melodies = [tune.melody for tune in rito.load_model().generate(n=4, like=TUNE, chords=chords, seed=1)]
    assert {melody.timeline.key[1:] for melody in melodies} == {Key(0, -1)[1:]}
    assert [melody.notes[-1].pitch % 12 for melody in melodies] == 4 * [5]


def test_a_kept_contour_goes_with_notes_per_bar():
    melody = rito.load_model().generate(like=TUNE, keep="contour", notes_per_bar="4", seed=1, best_of=2).melody
    assert np.corrcoef(contour(TUNE), contour(melody))[0, 1] >= 0.9
    assert len(melody.notes) == 4 * 7


def test_chords_must_fill_the_bars_of_the_melody():
    with pytest.raises(ValueError, match="the chords fill 3 bars, and there are 7 to fill"):
        rito.load_model().generate(like=TUNE, chords="C | F | G", seed=1)


@pytest.mark.parametrize("name", ["hymns", "grid"])
def test_a_rhythm_that_a_model_rounds_is_kept_where_no_note_is_lost_else_refused(name):
    fine = parse_notes("C4:1/8 D4:7/8 E4:3 G4 F4:3")
    assert rhythm(rito.load_model(name).generate(like=fine, seed=1).melody) == rhythm(fine)
    with pytest.raises(ValueError, match="rounds some lengths of the melody"):
        rito.load_model(name).generate(like="C4:1/64 D4:63/64 E4:3 G4:1/5 F4:4/5 E4:3", seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"like": TUNE, "keep": "pitches"}, "keep must be rhythm or contour"),
        ({"keep": "rhythm"}, "give one with like"),
        ({"like": TUNE, "bars": 3}, "leave bars= out"),
        ({"like": TUNE, "key": "G", "form": "AB"}, "leave key= and form= out"),
        ({"like": TUNE, "notes_per_bar": "4"}, "a kept rhythm has its own notes per bar"),
        ({"like": TUNE, "chords": "C"}, "was trained on tunes without chords"),
        ({"like": TUNE, "primer": "C4"}, "leave one of them out"),
        ({"like": "C4"}, "two notes or more"),
    ],
)
def test_what_does_not_go_with_it_is_refused_in_a_line(options, message):
    with pytest.raises(ValueError, match=message):
        rito.load_model("grid").generate(seed=1, **options)
