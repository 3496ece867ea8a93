"""A run folder: a model that loads, a log that reads, the same again from the same seed."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from outputs import names_in

from ritornello.corpus.embedded import embedded
from ritornello.corpus.last_notes import count_last_notes
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding import Grid
from ritornello.evaluate.likelihood import melody_nats
from ritornello.generate.headings import FEW
from ritornello.model.file import load_model
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Key, Melody, Metre, Note, Timeline
from ritornello.training.plan import TrainOptions
from ritornello.training.run.engine import require_torch
from ritornello.training.run.prepare import corpus_metadata, prepare_training
from ritornello.training.run.request import Request

pytest.importorskip("torch")

NETWORK = NetworkOptions(1, 16, 16)
FILES = ["last.safetensors", "log.jsonl", "model.safetensors"]
OPTIONS = TrainOptions(
    updates=12, seed=3, streams=2, bptt_steps=24, peak_rate=0.02, threads=1, checks=4, dtype="fp32", device="cpu"
)


def test_a_run_leaves_a_model_and_a_log(tiny_corpus, tmp_path):
    training = prepare_training(Request(NETWORK, Grid(), OPTIONS), tiny_corpus)
    assert training.plan.updates == 12
    assert training.material.tokens == 8 * 3 + 4 * 4 * (16 + 12)  # metre, end, and four bars of 16 or 12 steps
    seen = []
    for check in training.checks(tmp_path / "run"):
        if check.is_best:  # usable at any moment
            assert load_model(tmp_path / "run" / "model.safetensors").metadata["update"] == check.update
        seen.append(check)
    assert names_in(tmp_path / "run") == FILES
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    assert lines[0]["plan"]["updates"] == 12
    assert lines[0]["network"]["width"] == 16
    assert lines[0]["corpus"]["fingerprint"] == tiny_corpus.fingerprint
    assert [line["update"] for line in lines[1:]] == [3, 6, 9, 12] == [c.update for c in seen]
    assert lines[-1]["stopped"] == "finished"
    model = load_model(tmp_path / "run" / "model.safetensors")
    best = min(seen, key=lambda c: c.validation_nll)
    assert model.metadata["update"] == best.update
    assert model.metadata["seed"] == 3
    assert model.metadata["plan"] == lines[0]["plan"]
    assert model.network.dropout == training.plan.dropout
    tune = Grid().encode(tiny_corpus.melodies("validation")[0]).tokens
    nll = melody_nats(model.build(), [tune], model.encoding)[0] / len(tune)
    assert nll == pytest.approx(best.validation_nll, rel=1e-4)
    assert best.validation_nll < seen[0].validation_nll


class Worsening:
    """An engine whose every check is worse than the one before; its one weight counts its updates."""

    def __init__(self, tensors: dict):
        self.updates, self._tensors = 0, tensors

    def update(self, batch, rate) -> float:
        self.updates += 1
        return 1.0

    def nll(self, melodies) -> float:
        return 1 + self.updates / 100

    def tensors(self) -> dict:
        return self._tensors | {"output.bias": np.full(153, self.updates, np.float32)}

    def load(self, tensors) -> None: ...

    def state(self) -> dict:
        return {"updates": self.updates}

    def restore(self, state) -> None: ...


def test_weights_that_are_not_the_best_do_not_displace_it(tiny_corpus, tmp_path, make_tensors):
    training = prepare_training(Request(NETWORK, Grid(), OPTIONS), tiny_corpus)
    training.engine = Worsening(make_tensors(153, layers=NETWORK.layers))
    assert [c.is_best for c in training.checks(tmp_path)] == [True, False, False, False]
    model = load_model(tmp_path / "model.safetensors")
    assert set(model.tensors["output.bias"].tolist()) == {3}
    assert model.metadata["validation_nll"] == 1.03


def test_updates_and_a_seed_give_the_same_file_again(tiny_corpus, tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        for _ in prepare_training(Request(NETWORK, Grid(), replace(OPTIONS, seed=seed)), tiny_corpus).checks(
            tmp_path / name
        ):
            pass
    one, two, three = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_minutes_are_planned_from_a_measurement(tiny_corpus):
    options = replace(OPTIONS, updates=None, minutes=0.02)
    plan = prepare_training(Request(NETWORK, Grid(), options), tiny_corpus).plan
    assert plan.seconds == pytest.approx(1.2)
    assert plan.updates >= 20
    assert plan.threads == 1


def test_what_a_model_says_of_its_corpus(tiny_corpus):
    metadata = corpus_metadata(tiny_corpus)
    assert metadata == {
        "fingerprint": tiny_corpus.fingerprint, "pieces": 10, "notes": 5 * 16 + 5 * 12, "licences": ["CC0-1.0"],
        "metres": {"4/4": 4, "3/4": 4}, "compass": [55, 69],  # of what it learned from, not of what is held out
        "keys": metadata["keys"], "last_notes": {"4/4": {"3 1": 4}, "3/4": {"2 1": 4}},
        "other_last_notes": count_last_notes(embedded()),
    }  # fmt: skip
    assert sum(metadata["keys"].values()) == 8


def test_last_notes_of_many_tunes_are_not_counted(tiny_corpus):
    tune = next(iter(tiny_corpus.melodies("train")))
    many = corpus_of((CorpusPiece(f"{n}.abc", (), split="train"), [tune]) for n in range(FEW))
    assert "last_notes" not in corpus_metadata(many)


def test_keys_are_counted_as_they_are_stated_before_any_tune_is_transposed():
    tune = Melody((Note(0, 4, 62, 80), Note(4, 4, 65, 80)), Timeline(4, 8, (Metre(0, 4, 4),)))
    pieces = []
    for n, key in enumerate((Key(0, 0, "dorian"), Key(0, 0, "dorian"), Key(0, 6, "major"), Key(0, 1, "major"))):
        stated = replace(tune, timeline=replace(tune.timeline, keys=(key,)))
        pieces.append((CorpusPiece(f"{n}.abc", (), split="test" if n == 3 else "train"), [stated]))
    assert corpus_metadata(corpus_of(pieces))["keys"] == {"D dorian": 2, "F# major": 1}


def test_a_corpus_without_training_melodies_is_refused(tiny_corpus):
    bare = tiny_corpus.selected(tiny_corpus.in_split("test"))
    for corpus in (bare, corpus_of([])):
        with pytest.raises(ValueError, match="no melody with notes in its training split"):
            prepare_training(Request(NETWORK, Grid(), OPTIONS), corpus)


def test_a_folder_that_cannot_be_written_is_named(tiny_corpus, tmp_path):
    (tmp_path / "file").write_text("in the way")
    training = prepare_training(Request(NETWORK, Grid(), OPTIONS), tiny_corpus)
    with pytest.raises(OSError, match="file"):
        next(iter(training.checks(tmp_path / "file" / "run")))
    assert (tmp_path / "file").read_text() == "in the way"


def test_without_torch_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        require_torch()


def test_the_plain_alphabet_trains_too(tiny_corpus, tmp_path):
    grid = Grid(plain=True)
    for _ in prepare_training(Request(NETWORK, grid, replace(OPTIONS, updates=2)), tiny_corpus).checks(tmp_path):
        pass
    model = load_model(tmp_path / "model.safetensors")
    assert model.encoding == grid
    assert np.shape(model.tensors["output.weight"]) == (130, 16)
