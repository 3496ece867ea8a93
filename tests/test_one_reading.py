"""Every verb reads a tune in one way: notes by name, files of several parts or tunes, performances, chords."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

import ritornello as rito
from ritornello.music.midi.reader import write_midi_piece
from ritornello.music.values import Melody, Note, Part, Piece, Timeline

TUNE = (60, 62, 64, 65, 67, 65, 64, 62, 60, 64, 67, 72, 71, 67, 62, 60) * 2
BASS = (48, 55, 48, 53, 52, 55, 43, 48)


def played(lateness=0.03, spread=0.02):
    """Two parts as they are played: a tune in quarters, beside every grid, over a bass of whole bars."""
    draw = random.Random(5)

    def part(pitches, quarters, name, velocity):
        starts = [round(480 * (n * quarters + lateness + abs(draw.gauss(0, spread)))) for n in range(len(pitches))]
        lengths = [round(480 * quarters * 0.8) for _ in pitches]
        notes = (Note(start, length, p, velocity) for start, length, p in zip(starts, lengths, pitches, strict=True))
        return Part(tuple(notes), name)

    parts = part(TUNE, 1, "Flute", 90), part(BASS, 4, "Bass", 70)
    return Piece(parts, Timeline(480, 32 * 480))


@pytest.fixture
def performance(tmp_path):
    path = tmp_path / "played.mid"
    path.write_bytes(write_midi_piece(played()).replace(b"ritornello", b"somebody's"))
    return path


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text("X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|GFED|C4|]\n\nX:2\nT:Two\nM:4/4\nL:1/4\nK:C\nGGEC|D4|C4|]\n")
    return path


def on_sixteenths(melody: Melody) -> bool:
    step = melody.timeline.ticks_per_quarter // 4
    return all(note.start % step == 0 for note in melody.notes)


def test_a_performance_costs_what_its_corpus_costs(performance, little_model):
    model = rito.load_model(little_model)
    scores = model.evaluate(performance)
    with pytest.warns(UserWarning, match="its timing was played"):
        costs = model.surprise(performance)
    assert len(costs) == scores["notes"]
    assert costs["bits"].sum() == pytest.approx(scores["bits_per_note"] * scores["notes"])


def test_a_performance_is_rewritten_and_gone_on_from_on_its_beats(performance, little_model):
    model, said = rito.load_model(little_model), []
    version = model.rewrite(performance, (3, 3), seed=1, on_remark=said.append)
    assert on_sixteenths(version.melody)
    assert [note.pitch for note in version.melody.notes[:8]] == list(TUNE[:8])
    assert "Flute" in said[0]
    assert "of 2 parts" in said[0]
    assert "its timing was played" in said[0]
    said.clear()
    tune = model.generate(primer=performance, primer_bars=2, bars=4, seed=1, on_remark=said.append)
    assert on_sixteenths(tune.melody)
    assert said[0].startswith("the primer: ")
    assert not any("notes moved" in line for line in said)


@pytest.mark.parametrize("suffix", ["abc", "musicxml"])
def test_a_performance_is_written_down_in_values_that_can_be_read(performance, tmp_path, suffix):
    out, said = tmp_path / f"page.{suffix}", []
    rito.render_file(performance, out, on_remark=said.append)
    [piece] = rito.read(out)
    assert [note.pitch for note in piece.parts[0].notes] == list(TUNE)
    assert on_sixteenths(Melody(piece.parts[0].notes, piece.timeline))
    assert any("its timing was played" in line for line in said)


def test_the_midi_of_a_performance_keeps_its_times(performance, tmp_path):
    rito.render_file(performance, tmp_path / "line.mid")
    [piece] = rito.read(tmp_path / "line.mid")
    assert [n.start for n in piece.parts[0].notes] == [n.start for n in played().parts[0].notes]


def test_every_verb_says_that_a_book_has_more_tunes(book, tmp_path, little_model):
    model, said = rito.load_model(little_model), []
    model.rewrite(book, (2, 2), seed=1, on_remark=said.append)
    model.generate(primer=book, bars=6, seed=1, on_remark=said.append)
    rito.harmonise(book, seed=1, on_remark=said.append)
    rito.render_file(book, tmp_path / "book.svg", on_remark=said.append)
    rito.jam(model, play=book, seed=1, on_line=said.append)
    assert sum("the first of 2 tunes is taken" in line for line in said) == 5


def test_every_verb_takes_notes_by_name(tmp_path, little_model):
    model, notes = rito.load_model(little_model), "C4 E4 G4 E4 D4 F4 E4 C4"
    assert rito.harmonise(notes, seed=1)[0].piece.parts[0].notes[2].pitch == 67
    rito.render_file(notes, tmp_path / "notes.abc")
    [piece] = rito.read(tmp_path / "notes.abc")
    assert [note.pitch for note in piece.parts[0].notes] == [60, 64, 67, 64, 62, 65, 64, 60]
    jam = rito.jam(model, play=notes, seed=1)
    assert [note.pitch for note in jam.piece.parts[0].notes] == [60, 64, 67, 64, 62, 65, 64, 60]


@pytest.mark.parametrize("verb", ["harmonise", "render_file"])
def test_a_misspelt_file_is_named_as_such(verb, tmp_path):
    with pytest.raises(ValueError, match=r"not a note: 'mytune'; .*\(nor is there such a file\)"):
        getattr(rito, verb)("mytune", tmp_path / "x.mid")


CHORDS = np.array([[0, 1, 60], [0, 1, 64], [0, 4, 48], [0.5, 2, 67], [1, 1, 65], [2, 1, 64], [3, 1, 62]])
LEFT = "notes below another left out"


def test_what_a_single_line_leaves_of_chords_is_told(little_model):
    corpus = rito.build_corpus([CHORDS])
    assert LEFT in str(corpus.report[0])
    model = rito.load_model(little_model)
    with pytest.warns(UserWarning, match=LEFT):
        model.surprise(CHORDS)
    said = []
    model.generate(primer=CHORDS, bars=4, seed=1, on_remark=said.append)
    assert LEFT in said[0]


def test_a_note_that_another_cuts_is_told(little_model):
    held = np.array([[n, 2, 60 + n] for n in range(8)])
    assert "7 notes cut short where the next begins" in str(rito.build_corpus([held]).report[0])


def test_nothing_is_told_of_a_single_line(little_model):
    line = np.array([[n, 1, 60 + n] for n in range(8)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rito.load_model(little_model).surprise(line)
    assert "left out" not in str(rito.build_corpus([line]).report[0])
