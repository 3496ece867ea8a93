"""What every trainer promises: it learns, it repeats itself to the bit, and its measure is the player's."""

from functools import partial

import numpy as np
import pytest
from networks import network_of, step
from trainers import (
    NETWORK,
    TRAINERS,
    TUNE,
    TUNES,
    TWO_LAYERS,
    assert_goes_on_to_the_bit,
    make_engine,
    train,
    trainer_named,
    without_start,
)

from ritornello.encoding import Grid as GridOf
from ritornello.evaluate.likelihood import melody_nats
from ritornello.model.alphabet import Alphabet
from ritornello.model.network import probabilities
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Batch, Streams, batch_of

Grid = partial(GridOf, version=1)  # an alphabet of 145 tokens

BEFORE = np.array([60, 128, 62, 128, 129])
WITH_DROPOUT = NetworkOptions(2, 16, 16, 0.4)


@pytest.fixture(params=TRAINERS)
def trainer(request) -> str:
    trainer_named(request.param)  # skips where it is not installed
    return request.param


def test_the_nll_of_a_repeated_tune_falls(trainer):
    engine = make_engine(trainer)
    assert engine.nll([TUNE]) == pytest.approx(np.log(145), rel=0.05)
    nlls = train(engine, 60)
    assert nlls[-1] < 0.2 < nlls[0]
    assert engine.nll([TUNE]) < 0.5


def test_a_seed_gives_the_same_weights_to_the_bit(trainer):
    runs = []
    for seed in (1, 1, 2):  # with dropout, whose chance is the seed's too
        engine = make_engine(trainer, WITH_DROPOUT, seed=seed)
        train(engine, 12)
        runs.append(engine.tensors())
    first, again, other = runs
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
    assert any(not np.array_equal(value, other[name]) for name, value in first.items())


@pytest.mark.parametrize(("network", "before"), [(NETWORK, None), (TWO_LAYERS, BEFORE)])
def test_its_likelihood_is_the_one_that_the_player_finds(trainer, network, before, monkeypatch):
    engine = make_engine(trainer, network, before)
    train(engine, 20)
    random = np.random.default_rng(1)
    melodies = [np.array([132, *random.integers(50, 70, n), 144], np.int16) for n in (3, 30, 11, 11, 60, 1)]
    expected = melody_nats(network_of(engine.tensors()), melodies, Grid()).sum() / sum(len(m) for m in melodies)
    assert engine.nll(melodies) == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(engine, "steps_per_check_batch", 40)
    assert engine.nll(melodies) == pytest.approx(expected, rel=1e-5)  # in several batches, one melody longer than any
    assert engine.nll([]) == 0.0


def test_a_check_is_what_the_network_makes_of_the_melodies_when_it_plays(trainer):
    engine = make_engine(trainer, TWO_LAYERS, BEFORE)
    train(engine, 5)
    melodies = [np.array([60, 128, 128, 64]), np.array([62, 129]), np.array([128, 128, 70, 128, 72, 128, 129])]
    nats = melody_nats(network_of(engine.tensors()), melodies, Grid())
    assert engine.nll(melodies) == pytest.approx(nats.sum() / 13, rel=1e-5)


@pytest.mark.parametrize("network", [NETWORK, WITH_DROPOUT])
def test_checking_changes_nothing(trainer, network):
    engines = []
    for is_watched in (True, False):
        engines.append(engine := make_engine(trainer, network))
        train(engine, 3)
        if is_watched:
            assert engine.nll([TUNE]) == engine.nll([TUNE])
            engine.tensors()
        train(engine, 2)
    watched, unwatched = engines
    for name, value in watched.tensors().items():
        np.testing.assert_array_equal(value, unwatched.tensors()[name])
    for name, value in watched.state().items():
        np.testing.assert_array_equal(value, unwatched.state()[name])


def test_dropout_is_for_training_alone(trainer):
    engine = make_engine(trainer, NetworkOptions(2, 16, 16, 0.5))
    train(engine, 2)
    assert engine.nll([TUNE]) == engine.nll([TUNE])


@pytest.mark.parametrize("network", [NETWORK, TWO_LAYERS])
def test_the_state_is_carried_from_chunk_to_chunk(trainer, network):
    engine = make_engine(trainer, network)
    train(engine, 5)
    tensors = engine.tensors()
    engine.load(tensors)  # and the state of the streams before is gone
    tokens = np.random.default_rng(2).integers(50, 70, (3, 25))
    chunks = [batch_of(tokens[:, at : at + 9, None], Alphabet((145,))) for at in (0, 8, 16)]
    nlls = [engine.update(chunk, 0.0) for chunk in chunks]
    playing = network_of(without_start(tensors))
    state, expected = playing.start(3), []
    for at in range(24):
        logits, state = step(playing, tokens[:, at], state)
        p = probabilities(logits)[np.arange(3), tokens[:, at + 1]]
        expected.append(-np.log(p).mean())
    np.testing.assert_allclose(nlls, np.reshape(expected, (3, 8)).mean(1), rtol=1e-5)


def test_targets_of_minus_100_teach_nothing(trainer):
    engine = make_engine(trainer)
    before = engine.tensors()
    inputs, targets = np.full((4, 16, 1), 60), np.full((4, 16, 1), -100)
    targets[0, 0] = 61
    nll = engine.update(Batch(inputs, targets, inputs[:, :, :0]), 0.01)
    assert nll == pytest.approx(np.log(145), rel=0.1)
    moved = engine.tensors()["output.bias"] - before["output.bias"]
    assert moved.argmax() == 61


def test_a_tune_begins_from_the_state_that_the_melody_before_leaves(trainer):
    engine = make_engine(trainer, TWO_LAYERS, BEFORE)
    train(engine, 5)
    tensors = engine.tensors()
    playing = network_of(without_start(tensors))
    state = playing.start(1)
    for token in [145, *BEFORE]:
        _, state = step(playing, np.array([token]), state)
    for n, (output, cell) in enumerate(state.layers):
        np.testing.assert_allclose(tensors[f"start.{n}.output"], output[0], atol=1e-5)
        np.testing.assert_allclose(tensors[f"start.{n}.cell"], cell[0], atol=1e-5)


def test_a_run_taken_up_again_goes_on_to_the_bit(trainer):
    def begin(seed: int):
        return make_engine(trainer, WITH_DROPOUT, TUNE, seed=seed), Streams(TUNES, Grid(), 4, seed)

    assert_goes_on_to_the_bit(begin, [TUNE])


def test_a_saved_state_is_arrays_of_plain_numbers(trainer):
    engine = make_engine(trainer)
    train(engine, 2)
    for name, value in engine.state().items():
        assert isinstance(value, np.ndarray), name
        assert value.dtype.kind in "fiub", name


def test_another_network_s_saved_state_or_weights_are_refused(trainer):
    other = make_engine(trainer, TWO_LAYERS)
    with pytest.raises(ValueError, match="another network's: resume with the same preset and encoding"):
        other.restore(make_engine(trainer).state())
    with pytest.raises(ValueError, match=r"embedding has shape \(146, 32\), this network needs \(146, 12\)"):
        other.load(make_engine(trainer).tensors())


def test_loaded_weights_begin_afresh(trainer):
    trained, other = make_engine(trainer), make_engine(trainer, seed=2)
    train(trained, 5)
    train(other, 3)
    other.load(trained.tensors())
    assert other.nll(TUNES) == trained.nll(TUNES)
    fresh = make_engine(trainer, seed=3)
    fresh.load(trained.tensors())
    assert train(other, 4) == train(fresh, 4)
