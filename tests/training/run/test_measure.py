"""What trains here: the choice by rule and by measurement."""

import sys

import pytest

from ritornello.encoding import Grid
from ritornello.model.options import NetworkOptions
from ritornello.training.plan import Setting, TrainOptions, usable_cores
from ritornello.training.run import measure
from ritornello.training.run.measure import choose_engine, choose_setting, possible_settings

NETWORK = NetworkOptions(1, 16, 16)


def timed_as(monkeypatch, rates: dict[tuple[str, int], float]) -> None:
    """Let the settings be as fast as said, whatever the machine does."""
    monkeypatch.setattr(measure, "usable_cores", lambda: 2)
    monkeypatch.setattr(measure, "has_bf16", lambda: True)
    monkeypatch.setattr(measure, "_threads_help", lambda setting: True)
    monkeypatch.setattr(measure, "_updates_per_second", lambda n, e, plan, s: rates[plan.dtype, plan.threads])


def test_the_fastest_is_chosen_and_all_are_told(monkeypatch):
    pytest.importorskip("torch")
    timed_as(monkeypatch, {("bf16", 1): 20.0, ("fp32", 1): 9.0, ("bf16", 2): 31.0, ("fp32", 2): 40.0})
    setting, timed = choose_setting(NETWORK, Grid(), TrainOptions(minutes=1, device="cpu"))
    assert setting == Setting("torch", "cpu", "fp32", 2, 40.0)
    assert [(s.dtype, s.threads, s.updates_per_second) for s in timed] == [
        ("bf16", 1, 20.0), ("fp32", 1, 9.0), ("bf16", 2, 31.0), ("fp32", 2, 40.0),
    ]  # fmt: skip


def test_what_the_first_engine_takes_to_load_is_no_setting_s_time(monkeypatch):
    pytest.importorskip("torch")
    rates = {("bf16", 1): 20.0, ("fp32", 1): 9.0, ("bf16", 2): 31.0, ("fp32", 2): 40.0}
    timed_as(monkeypatch, rates)
    clock, made = [0.0], []

    def make(*_):
        clock[0] += 0 if made else 60
        made.append(1)

    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(measure, "make_engine", make)
    _, timed = choose_setting(NETWORK, Grid(), TrainOptions(minutes=1, device="cpu"))
    assert len(timed) == len(rates)
    assert made


def test_a_wish_is_not_measured_against(monkeypatch):
    pytest.importorskip("torch")
    timed_as(monkeypatch, {("fp32", 1): 9.0, ("fp32", 2): 40.0})
    options = TrainOptions(minutes=1, dtype="fp32", threads=1, device="cpu")
    assert choose_setting(NETWORK, Grid(), options)[0] == Setting("torch", "cpu", "fp32", 1, 9.0)


def test_on_a_busy_machine_many_threads_are_not_even_tried(monkeypatch):
    pytest.importorskip("torch")
    timed_as(monkeypatch, {("bf16", 1): 20.0, ("fp32", 1): 9.0})
    monkeypatch.setattr(measure, "_threads_help", lambda setting: setting.threads == 1)
    setting, timed = choose_setting(NETWORK, Grid(), TrainOptions(minutes=1, device="cpu"))
    assert (setting.dtype, setting.threads) == ("bf16", 1)
    assert len(timed) == 2


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_threads_that_wait_for_a_core_do_not_help(monkeypatch, engine):
    took = {1: 0.004, 2: 0.3}
    monkeypatch.setattr(measure, "_probe", lambda engine, threads, limit=0: took[threads])
    assert measure._threads_help(Setting(engine, "cpu", "fp32", 1))
    assert not measure._threads_help(Setting(engine, "cpu", "fp32", 2))
    took[2] = 0.003
    assert measure._threads_help(Setting(engine, "cpu", "fp32", 2))


def test_the_numpy_trainer_has_its_threads_measured_too(monkeypatch):
    timed_as(monkeypatch, {("fp32", 1): 9.0, ("fp32", 2): 4.0})
    monkeypatch.setattr(measure, "blas_threads", lambda: 2)
    setting, timed = choose_setting(NETWORK, Grid(), TrainOptions(minutes=1, engine="numpy"))
    assert setting == Setting("numpy", "cpu", "fp32", 1, 9.0)
    assert len(timed) == 2
    monkeypatch.setattr(measure, "blas_threads", lambda: None)  # another BLAS: the environment decides
    assert [s.threads for s in possible_settings(TrainOptions(engine="numpy"))] == [2]


def test_on_a_large_machine_a_few_threads_are_tried_beside_one_and_all(monkeypatch):
    monkeypatch.setattr(measure, "usable_cores", lambda: 32)
    monkeypatch.setattr(measure, "blas_threads", lambda: 32)
    assert [s.threads for s in possible_settings(TrainOptions(engine="numpy"))] == [1, 4, 16, 32]


@pytest.mark.parametrize(("has", "dtype"), [(True, "bf16"), (False, "fp32")])
def test_for_a_number_of_updates_the_dtype_goes_by_rule_and_the_threads_by_measurement(monkeypatch, has, dtype):
    pytest.importorskip("torch")
    timed_as(monkeypatch, {(dtype, 1): 9.0, (dtype, 2): 4.0})
    monkeypatch.setattr(measure, "has_bf16", lambda: has)
    setting, timed = choose_setting(NETWORK, Grid(), TrainOptions(updates=5, device="cpu"))
    assert setting == Setting("torch", "cpu", dtype, 1, 9.0)
    assert len(timed) == 2


def test_for_a_number_of_updates_on_given_threads_nothing_is_timed(monkeypatch):
    pytest.importorskip("torch")
    timed_as(monkeypatch, {})
    options = TrainOptions(updates=5, device="cpu", threads=2)
    assert choose_setting(NETWORK, Grid(), options) == (Setting("torch", "cpu", "bf16", 2), ())


def test_a_real_measurement_finds_a_rate():
    setting, timed = choose_setting(NETWORK, Grid(), TrainOptions(minutes=1, engine="numpy", streams=2, bptt_steps=4))
    assert (setting.engine, setting.device, setting.dtype) == ("numpy", "cpu", "fp32")
    assert 1 <= setting.threads <= usable_cores()
    assert setting.updates_per_second == max(s.updates_per_second for s in timed) > 1


def test_without_torch_numpy_trains(monkeypatch):
    assert choose_engine(TrainOptions(engine="numpy")) == "numpy"
    monkeypatch.setitem(sys.modules, "torch", None)
    assert choose_engine(TrainOptions()) == "numpy"
    assert choose_engine(TrainOptions(engine="torch")) == "torch"
    with pytest.raises(ImportError, match=r'pip install "ritornello\[train\]"'):
        possible_settings(TrainOptions(engine="torch"))


def test_numpy_trains_on_the_cpu_alone():
    for options in (TrainOptions(engine="numpy", device="cuda"), TrainOptions(engine="numpy", dtype="bf16")):
        with pytest.raises(ValueError, match="numpy engine trains on the cpu in fp32 alone"):
            possible_settings(options)
