"""The PyTorch engine: what it alone can do; what every trainer promises is in test_trainers.py."""

import numpy as np
import pytest
from networks import network_of, step

torch = pytest.importorskip("torch")

from trainers import TUNE, TUNES, a_plan, assert_goes_on_to_the_bit, make_engine, train, without_start  # noqa: E402
from two_parts import TwoParts, features_by_hand, tune  # noqa: E402

from ritornello.encoding import Grid  # noqa: E402
from ritornello.evaluate.likelihood import melody_nats  # noqa: E402
from ritornello.model.alphabet import Alphabet  # noqa: E402
from ritornello.model.lstm import NumpyLstm  # noqa: E402
from ritornello.model.network import probabilities  # noqa: E402
from ritornello.model.options import NetworkOptions  # noqa: E402
from ritornello.training import update as engines  # noqa: E402
from ritornello.training.data import Streams, batch_of  # noqa: E402
from ritornello.training.run.engine import choose_device, has_bf16  # noqa: E402
from ritornello.training.run.torch_engine import SavedTorchEngine  # noqa: E402

TWO_PART_TUNES = [tune(np.random.default_rng(n), notes) for n, notes in enumerate((5, 9, 4, 30, 1, 12))]


KINDS = ({"attention": 0}, {"attention": 20}, {"attention": 20, "kind": "transformer"})


def two_parts_engine(dropout: float = 0.0, seed: int = 1, dtype: str = "fp32", **kind) -> SavedTorchEngine:
    network = NetworkOptions(2, 16, 12, dropout, chain=8, **kind)
    return SavedTorchEngine(network, TwoParts(), a_plan(dtype=dtype, seed=seed), before=TWO_PART_TUNES[0])


def paid_token_by_token(network: NumpyLstm, melody: np.ndarray) -> float:
    """Nats of a melody of two parts, from what the network says before each token."""
    side, nats, state, fed = features_by_hand(melody), 0.0, network.start(1), 15
    for n, token in enumerate(melody.tolist()):
        logits, state = step(network, np.array([fed]), state, side[n // 2][None])
        nats -= np.log(probabilities(logits)[0, token])
        fed = token
    return nats


@pytest.mark.skipif(not has_bf16(), reason="this processor has no bfloat16 arithmetic")
def test_bfloat16_learns_too():
    engine = make_engine("torch", dtype="bf16")
    nlls = train(engine, 60)
    assert nlls[-1] < 0.3 < nlls[0]
    assert all(value.dtype == np.float32 for value in engine.tensors().values())
    exact = melody_nats(network_of(engine.tensors()), [TUNE], Grid(version=1)).sum() / len(TUNE)
    assert engine.nll([TUNE]) == pytest.approx(exact, abs=0.05)


def test_a_device_that_is_not_there_is_named():
    assert choose_device("cpu").type == "cpu"
    for name in ("cuda:99", "abacus", *([] if torch.backends.mps.is_available() else ["mps"])):
        with pytest.raises(ValueError, match=f"there is no device '{name}' on this machine: choose cpu"):
            choose_device(name)


@pytest.mark.parametrize("dtype", ["fp32", *(["bf16"] if has_bf16() else [])])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("encoding", [Grid(), TwoParts()], ids=lambda e: e.name)
def test_a_run_taken_up_again_goes_on_to_the_bit(encoding, kind, dtype):
    network = NetworkOptions(2, 16, 16, 0.4, chain=8, **kind)
    tunes = TUNES if encoding == Grid() else TWO_PART_TUNES

    def begin(seed: int) -> tuple[SavedTorchEngine, Streams]:
        engine = SavedTorchEngine(network, encoding, a_plan(dtype=dtype, seed=seed), before=tunes[0])
        return engine, Streams(tunes, encoding, 4, seed, 2, 7)

    assert_goes_on_to_the_bit(begin, tunes)


@pytest.mark.parametrize("kind", [{}, {"attention": 7}, {"attention": 7, "kind": "transformer"}], ids=str)
def test_two_parts_are_learned_and_checked_as_they_are_played(kind, monkeypatch):
    engine = two_parts_engine(**kind)
    tunes = [TWO_PART_TUNES[1], TWO_PART_TUNES[3]]
    streams = Streams(tunes, TwoParts(), 4, 1, 2, 7)
    nlls = [engine.update(streams.chunk(16), 0.02) for _ in range(150)]
    assert nlls[0] == pytest.approx((np.log(11) + np.log(4)) / 2, rel=0.2)
    assert nlls[-1] < 0.5
    playing = network_of(engine.tensors(), np.float64)
    expected = sum(paid_token_by_token(playing, m) for m in TWO_PART_TUNES) / sum(map(len, TWO_PART_TUNES))
    assert engine.nll(TWO_PART_TUNES) == pytest.approx(expected, rel=1e-4)
    monkeypatch.setattr(engines, "STEPS_PER_CHECK", 3)
    monkeypatch.setattr(engine, "steps_per_check_batch", 20)
    assert engine.nll(TWO_PART_TUNES) == pytest.approx(expected, rel=1e-4)


def test_the_loss_is_the_mean_over_the_targets_of_both_parts():
    engine = two_parts_engine()
    groups = np.array([[[15, 15], [3, 12], [4, 14], [10, 15]]])  # two notes and the end, which stands alone
    rows = np.concatenate([groups, np.zeros((1, 4, 2), np.int64)], 2)
    batch = batch_of(rows, Alphabet.of(TwoParts()))
    assert batch.targets.tolist() == [[[3, 12], [4, 14], [10, -100]]]
    tensors = without_start(engine.tensors())
    network, nats = network_of(tensors, np.float64), []
    state, nothing = network.start(1), np.zeros((1, 2), np.int64)
    for fed, wanted in zip([15, 3, 12, 4, 14], [3, 12, 4, 14, 10], strict=True):
        logits, state = step(network, np.array([fed]), state, nothing)
        nats.append(-np.log(probabilities(logits)[0, wanted]))
    assert engine.update(batch, 0.0) == pytest.approx(sum(nats) / 5, rel=1e-5)
