"""Training by time: what the clock makes of the plan, shown with a clock that the test turns itself."""

import json
import math
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from run_logs import read_log
from scripted import TUNES

from ritornello.encoding import Grid
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Streams
from ritornello.training.loop import Check, learn
from ritornello.training.plan import Plan, Setting, TrainOptions, make_plan
from ritornello.training.progress import Progress, Revision
from ritornello.training.run.folder import CheckpointError, load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request
from ritornello.training.run.training import Training


class Slow:
    """A learner whose updates and validations take as many seconds as `speed` says, by the time it is."""

    def __init__(self, updates_per_second, check: float = 1.0, gains: bool = True):
        self.now, self.rates, self.dropout, self.check = 0.0, [], 0.0, check
        self.speed = updates_per_second if callable(updates_per_second) else lambda now: updates_per_second
        self.nlls = (4 / (1 + n) if gains else 4.0 for n in range(100_000))

    def update(self, batch, rate: float) -> float:
        self.rates.append(rate)
        self.now += 1 / self.speed(self.now)
        return 1.0

    def nll(self, melodies) -> float:
        self.now += self.check
        return next(self.nlls)

    def clock(self) -> float:
        return self.now


def plan_of(**options) -> Plan:
    """A plan for a corpus of 10,000 tokens and ten updates a second."""
    fine_tune = options.pop("fine_tune", False)
    return make_plan(TrainOptions(**options), 10_000, Setting("torch", "cpu", "fp32", 1, 10.0), fine_tune)


def timed(minutes: float, measured: float, **options) -> Plan:
    """A plan by time for a machine that was measured at so many updates a second."""
    asked = TrainOptions(minutes=minutes, streams=2, bptt_steps=4, **options)
    return make_plan(asked, 10_000_000, Setting("torch", "cpu", "fp32", 1, measured))


def run(learner: Slow, plan: Plan, progress: Progress | None = None) -> tuple[list[Check], list[Revision]]:
    steps = list(learn(learner, Streams(TUNES, Grid(), 2, 0), TUNES, plan, progress, clock=learner.clock))
    return [s for s in steps if isinstance(s, Check)], [s for s in steps if isinstance(s, Revision)]


@pytest.mark.parametrize("minutes", [0.5, 3, 60])
@pytest.mark.parametrize("factor", [0.05, 0.5, 1, 2, 20])
def test_however_wrong_the_measured_speed_was_the_time_is_used_and_not_passed(minutes, factor):
    learner = Slow(20.0)
    checks, revisions = run(learner, timed(minutes, 20 * factor))
    seconds = 60 * minutes
    assert 0.85 * seconds <= checks[-1].seconds <= learner.now <= 1.1 * seconds
    assert checks[-1].stopped in ("finished", "time")
    assert checks[0].seconds + learner.check <= 10
    assert revisions[-1].revised == pytest.approx(checks[-1].update, rel=0.05)
    assert learner.rates[-1] <= 0.02 * max(learner.rates)  # the schedule came to its end


@pytest.mark.parametrize("minutes", [0.5, 3, 10])
@pytest.mark.parametrize("period", [3.0, 20.0, 90.0])
def test_a_load_that_comes_and_goes_costs_neither_the_time_nor_the_schedule(minutes, period):
    """Another program holds the cores for a third of each period: then an update takes three times as long."""
    learner = Slow(lambda now: 20.0 if now % period > period / 3 else 6.7)
    checks, _ = run(learner, timed(minutes, 6.7))
    assert 0.85 * 60 * minutes <= checks[-1].seconds <= learner.now <= 66 * minutes
    assert learner.rates[-1] <= 0.05 * max(learner.rates)


@pytest.mark.parametrize("change", [0.25, 4.0])
def test_a_speed_that_changes_half_way_for_good_is_followed(change):
    learner = Slow(lambda now: 20.0 if now < 90 else 20.0 * change)
    checks, _ = run(learner, timed(3, 20.0))
    assert 0.85 * 180 <= checks[-1].seconds <= learner.now <= 198
    assert learner.rates[-1] <= 0.05 * max(learner.rates)


