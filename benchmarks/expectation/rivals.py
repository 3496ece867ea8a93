"""The product's own models in the same protocol: the n-gram, and the network with and without memory."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from benchmarks.expectation.material import Notes

from ritornello import api
from ritornello.api.run import open_run
from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens
from ritornello.evaluate.surprise import note_costs
from ritornello.model.file import ModelFile
from ritornello.model.ngram import Ngram
from ritornello.training.plan import TrainOptions
from ritornello.training.run.request import NetworkRequest

ORDER = 2  # of the n-gram; chosen on other corpora
UPDATES, CHECKS = 240, 6  # of the network in each fold
VALIDATION = 0.1  # of the groups that are not tested


def ngram_log_p(notes: Notes, folds: np.ndarray, fold: int, order: int = ORDER) -> dict[str, np.ndarray]:
    """Compute log p of each note of a fold's test melodies by an n-gram on pitches, (notes,) by way of learning."""
    melodies = np.split(notes.targets, notes.starts[1:])
    test = [melodies[number] for number in np.flatnonzero(folds == fold)]
    model = Ngram([melodies[number] for number in np.flatnonzero(folds != fold)], len(notes.alphabet), order)
    found = {"static": np.concatenate([model.log2_probabilities(melody) * np.log(2) for melody in test])}
    for learning in ("own", "online"):
        player, costs = model.player(), []
        for melody in test:
            player = model.player() if learning == "own" else player
            player.reset()
            for token in melody.tolist():
                costs.append(np.log(player.ask()[token]))
                player.feed(token)
        found[learning] = np.array(costs)
    return found


def network_log_p(notes: Notes, groups: np.ndarray, folds: np.ndarray, fold: int, memory: bool, seed: int):
    """Train the default network on a fold's melodies as pitches of one length; compute log p of its test notes.

    The first note pays for the header, too: key and octave, which are known from it, follow from all of the melody.
    So the sum over a melody is what a code costs that spells its pitches and nothing else, though one that tells the
    key beforehand. memory: with what `train` gives a network by default to look back with, or without it.
    """
    corpus = fold_corpus(notes, groups, folds, fold, seed)
    with tempfile.TemporaryDirectory(prefix="ritornello-") as folder:
        model = _train(corpus, Path(folder) / "run", memory, seed)
        tables = note_costs(model.build(), model.encoding, corpus_tokens(corpus, model.encoding, "test"))
    for table in tables:
        table["pitch_bits"][0] += table["other_bits"][0]
    return -np.concatenate([table["pitch_bits"] for table in tables]) * np.log(2)


def _train(corpus: Corpus, folder: Path, memory: bool, seed: int) -> ModelFile:
    """Train as `ritornello train` does, for so many updates on one thread."""
    name = "memory" if "memory" in {field.name for field in fields(NetworkRequest)} else "echoes"
    request = NetworkRequest(**({} if memory else {name: "none"}))
    options = TrainOptions(updates=UPDATES, seed=seed, threads=1, checks=CHECKS)
    with open_run(corpus, folder, request, options) as run:
        assert run.training is not None
        for _ in run.training.checks(folder):
            pass
    return api.load_model(folder).file


def fold_corpus(notes: Notes, groups: np.ndarray, folds: np.ndarray, fold: int, seed: int) -> Corpus:
    """Make a corpus of the pitches, a quarter each; a tenth of the groups that are not tested validates."""
    melodies = [melody.tolist() for melody in np.split(notes.pitches, notes.starts[1:])]
    corpus = api.build_corpus(melodies, keep_copies=True, least_notes=1)
    rest = np.random.default_rng(seed).permutation(np.unique(groups[folds != fold]))
    validated = rest[: max(1, round(VALIDATION * len(rest)))] if len(rest) > 1 else rest[:0]
    names = np.where(folds == fold, "test", np.where(np.isin(groups, validated), "validation", "train"))
    pieces = tuple(replace(piece, split=str(name)) for piece, name in zip(corpus.pieces, names, strict=True))
    return replace(corpus, pieces=pieces)
