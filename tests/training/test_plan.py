"""The plan: numbers that can be checked on paper."""

import json
import math
from dataclasses import asdict

import pytest

from ritornello.training.plan import (
    Plan,
    Setting,
    TrainOptions,
    choose_dropout,
    make_plan,
)


def plan_of(corpus_tokens: int = 100_000, rate: float = 10.0, fine_tune: bool = False, **options):
    return make_plan(TrainOptions(**options), corpus_tokens, Setting("torch", "cpu", "fp32", 1, rate), fine_tune)


def test_the_learning_rate_warms_up_and_falls_by_half_a_cosine():
    plan = plan_of(updates=420, peak_rate=0.01)
    assert plan.warmup_updates == 21
    assert plan.rate(0) == pytest.approx(0.01 / 21)
    assert plan.rate(9) == pytest.approx(0.01 * 10 / 21)
    assert plan.rate(20) == pytest.approx(0.01)
    assert plan.rate(21) == pytest.approx(0.01)  # the cosine's top
    middle = 21 + 399 / 2
    assert plan.rate(int(middle)) == pytest.approx(0.00505, rel=0.01)  # half way down to 1 %
    assert plan.rate(420) == pytest.approx(0.0001)
    assert plan.rate(10_000) == pytest.approx(0.0001)
    quarter = 0.01 * (0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2)
    assert plan_of(updates=401, peak_rate=0.01).rate(20 + 95) == pytest.approx(quarter, rel=0.01)