def test_checks_that_take_long_are_made_less_often_and_fit_into_the_time():
    learner = Slow(20.0, check=12.0)
    checks, _ = run(learner, timed(3, 20.0))
    assert 0.8 * 180 <= checks[-1].seconds + 12 <= learner.now <= 198
    assert len(checks) <= 5


def test_a_revision_takes_the_updates_so_far_and_the_time_that_is_left():
    plan = replace(timed(3, 20.0), seconds=100.0, check_seconds=10.0)
    progress = Progress(update=200, checked=200, checked_at=18.0, seconds=20.0, other_seconds=8.0)
    # 200 updates in 10 seconds of learning; a check takes 2. To learn: 100 less 3 % and a last check, less the 20
    # gone and 6 checks, one after each 10 seconds of learning: 63 seconds
    assert progress.revise(plan) == Revision(200, 20.0, 200 + 20 * 63)
    assert progress.updates == 1460
    assert (progress.check_seconds, progress.other_seconds) == (2.0, 10.0)


def test_the_learning_rate_and_dropout_are_those_of_a_plan_of_the_new_length():
    plan, given = plan_of(minutes=3), plan_of(updates=2000)
    longer = plan.of_length(2000)
    assert [longer.rate(n) for n in range(2000)] == [given.rate(n) for n in range(2000)]
    assert longer.dropout == given.dropout == 0.5
    assert plan.of_length(100).dropout == 0.14  # 7.7 epochs: 0.15 x log2(7.68 / 4)
    assert plan_of(minutes=3, dropout=0.1).of_length(9000).dropout == 0.1
    assert plan.of_length(0) is plan


def test_a_few_tunes_are_not_read_longer_where_there_is_time():
    plan = make_plan(TrainOptions(minutes=3), 1000, Setting("torch", "cpu", "fp32", 1, 10.0), fine_tune=True)
    checks, revisions = run(Slow(10.0), replace(plan, streams=2, bptt_steps=4))
    assert (checks[-1].update, checks[-1].stopped) == (plan.most_updates, "finished")
    assert {r.revised for r in revisions} == {plan.most_updates}


def test_a_base_is_checked_first_and_its_time_is_not_taken_for_learning():
    learner, plan = Slow(20.0, check=4.0), timed(0.5, 20.0)
    checks, revisions = run(learner, plan, Progress(checked=-1, revised=-1))
    assert checks[0].update == 0
    assert revisions[0] == Revision(0, 4.0, plan.updates)
    assert revisions[1].revised == pytest.approx(20 * (30 * 0.97 - 4 * len(checks)), rel=0.1)


def test_a_number_of_updates_is_not_revised():
    checks, revisions = run(
        Slow(5.0), make_plan(TrainOptions(updates=40, checks=4), 1000, Setting("torch", "cpu", "fp32", 1))
    )
    assert ([c.update for c in checks], revisions) == ([10, 20, 30, 40], [])


# runs in folders


def at_speed(training: Training, updates_per_second=20.0) -> Training:
    """Let a run's clock be that of a `Slow` learner."""
    slow, update, nll = Slow(updates_per_second), training.engine.update, training.engine.nll
    slow.now = training.progress.seconds
    training.engine.update = lambda batch, rate: (slow.update(batch, rate), update(batch, rate))[1]
    training.engine.nll = lambda melodies: (slow.nll(melodies), nll(melodies))[1]
    training.clock = slow.clock
    return training


def begin(corpus, **options) -> Training:
    asked = {"minutes": 0.5, "streams": 2, "bptt_steps": 8, "threads": 1, "engine": "numpy", "seed": 3, **options}
    training = prepare_training(Request(NetworkOptions(1, 8, 8), Grid(), TrainOptions(**asked)), corpus)
    plan = replace(training.metadata.plan, updates=20, dropout=0.0)  # as if measured on a busy machine
    network = replace(training.metadata.network, dropout=0.0)
    training.metadata, training.engine.dropout = replace(training.metadata, plan=plan, network=network), 0.0
    training.progress.seconds = training.progress.learning_since = training.progress.other_seconds = 0.0
    return training


