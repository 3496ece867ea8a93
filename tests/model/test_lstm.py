"""The NumPy networks play what the PyTorch networks learned; what each is by the textbook."""

import json
from pathlib import Path

import numpy as np
import pytest
from networks import assert_played_alike, network_of, step

from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import tensor_shapes
from ritornello.model.network import Network, probabilities

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))["cases"]


def golden_tensors(case: dict) -> dict[str, np.ndarray]:
    """A golden network by its rule of whole numbers, name after name in alphabetical order."""
    index, tensors = 0, {}
    for name, shape in sorted(case["shapes"].items()):
        size = int(np.prod(shape))
        numbers = [
            ((((n * 2654435761 + 12345) % 2**32) >> 16) % 1025 - 512) / 512 for n in range(index, index + size)
        ]
        tensors[name] = np.array(numbers).reshape(shape)
        index += size
    return tensors


KINDS = {
    "one part": {},
    "two parts": {"second": 7},
    "side inputs": {"side": (2, 2)},
    "attention": {"attention": 9},
    "everything": {"second": 7, "side": (2, 2), "attention": 9},
    "transformer": {"heads": 2, "attention": 9},
    "transformer, everything": {"heads": 4, "second": 7, "side": (2, 2), "attention": 9},
}


def some_tokens(network: Network, random: np.random.Generator, steps: int, batch: int) -> np.ndarray:
    """(steps, batch): "nothing yet", then random tokens of each part in turn."""
    ends = np.cumsum([0, *network.alphabet.parts])
    drawn = [
        random.integers(ends[n % len(network.alphabet.parts)], ends[n % len(network.alphabet.parts) + 1], batch)
        for n in range(steps)
    ]
    return np.stack([np.full(batch, network.alphabet.size), *drawn[:-1]])


def some_columns(network: Network, random: np.random.Generator, *shape: int) -> np.ndarray:
    """(*shape, F): anything that may stand beside the tokens."""
    return random.integers(0, np.array(network.alphabet.features, np.int64), (*shape, len(network.alphabet.features)))


def golden_logits(case: dict) -> np.ndarray:
    return np.array([[-np.inf if value is None else value for value in row] for row in case["logits"]])


def run(network: Network, tokens: list[int], side: list[list[int]] | None = None) -> np.ndarray:
    state, rows = network.start(1), []
    for n, token in enumerate(tokens):
        logits, state = step(network, np.array([token]), state, None if side is None else np.array([side[n]]))
        rows.append(logits[0])
    return np.stack(rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
def test_the_golden_logits_without_torch(case, dtype):
    logits = run(network_of(golden_tensors(case), dtype), case["tokens"], case["side"])
    assert logits.dtype == dtype
    np.testing.assert_allclose(logits, golden_logits(case), rtol=0, atol=1e-5)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def textbook_step(weights: dict, below: np.ndarray, state: list) -> np.ndarray:
    """One step of the layers by the formulas, one number of each gate at a time."""
    for n, (output, cell) in enumerate(state):
        gates = (
            weights[f"lstm.{n}.input"] @ below + weights[f"lstm.{n}.recurrent"] @ output + weights[f"lstm.{n}.bias"]
        )
        i, f, g, o = gates.reshape(4, 8)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        below = sigmoid(o) * np.tanh(cell)
        state[n] = (below, cell)
    return below


def textbook_context(weights: dict, outputs: list[np.ndarray]) -> np.ndarray:
    """Bahdanau's attention over the last five outputs, the newest of which asks."""
    now, reach = outputs[-1], outputs[-5:]
    scores = [
        weights["attention.vector"] @ np.tanh(weights["attention.key"] @ h + weights["attention.query"] @ now)
        + weights["attention.place"][4 - back]
        for back, h in zip(range(len(reach) - 1, -1, -1), reach, strict=True)
    ]
    shares = np.exp(scores) / np.exp(scores).sum()
    return sum(share * h for share, h in zip(shares, reach, strict=True))


@pytest.mark.parametrize("name", ["lstm", "attention"])
def test_a_step_by_the_textbook_gives_the_same(name):
    case = GOLDEN[name]
    weights, state, outputs = golden_tensors(case), [(np.zeros(8), np.zeros(8)) for _ in range(2)], []
    for token, expected in zip(case["tokens"], case["logits"], strict=True):
        outputs.append(textbook_step(weights, weights["embedding"][token], state))
        seen = outputs[-1]
        if name == "attention":
            seen = np.concatenate([seen, textbook_context(weights, outputs)])
        logits = weights["output.weight"] @ seen + weights["output.bias"]
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["lstm", "attention"])
def test_a_group_of_two_parts_by_the_textbook_gives_the_same(name):
    case = GOLDEN[f"{name}, two parts and side inputs"]
    weights, state, outputs = golden_tensors(case), [(np.zeros(8), np.zeros(8)) for _ in range(2)], []
    fed, logits = case["tokens"], golden_logits(case)
    groups = [(12, 12), *zip(fed[1::2], fed[2::2], strict=False)]  # 7 + 5 ids; 12 stands for nothing, in both places
    for n, group in enumerate(groups):
        side = case["side"][2 * n]
        below = sum(weights["embedding"][token] for token in group)
        below = below + weights["side.0"][side[0]] + weights["side.1"][side[1]]
        outputs.append(textbook_step(weights, below, state))
        seen = outputs[-1]
        if name == "attention":
            seen = np.concatenate([seen, textbook_context(weights, outputs)])
        first = weights["output.0.weight"] @ seen + weights["output.0.bias"]
        np.testing.assert_allclose(logits[2 * n], [*first, *[-np.inf] * 5], atol=1e-6)
        if 2 * n + 1 < len(fed):
            hidden = np.tanh(weights["chain.input"] @ seen + weights["chain.embedding"][fed[2 * n + 1]])
            second = weights["output.1.weight"] @ hidden + weights["output.1.bias"]
            np.testing.assert_allclose(logits[2 * n + 1], [*[-np.inf] * 7, *second], atol=1e-6)


