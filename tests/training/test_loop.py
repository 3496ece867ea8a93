"""The loop: when it looks, what it calls the best, and why it stops."""

import math
import signal

import numpy as np
import pytest

from ritornello.encoding import Grid
from ritornello.training.data import Batch, Streams
from ritornello.training.loop import MAX_CHECK_TOKENS, Check, Progress, check_sample, run_updates, uninterrupted
from ritornello.training.plan import Plan

TUNES = [np.array([132, 60, 128, 62, 144], np.int16)] * 4


class Scripted:
    """An engine that reports what it is told to, and remembers what it was given."""

    def __init__(self, checks: list[float], nlls: list[float] | None = None):
        self.checks, self.nlls, self.rates = list(checks), nlls, []

    def update(self, batch: Batch, rate: float) -> float:
        self.rates.append(rate)
        return self.nlls[len(self.rates) - 1] if self.nlls else 1.0

    def nll(self, melodies) -> float:
        return self.checks.pop(0)

    def tensors(self) -> dict:
        return {}

    def load(self, tensors) -> None: ...

    def state(self) -> dict:
        return {}

    def restore(self, state) -> None: ...


class Notebook:
    """Keeps what it is told to keep."""

    def __init__(self) -> None:
        self.kept: list[Check] = []
        self.went_back: list[dict] = []

    def keep(self, check: Check) -> None:
        self.kept.append(check)

    def go_back(self, line: dict) -> None:
        self.went_back.append(line)


def plan(updates: int = 8, check_every: int = 2, patience: int = 3, seconds: float | None = None) -> Plan:
    return Plan(updates, check_every, patience, 2, 4, 0.01, 0.0, 1, 0.1, "fp32", 1, "cpu", 0, seconds)


def run(engine, some_plan: Plan, held_out=TUNES, keeper=None, progress=None, **options) -> list[Check]:
    streams = Streams(TUNES, Grid(), 2, 0)
    return list(
        run_updates(engine, streams, held_out, some_plan, progress or Progress(), keeper or Notebook(), **options)
    )


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


def test_every_check_is_kept_as_it_is_told():
    notebook = Notebook()
    assert run(Scripted([4.0, 3.0, 3.5, 1.0]), plan(), keeper=notebook) == notebook.kept


@pytest.mark.parametrize("bad", [math.nan, math.inf, 10.1])
def test_a_blow_up_goes_back_to_the_best_with_half_the_rate(bad):
    engine = Scripted([3.0, 2.0, 1.0, 0.9], [1.0, 1.0, 1.0, 1.0, bad, 1.0, 1.0, 1.0, 1.0])
    notebook, some_plan = Notebook(), plan()
    checks = run(engine, some_plan, keeper=notebook, blind_nll=5.0)
    assert notebook.went_back == [{"went_back": 4, "from_update": 5, "share_of_rate": 0.5}]
    assert [c.update for c in checks] == [2, 4, 6, 8]
    assert [bool(c.note) for c in checks] == [False, False, True, False]
    assert "blew up at update 5" in checks[2].note
    assert "back to update 4, with 0.5 of the rate" in checks[2].note
    assert checks[2].train_nll == 1.0  # what was undone does not count
    halved = [some_plan.rate(n) / 2 for n in (4, 5, 6, 7)]
    assert engine.rates == [*[some_plan.rate(n) for n in (0, 1, 2, 3, 4)], *halved]


def test_what_was_undone_is_checked_again():
    engine = Scripted([2.0, 3.0, 1.9, 1.8, 1.7], [1.0, 1.0, 1.0, 1.0, math.nan] + [1.0] * 6)
    checks = run(engine, plan())  # the best is at 2, the last check at 4
    assert [(c.update, c.validation_nll) for c in checks] == [(2, 2.0), (4, 3.0), (4, 1.9), (6, 1.8), (8, 1.7)]


def test_before_the_first_check_it_goes_back_to_the_beginning():
    notebook = Notebook()
    checks = run(Scripted([3.0] * 4, [math.nan] + [1.0] * 8), plan(), keeper=notebook)
    assert notebook.went_back[0]["went_back"] == 0
    assert "back to the beginning" in checks[0].note


