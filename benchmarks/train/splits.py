"""The exercise's data by its own split, and the same without the training tunes that are copies of test ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.report import DATA

from ritornello import api
from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Grid

FILE = DATA / "exercise" / "melody_training_dataset.npz"


def original(file: str | Path = FILE) -> Corpus:
    """The last tenth of the melodies is test; validation comes from the rest."""
    return api.build_corpus(file, split="last:0.1")


def deduplicated(file: str | Path = FILE) -> Corpus:
    """The same test melodies, without the other melodies that are of one family with any of them."""
    corpus = original(file)
    tested = {piece.family for piece in corpus.pieces if piece.split == "test"}
    return corpus.selected(p for p in corpus.pieces if p.split == "test" or p.family not in tested)


SPLITS = {"deduplicated": deduplicated, "original": original}


def write_arrays(corpus: Corpus, path: Path) -> None:
    """The plain steps of each split as `exercise_network.py` reads them."""
    arrays = {}
    for name in ("train", "validation", "test"):
        melodies = corpus_tokens(corpus, Grid(plain=True), name)
        arrays[name] = np.concatenate(melodies)
        arrays[f"{name}_lengths"] = np.array([len(m) for m in melodies])
    np.savez(path, **arrays)