@pytest.mark.parametrize(("layers", "width"), [(1, 128), (2, 256), (3, 512)])
def test_numpy_and_torch_agree_over_200_random_tokens(layers, width):
    torch = pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.training.network import TorchLstm

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
    logits = run(network_of(network.tensors()), tokens)
    np.testing.assert_allclose(logits, expected[0].numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("attention", [0, 7])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("alphabet", [Alphabet((9,)), Alphabet((9, 6), (4, 2), ("own", "corpus"))])
def test_the_weights_that_a_network_needs_are_those_that_training_makes(alphabet, layers, attention, mixed):
    pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.training.network import TorchLstm

    options = NetworkOptions(layers, 24, 16, 0.0, attention, 8, mixed)
    made = {name: value.shape for name, value in TorchLstm(options, alphabet).tensors().items()}
    assert tensor_shapes(options, alphabet) == made


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("attention", [0, 1, 7, 40])
def test_torch_in_blocks_and_numpy_step_by_step_agree_over_three_tunes(attention, mixed):
    torch = pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.training.data import batch_of
    from ritornello.training.network import TorchLstm

    torch.manual_seed(attention)
    alphabet = Alphabet((9, 6), (4,))
    network = TorchLstm(NetworkOptions(2, 24, 16, 0.0, attention, 8, mixed), alphabet).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.5)
    random = np.random.default_rng(1)
    tunes = [np.stack([random.integers(0, 9, n), random.integers(9, 15, n)], 1) for n in (11, 50, 4)]
    nothing = np.full((1, 2), 15)
    groups = np.concatenate([part for tune in tunes for part in (nothing, tune)] + [nothing])
    beside = random.integers(0, np.array(alphabet.features), (len(groups), 1))
    rows = np.concatenate([groups, beside], 1)
    blocks, carried = [], None
    for at in range(0, len(rows) - 1, 13):  # blocks that end within tunes and between them
        batch = batch_of(rows[None, at : at + 14], alphabet)
        with torch.inference_mode():
            logits, carried = network(*(torch.from_numpy(part) for part in batch[:3]), carried)
        blocks.append(torch.cat(logits, 2)[0].numpy())
    expected = np.concatenate(blocks)  # (rows - 1, 9 + 6)

    assert_played_alike(network_of(network.tensors(), np.float64), tunes, rows, expected)


def test_torch_takes_back_the_weights_it_gave_and_no_others():
    torch = pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.training.network import TorchLstm

    torch.manual_seed(3)
    first, second = (TorchLstm(NetworkOptions(2, 16, 8, 0.0), Alphabet((20,))) for _ in range(2))
    tensors = first.tensors()
    second.load_tensors(tensors)
    for name, value in second.tensors().items():
        np.testing.assert_array_equal(value, tensors[name])
    with pytest.raises(ValueError, match=r"output\.bias has shape \(21,\), this network needs \(20,\)"):
        second.load_tensors(tensors | {"output.bias": np.zeros(21)})


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_silences_its_share_and_keeps_the_mean(share):
    torch = pytest.importorskip("torch")
    from ritornello.training.layers import Dropout

    torch.manual_seed(1)
    dropout, ones = Dropout(share), torch.ones(101, 999, requires_grad=True)
    values = dropout(ones)
    is_silent = values == 0
    assert is_silent.float().mean().item() == pytest.approx(share, abs=0.006)  # four standard deviations
    assert values.mean().item() == pytest.approx(1, abs=0.04)
    assert len(values.unique()) == 2
    for axis, count in ((0, 101), (1, 999)):  # rows and columns differ as much as chance makes them
        spread = (share * (1 - share) / count) ** 0.5
        assert is_silent.float().mean(axis).std().item() == pytest.approx(spread, rel=0.3)
    together = (is_silent[:, 1:] & is_silent[:, :-1]).float().mean().item()
    assert together == pytest.approx(share**2, abs=0.01)
    values.sum().backward()
    torch.testing.assert_close(ones.grad, values.detach())
    assert not torch.equal(dropout(ones), values)
    assert dropout.eval()(ones) is ones


