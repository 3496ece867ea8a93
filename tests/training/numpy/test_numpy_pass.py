"""The pass written by hand: its gradients are those of finite differences and of PyTorch's own differentiation."""

import numpy as np
import pytest

from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.training.data import IGNORED, Batch
from ritornello.training.numpy.engine import Vector
from ritornello.training.numpy.gradients import Masks, Pass, weight_shapes
from ritornello.training.numpy.lstm import SMALL_PRODUCT, Recurrence, blocked_product
from ritornello.training.run.engine import random_batch

NETWORK = NetworkOptions(2, 16, 12, 0.0, chain=8, mixed=True)
ALPHABETS = [Alphabet((9,)), Alphabet((9,), (3,)), Alphabet((7, 5)), Alphabet((7, 5), (3, 4))]
ALPHABETS += [Alphabet((7, 5), (3, 4), ("own",)), Alphabet((7, 5), (), ("own", "corpus"))]
STREAMS, STEPS = 3, 6


def weights_of(alphabet: Alphabet, dtype: type = np.float64) -> Vector:
    weights = Vector(weight_shapes(NETWORK, alphabet), dtype)
    # Numbers that float32 holds exactly, so that every trainer begins from the same.
    weights.flat[:] = np.random.default_rng(3).normal(0, 0.5, weights.flat.shape).astype(np.float32)
    return weights


def batch_with_gaps(alphabet: Alphabet) -> Batch:
    """Noise in which some targets are not to be learned: a whole group, and a group without its last part."""
    batch = random_batch(alphabet, STREAMS, STEPS)
    batch.targets[0, 2] = IGNORED
    batch.targets[1, 3, -1] = IGNORED
    batch.inputs[2, 4] = alphabet.nothing
    return batch


def masks_of(alphabet: Alphabet) -> Masks:
    random = np.random.default_rng(4)
    rows = alphabet.size + 1 + sum(alphabet.features)
    shapes = [(rows, NETWORK.embedding)] + [(STEPS, STREAMS, NETWORK.width)] * NETWORK.layers
    return [(random.random(shape) < 0.7) / 0.7 for shape in shapes]


def slopes_of(weights: Vector, batch: Batch, alphabet: Alphabet, masks: Masks | None = None) -> tuple[float, Vector]:
    gradients = Vector(weight_shapes(NETWORK, alphabet), weights.flat.dtype)
    gradients.flat[:] = np.nan  # every one of them must be set
    passage = Pass(NETWORK, alphabet, weights.flat.dtype, STREAMS, STEPS)
    count = int((batch.targets != IGNORED).sum())
    passage.forward(weights.named, batch, masks)
    return passage.backward(weights.named, batch, gradients.named, count) / count, gradients


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_slopes_are_finite_differences(alphabet, dropped):
    weights, batch = weights_of(alphabet), batch_with_gaps(alphabet)
    masks = masks_of(alphabet) if dropped else None
    _, gradients = slopes_of(weights, batch, alphabet, masks)
    random = np.random.default_rng(5)
    for name, place in weights.places.items():
        for index in random.integers(place.start, place.stop, 6):
            own, around = weights.flat[index], []
            for shift in (1e-5, -1e-5):
                weights.flat[index] = own + shift
                around.append(slopes_of(weights, batch, alphabet, masks)[0])
            weights.flat[index] = own
            measured = (around[0] - around[1]) / 2e-5
            assert gradients.flat[index] == pytest.approx(measured, rel=1e-5, abs=1e-9), name


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_slopes_are_those_of_pytorch(alphabet, dtype, tolerance):
    torch = pytest.importorskip("torch")
    from ritornello.training.network import TorchLstm

    weights, batch = weights_of(alphabet), batch_with_gaps(alphabet)
    model = TorchLstm(NETWORK, alphabet).double()
    model.load_tensors(in_file_order(weights, alphabet))
    parameters = model.named()
    expected_nll = torch_nll(torch, model, batch, alphabet)
    expected_nll.backward()

    rounded = weights_of(alphabet, dtype)
    nll, gradients = slopes_of(rounded, batch, alphabet)
    assert nll == pytest.approx(float(expected_nll.detach()), rel=tolerance)
    for name, value in in_file_order(gradients, alphabet).items():
        expected = parameters[name].grad.numpy()
        np.testing.assert_allclose(value, expected, rtol=0, atol=tolerance * abs(expected).max(), err_msg=name)


def in_file_order(vector: Vector, alphabet: Alphabet) -> dict[str, np.ndarray]:
    """Under the model file's names, gates i, f, g, o."""
    named = dict(vector.named)
    entry, at = named.pop("entry"), alphabet.size + 1
    named["embedding"] = entry[:at]
    for n, size in enumerate(alphabet.features):
        named[f"side.{n}"], at = entry[at : at + size], at + size
    width = NETWORK.width
    for name in named:
        if name.startswith("lstm."):
            i, f, o, g = (named[name][n * width : (n + 1) * width] for n in range(4))
            named[name] = np.concatenate([i, f, g, o])
    return named


def torch_nll(torch, model, batch: Batch, alphabet: Alphabet):
    from ritornello.training.layers import TorchRecall

    inputs, targets, side = (torch.from_numpy(part) for part in batch[:3])
    recalls = [
        TorchRecall.of(recalled, ids, torch.device("cpu"))
        for recalled, ids in zip(batch.memory, alphabet.parts, strict=False)
    ]
    logits, _ = model(inputs, targets, side, None, recalls)
    total = 0.0
    for part, scores in enumerate(logits):
        wanted = targets[:, :, part] - alphabet.firsts[part]
        chosen = scores.log_softmax(-1).gather(2, wanted.clamp(min=0)[:, :, None])[:, :, 0]
        total = total - chosen[targets[:, :, part] >= 0].sum()
    return total / int((batch.targets >= 0).sum())


def test_a_block_in_two_halves_ends_where_the_whole_one_does():
    alphabet = ALPHABETS[-1]
    weights, batch = weights_of(alphabet).named, random_batch(alphabet, STREAMS, STEPS)
    whole = Pass(NETWORK, alphabet, np.dtype(np.float64), STREAMS, STEPS)
    whole.forward(weights, batch)
    half = Pass(NETWORK, alphabet, np.dtype(np.float64), STREAMS, STEPS // 2)
    nats, state = 0.0, None
    for at in (0, 3):
        part = batch.between(at, at + 3)
        half.forward(weights, part, state=state)
        nats += half.nats(weights, part)
        state = half.ending()
    assert nats == pytest.approx(whole.nats(weights, batch), rel=1e-12)
    for mine, expected in zip(half.ending(), whole.ending(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("rows", "depth", "columns"), [(16, 256, 1024), (32, 1024, 256), (7, 24, 36), (900, 300, 40)]
)
def test_a_product_in_blocks_is_the_product(rows, depth, columns):
    random = np.random.default_rng(1)
    matrix, x = random.normal(size=(depth, columns)), random.normal(size=(rows, depth))
    out = np.full((rows, columns), np.nan)
    blocked_product(matrix, x, out)(x)
    np.testing.assert_allclose(out, x @ matrix, rtol=1e-11, atol=1e-11)
    assert SMALL_PRODUCT < 16 * 256 * 1024  # or nothing here was cut


def test_a_long_block_neither_overflows_nor_forgets_its_first_step():
    layer = Recurrence(400, 1, 8, np.dtype(np.float32))
    layer.gates[:] = 60.0  # every gate wide open: the cell counts the steps
    layer.forward(np.zeros((32, 8), np.float32))
    np.testing.assert_allclose(layer.cell[:, 0, 0], np.arange(401))