def test_a_check_worse_than_a_blind_guess_is_a_blow_up_only_if_it_was_better_before():
    notebook = Notebook()
    checks = run(Scripted([5.1, 4.9, 4.8, 4.7]), plan(), keeper=notebook, blind_nll=5.0)
    assert [c.validation_nll for c in checks] == [5.1, 4.9, 4.8, 4.7]
    assert notebook.went_back == []
    checks = run(Scripted([4.0, 5.1, 3.9, 3.8, 3.7]), plan(), keeper=notebook, blind_nll=5.0)
    assert [c.validation_nll for c in checks] == [4.0, 3.9, 3.8, 3.7]
    assert [c.update for c in checks] == [2, 4, 6, 8]
    assert notebook.went_back == [{"went_back": 2, "from_update": 4, "share_of_rate": 0.5}]


def test_after_three_ways_back_it_stops_and_the_best_stays():
    notebook = Notebook()
    checks = run(Scripted([3.0], [1.0, 1.0, *[math.nan] * 4]), plan(), keeper=notebook)
    assert [line["share_of_rate"] for line in notebook.went_back] == [0.5, 0.25, 0.125]
    assert [c.stopped for c in checks] == ["", "diverged"]
    assert checks == notebook.kept
    assert (checks[-1].validation_nll, checks[-1].is_best) == (3.0, False)
    assert "for the fourth time; the best is kept" in checks[-1].note


def test_a_run_that_never_held_is_an_error_with_a_remedy():
    with pytest.raises(
        FloatingPointError, match=r"blew up at update 1 .* fourth time: try a lower --peak-rate than 0.01"
    ):
        run(Scripted([], [math.nan] * 4), plan())


def test_a_held_out_nll_that_is_not_a_number_is_never_the_best():
    checks = run(Scripted([math.nan, 3.0, math.nan, 2.0, 1.0]), plan(updates=6))
    assert [c.validation_nll for c in checks] == [3.0, 2.0, 1.0]
    assert [c.update for c in checks] == [2, 4, 6]


def test_it_goes_on_where_it_was():
    whole = run(Scripted([4.0, 3.0, 3.5, 1.0], list(range(1, 9))), plan())
    progress = Progress(update=5, checked=4, best=3.0, best_update=4, seconds=7.0, recent=[5])
    engine = Scripted([3.5, 1.0], [6, 7, 8])
    rest = run(engine, plan(), progress=progress)
    assert engine.rates == [plan().rate(n) for n in (5, 6, 7)]
    assert [(c.update, c.train_nll, c.is_best) for c in rest] == [
        (c.update, c.train_nll, c.is_best) for c in whole[2:]
    ]
    assert rest[0].seconds > 7.0


def test_a_check_that_was_due_is_made_up_for_and_one_that_was_made_is_not_made_again():
    due = Progress(update=4, checked=2, best=3.0, recent=[1.0, 1.0])
    assert [c.update for c in run(Scripted([2.0, 1.0, 0.5]), plan(), progress=due)] == [4, 6, 8]
    made = Progress(update=4, checked=4, best=3.0)
    assert [c.update for c in run(Scripted([2.0, 1.0]), plan(), progress=made)] == [6, 8]
    assert run(Scripted([]), plan(), progress=Progress(update=8, checked=8, stopped="finished")) == []


def test_the_clock_of_a_resumed_run_goes_on():
    checks = run(
        Scripted([2.0]), plan(updates=100, check_every=50, seconds=60.0), progress=Progress(3, seconds=59.99999)
    )
    assert [(c.update, c.stopped) for c in checks] in ([(3, "time")], [(4, "time")])


def test_a_base_is_checked_before_it_learns():
    checks = run(Scripted([1.5, 1.4, 1.6, 1.7, 1.8]), plan(), progress=Progress(checked=-1))
    assert [(c.update, c.is_best) for c in checks[:3]] == [(0, True), (2, True), (4, False)]
    assert checks[0].train_nll == 1.5


def test_ctrl_c_waits_for_the_end_of_what_must_be_done_whole():
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]


def test_ctrl_c_is_let_through_between_updates():
    progress, engine = Progress(), Scripted([3.0] * 4)
    update = engine.update

    def pressing(batch, rate) -> float:
        if len(engine.rates) == 2:
            signal.raise_signal(signal.SIGINT)
        return update(batch, rate)

    engine.update = pressing
    with pytest.raises(KeyboardInterrupt):
        run(engine, plan(), progress=progress)
    assert (progress.update, progress.checked, progress.recent) == (3, 2, [1.0])


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
