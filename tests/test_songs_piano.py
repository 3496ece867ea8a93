"""The shipped model of music as it is played: what it does, and what it refuses in one line."""

from __future__ import annotations

import numpy as np
import pytest

import ritornello as rito
from ritornello.cli import main
from ritornello.model.file import find_model
from ritornello.music.values import Piece, all_notes


def test_it_comes_after_the_models_of_melodies() -> None:
    names = rito.models()
    assert names[0] == "hymns-and-songs"
    assert set(names[names.index("songs-piano") :]).isdisjoint({"grid", "hymns", "songs"})


def test_its_file_is_small_and_says_how_well_it_foresees_test_pieces() -> None:
    assert find_model("songs-piano").stat().st_size <= 6_000_000
    held_out = rito.load_model("songs-piano").metadata["held_out"]
    assert held_out["network"]["bits_per_note"] < held_out["ngram_tokens"]["bits_per_note"]


@pytest.mark.parametrize("asked", [2, 4, 8])
def test_it_gives_the_notes_a_second_that_are_asked_for(asked: int) -> None:
    tune = rito.load_model("songs-piano").generate(seconds=20, notes_per_second=str(asked), seed=1)
    assert isinstance(tune.music, Piece)
    assert len(all_notes(tune.music)) / 20 == pytest.approx(asked, rel=0.2)


def test_nine_of_ten_notes_are_of_the_scale_that_is_asked_for() -> None:
    tune = rito.load_model("songs-piano").generate(seconds=20, scale="C D E F G A B", seed=1)
    classes = np.array([note.pitch % 12 for note in all_notes(tune.music)])
    assert np.isin(classes, (0, 2, 4, 5, 7, 9, 11)).mean() >= 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "songs-piano", "--bars", "8"], "--seconds"),
        (["generate", "songs-piano", "--key", "G"], "--key"),
        (["generate", "songs-piano", "--primer", "C4 E4"], "primer"),
        (["generate", "songs-piano", "--seconds", "2", "-f", "abc"], ".mid"),
        (["generate", "hymns", "--seconds", "8"], "--bars"),
        (["generate", "hymns", "--notes-per-second", "4"], "--notes-per-second"),
        (["jam", "four-voices", "--for", "4", "--virtual-time"], "jam needs a model of melodies or of performances"),
    ],
)
def test_a_bad_match_of_model_and_verb_is_one_line(arguments: list[str], words: str, tmp_path, capsys) -> None:
    assert main([*arguments, "-o", str(tmp_path / ("out.html" if arguments[0] == "jam" else "out"))]) != 0
    error = capsys.readouterr().err.strip()
    assert words in error
    assert len(error.splitlines()) == 1
