"""AdamW in pieces: PyTorch's own steps, whatever the size of a piece."""

import numpy as np
import pytest

from ritornello.training.numpy import engine
from ritornello.training.numpy.engine import AdamW, Vector


def test_the_first_step_goes_by_the_rate_against_the_sign_of_each_slope():
    weights = np.array([1.0, -2.0, 3.0, 0.0])
    AdamW(weights, decay=0.0).update(np.array([0.3, -0.1, 0.0, 1e-3]), 0.25)
    np.testing.assert_allclose(weights, [0.75, -1.75, 3.0, -0.25], rtol=1e-4)


def test_decay_shrinks_by_rate_times_decay():
    weights = np.array([1.0, -2.0])
    AdamW(weights, decay=0.1).update(np.zeros(2), 0.5)
    np.testing.assert_allclose(weights, [0.95, -1.9])


def test_only_a_long_gradient_is_shortened():
    one, other = np.zeros(2), np.zeros(2)
    AdamW(one, 0.0).update(long := np.array([30.0, 40.0]), 0.1)
    clipped = AdamW(other, 0.0)
    clipped.update(np.array([0.6, 0.8]), 0.1)
    np.testing.assert_allclose(clipped.mean, [0.06, 0.08], rtol=2e-6)
    np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_array_equal(long, [30.0, 40.0])


@pytest.mark.parametrize("piece", [7, 32_768])
def test_its_steps_are_pytorchs(monkeypatch, piece):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(engine, "PIECE", piece)
    random = np.random.default_rng(1)
    weights = random.normal(size=50)
    # Numbers 10 to 19 stand for the sum of two parameters of PyTorch's: their own start, and one from zero.
    single, pair = (
        torch.nn.Parameter(torch.from_numpy(w.copy())) for w in (np.delete(weights, range(10, 20)), weights[10:20])
    )
    second = torch.nn.Parameter(torch.zeros(10, dtype=torch.float64))
    theirs = torch.optim.AdamW([single, pair, second], 1e-3, betas=(0.9, 0.99), weight_decay=0.01)
    ours = AdamW(weights, 0.01, [slice(10, 20)])
    for update in range(20):
        gradient, rate = random.normal(size=50) * 10.0 ** random.integers(-4, 2), 0.01 * (update + 1)
        rest = np.delete(gradient, range(10, 20))
        for parameter, value in ((single, rest), (pair, gradient[10:20]), (second, gradient[10:20])):
            parameter.grad = torch.from_numpy(value.copy())
        theirs.param_groups[0]["lr"] = rate
        torch.nn.utils.clip_grad_norm_([single, pair, second], 1.0)
        theirs.step()
        ours.update(gradient, rate)
    np.testing.assert_allclose(np.delete(weights, range(10, 20)), single.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weights[10:20], (pair + second).detach().numpy(), rtol=1e-9, atol=1e-12)


def test_named_arrays_are_one_vector():
    vector = Vector({"a": (2, 3), "b": (4,)}, np.dtype(np.float32))
    vector.flat[:] = np.arange(10)
    assert vector.named["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    vector.named["b"][0] = 60
    assert vector.flat.tolist() == [0, 1, 2, 3, 4, 5, 60, 7, 8, 9]
    assert vector.places["b"] == slice(6, 10)
