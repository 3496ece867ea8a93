"""The NumPy engine: it learns what PyTorch's learns, and needs nothing but NumPy; see test_trainers.py as well."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trainers import NETWORK, TUNES, a_plan, make_engine, without_start

import ritornello
from ritornello.encoding import Grid, make_encoding
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Batch, Streams
from ritornello.training.numpy.engine import NumpyEngine, dropout_mask

ENCODINGS = [
    Grid(),
    make_encoding("note", inputs=("metre", "position")),
    make_encoding("interval", inputs=("metre",), memory=("own", "corpus")),
]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{e.name} {len(e.memory)}")
def test_fifty_updates_are_those_of_pytorch(encoding):
    torch = pytest.importorskip("torch")
    from ritornello.training.update import TorchEngine

    network = NetworkOptions(2, 48, 40, 0.0, chain=16)
    tunes = [encoding.encode(Grid(version=1).decode(tune)).tokens for tune in TUNES]
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
    from ritornello.training.update import TorchEngine

    network, encoding = NetworkOptions(2, 96, 64, 0.0), Grid(inputs=("position", "key"))
    theirs, ours = (
        engine(network, encoding, a_plan(device="cpu")).tensors() for engine in (TorchEngine, NumpyEngine)
    )
    spread = {name: float(value.std()) for name, value in ours.items()}
    assert spread["embedding"] == pytest.approx(1.0, rel=0.05)
    assert spread["side.0"] == pytest.approx(0.1, rel=0.05)  # beside the tokens, not over them
    assert sorted(ours) == sorted(theirs)
    for name, value in without_start(theirs).items():
        assert ours[name].shape == value.shape
        assert ours[name].dtype == value.dtype
        assert ours[name].mean() == pytest.approx(value.mean(), abs=0.05), name
        assert ours[name].std() == pytest.approx(value.std(), rel=0.15), name
        if name.endswith(("input", "recurrent")):
            assert abs(ours[name]).max() == pytest.approx(96**-0.5, rel=0.01), name
    np.testing.assert_array_equal(ours["lstm.1.bias"], theirs["lstm.1.bias"])


def test_a_chunk_without_targets_teaches_nothing():
    engine = make_engine("numpy")
    inputs, targets = np.full((4, 16, 1), 60), np.full((4, 16, 1), -100)
    assert engine.update(Batch(inputs, targets, np.zeros((4, 16, 0), np.int64)), 0.01) == 0.0
    assert all(np.isfinite(value).all() for value in engine.tensors().values())


def test_dropout_silences_its_share_and_raises_the_rest():
    mask = dropout_mask(np.random.default_rng(1), (1000, 64), 0.3, np.dtype(np.float32))
    assert (mask == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert mask.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(np.unique(mask), [0, 1 / 0.7], rtol=1e-4)


@pytest.mark.parametrize("wish", [{"dtype": "bf16"}, {"device": "cuda"}])
def test_what_numpy_cannot_do_is_refused(wish):
    with pytest.raises(ValueError, match="without PyTorch training is fp32 on the cpu"):
        NumpyEngine(NETWORK, Grid(), a_plan(**wish))


def test_attention_is_refused():
    with pytest.raises(ValueError, match="the attention network needs PyTorch to train"):
        make_engine("numpy", network=replace(NETWORK, attention=4))


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # import torch raises ImportError
sys.path.insert(0, {tests!r})
import numpy as np
from trainers import NETWORK, make_engine, train
from ritornello.encoding import Grid
from ritornello.model.file import ModelFile, load_model, save_model

engine = make_engine("numpy")
nlls = train(engine, 30)
assert nlls[-1] < 0.5 * nlls[0], nlls
save_model({path!r}, ModelFile(engine.tensors(), NETWORK, Grid(version=1)))
network = load_model({path!r}).build()
state, token, played = network.start(1), network.alphabet.size, []
for _ in range(24):
    state = network.feed(np.array([token]), state)
    token = int(network.logits(state)[0].argmax())
    played.append(token)
print(played)
"""


def test_it_trains_saves_and_plays_without_torch(tmp_path):
    support = str(Path(__file__).parents[2] / "support")
    code = WITHOUT_TORCH.format(tests=support, path=str(tmp_path / "model.safetensors"))
    source = str(Path(ritornello.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, support])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[132, 60, 128, 64, 129, 60, 128, 64, 129")