def test_a_new_network_opens_its_forget_gates():
    pytest.importorskip("torch")
    from ritornello.model.options import NetworkOptions
    from ritornello.training.network import TorchLstm

    bias = TorchLstm(NetworkOptions(1, 8, 8, 0.0), Alphabet((5,))).tensors()["lstm.0.bias"]
    assert bias.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_64_plays_as_64_alone(make_network, kind):
    network = make_network(145, width=64, scale=0.15, **KINDS[kind])
    random = np.random.default_rng(1)
    tokens, side = some_tokens(network, random, 40, 64), some_columns(network, random, 40, 64)
    state, together = network.start(64), []
    for row, beside in zip(tokens, side, strict=True):
        logits, state = step(network, row, state, beside)
        together.append(logits)
    for n in range(64):
        alone = run(network, tokens[:, n].tolist(), side[:, n].tolist())
        np.testing.assert_allclose(np.stack(together)[:, n], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_kept_play_on_as_if_alone(make_network, kind):
    network = make_network(30, dtype=np.float64, **KINDS[kind])
    random = np.random.default_rng(2)
    tokens, side = some_tokens(network, random, 100, 6), some_columns(network, random, 100, 6)
    state, rows = network.start(6), np.arange(6)
    expected = [run(network, tokens[:, n].tolist(), side[:, n].tolist()) for n in range(6)]
    for n in range(100):
        logits, state = step(network, tokens[n, rows], state, side[n, rows])
        for row, found in zip(rows, logits, strict=True):
            np.testing.assert_allclose(found, expected[row][n], atol=1e-12)
        if n in (0, 7, 33, 34, 60):  # by slice, by mask, by indices in another order
            chosen = {0: slice(6), 7: slice(5), 33: rows != 2, 34: np.array([2, 0, 1]), 60: slice(2)}[n]
            state, rows = state.keep(chosen), rows[chosen]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_leaves_the_old_state_as_it_was(make_network, kind):
    network = make_network(20, **KINDS[kind])
    random = np.random.default_rng(3)
    tokens, side, other = some_tokens(network, random, 120, 1), *some_columns(network, random, 2, 1)
    state, states, straight = network.start(1), [], []
    for token in tokens:
        states.append(state)
        logits, state = step(network, token, state, side)
        straight.append(logits)
    for n in random.permutation(119):  # from every state another way, in any order; what came of it before stands
        step(network, tokens[(n + 2) % 120] if n else tokens[0], states[n], other)
        np.testing.assert_array_equal(step(network, tokens[n + 1], states[n + 1], side)[0], straight[n + 1])
        np.testing.assert_array_equal(step(network, tokens[n], states[n], side)[0], straight[n])


def test_attention_reaches_back_as_far_as_it_says_and_no_further(make_network):
    network = make_network(20, layers=1, width=8, attention=5, scale=0.5, dtype=np.float64)
    alone = make_network(20, layers=1, width=8, attention=1, scale=0.5, dtype=np.float64)
    state = network.start(1)
    for token in [20, 3, 4, 5, 6, 7]:
        _, state = step(network, np.array([token]), state)
    assert state.memory.outputs.shape == (1, 5, 8)
    np.testing.assert_array_equal(state.memory.outputs[:, -1], state.layers[-1][0])
    _, single = step(alone, np.array([20]), alone.start(1))
    np.testing.assert_allclose(single.seen[:, :8], single.seen[:, 8:], atol=1e-12)  # it sees itself alone


def test_a_network_with_side_inputs_says_that_it_needs_them(make_network):
    network = make_network(20, side=(2, 3))
    with pytest.raises(ValueError, match="needs its 2 features with each group of tokens"):
        step(network, np.array([20]), network.start(1))


def test_probabilities_of_large_and_small_logits():
    p = probabilities(np.array([[1000.0, 1000.0, -1000.0], [0.0, np.log(3.0), -np.inf]]))
    np.testing.assert_allclose(p, [[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])
