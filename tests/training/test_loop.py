"""The loop: when it validates, what it calls the best, and why it stops."""

import math

import numpy as np
import pytest
from scripted import TUNES, Scripted, short_plan

from ritornello.encoding import Grid
from ritornello.training.data import Streams
from ritornello.training.loop import MAX_CHECK_TOKENS, Check, Progress, check_sample, learn
from ritornello.training.plan import Plan


def run(learner, plan: Plan, validation=TUNES, progress=None, **options) -> list[Check]:
    steps = learn(learner, Streams(TUNES, Grid(), 2, 0), validation, plan, progress, **options)
    return [step for step in steps if isinstance(step, Check)]


def test_it_checks_as_planned_and_at_the_end():
    checks = run(Scripted([4.0, 3.0, 2.0, 1.0]), short_plan(updates=7, check_every=2))
    assert [c.update for c in checks] == [2, 4, 6, 7]
    assert [c.validation_nll for c in checks] == [4.0, 3.0, 2.0, 1.0]
    assert [c.is_best for c in checks] == [True] * 4
    assert [c.stopped for c in checks] == ["", "", "", "finished"]
    assert all(c.updates == 7 for c in checks)


def test_the_best_is_flagged_and_equals_do_not_displace_it():
    checks = run(Scripted([3.0, 3.5, 2.5, 2.5]), short_plan())
    assert [c.is_best for c in checks] == [True, False, True, False]


def test_it_stops_early_after_so_many_checks_without_a_gain():
    checks = run(Scripted([3.0, 2.0, 2.1, 2.0, 2.2, 0.0]), short_plan(updates=100, check_every=4, patience=3))
    assert [c.stopped for c in checks] == ["", "", "", "", "early"]
    assert checks[-1].update == 20


def test_it_does_not_stop_early_before_the_tunes_were_seen_four_times():
    checks = run(Scripted([3.0, *[3.5] * 30]), short_plan(updates=30, check_every=1, patience=1))
    assert checks[-1].stopped == "early"
    assert checks[-1].epochs >= 4 > checks[-2].epochs


def test_a_gain_starts_the_patience_anew():
    checks = run(Scripted([3.0, 3.1, 2.9, 3.0, 2.8, 3.0, 3.0]), short_plan(updates=14, patience=2))
    assert [c.update for c in checks] == [2, 4, 6, 8, 10, 12, 14]
    assert checks[-1].stopped == "finished"


def test_the_clock_stops_it_with_a_last_look():
    checks = run(Scripted([3.0]), short_plan(updates=100, check_every=50, seconds=0.0))
    assert [(c.update, c.stopped, c.is_best) for c in checks] == [(1, "time", True)]
    assert len(run(Scripted([3.0, 2.0]), short_plan(updates=4, seconds=1e9))) == 2


def test_it_goes_on_where_it_was():
    whole = run(Scripted([4.0, 3.0, 3.5, 1.0], list(range(1, 9))), short_plan())
    progress = Progress(update=5, checked=4, best=3.0, best_update=4, seconds=7.0, recent=[5])
    engine = Scripted([3.5, 1.0], [6, 7, 8])
    rest = run(engine, short_plan(), progress=progress)
    assert engine.rates == [short_plan().rate(n) for n in (5, 6, 7)]
    assert [(c.update, c.train_nll, c.is_best) for c in rest] == [
        (c.update, c.train_nll, c.is_best) for c in whole[2:]
    ]
    assert rest[0].seconds > 7.0


def test_a_check_that_was_due_is_made_up_for_and_one_that_was_made_is_not_made_again():
    due = Progress(update=4, checked=2, best=3.0, recent=[1.0, 1.0])
    assert [c.update for c in run(Scripted([2.0, 1.0, 0.5]), short_plan(), progress=due)] == [4, 6, 8]
    made = Progress(update=4, checked=4, best=3.0)
    assert [c.update for c in run(Scripted([2.0, 1.0]), short_plan(), progress=made)] == [6, 8]
    assert run(Scripted([]), short_plan(), progress=Progress(update=8, checked=8, stopped="finished")) == []


