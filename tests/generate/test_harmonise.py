"""Four voices beneath a melody: the melody stays, voices keep their order and ranges, chords are judged by hand."""

import numpy as np
import pytest

import ritornello as rito
from ritornello.api import paths_of
from ritornello.generate.voices.harmonise import allowed, by_pitch, moves_of
from ritornello.generate.voices.rules import count_parallels, is_accepted, judge
from ritornello.music.files import read
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

TUNE = Melody(
    tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate((67, 69, 71, 72, 74, 72, 71, 67))),
    Timeline(480, 3840, (Metre(0, 4, 4),)),
    "Scale",
)


def steps(*chords):
    """Lay chords, from soprano to bass, on a step each: pitches and where they change."""
    pitches = np.array(chords)
    return pitches, pitches != np.vstack([np.full((1, 4), -1), pitches[:-1]])


@pytest.mark.parametrize(
    ("chord", "is_right"),
    [
        ((72, 67, 64, 48), True),  # C major
        ((72, 64, 60, 48), True),  # without its fifth
        ((72, 67, 60, 48), False),  # without its third
        ((77, 71, 62, 55), True),  # G7
        ((77, 71, 65, 55), True),  # without its fifth
        ((74, 65, 60, 50), True),  # D minor seventh without its fifth
        ((72, 67, 62, 48), False),  # a second that comes from nowhere
    ],
)
def test_a_beat_wants_a_triad_or_a_seventh_chord(chord, is_right):
    assert is_accepted(*steps(chord, chord), 0) == is_right


def test_a_suspension_was_there_before_and_resolves_by_step_downwards():
    proper = steps((72, 67, 64, 48), (72, 67, 62, 55), (71, 67, 62, 55))
    assert is_accepted(*proper, 1)  # C over G resolves to B
    assert not is_accepted(*steps((72, 67, 64, 48), (72, 67, 62, 55), (74, 67, 62, 55)), 1)
    assert not is_accepted(*steps((74, 67, 64, 48), (72, 67, 62, 55), (71, 67, 62, 55)), 1)


def test_parallels_are_two_voices_that_move_the_same_way_in_fifths_or_octaves():
    assert count_parallels(np.array([72, 67, 64, 48]), np.array([74, 69, 65, 50])) == 2  # octaves S-B, fifths A-B
    assert count_parallels(np.array([72, 67, 64, 48]), np.array([72, 67, 64, 48])) == 0
    assert count_parallels(np.array([72, 67, 64, 48]), np.array([71, 67, 62, 55])) == 0
    judged = judge(*steps((72, 67, 64, 48), (74, 69, 65, 50)), np.array([True, True]))
    assert (judged.chords, judged.parallels, judged.crossings, judged.dissonant) == (2, 2, 0, 0)


def test_a_voice_above_a_higher_one_and_a_note_out_of_range_are_counted():
    judged = judge(*steps((72, 60, 64, 38)), np.array([True]))
    assert (judged.crossings, judged.range_faults) == (1, 1)


def notes_of(part):
    return [note[:3] for note in part.notes]


@pytest.fixture(scope="module")
def harmony():
    return rito.harmonise(TUNE, seed=1)[0]


