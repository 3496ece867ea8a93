"""A packed corpus comes back as it was, byte for byte the same each time."""

from dataclasses import replace

import numpy as np
import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.packed import load_packed, pack, unpack_notes
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.music.values import Melody, Note, Part, Piece, Timeline


def random_corpus():
    random = np.random.default_rng(1)
    pieces = []
    for number in range(40):
        at, notes = int(random.integers(0, 5)) * 7, []
        for _ in range(int(random.integers(0, 30))):
            length = int(random.choice([1, 160, 480, 960, 100_000]))
            notes.append(Note(at, length, int(random.integers(0, 128))))
            at += length + int(random.choice([0, 0, 0, 240, 77]))
        pieces.append(
            (CorpusPiece(f"p{number}", (), "Gruß\u2028\x85", split="test"), [Melody(tuple(notes), Timeline(960))])
        )
    return corpus_of(pieces)


def test_notes_and_pieces_come_back(tmp_path):
    corpus = random_corpus()
    for name, content in pack(corpus).items():
        (tmp_path / name).write_bytes(content)
    again = load_packed(tmp_path)
    assert again.notes.tolist() == corpus.notes.tolist()
    assert again.pieces == corpus.pieces
    assert again.fingerprint == corpus.fingerprint


def test_the_same_corpus_gives_the_same_bytes():
    assert pack(random_corpus()) == pack(random_corpus())


def test_arrays_alone_can_be_unpacked():
    corpus = random_corpus()
    notes, lengths = unpack_notes(pack(corpus)["notes.npz"])
    assert lengths.tolist() == [p.notes for p in corpus.pieces]
    assert notes.tolist() == corpus.notes.tolist()


def test_parts_come_back_in_the_order_of_a_corpus(tmp_path):
    piece = Piece(
        (
            Part((Note(480, 960, 72), Note(0, 480, 70)), "Soprano", 52),
            Part((), "Silent", 3),
            Part((Note(0, 1920, 40), Note(0, 240, 47), Note(240, 240, 47), Note(0, 240, 40)), "Piano", 0),
        )
    )
    other = Piece((Part((Note(7, 5, 1), Note(7, 5, 127)), "Low and high"),))
    corpus = corpus_of([(CorpusPiece("a", ()), [piece]), (CorpusPiece("b", ()), [other])], keep="all")
    for name, content in pack(corpus).items():
        (tmp_path / name).write_bytes(content)
    again = load_packed(tmp_path)
    assert again.notes.tolist() == [
        (0, 480, 70, 80, 0), (0, 240, 40, 80, 2), (0, 1920, 40, 80, 2), (0, 240, 47, 80, 2), (240, 240, 47, 80, 2),
        (480, 960, 72, 80, 0), (7, 5, 1, 80, 0), (7, 5, 127, 80, 0),
    ]  # fmt: skip
    assert again.music() == corpus.music()
    assert again.fingerprint == corpus.fingerprint


def test_dynamics_are_refused_rather_than_lost():
    corpus = random_corpus()
    notes = corpus.notes.copy()
    notes["velocity"][3] = 81
    with pytest.raises(CorpusError, match="without dynamics"):
        pack(replace(corpus, notes=notes))