def busy(now: float) -> float:
    """Updates a second of a machine that others use now and then."""
    return 5.0 if 3 < now % 11 < 7 else 20.0


class Killed(BaseException):
    pass


def to_the_end(training: Training, folder: Path, kill_at: int = 0) -> None:
    def kill(update: int, nll: float) -> None:
        if update == kill_at:
            raise Killed

    for _ in training.checks(folder, kill if kill_at else None):
        pass


def test_a_killed_run_follows_its_revisions_and_ends_in_the_same_weights(tiny_corpus, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    to_the_end(at_speed(begin(tiny_corpus, save_seconds=1000), busy), whole)
    training = at_speed(begin(tiny_corpus, save_seconds=0), busy)
    for kill_at in (7, 90, 91, 305):
        with pytest.raises(Killed):
            to_the_end(training, cut, kill_at)
        training = prepare_training(Request(), tiny_corpus, load_checkpoint(cut))
        training.save_seconds = 0
        at_speed(training, busy)
    to_the_end(training, cut)
    ends = [load_checkpoint(folder) for folder in (whole, cut)]
    for name, value in ends[0].engine.items():
        np.testing.assert_array_equal(value, ends[1].engine[name], err_msg=name)
    assert read_log(whole)[1:] == read_log(cut)[1:]
    revisions = [line for line in read_log(cut) if "revised" in line]
    assert len(revisions) >= 3
    assert revisions[0]["revised"] > 10 * 20
    assert training.plan.updates == revisions[-1]["revised"]


def test_a_run_closed_at_a_check_is_revised_when_it_is_resumed(tiny_corpus, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    to_the_end(at_speed(begin(tiny_corpus)), whole)
    checks = at_speed(begin(tiny_corpus)).checks(cut)
    next(checks)
    checks.close()
    assert load_checkpoint(cut).progress.revised == 0
    to_the_end(at_speed(prepare_training(Request(), tiny_corpus, load_checkpoint(cut))), cut)
    assert read_log(whole)[1:] == read_log(cut)[1:]


def more(corpus, folder: Path, minutes: str = "+0.5") -> Training:
    request = Request(options=TrainOptions(minutes=minutes))
    return at_speed(prepare_training(request, corpus, load_checkpoint(folder)))


@pytest.mark.parametrize("options", [{"minutes": 0.5}, {"minutes": None, "updates": 400}])
def test_a_finished_run_goes_on_with_more_time(tiny_corpus, tmp_path, options):
    to_the_end(at_speed(begin(tiny_corpus, **options)), tmp_path)
    before = load_checkpoint(tmp_path).progress
    assert before.stopped in ("finished", "time")
    to_the_end(more(tiny_corpus, tmp_path), tmp_path)
    after = load_checkpoint(tmp_path).progress
    assert 0.85 * 30 <= after.seconds - before.seconds <= 33
    assert after.update - before.update == pytest.approx(20 * 25, rel=0.1)  # five seconds for checks
    assert after.best <= before.best
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])["plan"]["seconds"] == pytest.approx(
        before.seconds + 30
    )
    to_the_end(more(tiny_corpus, tmp_path, "+0.2"), tmp_path)  # and once more
    assert load_checkpoint(tmp_path).progress.seconds - after.seconds == pytest.approx(12, rel=0.2)


def test_a_run_that_was_stopped_half_way_gets_the_rest_of_its_time_and_more(tiny_corpus, tmp_path):
    checks = at_speed(begin(tiny_corpus)).checks(tmp_path)
    next(checks)
    checks.close()
    to_the_end(more(tiny_corpus, tmp_path), tmp_path)
    assert load_checkpoint(tmp_path).progress.seconds == pytest.approx(60, rel=0.1)


