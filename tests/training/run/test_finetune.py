"""Going on from a model on a few tunes of one's own: what it brings, what is mixed in, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.embedded import embedded
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Grid
from ritornello.evaluate.scores import score_model
from ritornello.model.file import ModelFile, digest, load_model
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Melody, Note, Timeline
from ritornello.training.plan import TrainOptions
from ritornello.training.run.finetune import SHARE, Base, check_encoding, load_base, old_style
from ritornello.training.run.folder import load_checkpoint
from ritornello.training.run.prepare import (
    base_counts,
    gather,
    prepare_training,
    with_ends_held_out,
    with_validation,
)
from ritornello.training.run.request import Request

FEW = TrainOptions(updates=6, checks=2, streams=2, bptt_steps=24, threads=1, dtype="fp32", device="cpu", seed=1)


@pytest.fixture
def stranger(make_tensors) -> Base:
    """A model of random weights whose corpus nobody has."""
    tensors = make_tensors(153, scale=0.3)
    return Base(
        "runs/stranger", ModelFile(tensors, NetworkOptions(2, 16, 16), Grid(), {"corpus": {"compass": [55, 79]}})
    )


@pytest.fixture(scope="module")
def shipped() -> Base:
    return load_base("hymns-and-songs")


def test_a_base_brings_its_network_and_encoding(tiny_corpus, stranger):
    training = prepare_training(Request(options=FEW, base=stranger), tiny_corpus)
    assert training.encoding == Grid()
    assert (training.metadata.network.layers, training.metadata.network.width) == (2, 16)
    for name, value in stranger.file.tensors.items():
        np.testing.assert_allclose(training.engine.tensors()[name], value, rtol=1e-6)


def test_the_base_is_the_best_until_something_is_better(tiny_corpus, stranger, tmp_path):
    pytest.importorskip("torch")
    checks = list(prepare_training(Request(options=FEW, base=stranger), tiny_corpus).checks(tmp_path))
    assert [c.update for c in checks] == [0, 3, 6]
    assert checks[0].is_best
    [tune] = corpus_tokens(tiny_corpus, Grid(), "validation")
    told = score_model(stranger.file, tiny_corpus, "validation")[0].nats / len(tune)
    assert checks[0].validation_nll == pytest.approx(told, rel=0.02)  # from another state at the beginning
    assert (
        load_model(tmp_path / "model.safetensors").metadata["update"]
        == min(checks, key=lambda c: c.validation_nll).update
    )


def test_where_no_tune_is_held_out_the_base_is_not_checked_and_nothing_blows_up(tiny_corpus, stranger, tmp_path):
    pytest.importorskip("torch")
    alone = tiny_corpus.selected([piece for piece in tiny_corpus.pieces if piece.split == "train"][:1])
    training = prepare_training(Request(options=FEW, base=stranger), alone)
    assert not training.has_validation
    checks = list(training.checks(tmp_path))
    assert [(c.update, c.note) for c in checks] == [(3, ""), (6, "")]
    assert training.progress.blow_ups == 0


def test_a_tuned_model_tells_its_parent(tiny_corpus, stranger, tmp_path):
    for _ in prepare_training(Request(options=FEW, base=stranger), tiny_corpus).checks(tmp_path):
        pass
    parent = load_model(tmp_path / "model.safetensors").metadata["parent"]
    assert parent["name"] == "stranger"
    assert parent["sha256"] == digest(stranger.file.tensors)


def test_a_base_that_was_named_from_here_is_found_from_elsewhere(tiny_corpus, little_model, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(little_model.parent)
    run = tmp_path / "run"
    checks = prepare_training(Request(options=FEW, base=load_base(little_model.name)), tiny_corpus).checks(run)
    next(checks)
    checks.close()
    monkeypatch.chdir(tmp_path)
    list(prepare_training(Request(), tiny_corpus, load_checkpoint(run)).checks(run))
    assert load_checkpoint(run).progress.update == 6
    assert load_model(run / "model.safetensors").metadata["parent"]["name"] == little_model.name
    for name in ("model.safetensors", "log.jsonl"):
        assert str(little_model.parent).encode() not in (run / name).read_bytes()


def test_a_shipped_base_is_found_by_its_name(shipped):
    assert shipped.place == "hymns-and-songs"


@pytest.mark.parametrize("encoding", [Grid(plain=True), Grid(steps_per_quarter=6)])
def test_another_encoding_is_refused(stranger, encoding):
    with pytest.raises(
        ValueError, match=r"runs/stranger was trained with the encoding .* its vocabulary cannot be changed"
    ):
        check_encoding(stranger, encoding)
    check_encoding(stranger, Grid())


def test_another_network_is_refused(tiny_corpus, stranger):
    with pytest.raises(ValueError, match="is a network of 2 x 16: leave preset= out"):
        prepare_training(Request(NetworkOptions(1, 128, 128), options=FEW, base=stranger), tiny_corpus)


def test_the_old_style_is_the_base_s_own_corpus_where_it_is_embedded(shipped):
    own = {t.tobytes() for t in corpus_tokens(embedded("all"), shipped.file.encoding, "train")}
    tunes, families, _ = old_style(shipped, 6000, seed=1)
    assert len(families) == len(tunes)
    assert all(t.tobytes() in own for t in tunes)
    share = sum(map(len, tunes)) / (6000 + sum(map(len, tunes)))
    assert SHARE <= share < SHARE + 0.1
    assert [t.tobytes() for t in tunes] == [t.tobytes() for t in old_style(shipped, 6000, seed=1)[0]]
    assert [t.tobytes() for t in tunes] != [t.tobytes() for t in old_style(shipped, 6000, seed=2)[0]]


def test_tunes_that_the_base_learned_are_not_found_in_its_counts(shipped, tiny_corpus):
    hymns, encoding = embedded("hymns"), shipped.file.encoding
    assert base_counts(shipped, encoding, hymns) is None
    assert base_counts(shipped, encoding, tiny_corpus).is_whole is False  # of 1,029 tunes something was left out
    own = corpus_tokens(hymns, encoding, "train")
    training = prepare_training(Request(options=FEW, base=shipped), hymns)
    counted = training.memory.counts.tables[0][0].counts.sum()  # events, by the place in the bar
    assert counted <= sum(map(len, own)) / 2


def test_otherwise_it_is_what_the_base_composes(stranger):
    tunes, _, harmonies = old_style(stranger, 900, seed=1)
    assert tunes
    assert harmonies == [None] * len(tunes)
    assert all(Grid().decode(t).notes for t in tunes)
    pitches = np.concatenate([Grid().pitches(t) for t in tunes])
    assert 55 <= pitches.min() <= pitches.max() <= 79


def test_of_a_small_corpus_something_is_held_out(hymn_corpus):
    corpus = Corpus.load(hymn_corpus)
    train, validation = (len(corpus.in_split(s)) for s in ("train", "validation"))
    wanted = 1 if train + validation < 20 else min(4, (train + validation) // 5)
    held = with_validation(corpus)
    assert len(held.in_split("validation")) >= max(wanted, 1)
    assert len(held.in_split("train")) + len(held.in_split("validation")) == train + validation
    assert held.in_split("test") == corpus.in_split("test")
    assert gather(corpus, Grid()).metadata["fingerprint"] == corpus.fingerprint


@pytest.mark.parametrize(("tunes", "held"), [(3, 0), (4, 0), (5, 1), (10, 1), (19, 1), (20, 4), (40, 4)])
def test_of_a_handful_at_most_one_is_held_out_and_of_more_a_fifth_or_four(tunes, held):
    melodies = [Melody(tuple(Note(480 * k, 480, 40 + n + k) for k in range(4))) for n in range(tunes)]
    pieces = [(CorpusPiece(f"{n}", (), family=f"{n}"), [melody]) for n, melody in enumerate(melodies)]
    material = gather(corpus_of(pieces), Grid())
    assert (len(material.train), len(material.validation)) == (tunes - held, held)
    assert material.pieces == {"train": tunes - held, **({"validation": held} if held else {})}


def long_melody(bars: int) -> Melody:
    """Four quarters to the bar, which go up and down without end."""
    notes = tuple(Note(480 * n, 480, 60 + (n * 7 + n // 16) % 13) for n in range(4 * bars))
    return Melody(notes, Timeline(480, 1920 * bars))


def test_of_one_very_long_piece_the_end_is_held_out():
    corpus = corpus_of([(CorpusPiece("long.mid", ()), [long_melody(8000)])])
    material = gather(corpus, Grid())
    assert (len(material.train), len(material.validation), material.pieces) == (58, 1, {"train": 1})
    whole = [n.pitch for n in long_melody(8000).notes]
    learned = [pitch for m in material.train for pitch in Grid().pitches(m).tolist()]
    held = Grid().pitches(material.validation[0]).tolist()
    assert learned + held == whole
    assert {len(Grid().pitches(m)) for m in material.train} <= {*range(480, 521), *range(250, 751)}
    assert len(held) == 3200  # 800 bars
    assert material.metadata["pieces"] == 1


def test_the_end_of_a_shorter_piece_is_learned_and_of_two_long_ones_each_has_its_own_held_out():
    short = CorpusPiece("short.mid", (), family="short")
    alone = corpus_of([(short, [long_melody(200)])])
    assert with_ends_held_out(alone) is alone
    both = corpus_of(
        [(short, [long_melody(200)])] + [(CorpusPiece(f"{n}", ()), [long_melody(300)]) for n in range(2)]
    )
    material = gather(both, Grid())
    assert [len(Grid().pitches(m)) for m in material.train] == [800, 500, 580, 500, 580]
    assert [len(Grid().pitches(m)) for m in material.validation] == [120, 120]


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_one_very_long_piece_is_learned_from_and_validated(engine, tmp_path):
    if engine == "torch":
        pytest.importorskip("torch")
    corpus = corpus_of([(CorpusPiece("long.mid", ()), [long_melody(1000)])])
    options = replace(FEW, engine=engine, streams=16, updates=3, checks=1)
    training = prepare_training(Request(NetworkOptions(1, 8, 8), Grid(), options), corpus)
    [check] = training.checks(tmp_path)
    assert training.has_validation
    # three updates of 16 x 24 steps, a step a sixteenth and a token more for the metre, the end and each section
    assert check.epochs == pytest.approx((3 * 16 * 24 + 16) / (900 * 16 + 3 * 7), rel=0.01)


def test_families_are_held_out_whole_and_a_corpus_with_enough_is_left_alone(tiny_corpus):
    assert with_validation(tiny_corpus) is tiny_corpus  # one of nine is held out already
    pairs = [replace(p, family=f"f{n // 2}", split="train") for n, p in enumerate(tiny_corpus.pieces)]
    held = with_validation(tiny_corpus.selected(pairs))
    [one, other] = held.in_split("validation")
    assert one.family == other.family
    alone = tiny_corpus.selected([replace(p, split="train") for p in tiny_corpus.pieces[:4]])
    assert with_validation(alone) is alone


def test_sixteen_tunes_of_a_family_it_never_saw_make_the_shipped_model_better(shared_data, shipped, tmp_path):
    pytest.importorskip("torch")
    folder = tmp_path / "tunes"
    folder.mkdir()
    for path in sorted(shared_data("melodies/kinder").glob("*.krn"))[3:163:5]:  # 32, evenly: 16 to learn from
        (folder / path.name).write_bytes(path.read_bytes())
    built = build_corpus(folder)
    splits = ["train", "validation", "train", "test"] * 10
    corpus = built.selected(replace(p, split=s) for p, s in zip(built.pieces, splits, strict=False))
    options = TrainOptions(updates=40, checks=8, threads=1, device="cpu", seed=1)
    for _ in prepare_training(Request(options=options, base=shipped), corpus).checks(tmp_path / "run"):
        pass
    tuned = load_model(tmp_path / "run/model.safetensors")
    for split in ("validation", "test"):  # what it stopped by, and what it never looked at
        before, after = (score_model(model, corpus, split)[0].bits_per_note for model in (shipped.file, tuned))
        print(f"{split}: base {before:.3f}, tuned {after:.3f} bits per note")
        assert after < before - 0.05
