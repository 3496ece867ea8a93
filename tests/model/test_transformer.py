"""The transformer: by the textbook, as far back as it reaches, in NumPy as in PyTorch, and as fast as it must be."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks import alphabet_of, assert_played_alike, network_of, step

from ritornello.encoding import Grid, make_encoding
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.model.alphabet import Alphabet
from ritornello.model.file import ModelFile, ModelFileError, load_model, save_model
from ritornello.model.options import NetworkOptions, load_preset
from ritornello.model.players import Player
from ritornello.model.transformer import transformer_shapes

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))["cases"]
OPTIONS = NetworkOptions(2, 24, 24, 0.0, attention=20, chain=8, kind="transformer", heads=3)
BLOCK = ("query", "key", "value", "context", "query_bias", "distance", "inner", "inner_bias", "outer", "outer_bias")


def normal(x: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5)


def textbook(weights: dict, summed: list[np.ndarray], heads: int) -> list[np.ndarray]:
    """The input of the softmaxes after each group, from the sums of embeddings: one group and one head at a time."""
    xs = summed
    for n in range(2):
        w = {name: weights[f"block.{n}.{name}"] for name in BLOCK}
        reach, size = w["distance"].shape
        out = []
        for t, x in enumerate(xs):
            attended = np.zeros(heads * size)
            query = w["query"] @ normal(x) + w["query_bias"]
            for a in range(heads):
                own = slice(a * size, (a + 1) * size)
                places = range(max(0, t - reach + 1), t + 1)
                keys = [w["key"][own] @ normal(xs[i]) + w["distance"][reach - 1 - (t - i)] for i in places]
                scores = np.exp([query[own] @ key / np.sqrt(size) for key in keys])
                for i, score in zip(places, scores / scores.sum(), strict=True):
                    attended[own] += score * (w["value"][own] @ normal(xs[i]))
            x = x + w["context"] @ attended
            x = x + w["outer"] @ np.maximum(0, w["inner"] @ normal(x) + w["inner_bias"]) + w["outer_bias"]
            out.append(x)
        xs = out
    return [normal(x) for x in xs]


def test_the_formulas_of_the_textbook_give_the_same(make_tensors):
    tensors = make_tensors(11, width=8, heads=2, attention=5, seed=3)
    weights = {name: value.astype(np.float64) for name, value in tensors.items()}
    tokens, network = [11, 3, 4, 10, 0, 7, 7, 2, 9], network_of(tensors, np.float64)
    seen = textbook(weights, [weights["embedding"][token] for token in tokens], 2)
    state = network.start(1)
    for token, expected in zip(tokens, seen, strict=True):
        logits, state = step(network, np.array([token]), state)
        np.testing.assert_allclose(state.seen[0], expected, atol=1e-9)
        np.testing.assert_allclose(logits[0], weights["output.weight"] @ expected + weights["output.bias"], atol=1e-9)


def test_two_parts_and_features_are_summed_and_the_second_sees_the_first(make_tensors):
    tensors = make_tensors(12, width=8, heads=2, attention=5, second=5, side=(3, 4), seed=4)
    w = {name: value.astype(np.float64) for name, value in tensors.items()}
    groups, sides = [(12, 12), (3, 8), (6, 11), (0, 7)], [(1, 2), (0, 3), (2, 0), (1, 1)]
    summed = [
        sum(w["embedding"][token] for token in group) + w["side.0"][one] + w["side.1"][two]
        for group, (one, two) in zip(groups, sides, strict=True)
    ]
    network, first = network_of(tensors, np.float64), 4
    state = network.start(1)
    for group, side, seen in zip(groups, sides, textbook(w, summed, 2), strict=True):
        for token in group if group[0] < 12 else group[:1]:  # "nothing yet" is a group of its own
            _, state = step(network, np.array([token]), state, np.array([side]))
        np.testing.assert_allclose(network.logits(state)[0], w["output.0.weight"] @ seen + w["output.0.bias"])
        given = network.feed(np.array([first]), state)
        hidden = np.tanh(w["chain.input"] @ seen + w["chain.embedding"][first])
        np.testing.assert_allclose(network.logits(given)[0], w["output.1.weight"] @ hidden + w["output.1.bias"])


def test_it_reaches_back_as_far_as_it_says_and_no_further(make_network):
    network = make_network(20, layers=1, width=8, heads=2, attention=5, scale=0.5, dtype=np.float64)
    random, seen = np.random.default_rng(1), []
    last = random.integers(0, 20, 5)
    for before in ([20], [20, *random.integers(0, 20, 700)]):
        state = network.start(1)
        for token in [*before, *last]:
            _, state = step(network, np.array([token]), state)
        seen.append(state.seen)
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-12)
    assert state.memory.blocks[0].length == 5
    _, other = step(network, np.array([3]), network.start(1))
    assert not np.allclose(seen[0], other.seen)


@pytest.mark.parametrize("alphabet", [Alphabet((9,)), Alphabet((9, 6), (4, 2), ("own", "corpus"))])
def test_the_weights_that_it_needs_are_those_that_training_makes(alphabet):
    pytest.importorskip("torch")
    from ritornello.training.transformer import TorchTransformer

    made = {name: value.shape for name, value in TorchTransformer(OPTIONS, alphabet).tensors().items()}
    assert transformer_shapes(OPTIONS, alphabet) == made


@pytest.mark.parametrize("features", [(), (4, 3)])
@pytest.mark.parametrize("steps", [1, 13, 70, 200])
def test_torch_in_blocks_and_numpy_step_by_step_agree_over_four_tunes(features, steps):
    torch = pytest.importorskip("torch")
    from ritornello.training.data import batch_of
    from ritornello.training.transformer import TorchTransformer

    torch.manual_seed(1)
    torch.set_num_threads(1)
    alphabet = Alphabet((9, 6), features)
    network = TorchTransformer(OPTIONS, alphabet).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.4)
    random = np.random.default_rng(1)
    tunes = [np.stack([random.integers(0, 9, n), random.integers(9, 15, n)], 1) for n in (11, 90, 4, 0)]
    nothing = np.full((1, 2), 15)
    groups = np.concatenate([part for tune in tunes for part in (nothing, tune)] + [nothing])
    beside = random.integers(0, np.array(features, np.int64), (len(groups), len(features)))
    rows, blocks, carried = np.concatenate([groups, beside], 1), [], None
    for at in range(0, len(rows) - 1, steps):  # blocks that end within tunes and between them
        batch = batch_of(rows[None, at : at + steps + 1], alphabet)
        with torch.inference_mode():
            logits, carried = network(*(torch.from_numpy(part) for part in batch[:3]), carried)
        blocks.append(torch.cat(logits, 2)[0].numpy())
    playing = network_of(network.tensors(), np.float32)
    assert_played_alike(playing, tunes, rows, np.concatenate(blocks))


def test_a_section_in_the_midst_of_a_long_melody_sees_nothing_of_another_melody():
    torch = pytest.importorskip("torch")
    from ritornello.training.data import batch_of
    from ritornello.training.transformer import TorchTransformer

    torch.manual_seed(1)
    network = TorchTransformer(replace(OPTIONS, layers=1), Alphabet((9,))).eval()
    section = [~5, 1, 2, 3]  # the group before a section is written as its complement
    logits = []
    for before, cut in (([9, 4, 4], 99), ([9, 7, 8], 99), ([9, 7, 8], 3)):  # at once, and in blocks between the two
        rows, found, carried = np.array([*before, *section])[None, :, None], [], None
        for at in range(0, rows.shape[1] - 1, cut):
            batch = batch_of(rows[:, at : at + cut + 1], network.alphabet)
            with torch.inference_mode():
                (part,), carried = network(*(torch.from_numpy(values) for values in batch[:3]), carried)
            found.append(part[0, :])
        logits.append(torch.cat(found)[3:].numpy())
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-6)
    np.testing.assert_allclose(logits[1], logits[2], atol=1e-6)


def test_what_is_carried_is_no_longer_than_the_longest_melody_that_goes_on():
    torch = pytest.importorskip("torch")
    from ritornello.training.transformer import PLACES, TorchTransformer

    network = TorchTransformer(replace(OPTIONS, attention=512), Alphabet((9,))).eval()
    tokens, lengths, past = torch.randint(0, 9, (2, 300, 1)), [], None
    tokens[:, 0], tokens[:, 290] = 9, 9
    for at in range(0, 300, 50):
        part = tokens[:, at : at + 50]
        with torch.inference_mode():
            _, past = network(part, part, part[:, :, :0], past)
        lengths.append(past.hidden.shape[2])
    assert lengths == [50, 100, 150, 200, 250, PLACES]  # whole PLACES, as far as there are any


def test_long_notes_of_a_long_tune_are_played_one_after_another_and_in_a_batch_alike(make_network):
    network = make_network(30, heads=2, attention=16, scale=0.4, dtype=np.float64)
    tokens, state = np.random.default_rng(2).integers(0, 30, (200, 3)), network.start(3)
    alone = [network.start(1) for _ in range(3)]
    for row in tokens:
        together, state = step(network, row, state)
        for n in range(3):
            logits, alone[n] = step(network, row[n : n + 1], alone[n])
            np.testing.assert_allclose(together[n], logits[0], atol=1e-10)


def test_a_feature_that_is_stretched_lies_further_from_unknown(make_tensors):
    tensors = make_tensors(20, width=8, heads=2, attention=5, side=(3, 2))
    twice = network_of(tensors, np.float64).stretched(0, 2.0)
    table = tensors["side.0"].astype(np.float64)
    by_hand = network_of(tensors | {"side.0": 2 * table - table[:1]}, np.float64)
    for value in range(3):
        seen = [each.feed(np.array([20]), each.start(1), np.array([[value, 1]])).seen for each in (twice, by_hand)]
        np.testing.assert_allclose(seen[0], seen[1], atol=1e-9)


@pytest.fixture
def model(make_tensors) -> ModelFile:
    encoding = Grid(version=1)
    tensors = make_tensors(145, width=16, layers=1, heads=2, attention=32, scale=0.2)
    options = NetworkOptions(1, 16, attention=32, kind="transformer", heads=2)
    return ModelFile(tensors, options, encoding, {"seed": 1})


def test_a_model_file_keeps_it_and_it_plays(model, tmp_path):
    save_model(tmp_path / "model.safetensors", model)
    again = load_model(tmp_path / "model.safetensors")
    assert again.network == model.network
    assert set(again.network.to_dict()) == {"layers", "width", "dropout", "attention", "chain", "kind", "heads"}
    players = [Player(each.build(), each.encoding) for each in (model, again)]
    for token in (132, 60, 128):
        for player in players:
            player.feed(token)
    np.testing.assert_array_equal(players[0].ask(), players[1].ask())
    made = compose(again.build(), again.encoding, GenerateOptions(bars=4), 1, range(3))
    assert [len(each.tokens) > 0 for each in made] == [True] * 3


def test_a_model_file_of_an_lstm_says_nothing_of_heads():
    assert "heads" not in NetworkOptions().to_dict()
    assert NetworkOptions(**NetworkOptions().to_dict()) == NetworkOptions()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensors: tensors.pop("block.0.distance"), r"lacks the weights block\.0\.distance"),
        (
            lambda tensors: tensors.update({"block.0.key": np.zeros((8, 16), np.float32)}),
            r"block\.0\.key have the shape",
        ),
        (lambda tensors: tensors.update({"start.0.cell": np.zeros(16, np.float32)}), r"start\.0\.cell do not belong"),
        (lambda tensors: tensors.update({"lstm.0.bias": np.zeros(64, np.float32)}), r"lstm\.0\.bias do not belong"),
    ],
)
def test_weights_that_are_not_its_own_are_refused(model, tmp_path, change, reason):
    tensors = dict(model.tensors)
    change(tensors)
    save_model(tmp_path / "model.safetensors", replace(model, tensors=tensors))
    with pytest.raises(ModelFileError, match=reason):
        load_model(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    "options", [{"attention": 0}, {"attention": 20, "heads": 5}, {"attention": 20, "width": 10, "heads": 4}]
)
def test_options_that_do_not_fit_are_named(options):
    with pytest.raises(ValueError, match="heads must divide its width"):
        NetworkOptions(kind="transformer", **options)


def test_the_preset_is_about_as_large_as_the_lstm():
    alphabet = Alphabet.of(make_encoding("interval"))
    from ritornello.model.lstm import tensor_shapes

    sizes = [
        sum(int(np.prod(shape)) for shape in shapes(load_preset(name), alphabet).values())
        for name, shapes in (("lstm", tensor_shapes), ("transformer", transformer_shapes))
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)


def test_without_torch_one_line_says_how_to_get_it():
    from ritornello.training.numpy.engine import NumpyEngine
    from ritornello.training.plan import Plan

    with pytest.raises(ValueError, match="the transformer needs PyTorch to train: pip install torch"):
        NumpyEngine(OPTIONS, Grid(), Plan(updates=1, engine="numpy"))


def test_it_needs_groups_of_at_most_two_tokens(make_tensors):
    tensors = make_tensors(12, width=8, heads=2, attention=5)
    alphabet = replace(alphabet_of(tensors), parts=(4, 4, 4))
    with pytest.raises(ValueError, match="the transformer reads groups of 1 or 2 tokens, not of 3"):
        transformer_shapes(OPTIONS, alphabet)