def test_the_melody_is_the_soprano_and_three_voices_lie_beneath_it_in_order(harmony):
    assert [part.name for part in harmony.piece.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert notes_of(harmony.piece.parts[0]) == notes_of(TUNE)
    assert all(part.notes[-1].end == 3840 for part in harmony.piece.parts)
    assert (harmony.judgement.crossings, harmony.judgement.parallels) == (0, 0)


def test_the_same_seed_gives_the_same_voices_and_versions_differ(harmony):
    assert rito.harmonise(TUNE, seed=1)[0].piece == harmony.piece
    first, second = rito.harmonise(TUNE, seed=1, n=2)
    assert first.piece == harmony.piece != second.piece


def test_scores_of_moves_become_scores_of_pitches_and_back():
    moves = np.arange(140.0)[None]
    pitches = by_pitch(moves, np.array([50]))
    assert pitches[0, 50] == 64  # the same note again
    assert pitches[0, 53] == 64 + 3
    assert pitches[0, 128] == 128  # a hold stays one
    assert pitches[0, 127] == -np.inf  # 77 semitones up: no move reaches it
    assert moves_of(np.array([50, 53, 128]), np.array([50, 50, 50])).tolist() == [64, 67, 128]


def test_a_last_chord_takes_its_tones_alone_and_gives_way_where_none_is_left():
    before = now = np.array([[72, 67, 64, 55]])
    legal = np.zeros((1, 140), bool)
    legal[0, [48, 50, 52, 128]] = True  # C, D, E, and a hold of G
    assert np.isfinite(allowed(legal, before, now, 3, (0,))).nonzero()[1].tolist() == [48]
    assert np.isfinite(allowed(legal, before, now, 3, (0, 4, 7))).nonzero()[1].tolist() == [48, 52, 128]
    assert np.isfinite(allowed(legal, before, now, 3, (9,))).nonzero()[1].tolist() == [48, 50, 52, 128]


def test_a_tune_that_ends_in_the_tonic_s_triad_ends_on_the_tonic_s_chord():
    scale = (60, 62, 64, 65, 67, 69, 71, 72, 67, 64)  # C major, its third last
    for fifths, mode, shift, chord in ((0, "major", 0, {0, 4, 7}), (2, "major", 2, {2, 6, 9})):
        notes = tuple(Note(480 * n, 480, pitch + shift) for n, pitch in enumerate(scale))
        tune = Melody(notes, Timeline(480, 4800, keys=(Key(0, fifths, mode),)))
        for found in rito.harmonise(tune, seed=2, n=3):
            last = [part.notes[-1].pitch % 12 for part in found.piece.parts]
            assert last[3] == (fifths * 7) % 12
            assert set(last) <= chord


@pytest.mark.parametrize("shift", [-24, 24])
def test_a_melody_of_another_range_stays_where_it_is(shift):
    low = TUNE.transposed(shift)
    voices = rito.harmonise(low, seed=1)[0].piece.parts
    assert notes_of(voices[0]) == notes_of(low)
    assert max(n.pitch for n in voices[3].notes) < min(n.pitch for n in low.notes)


def test_triplets_and_a_pick_up_are_kept_exactly():
    notes = (Note(0, 480, 67), *(Note(480 + 160 * n, 160, 72 + n) for n in range(3)), Note(960, 960, 71))
    melody = Melody(notes, Timeline(480, 1920, (Metre(0, 3, 4), Metre(480, 3, 4))))
    [found] = rito.harmonise(melody, seed=3)
    assert notes_of(found.piece.parts[0]) == [note[:3] for note in notes]
    assert found.piece.timeline.pickup == 480
    assert {note.start % 120 for part in found.piece.parts[1:] for note in part.notes} == {0}


def test_it_is_written_by_suffix_with_four_staves(harmony, tmp_path):
    for name in ("a.mid", "a.musicxml", "a.svg", "a.html"):
        harmony.save(tmp_path / name)
    [back] = read(tmp_path / "a.mid")
    assert [notes_of(part) for part in back.parts] == [notes_of(part) for part in harmony.piece.parts]
    [score] = read(tmp_path / "a.musicxml")
    assert len(score.parts) == 4
    assert (tmp_path / "a.svg").read_text().count("Soprano") >= 1
    with pytest.raises(ValueError, match="music in parts is written as"):
        harmony.save(tmp_path / "a.txt")
    assert [path.name for path in paths_of("x/a.mid", 2)] == ["a-1.mid", "a-2.mid"]


def test_a_model_of_melodies_is_refused_in_one_line():
    with pytest.raises(ValueError, match="cannot harmonise"):
        rito.harmonise(TUNE, model="hymns", seed=1)
    with pytest.raises(ValueError, match="no note to harmonise"):
        rito.harmonise(Melody((), Timeline(480, 480)), seed=1)


def test_the_shipped_model_is_listed_after_those_of_melodies():
    names = rito.models()
    assert names[0] == "hymns-and-songs"
    assert names.index("four-voices") > names.index("songs")
