"""What the tests of the trainers share: a plan, small networks, tunes of the grid, and a trainer by its name."""

from dataclasses import replace

import numpy as np
import pytest

from ritornello.encoding import Grid
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Streams
from ritornello.training.plan import Plan

NETWORK = NetworkOptions(1, 32, 32, 0.0)
TWO_LAYERS = NetworkOptions(2, 16, 12, 0.0)
TUNE = np.array([132, *([60, 128, 64, 129] * 6), 144], np.int16)
TUNES = [np.array([132, 60 + n, *[128] * n, 62, 129, 144], np.int16) for n in range(9)]
PLAN = Plan(
    updates=30,
    check_every=2,
    patience=30,
    streams=4,
    bptt_steps=16,
    peak_rate=0.02,
    weight_decay=0.01,
    warmup_updates=1,
    dropout=0.0,
    dtype="fp32",
    threads=1,
    device="cpu",
    seed=1,
    seconds=None,
)
TRAINERS = ("numpy", "torch")


def a_plan(**changed) -> Plan:
    return replace(PLAN, **changed)


def trainer_named(name: str) -> type:
    if name == "torch":
        pytest.importorskip("torch")
        from ritornello.training.run.torch_engine import SavedTorchEngine

        return SavedTorchEngine
    from ritornello.training.numpy.engine import NumpyEngine

    return NumpyEngine


def make_engine(trainer: str, network: NetworkOptions = NETWORK, before: np.ndarray | None = None, **changed):
    """A trainer of the grid. changed: fields of the plan."""
    return trainer_named(trainer)(network, Grid(version=1), a_plan(**changed), before)


def train(engine, updates: int, seed: int = 1) -> list[float]:
    streams = Streams([TUNE], Grid(version=1), 4, seed, 60, 64)
    return [engine.update(streams.chunk(16), 0.02) for _ in range(updates)]


def without_start(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value for name, value in tensors.items() if not name.startswith("start.")}


def assert_goes_on_to_the_bit(begin, tunes: list[np.ndarray]) -> None:
    """Twelve updates are the same when they were stopped after 0, 1 or 7 and taken up from the saved state.

    begin(seed) gives an engine and its streams.
    """
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