def test_more_time_is_kept_though_the_run_is_killed_at_once(tiny_corpus, tmp_path):
    to_the_end(at_speed(begin(tiny_corpus)), tmp_path)
    update = load_checkpoint(tmp_path).progress.update
    with pytest.raises(Killed):
        to_the_end(more(tiny_corpus, tmp_path), tmp_path, update + 1)
    to_the_end(at_speed(prepare_training(Request(), tiny_corpus, load_checkpoint(tmp_path))), tmp_path)
    assert load_checkpoint(tmp_path).progress.seconds == pytest.approx(60, rel=0.1)


def test_a_run_that_blew_up_gets_no_more_time(tiny_corpus, tmp_path):
    to_the_end(at_speed(begin(tiny_corpus)), tmp_path)
    saved = load_checkpoint(tmp_path)
    saved.progress.stopped = "diverged"
    with pytest.raises(CheckpointError, match="more time does not help a run that blew up"):
        prepare_training(Request(options=TrainOptions(minutes="+3")), tiny_corpus, saved)


def test_minutes_are_a_number_or_more_of_them():
    assert TrainOptions(minutes="3") == TrainOptions(minutes=3.0)
    assert (TrainOptions(minutes="+3").more_seconds, TrainOptions(minutes=3).more_seconds) == (180, None)
    assert str(TrainOptions(minutes="+2.5").minutes) == "+2.5"
    for bad, message in (
        ("soon", "must be a number"),
        ("+", "must be a number"),
        ("+0", "above 0"),
        ("-3", "above 0"),
    ):
        with pytest.raises(ValueError, match=f"minutes must be .*{message.removeprefix('must be ')}"):
            TrainOptions(minutes=bad)


def test_a_plan_of_an_earlier_version_is_followed_to_the_letter():
    plan = Plan(8, 2, seconds=1000.0)
    checks, revisions = run(Slow(1.0), Plan(**asdict(plan)))
    assert ([c.update for c in checks], revisions) == ([2, 4, 6, 8], [])
    assert math.isinf(Progress().best)


def test_a_few_tunes_are_checked_by_updates_where_they_are_learned_in_less_time_than_lies_between_two_checks():
    plan = make_plan(TrainOptions(minutes=1), 1_000, Setting("torch", "cpu", "fp32", 1, 50.0), True, 1, 2)
    assert (plan.updates, plan.check_every, plan.check_seconds) == (100, 6, 10)  # 100 updates take two seconds
    learner, streams = Slow(50.0, check=0.02), Streams(TUNES, Grid(version=1), 2, 1)
    steps = list(learn(learner, streams, TUNES, plan, clock=learner.clock))
    checks = [step.update for step in steps if isinstance(step, Check)]
    assert checks == [*range(6, 97, 6), 100]


@pytest.mark.parametrize("measured", [2.0, 60.0])  # in a busy moment, and in a quiet one
def test_a_few_tunes_are_checked_before_they_are_known_by_heart(measured):
    """Sixty updates a second read nine tunes 400 times in the five seconds before a first check by the clock."""
    setting = Setting("torch", "cpu", "fp32", 1, measured)
    few, some, many = (make_plan(TrainOptions(minutes=0.5), tokens, setting) for tokens in (1_052, 8_000, 80_000))
    assert (few.first_check, some.first_check, many.first_check) == (11, 84, 0)
    checks, _ = run(Slow(60.0, check=0.05), few)
    assert [check.update for check in checks][:9] == [11, 16, 25, 37, 56, 84, 125, 188, 282]
    assert all(later.seconds - sooner.seconds <= 11 for sooner, later in pairwise(checks))
    assert 27 < checks[-1].seconds <= 30  # and it goes on by the clock


def test_a_number_of_updates_too_is_checked_early_unless_checks_are_asked_for():
    setting = Setting("torch", "cpu", "fp32", 1)
    plan = make_plan(TrainOptions(updates=600), 1_052, setting)
    checks, _ = run(Slow(60.0), plan)
    assert [check.update for check in checks][:8] == [11, 16, 25, 37, 38, 56, 76, 84]
    assert make_plan(TrainOptions(updates=600, checks=4), 1_052, setting).first_check == 0
    assert make_plan(TrainOptions(updates=100), 1_052, setting).first_check == 0  # every six as it is
