"""The melody that is picked out of a piece, written out by hand."""

import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.pick import pick_melodies, pick_melody
from ritornello.music.lines import top_line
from ritornello.music.values import Note, Part, Piece, Timeline


def line(*notes):
    return [(n.start, n.duration, n.pitch) for n in top_line(Part(tuple(Note(*n) for n in notes)))]


def test_of_a_chord_the_top_note_stays():
    assert line((0, 4, 60), (0, 4, 64), (0, 8, 67), (8, 4, 59), (8, 4, 55)) == [(0, 8, 67), (8, 4, 59)]


def test_legato_overlap_is_cut_at_the_next_onset():
    assert line((0, 6, 72), (4, 6, 71), (8, 4, 69)) == [(0, 4, 72), (4, 4, 71), (8, 4, 69)]


def test_an_accompaniment_under_a_held_note_does_not_tear_it():
    assert line((0, 16, 72), (4, 4, 60), (8, 4, 64), (12, 4, 60), (16, 4, 71)) == [(0, 16, 72), (16, 4, 71)]


def test_a_lower_note_that_outlasts_the_higher_one_takes_over():
    assert line((0, 6, 72), (4, 8, 60)) == [(0, 4, 72), (4, 8, 60)]


def test_the_same_note_twice_at_once_is_one_note():
    assert line((0, 4, 60), (0, 8, 60)) == [(0, 8, 60)]


def test_a_part_without_notes_has_an_empty_line():
    assert line() == []


def test_percussion_and_silent_parts_are_passed_over():
    drums = Part((Note(0, 4, 36),), is_drum=True)
    tune = Part((Note(0, 4, 60), Note(0, 4, 48)), "tune")
    piece = Piece((drums, Part(()), tune, Part((Note(0, 4, 90),))), Timeline(4), "T", source="x.mid")
    (first,) = pick_melodies(piece, BuildOptions(pick="first"))
    assert first.melody.notes == (Note(0, 4, 60),)
    assert (pick_melody(piece).title, pick_melody(piece).source) == ("T", "x.mid")
    assert first.losses == {"other_parts": 2, "notes_below_top": 1}


def test_a_piece_with_nothing_to_pick_says_why():
    with pytest.raises(CorpusError, match=r"x\.mid: only percussion"):
        pick_melody(Piece((Part((Note(0, 4, 36),), is_drum=True),), source="x.mid"))
    with pytest.raises(CorpusError, match=r"x\.mid: no notes"):
        pick_melody(Piece((Part(()),), source="x.mid"))
