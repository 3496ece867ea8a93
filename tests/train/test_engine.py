"""The PyTorch engine: it learns, it repeats itself to the bit, and its measure is NumPy's."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ritornello.encoding import Grid  # noqa: E402
from ritornello.evaluate.likelihood import melody_nats  # noqa: E402
from ritornello.model.alphabet import Alphabet  # noqa: E402
from ritornello.model.lstm import NumpyLstm, probabilities  # noqa: E402
from ritornello.model.options import NetworkOptions  # noqa: E402
from ritornello.train import engine as engines  # noqa: E402
from ritornello.train.batches import Batch, batch_of  # noqa: E402
from ritornello.train.engine import TorchEngine, choose_device  # noqa: E402
from ritornello.train.plan import Plan, has_bf16  # noqa: E402
from ritornello.train.streams import Streams  # noqa: E402
from two_parts import TwoParts, tune  # noqa: E402

NETWORK = NetworkOptions(1, 32, 32, 0.0)
TWO_LAYERS = NetworkOptions(2, 16, 12, 0.0)
TUNE = np.array([132, *([60, 128, 64, 129] * 6), 144], np.int16)
TUNES = [np.array([132, 60 + n, *[128] * n, 62, 129, 144], np.int16) for n in range(9)]
TWO_PART_TUNES = [tune(np.random.default_rng(n), notes) for n, notes in enumerate((5, 9, 4, 30, 1, 12))]


def make_engine(
    dtype: str = "fp32", seed: int = 1, network: NetworkOptions = NETWORK, before: np.ndarray | None = None
) -> TorchEngine:
    return TorchEngine(network, Grid(), a_plan(dtype, seed), before)


def a_plan(dtype: str = "fp32", seed: int = 1) -> Plan:
    return Plan(
        updates=30,
        check_every=2,
        patience=30,
        streams=4,
        bptt_steps=16,
        peak_rate=0.02,
        weight_decay=0.01,
        warmup_updates=1,
        dropout=0.0,
        dtype=dtype,
        threads=1,
        device="cpu",
        seed=seed,
        seconds=None,
    )


def two_parts_engine(attention: int = 0, dropout: float = 0.0, seed: int = 1, dtype: str = "fp32") -> TorchEngine:
    network = NetworkOptions(2, 16, 12, dropout, attention=attention, chain=8)
    return TorchEngine(network, TwoParts(), a_plan(dtype, seed), before=TWO_PART_TUNES[0])


def paid_token_by_token(network: NumpyLstm, melody: np.ndarray) -> float:
    """Nats of a melody of two parts, from what the network says before each token."""
    side, nats, state, fed = TwoParts().side_inputs(melody), 0.0, network.start(1), 15
    for n, token in enumerate(melody.tolist()):
        logits, state = network.step(np.array([fed]), state, side[n // 2][None])
        nats -= np.log(probabilities(logits)[0, token])
        fed = token
    return nats


def train(engine: TorchEngine, updates: int, seed: int = 1) -> list[float]:
    streams = Streams([TUNE], Grid(), 4, seed, 60, 64)
    return [engine.update(streams.chunk(16), 0.02) for _ in range(updates)]


def test_the_nll_of_a_repeated_tune_falls():
    engine = make_engine()
    before = engine.nll([TUNE])
    assert before == pytest.approx(np.log(145), rel=0.05)
    nlls = train(engine, 60)
    assert nlls[-1] < 0.2 < nlls[0]
    assert engine.nll([TUNE]) < 0.5


def test_a_seed_gives_the_same_weights_to_the_bit():
    network = NetworkOptions(2, 16, 16, 0.4)  # with dropout, whose chance is the seed's too
    runs = []
    for seed in (1, 1, 2):
        engine = make_engine(seed=seed, network=network)
        train(engine, 12)
        runs.append(engine.tensors())
    first, again, other = runs
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
    assert any(not np.array_equal(value, other[name]) for name, value in first.items())


def test_its_likelihood_is_the_one_that_numpy_finds(monkeypatch):
    engine = make_engine()
    train(engine, 20)
    random = np.random.default_rng(1)
    melodies = [np.array([132, *random.integers(50, 70, n), 144], np.int16) for n in (3, 30, 11, 11, 60, 1)]
    expected = melody_nats(NumpyLstm(engine.tensors()), melodies).sum() / sum(len(m) for m in melodies)
    assert engine.nll(melodies) == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(engines, "STEPS_PER_CHECK_BATCH", 40)  # several batches, one melody longer than any
    assert engine.nll(melodies) == pytest.approx(expected, rel=1e-5)
    assert engine.nll([]) == 0.0


def test_checking_changes_nothing():
    watched, unwatched = make_engine(), make_engine()
    train(watched, 3)
    watched.nll([TUNE])
    train(unwatched, 3)
    for name, value in watched.tensors().items():
        np.testing.assert_array_equal(value, unwatched.tensors()[name])


def test_dropout_is_for_training_alone():
    engine = make_engine(network=NetworkOptions(2, 16, 16, 0.5))
    train(engine, 2)
    assert engine.nll([TUNE]) == engine.nll([TUNE])


def test_the_state_is_carried_from_chunk_to_chunk():
    engine = make_engine()
    train(engine, 5)
    tensors = engine.tensors()
    engine = make_engine()
    engine._model.load_tensors(tensors)
    random = np.random.default_rng(2)
    tokens = random.integers(50, 70, (3, 25))
    blocks = [tokens[:, at : at + 9, None] for at in (0, 8, 16)]
    nlls = [engine.update(batch_of(block, Alphabet((145,))), 0.0) for block in blocks]
    network = NumpyLstm({name: value for name, value in tensors.items() if not name.startswith("start.")})
    state, expected = network.start(3), []
    for at in range(24):
        logits, state = network.step(tokens[:, at], state)
        p = probabilities(logits)[np.arange(3), tokens[:, at + 1]]
        expected.append(-np.log(p).mean())
    np.testing.assert_allclose(nlls, np.reshape(expected, (3, 8)).mean(1), rtol=1e-5)


def test_targets_of_minus_100_teach_nothing():
    engine = make_engine()
    before = engine.tensors()
    inputs, targets = np.full((4, 16, 1), 60), np.full((4, 16, 1), -100)
    targets[0, 0] = 61
    nll = engine.update(Batch(inputs, targets, inputs[:, :, :0]), 0.01)
    assert nll == pytest.approx(np.log(145), rel=0.1)
    moved = engine.tensors()["output.bias"] - before["output.bias"]
    assert moved.argmax() == 61


@pytest.mark.skipif(not has_bf16(), reason="this processor has no bfloat16 arithmetic")
def test_bfloat16_learns_too():
    engine = make_engine("bf16")
    nlls = train(engine, 60)
    assert nlls[-1] < 0.3 < nlls[0]
    assert all(value.dtype == np.float32 for value in engine.tensors().values())
    exact = melody_nats(NumpyLstm(engine.tensors()), [TUNE]).sum() / len(TUNE)
    assert engine.nll([TUNE]) == pytest.approx(exact, abs=0.05)


def test_a_device_that_is_not_there_is_named():
    assert choose_device("cpu").type == "cpu"
    for name in ("cuda:99", "abacus"):
        with pytest.raises(ValueError, match=f"device '{name}' cannot be used here .*try --device cpu"):
            choose_device(name)


def test_a_tune_begins_from_the_state_that_the_melody_before_leaves():
    before = np.array([60, 128, 62, 128, 129])
    engine = make_engine(network=TWO_LAYERS, before=before)
    train(engine, 5)
    tensors = engine.tensors()
    playing = NumpyLstm({name: value for name, value in tensors.items() if not name.startswith("start.")})
    state = playing.start(1)
    for token in [145, *before]:
        _, state = playing.step(np.array([token]), state)
    for n, (output, cell) in enumerate(state.layers):
        np.testing.assert_allclose(tensors[f"start.{n}.output"], output[0], atol=1e-5)
        np.testing.assert_allclose(tensors[f"start.{n}.cell"], cell[0], atol=1e-5)


def test_a_check_is_what_the_network_makes_of_the_melodies_when_it_plays():
    engine = make_engine(network=TWO_LAYERS, before=np.array([60, 128, 62, 128, 129]))
    train(engine, 5)
    melodies = [np.array([60, 128, 128, 64]), np.array([62, 129]), np.array([128, 128, 70, 128, 72, 128, 129])]
    nats = melody_nats(NumpyLstm(engine.tensors()), melodies)
    assert engine.nll(melodies) == pytest.approx(nats.sum() / 13, rel=1e-5)


@pytest.mark.parametrize("dtype", ["fp32", *(["bf16"] if has_bf16() else [])])
@pytest.mark.parametrize("attention", [0, 20])
@pytest.mark.parametrize("encoding", [Grid(), TwoParts()], ids=lambda e: e.name)
def test_a_run_taken_up_again_goes_on_to_the_bit(encoding, attention, dtype):
    network = NetworkOptions(2, 16, 16, 0.4, attention=attention, chain=8)
    tunes = TUNES if encoding == Grid() else TWO_PART_TUNES

    def begin(seed: int) -> tuple[TorchEngine, Streams]:
        engine = TorchEngine(network, encoding, a_plan(dtype, seed), before=tunes[0])
        return engine, Streams(tunes, encoding, 4, seed, 2, 7)

    engine, streams = begin(1)
    expected = [engine.update(streams.chunk(16), 0.02) for _ in range(12)]
    for stop in (0, 1, 7):
        cut, cut_streams = begin(1)
        for _ in range(stop):
            cut.update(cut_streams.chunk(16), 0.02)
        saved, place = cut.state(), cut_streams.state()
        cut.update(cut_streams.chunk(16), 0.02)  # what happens after it was saved changes nothing that was saved
        again, again_streams = begin(2)
        again.nll(tunes)
        again.restore(saved)
        again_streams.restore(place)
        assert [again.update(again_streams.chunk(16), 0.02) for _ in range(12 - stop)] == expected[stop:]
        for name, value in engine.state().items():
            np.testing.assert_array_equal(value, again.state()[name], err_msg=name)
        assert again_streams.epochs == streams.epochs


@pytest.mark.parametrize("attention", [0, 7])
def test_two_parts_are_learned_and_checked_as_they_are_played(attention, monkeypatch):
    engine = two_parts_engine(attention)
    tunes = [TWO_PART_TUNES[1], TWO_PART_TUNES[3]]
    streams = Streams(tunes, TwoParts(), 4, 1, 2, 7)
    nlls = [engine.update(streams.chunk(16), 0.02) for _ in range(150)]
    assert nlls[0] == pytest.approx((np.log(11) + np.log(4)) / 2, rel=0.2)
    assert nlls[-1] < 0.5
    playing = NumpyLstm(engine.tensors(), np.float64)
    expected = sum(paid_token_by_token(playing, m) for m in TWO_PART_TUNES) / sum(map(len, TWO_PART_TUNES))
    assert engine.nll(TWO_PART_TUNES) == pytest.approx(expected, rel=1e-4)
    monkeypatch.setattr(engines, "STEPS_PER_CHECK", 3)
    monkeypatch.setattr(engines, "STEPS_PER_CHECK_BATCH", 20)
    assert engine.nll(TWO_PART_TUNES) == pytest.approx(expected, rel=1e-4)


def test_the_loss_is_the_mean_over_the_targets_of_both_parts():
    engine = two_parts_engine()
    groups = np.array([[[15, 15], [3, 12], [4, 14], [10, 15]]])  # two notes and the end, which stands alone
    rows = np.concatenate([groups, np.zeros((1, 4, 2), np.int64)], 2)
    batch = batch_of(rows, Alphabet.of(TwoParts()))
    assert batch.targets.tolist() == [[[3, 12], [4, 14], [10, -100]]]
    tensors = {name: value for name, value in engine.tensors().items() if not name.startswith("start.")}
    network, nats = NumpyLstm(tensors, np.float64), []
    state, nothing = network.start(1), np.zeros((1, 2), np.int64)
    for fed, wanted in zip([15, 3, 12, 4, 14], [3, 12, 4, 14, 10], strict=True):
        logits, state = network.step(np.array([fed]), state, nothing)
        nats.append(-np.log(probabilities(logits)[0, wanted]))
    assert engine.update(batch, 0.0) == pytest.approx(sum(nats) / 5, rel=1e-5)


def test_a_saved_state_is_arrays_of_plain_numbers():
    engine = make_engine()
    train(engine, 2)
    for name, value in engine.state().items():
        assert isinstance(value, np.ndarray), name
        assert value.dtype.kind in "fiub", name


def test_another_network_s_saved_state_is_refused():
    saved = make_engine().state()
    with pytest.raises(ValueError, match="another network's: resume with the same preset and encoding"):
        make_engine(network=TWO_LAYERS).restore(saved)


def test_loaded_weights_begin_afresh():
    trained, other = make_engine(), make_engine(seed=2)
    train(trained, 5)
    train(other, 3)
    other.load(trained.tensors())
    assert other.nll(TUNES) == trained.nll(TUNES)
    fresh = make_engine(seed=3)
    fresh.load(trained.tensors())
    assert train(other, 4) == train(fresh, 4)