def test_the_clock_of_a_resumed_run_goes_on():
    checks = run(
        Scripted([2.0]), short_plan(updates=100, check_every=50, seconds=60.0), progress=Progress(3, seconds=59.99999)
    )
    assert [(c.update, c.stopped) for c in checks] in ([(3, "time")], [(4, "time")])


def test_a_base_is_checked_before_it_learns():
    checks = run(Scripted([1.5, 1.4, 1.6, 1.7, 1.8]), short_plan(), progress=Progress(checked=-1))
    assert [(c.update, c.is_best) for c in checks[:3]] == [(0, True), (2, True), (4, False)]
    assert checks[0].train_nll == 1.5


def test_the_rates_are_the_plans():
    engine, some_plan = Scripted([1.0] * 4), short_plan()
    run(engine, some_plan)
    assert engine.rates == [some_plan.rate(n) for n in range(8)]


def test_training_nll_is_the_mean_since_the_check_before():
    checks = run(Scripted([1.0] * 2, [1.0, 3.0, 5.0, 6.0]), short_plan(updates=4))
    assert [c.train_nll for c in checks] == [2.0, 5.5]


def test_without_validation_melodies_the_training_nll_decides():
    checks = run(Scripted([], [4.0, 2.0, 5.0, 3.0]), short_plan(updates=4), validation=[])
    assert [c.validation_nll for c in checks] == [3.0, 4.0]
    assert [c.is_best for c in checks] == [True, False]


def test_few_validation_melodies_are_all_used_and_many_are_thinned_evenly():
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


@pytest.mark.parametrize("bad", [math.nan, math.inf, 10.1])
def test_an_update_that_blows_up_is_an_error_with_its_nll(bad):
    progress = Progress()
    with pytest.raises(FloatingPointError, match=rf"training blew up at update 2 \(nll {bad:.3g}\)"):
        run(Scripted([], [1.0, bad, 1.0]), short_plan(check_every=4), progress=progress, blind_nll=5.0)
    assert (progress.update, progress.checked, progress.stopped) == (2, 0, "")


def test_a_validation_worse_than_a_blind_guess_is_an_error_only_after_a_better_one():
    checks = run(Scripted([5.1, 4.9, 4.8, 4.7]), short_plan(), blind_nll=5.0)
    assert [c.validation_nll for c in checks] == [5.1, 4.9, 4.8, 4.7]
    for nlls in ([10.1], [4.0, 5.1], [math.nan]):
        with pytest.raises(FloatingPointError, match="blew up"):
            run(Scripted(nlls), short_plan(), blind_nll=5.0)


def test_tunes_that_are_known_by_heart_are_no_blow_up():
    """A few tunes: what is worse than a blind guess then is all other music, and the best network is kept."""
    learner = Scripted([4.0, 5.1, 6.0, 10.1], [1.0, 1.0, *[0.1] * 6])
    checks = run(learner, short_plan(patience=9), blind_nll=5.0)
    assert [(c.validation_nll, c.is_best) for c in checks] == [(4.0, True), (5.1, False), (6.0, False), (10.1, False)]


def test_every_update_is_yielded_between_the_checks():
    steps = list(learn(Scripted([1.0] * 4), Streams(TUNES, Grid(), 2, 0), TUNES, short_plan()))
    assert ["check" if isinstance(step, Check) else step for step in steps] == [1.0, 1.0, "check"] * 4


def test_between_two_steps_all_that_it_knows_is_in_the_progress():
    progress, learner = Progress(), Scripted([3.0] * 4)
    steps = learn(learner, Streams(TUNES, Grid(), 2, 0), TUNES, short_plan(), progress)
    for _ in range(4):  # two updates, a check, an update
        next(steps)
    assert (progress.update, progress.checked, progress.best, progress.recent) == (3, 2, 3.0, [1.0])
    assert [c.update for c in run(learner, short_plan(), progress=progress)] == [4, 6, 8]
