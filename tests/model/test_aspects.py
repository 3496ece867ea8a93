"""Aspects: ids that mean the same beside a feature share weights, in PyTorch, NumPy, scoring and the model file."""

import numpy as np
import pytest

from ritornello.encoding.features import Aspect
from ritornello.encoding.voices.chorale import ChoraleEncoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.lstm import NumpyLstm, tensor_shapes
from ritornello.model.options import NetworkOptions
from ritornello.model.scoring import sequence_nats
from ritornello.training.data import Streams
from ritornello.training.numpy.engine import NumpyEngine
from ritornello.training.plan import Plan
from ritornello.training.update import TorchEngine

ENCODING = ChoraleEncoding(
    barred=False, inputs=("echo", "line", "recent"), relations=("degree", "interval", "distance", "echo")
)
PLAN = Plan(10)
OPTIONS = {
    "lstm": NetworkOptions(layers=2, width=12, embedding=12, dropout=0.0),
    "transformer": NetworkOptions(layers=1, width=12, dropout=0.0, kind="transformer", attention=32, heads=2),
}


def some_piece():
    """Write four voices that repeat a passage."""
    moves = np.random.default_rng(0).integers(-2, 3, (40, 4))
    pitches = moves.cumsum(0) + np.array([70, 64, 58, 50])
    pitches[20:36] = pitches[4:20]
    return ENCODING.write(pitches)


@pytest.fixture(scope="module", params=["lstm", "transformer"])
def trained(request):
    """Train an engine for a few updates on one piece."""
    piece = some_piece()
    engine = TorchEngine(OPTIONS[request.param], ENCODING, PLAN, piece)
    streams = Streams([piece], ENCODING, 2, 0)
    for _ in range(4):
        engine.update(streams.chunk(16), 1e-2)
    return request.param, engine, piece


def test_what_an_id_means_beside_a_feature_is_added_to_its_logit():
    table = np.array([[-1, -1, -1], [0, 1, -1], [1, 1, 0]], np.int16)
    alphabet = Alphabet((3,), (3,), aspects=(Aspect(0, 2, table),))
    options = NetworkOptions(layers=1, width=8, embedding=8)
    random = np.random.default_rng(1)
    weights = {name: random.normal(size=shape) for name, shape in tensor_shapes(options, alphabet).items()}
    assert weights["aspects"].shape == (2, 8)
    network = NumpyLstm(weights, options, alphabet, np.float64)
    for value, meanings in enumerate(table.tolist()):
        state = network.feed(np.array([alphabet.nothing]), network.start(1), np.array([[value]]))
        assert state.seen is not None
        seen = state.seen[0, :8]
        added = [0 if meaning < 0 else weights["aspects"][meaning] @ seen for meaning in meanings]
        wanted = weights["output.weight"] @ seen + weights["output.bias"] + added
        np.testing.assert_allclose(network.logits(state)[0], wanted, rtol=1e-12)


def test_pytorch_and_numpy_expect_the_same_and_scoring_does(trained):
    _, engine, piece = trained
    pieces = [piece, piece[:-30]]
    network = ModelFile(engine.tensors(), OPTIONS[trained[0]], ENCODING).build(np.float64)
    nats = sequence_nats(network, ENCODING, pieces).sum() / sum(map(len, pieces))
    assert nats == pytest.approx(engine.nll(pieces), abs=1e-6)


def test_the_engine_without_pytorch_has_the_same_loss_and_its_gradients(trained):
    kind, engine, piece = trained
    if kind != "lstm":
        return
    other = NumpyEngine(OPTIONS[kind], ENCODING, PLAN, piece, dtype=np.float64)
    other.load(engine.tensors())
    assert other.nll([piece]) == pytest.approx(engine.nll([piece]), abs=1e-6)
    batch, passage = Streams([piece], ENCODING, 2, 0).chunk(16), other._new_pass(2, 16)
    weights, gradients = other._weights.named, other._gradients.named
    passage.forward(weights, batch)
    passage.backward(weights, batch, gradients, 1)
    for name in ("aspects", "output.weight", "lstm.0.input", "entry"):
        place = np.unravel_index(np.abs(gradients[name]).argmax(), gradients[name].shape)
        wanted, value, nats = gradients[name][place], weights[name][place], []
        for shift in (1e-5, -1e-5):
            weights[name][place] = value + shift
            passage.forward(weights, batch)
            nats.append(passage.nats(weights, batch))
        weights[name][place] = value
        assert (nats[0] - nats[1]) / 2e-5 == pytest.approx(wanted, rel=1e-5)


def test_a_model_file_keeps_them(trained, tmp_path):
    kind, engine, piece = trained
    save_model(tmp_path / "model.safetensors", ModelFile(engine.tensors(), OPTIONS[kind], ENCODING))
    back = load_model(tmp_path / "model.safetensors")
    assert back.encoding == ENCODING
    assert back.encoding.aspects is ENCODING.aspects
    network = back.build(np.float64)
    assert sequence_nats(network, back.encoding, [piece])[0] == pytest.approx(
        engine.nll([piece]) * len(piece), rel=1e-5
    )
