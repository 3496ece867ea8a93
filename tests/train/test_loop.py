"""The loop: when it looks, what it calls the best, and why it stops."""

import math

import numpy as np
import pytest

from ritornello.encoding import Grid
from ritornello.train.loop import MAX_CHECK_TOKENS, check_sample, run_updates
from ritornello.train.plan import Plan
from ritornello.train.streams import Streams

TUNES = [np.array([132, 60, 128, 62, 144], np.int16)] * 4


class Scripted:
    """An engine that reports what it is told to, and remembers what it was given."""

    def __init__(self, checks: list[float], nlls: list[float] | None = None):
        self.checks, self.nlls, self.rates = list(checks), nlls, []

    def update(self, inputs: np.ndarray, targets: np.ndarray, rate: float) -> float:
        self.rates.append(rate)
        return self.nlls[len(self.rates) - 1] if self.nlls else 1.0

    def nll(self, melodies) -> float:
        return self.checks.pop(0)

    def tensors(self) -> dict:
        return {}


def plan(updates: int = 8, check_every: int = 2, patience: int = 3, seconds: float | None = None) -> Plan:
    return Plan(updates, check_every, patience, 2, 4, 0.01, 0.0, 1, 0.1, "fp32", 1, "cpu", 0, seconds)


def run(engine, some_plan: Plan, held_out=TUNES, **options):
    return list(run_updates(engine, Streams(TUNES, Grid(), 2, 0), held_out, some_plan, **options))


def test_it_checks_as_planned_and_at_the_end():
    checks = run(Scripted([4.0, 3.0, 2.0, 1.0]), plan(updates=7, check_every=2))
    assert [c.update for c in checks] == [2, 4, 6, 7]
    assert [c.validation_nll for c in checks] == [4.0, 3.0, 2.0, 1.0]
    assert [c.is_best for c in checks] == [True] * 4
    assert [c.stopped for c in checks] == ["", "", "", "finished"]
    assert all(c.updates == 7 for c in checks)


def test_the_best_is_flagged_and_equals_do_not_displace_it():
    checks = run(Scripted([3.0, 3.5, 2.5, 2.5]), plan())
    assert [c.is_best for c in checks] == [True, False, True, False]


def test_it_stops_early_after_so_many_checks_without_a_gain():
    checks = run(Scripted([3.0, 2.0, 2.1, 2.0, 2.2, 0.0]), plan(updates=100, check_every=4, patience=3))
    assert [c.stopped for c in checks] == ["", "", "", "", "early"]
    assert checks[-1].update == 20


def test_it_does_not_stop_early_before_the_tunes_were_seen_four_times():
    checks = run(Scripted([3.0, *[3.5] * 30]), plan(updates=30, check_every=1, patience=1))
    assert checks[-1].stopped == "early"
    assert checks[-1].epochs >= 4 > checks[-2].epochs


def test_a_gain_starts_the_patience_anew():
    checks = run(Scripted([3.0, 3.1, 2.9, 3.0, 2.8, 3.0, 3.0]), plan(updates=14, patience=2))
    assert [c.update for c in checks] == [2, 4, 6, 8, 10, 12, 14]
    assert checks[-1].stopped == "finished"


def test_the_clock_stops_it_with_a_last_look():
    checks = run(Scripted([3.0]), plan(updates=100, check_every=50, seconds=0.0))
    assert [(c.update, c.stopped, c.is_best) for c in checks] == [(1, "time", True)]
    assert len(run(Scripted([3.0, 2.0]), plan(updates=4, seconds=1e9))) == 2


def test_divergence_is_an_error_with_a_remedy():
    for bad in (math.nan, math.inf):
        engine = Scripted([3.0] * 4, [1.0, 1.0, bad])
        with pytest.raises(FloatingPointError, match="diverged at update 3: try a lower --peak-rate"):
            run(engine, plan())


def test_a_held_out_nll_that_is_not_a_number_is_never_the_best():
    checks = run(Scripted([math.nan, 3.0, math.nan]), plan(updates=6))
    assert [c.is_best for c in checks] == [False, True, False]


def test_the_rates_are_the_plans():
    engine, some_plan = Scripted([1.0] * 4), plan()
    run(engine, some_plan)
    assert engine.rates == [some_plan.rate(n) for n in range(8)]


def test_training_nll_is_the_mean_since_the_check_before():
    checks = run(Scripted([1.0] * 2, [1.0, 3.0, 5.0, 6.0]), plan(updates=4))
    assert [c.train_nll for c in checks] == [2.0, 5.5]


def test_without_held_out_melodies_the_training_nll_decides():
    checks = run(Scripted([], [4.0, 2.0, 5.0, 3.0]), plan(updates=4), held_out=[])
    assert [c.validation_nll for c in checks] == [3.0, 4.0]
    assert [c.is_best for c in checks] == [True, False]


def test_every_update_is_told():
    told = []
    run(Scripted([1.0] * 4), plan(), on_update=lambda update, nll: told.append((update, nll)))
    assert told == [(n, 1.0) for n in range(1, 9)]


def test_few_held_out_melodies_are_all_watched_and_many_are_thinned_evenly():
    assert check_sample(TUNES) == TUNES
    assert check_sample([]) == []
    many = [np.full(100, n) for n in range(1000)]
    chosen = [int(m[0]) for m in check_sample(many)]
    assert len(chosen) == MAX_CHECK_TOKENS // 100
    gaps = np.diff(chosen)
    assert chosen[0] == 0
    assert gaps.min() >= 4
    assert gaps.max() <= 5
    assert len(check_sample([np.zeros(10**6, int)])) == 1
