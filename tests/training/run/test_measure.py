"""What trains here: the choice by rule and by measurement."""

import sys

import pytest

from ritornello.encoding import Grid
from ritornello.model.options import NetworkOptions
from ritornello.training.plan import Setting, TrainOptions, usable_cores
from ritornello.training.run import engine as measure
from ritornello.training.run.engine import (
    choose_engine,
    choose_setting,
    measured,
    possible_settings,
    threads_help,
)

NETWORK = NetworkOptions(1, 16, 16)
RATES = {("bf16", 1): 20.0, ("fp32", 1): 9.0, ("bf16", 2): 31.0, ("fp32", 2): 40.0}


@pytest.fixture
def two_cores(monkeypatch):
    """A machine of two cores with bfloat16."""
    set_machine(monkeypatch)


def set_machine(monkeypatch, cores: int = 2, has_bf16: bool = True, blas: int | None = 2) -> None:
    monkeypatch.setattr(measure, "usable_cores", lambda: cores)
    monkeypatch.setattr(measure, "has_bf16", lambda device: has_bf16)
    monkeypatch.setattr(measure, "blas_threads", lambda: blas)


def chosen(rates: dict[tuple[str, int], float], options: TrainOptions):
    """Choose where settings are as fast as said; those that are not named are no gain."""
    return choose_setting(NETWORK, Grid(), options, lambda setting, _: rates.get((setting.dtype, setting.threads)))


def test_the_fastest_is_chosen_and_all_are_told(two_cores):
    pytest.importorskip("torch")
    setting, timed = chosen(RATES, TrainOptions(minutes=1, device="cpu"))
    assert setting == Setting("torch", "cpu", "fp32", 2, 40.0)
    assert [(s.dtype, s.threads, s.updates_per_second) for s in timed] == [
        ("bf16", 1, 20.0), ("fp32", 1, 9.0), ("bf16", 2, 31.0), ("fp32", 2, 40.0),
    ]  # fmt: skip


def test_what_the_first_engine_takes_to_load_is_no_setting_s_time(two_cores, monkeypatch):
    clock, engines = [0.0], []

    class Slow:
        """An engine that takes a minute to load, the first time, and no time to learn."""

        def __init__(self, *_):
            clock[0] += 0 if engines else 60
            engines.append(self)

        def update(self, batch, rate) -> float:
            clock[0] += 0.001
            return 1.0

    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(measure, "make_engine", Slow)
    monkeypatch.setattr(measure, "time_products", lambda *_: 1.0)
    _, timed = choose_setting(NETWORK, Grid(), TrainOptions(minutes=1, engine="numpy"))
    assert [s.updates_per_second for s in timed] == pytest.approx([1000, 1000])
    assert len(engines) == 3


def test_when_the_time_is_up_no_further_setting_is_tried(two_cores, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])

    def slow(setting: Setting, seconds: float) -> float:
        clock[0] += 2.0
        return 3.0

    possible = possible_settings(TrainOptions(engine="numpy"))
    assert len(possible) == 2
    assert measured(possible, slow) == [possible[0]._replace(updates_per_second=3.0)]


def test_an_option_is_not_measured_against(two_cores):
    pytest.importorskip("torch")
    options = TrainOptions(minutes=1, dtype="fp32", threads=1, device="cpu")
    assert chosen(RATES, options)[0] == Setting("torch", "cpu", "fp32", 1, 9.0)


def test_on_a_busy_machine_many_threads_are_left_out(two_cores):
    pytest.importorskip("torch")
    setting, timed = chosen({("bf16", 1): 20.0, ("fp32", 1): 9.0}, TrainOptions(minutes=1, device="cpu"))
    assert (setting.dtype, setting.threads) == ("bf16", 1)
    assert len(timed) == 2


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_threads_that_wait_for_a_core_do_not_help(engine):
    took = {1: 0.004, 2: 0.3}

    def helps(threads: int, device: str = "cpu") -> bool:
        return threads_help(Setting(engine, device, "fp32", threads), lambda engine, threads, limit: took[threads])

    assert helps(1)
    assert not helps(2)
    assert helps(2, "cuda")
    took[2] = 0.003
    assert helps(2)


def test_the_numpy_engine_has_its_threads_measured_too(two_cores, monkeypatch):
    setting, timed = chosen({("fp32", 1): 9.0, ("fp32", 2): 4.0}, TrainOptions(minutes=1, engine="numpy"))
    assert setting == Setting("numpy", "cpu", "fp32", 1, 9.0)
    assert len(timed) == 2
    set_machine(monkeypatch, blas=None)  # the environment decides
    assert [s.threads for s in possible_settings(TrainOptions(engine="numpy"))] == [2]


def test_on_a_large_machine_a_few_threads_are_tried_beside_one_and_all(monkeypatch):
    set_machine(monkeypatch, 32, True, 32)
    assert [s.threads for s in possible_settings(TrainOptions(engine="numpy"))] == [1, 4, 16, 32]


@pytest.mark.parametrize(("has", "dtype"), [(True, "bf16"), (False, "fp32")])
def test_for_a_number_of_updates_the_dtype_goes_by_rule_and_the_threads_by_measurement(has, dtype, monkeypatch):
    pytest.importorskip("torch")
    set_machine(monkeypatch, has_bf16=has)
    setting, timed = chosen({(dtype, 1): 9.0, (dtype, 2): 4.0}, TrainOptions(updates=5, device="cpu"))
    assert setting == Setting("torch", "cpu", dtype, 1, 9.0)
    assert len(timed) == 2


def test_for_a_number_of_updates_on_given_threads_nothing_is_timed(two_cores):
    pytest.importorskip("torch")
    options = TrainOptions(updates=5, device="cpu", threads=2)
    assert chosen({}, options) == (Setting("torch", "cpu", "bf16", 2), ())


def test_a_real_measurement_finds_a_rate():
    setting, timed = choose_setting(NETWORK, Grid(), TrainOptions(minutes=1, engine="numpy", streams=2, bptt_steps=4))
    assert (setting.engine, setting.device, setting.dtype) == ("numpy", "cpu", "fp32")
    assert 1 <= setting.threads <= usable_cores()
    assert setting.updates_per_second == max(s.updates_per_second for s in timed) > 1
    assert possible_settings(TrainOptions(engine="numpy"))[-1].threads == usable_cores() >= 1


def test_without_torch_numpy_trains(monkeypatch):
    assert choose_engine(TrainOptions(engine="numpy")) == "numpy"
    monkeypatch.setitem(sys.modules, "torch", None)
    assert choose_engine(TrainOptions()) == choose_engine(TrainOptions(engine="auto")) == "numpy"
    assert choose_engine(TrainOptions(engine="torch")) == "torch"
    with pytest.raises(ImportError, match="pip install torch"):
        possible_settings(TrainOptions(engine="torch"))


def test_numpy_trains_on_the_cpu_alone():
    for options in (TrainOptions(engine="numpy", device="cuda"), TrainOptions(engine="numpy", dtype="bf16")):
        with pytest.raises(ValueError, match="numpy engine trains on the cpu in fp32 alone"):
            possible_settings(options)