def test_the_rate_never_rises_after_warm_up():
    plan = plan_of(updates=300)
    rates = [plan.rate(n) for n in range(plan.warmup_updates - 1, 300)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(("updates", "warmup"), [(1, 1), (19, 1), (100, 5), (4000, 200), (100_000, 200)])
def test_warm_up_is_a_twentieth_and_at_most_200(updates, warmup):
    assert plan_of(updates=updates).warmup_updates == warmup


def test_minutes_become_updates_by_the_measured_rate():
    plan = plan_of(minutes=2.0, rate=10.0)
    assert plan.updates == pytest.approx(959, abs=1)  # 110.4 of 120 s, less 12 checks of 1 s and an n-gram of 2.5 s
    assert plan.seconds == 120
    assert plan_of(minutes=0.001, rate=1.0).updates == 20
    assert plan_of().seconds == 180


def test_updates_are_exact_and_know_no_clock():
    plan = plan_of(updates=77, rate=1e9)
    assert (plan.updates, plan.seconds) == (77, None)


def test_updates_and_minutes_exclude_each_other():
    with pytest.raises(ValueError, match="updates and minutes exclude each other"):
        TrainOptions(updates=10, minutes=1)


@pytest.mark.parametrize(("updates", "checks", "every"), [(160, 16, 10), (10, 16, 1), (1000, 4, 250), (100, 1, 100)])
def test_checks_are_spread_over_the_run(updates, checks, every):
    assert plan_of(updates=updates, checks=checks).check_every == every


def test_dropout_grows_with_the_epochs_from_nothing_to_a_half():
    def dropout(epochs: float) -> float:
        return choose_dropout(TrainOptions(), 1_000_000, round(epochs * 1_000_000))

    assert dropout(0.1) == dropout(3.9) == 0
    assert dropout(8) == pytest.approx(0.15, abs=0.01)
    assert dropout(41) == dropout(400) == 0.5
    assert dropout(16) == pytest.approx(0.3, abs=0.01)
    values = [dropout(e / 4) for e in range(1, 200)]
    assert values == sorted(values)
    assert choose_dropout(TrainOptions(dropout=0.05), 1, 10_000) == 0.05
    assert choose_dropout(TrainOptions(dropout=0.0), 1, 10_000) == 0.0


def test_a_plan_says_everything_that_it_will_do():
    to_dict = asdict(plan_of(updates=10, seed=3))
    assert to_dict["seed"] == 3
    assert to_dict["dtype"] == "fp32"
    assert set(to_dict) >= {"updates", "check_every", "patience", "streams", "bptt_steps", "peak_rate", "dropout"}


@pytest.mark.parametrize(
    ("field", "bad"),
    [("minutes", 0), ("minutes", -1), ("updates", 0), ("dtype", "fp64"), ("streams", 0), ("streams", 100_000_000),
     ("bptt_steps", 1), ("bptt_steps", 100_000_000),
     ("threads", -1), ("threads", 257), ("checks", 0), ("patience", 0), ("peak_rate", 0), ("peak_rate", 1),
     ("dropout", 1.0), ("dropout", -0.1), ("seed", -1), ("weight_decay", -1.0),
     ("engine", "jax"), ("save_seconds", -1.0), ("save_seconds", math.nan)],
)  # fmt: skip
def test_an_option_out_of_range_is_refused_by_name(field, bad):
    with pytest.raises(ValueError, match=f"{field} must be"):
        TrainOptions(**{field: bad})


def test_the_legal_range_is_told():
    with pytest.raises(ValueError, match="streams must be 1 to 4096, not 4097"):
        TrainOptions(streams=4097)
    with pytest.raises(ValueError, match="checks must be 1 or more, not 0"):
        TrainOptions(checks=0)
    assert TrainOptions(streams=4096, bptt_steps=4096, threads=256).streams == 4096


def test_the_edges_of_a_range_are_legal():
    edges = TrainOptions(minutes=100_000, weight_decay=1, dropout=0, seed=0, threads=0)
    assert (edges.minutes, edges.weight_decay) == (100_000, 1)
    assert TrainOptions(weight_decay=0).weight_decay == 0
    with pytest.raises(ValueError, match="minutes must be above 0 and at most 100000, not 100001"):
        TrainOptions(minutes=100_001)
    with pytest.raises(ValueError, match=r"weight_decay must be 0 to 1, not 1\.01"):
        TrainOptions(weight_decay=1.01)


def test_what_is_not_given_is_none_and_has_a_default_when_it_is_written_down():
    given = TrainOptions(seed=0, updates=5)
    assert (given.seed, given.threads, TrainOptions().seed) == (0, None, None)
    assert given.to_dict() == TrainOptions(updates=5).to_dict()
    written = TrainOptions(checks=3).to_dict()
    assert (written["checks"], written["weight_decay"], written["engine"], written["minutes"]) == (
        3,
        0.5,
        "auto",
        None,
    )
    assert plan_of(updates=5) == plan_of(updates=5, seed=0, weight_decay=0.5, checks=16)
    assert plan_of(updates=5, weight_decay=0).weight_decay == 0


def test_a_number_of_updates_is_kept_to_unless_patience_is_given():
    assert plan_of(updates=50).patience == 50
    assert plan_of(updates=50, patience=2).patience == 2
    assert plan_of(minutes=1).patience == 6
    assert plan_of(minutes=1, patience=2).patience == 2


def test_what_is_asked_for_stands_before_the_rule_for_the_rest():
    def shape(fine_tune: bool = False, **options) -> tuple:
        plan = plan_of(updates=5, fine_tune=fine_tune, **options)
        return plan.streams, plan.bptt_steps, plan.peak_rate

    assert shape() == (16, 48, 0.004)
    assert shape(streams=3, bptt_steps=7, peak_rate=0.5) == (3, 7, 0.5)
    assert shape(streams=3) == (3, 48, 0.004)
    assert shape(fine_tune=True, peak_rate=0.5) == (8, 48, 0.5)


def test_a_network_that_has_learned_already_learns_on_more_slowly():
    assert plan_of(updates=5, fine_tune=True).peak_rate == 0.001


def test_a_few_tunes_are_not_read_for_as_long_as_there_is_time():
    def updates(tokens: int, rate: float = 30.0) -> int:
        options = TrainOptions(minutes=3, streams=8, bptt_steps=50)
        return make_plan(options, tokens, Setting("torch", "cpu", "fp32", 1, rate), fine_tune=True).updates

    assert updates(4000) == 400  # forty times
    assert updates(100) == 100
    assert updates(4_000_000) == int((0.92 * 180 - 16 - 2.5) * 30)


def test_a_plan_can_be_written_down_and_read_again():
    plan = plan_of(minutes=1)
    assert Plan(**json.loads(json.dumps(asdict(plan)))) == plan


def test_a_transformer_learns_at_a_lower_rate_than_an_lstm():
    setting = Setting("torch", "cpu", "fp32", 1)
    rates = {
        (kind, tuned): make_plan(TrainOptions(updates=9), 1000, setting, tuned, kind=kind).peak_rate
        for kind in ("lstm", "transformer")
        for tuned in (False, True)
    }
    assert rates == {
        ("lstm", False): 4e-3,
        ("lstm", True): 1e-3,
        ("transformer", False): 1e-3,
        ("transformer", True): 2.5e-4,
    }
