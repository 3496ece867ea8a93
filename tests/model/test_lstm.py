"""The NumPy network plays what the PyTorch network learned; the player keeps its word."""

import json
from pathlib import Path

import numpy as np
import pytest

from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm, probabilities
from ritornello.model.player import Player

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))


def golden_tensors() -> dict[str, np.ndarray]:
    """The golden network by its rule of whole numbers, name after name in alphabetical order."""
    index, tensors = 0, {}
    for name, shape in sorted(GOLDEN["shapes"].items()):
        size = int(np.prod(shape))
        numbers = [
            ((((n * 2654435761 + 12345) % 2**32) >> 16) % 1025 - 512) / 512 for n in range(index, index + size)
        ]
        tensors[name] = np.array(numbers).reshape(shape)
        index += size
    return tensors


def run(network: NumpyLstm, tokens: list[int]) -> np.ndarray:
    state, rows = network.start(1), []
    for token in tokens:
        logits, state = network.step(np.array([token]), state)
        rows.append(logits[0])
    return np.stack(rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_golden_logits_without_torch(dtype):
    logits = run(NumpyLstm(golden_tensors(), dtype), GOLDEN["tokens"])
    assert logits.dtype == dtype
    np.testing.assert_allclose(logits, GOLDEN["logits"], rtol=0, atol=1e-5)


def test_a_step_by_the_textbook_gives_the_same():
    weights = golden_tensors()
    state = [(np.zeros(8), np.zeros(8)) for _ in range(2)]

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    for token, expected in zip(GOLDEN["tokens"], GOLDEN["logits"], strict=True):
        below = weights["embedding"][token]
        for n, (output, cell) in enumerate(state):
            gates = (
                weights[f"lstm.{n}.input"] @ below
                + weights[f"lstm.{n}.recurrent"] @ output
                + weights[f"lstm.{n}.bias"]
            )
            i, f, g, o = gates.reshape(4, 8)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            below = sigmoid(o) * np.tanh(cell)
            state[n] = (below, cell)
        logits = weights["output.weight"] @ below + weights["output.bias"]
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("layers", "width"), [(1, 128), (2, 256), (3, 512)])
def test_numpy_and_torch_agree_over_200_random_tokens(layers, width):
    torch = pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.model.torch_lstm import TorchLstm

    torch.set_num_threads(1)
    torch.manual_seed(layers)
    network = TorchLstm(NetworkOptions(layers, width, width, 0.3), Alphabet((145,))).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # a trained network's logits are larger than a new one's
    tokens = [145, *np.random.default_rng(width).integers(0, 145, 199).tolist()]
    inputs = torch.tensor(tokens)[None, :, None]
    with torch.inference_mode():
        (expected,), _ = network(inputs, inputs, inputs[:, :, :0], None)
    logits = run(NumpyLstm(network.tensors()), tokens)
    np.testing.assert_allclose(logits, expected[0].numpy(), rtol=0, atol=1e-5)


def test_torch_takes_back_the_weights_it_gave_and_no_others():
    torch = pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.model.torch_lstm import TorchLstm

    torch.manual_seed(3)
    first, second = (TorchLstm(NetworkOptions(2, 16, 8, 0.0), Alphabet((20,))) for _ in range(2))
    tensors = first.tensors()
    second.load_tensors(tensors)
    for name, value in second.tensors().items():
        np.testing.assert_array_equal(value, tensors[name])
    with pytest.raises(ValueError, match=r"output\.bias has shape \(21,\), this network needs \(20,\)"):
        second.load_tensors(tensors | {"output.bias": np.zeros(21)})


def test_a_new_network_opens_its_forget_gates():
    pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.model.torch_lstm import TorchLstm

    bias = TorchLstm(NetworkOptions(1, 8, 8, 0.0), Alphabet((5,))).tensors()["lstm.0.bias"]
    assert bias.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16


def test_a_batch_of_64_plays_as_64_alone(make_network):
    network = make_network(145, width=64, scale=0.15)
    tokens = np.random.default_rng(1).integers(0, 145, (40, 64))
    state, together = network.start(64), []
    for row in tokens:
        logits, state = network.step(row, state)
        together.append(logits)
    for n in range(64):
        alone = run(network, tokens[:, n].tolist())
        np.testing.assert_allclose(np.stack(together)[:, n], alone, rtol=0, atol=1e-5)


def test_a_step_leaves_the_old_state_as_it_was(make_network):
    network = make_network(20)
    _, state = network.step(np.array([20]), network.start(1))
    before = [(output.copy(), cell.copy()) for output, cell in state.layers]
    first, _ = network.step(np.array([3]), state)
    again, _ = network.step(np.array([3]), state)
    np.testing.assert_array_equal(first, again)
    for (output, cell), (old_output, old_cell) in zip(state.layers, before, strict=True):
        np.testing.assert_array_equal(output, old_output)
        np.testing.assert_array_equal(cell, old_cell)


def test_probabilities_of_large_and_small_logits():
    p = probabilities(np.array([[1000.0, 1000.0, -1000.0], [0.0, np.log(3.0), -np.inf]]))
    np.testing.assert_allclose(p, [[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])


def test_the_player_asks_what_the_network_says(make_network):
    network = make_network(20)
    player = Player(network)
    fed = [20, 3, 7, 7, 0, 19]
    expected = probabilities(run(network, fed))
    for token, row in zip([None, *fed[1:]], expected, strict=True):
        if token is not None:
            player.feed(token)
        asked = player.ask()
        assert asked.shape == (20,)
        assert asked.dtype == np.float64
        assert asked.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(asked, row, atol=1e-12)
        np.testing.assert_array_equal(player.ask(), asked)


def test_reset_begins_again(make_network):
    player = Player(make_network(20))
    first = player.ask()
    player.feed(3)
    assert not np.allclose(player.ask(), first)
    player.reset()
    np.testing.assert_array_equal(player.ask(), first)


@pytest.mark.parametrize("bad", [-1, 20, 1000])
def test_the_player_refuses_a_token_outside_its_vocabulary_and_plays_on(make_network, bad):
    player = Player(make_network(20))
    player.feed(3)
    before = player.ask()
    with pytest.raises(ValueError, match=f"token {bad} is outside this model's vocabulary \\(0 to 19\\)"):
        player.feed(bad)
    np.testing.assert_array_equal(player.ask(), before)


def test_numpy_integers_may_be_fed(make_network):
    player = Player(make_network(20))
    player.feed(np.int16(3))
    player.feed(np.uint8(19))
    assert player.ask().sum() == pytest.approx(1)
