"""The NumPy engine: it learns what PyTorch's learns, repeats itself to the bit, and needs nothing but NumPy."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ritornello
from ritornello.encoding import Grid, make_encoding
from ritornello.evaluate.likelihood import melody_nats
from ritornello.model.lstm import NumpyLstm, probabilities
from ritornello.model.options import NetworkOptions
from ritornello.train import numpy_engine
from ritornello.train.batches import Batch, batch_of
from ritornello.train.numpy_engine import NumpyEngine
from ritornello.train.plan import Plan
from ritornello.train.streams import Streams

NETWORK = NetworkOptions(1, 32, 32, 0.0)
TWO_LAYERS = NetworkOptions(2, 16, 12, 0.0)
TUNE = np.array([132, *([60, 128, 64, 129] * 6), 144], np.int16)
TUNES = [np.array([132, 60 + n, *[128] * n, 62, 129, 144], np.int16) for n in range(9)]


def a_plan(seed: int = 1, dtype: str = "fp32", device: str = "auto", threads: int = 1) -> Plan:
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
        threads=threads,
        device=device,
        seed=seed,
        seconds=None,
    )


def make_engine(seed: int = 1, network: NetworkOptions = NETWORK, before: np.ndarray | None = None) -> NumpyEngine:
    return NumpyEngine(network, Grid(), a_plan(seed), before)


def train(engine: NumpyEngine, updates: int, seed: int = 1) -> list[float]:
    streams = Streams([TUNE], Grid(), 4, seed, 60, 64)
    return [engine.update(streams.chunk(16), 0.02) for _ in range(updates)]


def without_start(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value for name, value in tensors.items() if not name.startswith("start.")}


def test_the_nll_of_a_repeated_tune_falls():
    engine = make_engine()
    assert engine.nll([TUNE]) == pytest.approx(np.log(145), rel=0.05)
    nlls = train(engine, 60)
    assert nlls[-1] < 0.2 < nlls[0]
    assert engine.nll([TUNE]) < 0.5


ENCODINGS = [
    Grid(),
    Grid(echoes=("bar_ago", "four_bars_ago")),
    make_encoding("note", inputs=("metre", "position")),
    make_encoding("interval", inputs=("metre",), echoes=("bar_ago", "motif", "contour")),
]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{e.name} {len(e.echoes)}")
def test_fifty_updates_are_those_of_pytorch(encoding):
    torch = pytest.importorskip("torch")
    from ritornello.train.engine import TorchEngine

    network = NetworkOptions(2, 48, 40, 0.0, chain=16)
    tunes = [encoding.encode(Grid().decode(tune)).tokens for tune in TUNES]
    theirs = TorchEngine(network, encoding, a_plan(device="cpu"), tunes[0])
    ours = NumpyEngine(network, encoding, a_plan(seed=9), tunes[0])
    ours.load(theirs.tensors())
    assert torch.get_num_threads() == 1
    curves = []
    for engine in (theirs, ours):
        streams = Streams(tunes, encoding, 4, 1)
        curves.append([engine.update(streams.chunk(16), 0.004) for _ in range(50)])
    np.testing.assert_allclose(curves[1], curves[0], rtol=2e-4)
    assert curves[0][-1] < 0.6 * curves[0][0]
    expected = theirs.tensors()
    for name, value in ours.tensors().items():
        np.testing.assert_allclose(value, expected[name], atol=2e-3, err_msg=name)
    assert ours.nll(tunes) == pytest.approx(theirs.nll(tunes), rel=2e-4)


def test_new_weights_are_spread_as_pytorchs_are():
    pytest.importorskip("torch")
    from ritornello.train.engine import TorchEngine

    network, encoding = NetworkOptions(2, 96, 64, 0.0), Grid(echoes=("bar_ago",))
    theirs, ours = (
        engine(network, encoding, a_plan(device="cpu")).tensors() for engine in (TorchEngine, NumpyEngine)
    )
    assert list(ours) == list(theirs)
    for name, value in without_start(theirs).items():
        assert ours[name].shape == value.shape
        assert ours[name].dtype == value.dtype
        assert ours[name].mean() == pytest.approx(value.mean(), abs=0.05), name
        assert ours[name].std() == pytest.approx(value.std(), rel=0.15), name
        if name.endswith(("input", "recurrent")):
            assert abs(ours[name]).max() == pytest.approx(96**-0.5, rel=0.01), name
    np.testing.assert_array_equal(ours["lstm.1.bias"], theirs["lstm.1.bias"])


def test_a_seed_gives_the_same_weights_to_the_bit():
    network = NetworkOptions(2, 16, 16, 0.4)  # with dropout, whose chance is the seed's too
    runs = []
    for seed in (1, 1, 2):
        engine = make_engine(seed, network)
        train(engine, 12)
        runs.append(engine.tensors())
    first, again, other = runs
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
    assert any(not np.array_equal(value, other[name]) for name, value in first.items())


def test_its_likelihood_is_the_one_that_the_player_finds(monkeypatch):
    engine = make_engine(network=TWO_LAYERS, before=np.array([60, 128, 62, 128, 129]))
    train(engine, 20)
    random = np.random.default_rng(1)
    melodies = [np.array([132, *random.integers(50, 70, n), 144], np.int16) for n in (3, 30, 11, 11, 60, 1)]
    expected = melody_nats(NumpyLstm(engine.tensors()), melodies).sum() / sum(len(m) for m in melodies)
    assert engine.nll(melodies) == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(numpy_engine, "STEPS_PER_CHECK_BATCH", 40)  # several batches, one melody longer than any
    assert engine.nll(melodies) == pytest.approx(expected, rel=1e-5)
    assert engine.nll([]) == 0.0


def test_checking_changes_nothing():
    network = NetworkOptions(2, 16, 16, 0.4)
    watched, unwatched = make_engine(network=network), make_engine(network=network)
    for engine in (watched, unwatched):
        train(engine, 3)
        if engine is watched:
            assert engine.nll([TUNE]) == engine.nll([TUNE])
            engine.tensors()
        train(engine, 2)
    for name, value in watched.state().items():
        np.testing.assert_array_equal(value, unwatched.state()[name])


def test_the_state_is_carried_from_chunk_to_chunk():
    engine = make_engine(network=TWO_LAYERS)
    train(engine, 5)
    tensors = engine.tensors()
    engine.load(tensors)  # and the state of the streams before is gone
    tokens = np.random.default_rng(2).integers(50, 70, (3, 25))
    chunks = [batch_of(tokens[:, at : at + 9, None], engine._alphabet) for at in (0, 8, 16)]
    nlls = [engine.update(chunk, 0.0) for chunk in chunks]
    network = NumpyLstm(without_start(tensors))
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
    nll = engine.update(Batch(inputs, targets, np.zeros((4, 16, 0), np.int64)), 0.01)
    assert nll == pytest.approx(np.log(145), rel=0.1)
    moved = engine.tensors()["output.bias"] - before["output.bias"]
    assert moved.argmax() == 61
    targets[:] = -100
    assert engine.update(Batch(inputs, targets, np.zeros((4, 16, 0), np.int64)), 0.01) == 0.0
    assert all(np.isfinite(value).all() for value in engine.tensors().values())


def test_dropout_silences_its_share_and_raises_the_rest():
    engine = make_engine(network=NetworkOptions(2, 64, 64, 0.3))
    mask = engine._mask((1000, 64))
    assert (mask == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert mask.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(np.unique(mask), [0, 1 / 0.7], rtol=1e-4)


def test_a_tune_begins_from_the_state_that_the_melody_before_leaves():
    before = np.array([60, 128, 62, 128, 129])
    engine = make_engine(network=TWO_LAYERS, before=before)
    train(engine, 5)
    tensors = engine.tensors()
    playing = NumpyLstm(without_start(tensors))
    state = playing.start(1)
    for token in [145, *before]:
        _, state = playing.step(np.array([token]), state)
    for n, (output, cell) in enumerate(state.layers):
        np.testing.assert_allclose(tensors[f"start.{n}.output"], output[0], atol=1e-5)
        np.testing.assert_allclose(tensors[f"start.{n}.cell"], cell[0], atol=1e-5)


def test_a_run_taken_up_again_goes_on_to_the_bit():
    network = NetworkOptions(2, 16, 16, 0.4)

    def begin(seed: int) -> tuple[NumpyEngine, Streams]:
        return make_engine(seed, network, TUNE), Streams(TUNES, Grid(), 4, seed)

    engine, streams = begin(1)
    expected = [engine.update(streams.chunk(16), 0.02) for _ in range(12)]
    for stop in (0, 1, 7):
        cut, cut_streams = begin(1)
        for _ in range(stop):
            cut.update(cut_streams.chunk(16), 0.02)
        saved, place = cut.state(), cut_streams.state()
        cut.update(cut_streams.chunk(16), 0.02)  # what happens after it was saved changes nothing that was saved
        again, again_streams = begin(2)
        again.nll([TUNE])
        again.restore(saved)
        again_streams.restore(place)
        assert [again.update(again_streams.chunk(16), 0.02) for _ in range(12 - stop)] == expected[stop:]
        for name, value in engine.state().items():
            np.testing.assert_array_equal(value, again.state()[name], err_msg=name)


def test_a_saved_state_is_arrays_of_plain_numbers():
    engine = make_engine()
    train(engine, 2)
    for name, value in engine.state().items():
        assert isinstance(value, np.ndarray), name
        assert value.dtype.kind in "fiub", name


def test_another_network_s_saved_state_or_weights_are_refused():
    other = make_engine(network=TWO_LAYERS)
    with pytest.raises(ValueError, match="another network's: resume with the same preset and encoding"):
        other.restore(make_engine().state())
    with pytest.raises(ValueError, match=r"embedding has shape \(146, 32\), this network needs \(146, 12\)"):
        other.load(make_engine().tensors())


def test_loaded_weights_begin_afresh():
    trained, other = make_engine(), make_engine(seed=2)
    train(trained, 5)
    train(other, 3)
    other.load(trained.tensors())
    assert other.nll(TUNES) == trained.nll(TUNES)
    fresh = make_engine(seed=3)
    fresh.load(trained.tensors())
    assert train(other, 4) == train(fresh, 4)


@pytest.mark.parametrize("wish", [{"dtype": "bf16"}, {"device": "cuda"}])
def test_what_numpy_cannot_do_is_refused(wish):
    with pytest.raises(ValueError, match="without PyTorch training is fp32 on the cpu"):
        NumpyEngine(NETWORK, Grid(), a_plan(**wish))


def test_attention_is_refused():
    with pytest.raises(ValueError, match="the attention network needs PyTorch to train"):
        make_engine(network=replace(NETWORK, attention=4))


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # import torch raises ImportError
sys.path.insert(0, {tests!r})
import numpy as np
from test_numpy_engine import NETWORK, Grid, make_engine, train
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.lstm import NumpyLstm

engine = make_engine()
nlls = train(engine, 30)
assert nlls[-1] < 0.5 * nlls[0], nlls
save_model({path!r}, ModelFile(engine.tensors(), NETWORK, Grid()))
network = NumpyLstm(load_model({path!r}).tensors)
state, token, played = network.start(1), network.vocabulary_size, []
for _ in range(24):
    logits, state = network.step(np.array([token]), state)
    token = int(logits[0].argmax())
    played.append(token)
print(played)
"""


def test_it_trains_saves_and_plays_without_torch(tmp_path):
    code = WITHOUT_TORCH.format(tests=str(Path(__file__).parent), path=str(tmp_path / "model.safetensors"))
    source = str(Path(ritornello.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, str(Path(__file__).parents[1])])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[132, 60, 128, 64, 129, 60, 128, 64, 129")
