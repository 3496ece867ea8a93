"""evaluate --beside: two models on the tunes of both encodings. generate: what tunes share with training."""

import json
from pathlib import Path

import numpy as np
import pytest

import ritornello as rito
from ritornello.corpus.embedded import embedded
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding import Grid, make_encoding
from ritornello.evaluate.likelihood import melody_nats
from ritornello.evaluate.scores import pays_for
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Melody, Note, Timeline


@pytest.fixture(scope="module")
def models(tmp_path_factory, make_tensors):
    """A function from a grid and facts to the path of a model of random weights."""
    folder = tmp_path_factory.mktemp("models")

    def make(encoding: Grid, name: str, metadata: dict | None = None) -> Path:
        path = folder / f"{name}.safetensors"
        tensors = make_tensors(encoding.vocabulary.size, scale=0.3)
        save_model(path, ModelFile(tensors, NetworkOptions(2, 16, 16), encoding, metadata or {}))
        return path

    return make


def tune(lengths: list[int]) -> Melody:
    notes, at = [], 0
    for n, length in enumerate(lengths):
        notes.append(Note(at, length, 60 + n % 5))
        at += length
    return Melody(tuple(notes), Timeline(480, at))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Four test tunes: quarters, sixteenths, triplets, and one that needs both."""
    tunes = [tune([480] * 8), tune([120] * 8), tune([160] * 12), tune([120] * 4 + [160] * 3)]
    splits = [("test", t) for t in tunes] + [("train", tunes[0])]
    pieces = [(CorpusPiece(f"{n}.mid", (), split=s, family=str(n)), [t]) for n, (s, t) in enumerate(splits)]
    path = tmp_path_factory.mktemp("corpora") / "mixed"
    corpus_of(pieces).save(path)
    return path


def test_both_are_scored_on_the_tunes_that_both_reproduce(command, models, folder):
    coarse, fine = Grid(4), Grid(12)
    one, other = models(coarse, "coarse"), models(fine, "fine")
    value = json.loads(command("evaluate", one, folder, "--beside", other, "--json").out)
    assert (value["tunes"], value["of_tunes"]) == (2, 4)  # the triplets are beyond the coarse one
    assert value["notes"] == value["beside"]["notes"] == 16
    assert value["quarters"] == value["beside"]["quarters"] == 10
    same = {"nll_per_token", "bits_per_note", "bits_per_quarter", "notes", "tokens", "quarters", "nats"}
    spread = {"bits_per_note_interval", "bits_per_note_of_tunes", "per_tune", "difference"}
    assert value["beside"].keys() == same | spread | {"model", "pays_for", "learned_tunes"}
    assert value.keys() >= same | {"split", "baselines", "pays_for"}
    for path, encoding, told in ((one, coarse, value), (other, fine, value["beside"])):
        tokens = [encoding.encode(t).tokens for t in (tune([480] * 8), tune([120] * 8))]
        assert told["tokens"] == sum(map(len, tokens))
        nats = melody_nats(load_model(path).build(), tokens, load_model(path).encoding).sum()
        assert told["bits_per_note"] == pytest.approx(nats / np.log(2) / 16)


def test_the_same_in_python(command, models, folder):
    one, other = models(Grid(4), "coarse"), models(Grid(12), "fine")
    value = json.loads(command("evaluate", one, folder, "--beside", other, "--json", "--no-baselines").out)
    told = rito.load_model(one).evaluate(folder, beside=other)
    assert value == told | {"baselines": {}}
    assert rito.load_model(one).evaluate(folder, beside=rito.load_model(other)) == told


def test_a_person_reads_the_count_and_both_rows(command, models, folder):
    one, other = models(Grid(4), "coarse"), models(Grid(12), "fine")
    status, out, err = command("evaluate", one, folder, "--beside", other, "--no-baselines")
    assert (status, err) == (0, "")
    assert out.startswith("2 of 4 tunes, those that both encodings reproduce exactly\ntest: 16 notes")
    assert [Path(line.split()[0]).stem for line in out.splitlines()[3:5]] == ["coarse", "fine"]


def test_the_plain_alphabet_pays_for_less_and_it_is_said(command, models, folder):
    one, plain = models(Grid(4), "coarse"), models(Grid(plain=True), "plain")
    out = command("evaluate", one, folder, "--beside", plain, "--no-baselines").out
    assert f"{one} pays for notes, metre, end; {plain} pays for notes\n" in out
    value = json.loads(command("evaluate", one, folder, "--beside", plain, "--no-baselines", "--json").out)
    assert (value["pays_for"], value["beside"]["pays_for"]) == (["notes", "metre", "end"], ["notes"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lookback", ["notes", "metre", "end"]),
        ("note", ["notes", "metre", "end"]),
        ("interval", ["notes", "metre", "key", "end"]),
    ],
)
def test_what_an_encoding_says_is_what_it_pays_for(name, said):
    assert pays_for(make_encoding(name)) == said


SLOW, FAST = tune([480] * 8), tune([60] * 64)  # the grid of half quarters has one step for four of the fast notes


def fast_corpus(folder: Path, train: Melody) -> Path:
    """A corpus with a fast and a slow tune to test with, and one to train on."""
    tunes = [("test", FAST), ("test", SLOW), ("train", train)]
    pieces = [(CorpusPiece(f"{n}.mid", (), split=s, family=str(n)), [t]) for n, (s, t) in enumerate(tunes)]
    corpus_of(pieces).save(folder / "fast")
    return folder / "fast"


def test_tunes_that_one_model_cannot_write_do_not_keep_the_others_from_being_compared(command, models, tmp_path):
    corpus, coarse, fine = fast_corpus(tmp_path, SLOW), models(Grid(2), "halves"), models(Grid(8), "eighths")
    assert "is too coarse for this corpus: it loses 47 of 72 notes" in command("evaluate", coarse, corpus).err
    status, out, err = command("evaluate", coarse, corpus, "--beside", fine, "--json")
    value = json.loads(out)
    assert (status, err, value["tunes"], value["of_tunes"]) == (0, "", 1, 2)
    assert value["notes"] == value["beside"]["notes"] == 8
    assert [told["notes"] for told in value["baselines"].values()] == [8] * 4


def test_where_the_baselines_could_not_learn_the_models_are_compared_without_them(command, models, tmp_path):
    corpus, coarse, fine = fast_corpus(tmp_path, FAST), models(Grid(2), "halves"), models(Grid(8), "eighths")
    status, out, err = command("evaluate", coarse, corpus, "--beside", fine, "--json")
    assert (status, json.loads(out)["baselines"]) == (0, {})
    assert err.startswith("no baselines: the encoding ('grid', 2 steps per quarter) is too coarse")
    assert err.count("\n") == 1


def test_models_that_share_no_tune_are_refused_in_one_line(command, models, tmp_path):
    triplets = corpus_of([(CorpusPiece("t.mid", (), split="test"), [tune([160] * 12)])])
    triplets.save(tmp_path / "triplets")
    one, other = models(Grid(4), "coarse"), models(Grid(12), "fine")
    status, out, err = command("evaluate", one, tmp_path / "triplets", "--beside", other, "--no-baselines")
    assert (status, out) == (1, "")
    assert "none of the 1 tunes (test) is reproduced exactly by both encodings" in err
    assert err.count("\n") == 1


def test_generate_tells_what_a_tune_shares_with_an_embedded_corpus(command, models, tmp_path):
    known = models(Grid(), "known", {"corpus": {"fingerprint": embedded("hymns").fingerprint}})
    words = ["--seed", 1, "--bars", 4, "-n", 2]
    value = json.loads(command("generate", known, *words, "--json", "-o", tmp_path / "a").out)
    assert [set(told["shared_run"]) for told in value] == [{"notes", "title", "source", "start_note", "stretch"}] * 2
    said = command("generate", known, *words, "-o", tmp_path / "b").out.splitlines()
    assert all("; longest run shared with a training tune: " in line for line in said)
    unknown = models(Grid(), "unknown", {"corpus": {"fingerprint": "none"}})
    assert "shared" not in command("generate", unknown, *words, "-o", tmp_path / "c").out
