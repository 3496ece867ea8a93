"""What goes wrong on the way: blow-ups, and Ctrl-C at the wrong moment."""

import math
import signal

import pytest
from scripted import TUNES, Scripted, short_plan

from ritornello.encoding import Grid
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Streams
from ritornello.training.loop import Check, Progress, learn
from ritornello.training.plan import TrainOptions
from ritornello.training.run.folder import load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request
from ritornello.training.run.training import Training, rescued, uninterrupted


def run(learner, plan, progress=None, blind_nll=math.inf) -> tuple[list[Check], list[dict]]:
    """The checks, and the lines with which it went back."""
    progress, went_back, streams = progress or Progress(), [], Streams(TUNES, Grid(), 2, 0)
    steps = rescued(
        lambda: learn(learner, streams, TUNES, plan, progress, blind_nll), plan, progress, went_back.append
    )
    return [step for step in steps if isinstance(step, Check)], went_back


@pytest.mark.parametrize("bad", [math.nan, math.inf, 10.1])
def test_a_blow_up_goes_back_to_the_best_with_half_the_rate(bad):
    learner = Scripted([3.0, 2.0, 1.0, 0.9], [1.0, 1.0, 1.0, 1.0, bad, 1.0, 1.0, 1.0, 1.0])
    plan = short_plan()
    checks, went_back = run(learner, plan, blind_nll=5.0)
    assert went_back == [{"went_back": 4, "from_update": 5, "share_of_rate": 0.5}]
    assert [c.update for c in checks] == [2, 4, 6, 8]
    assert [bool(c.note) for c in checks] == [False, False, True, False]
    assert "blew up at update 5" in checks[2].note
    assert "back to update 4, with 0.5 of the rate" in checks[2].note
    assert checks[2].train_nll == 1.0  # what was undone does not count
    halved = [plan.rate(n) / 2 for n in (4, 5, 6, 7)]
    assert learner.rates == [*[plan.rate(n) for n in (0, 1, 2, 3, 4)], *halved]


def test_what_was_undone_is_checked_again():
    learner = Scripted([2.0, 3.0, 1.9, 1.8, 1.7], [1.0, 1.0, 1.0, 1.0, math.nan] + [1.0] * 6)
    checks, _ = run(learner, short_plan())  # the best is at 2, the last check at 4
    assert [(c.update, c.validation_nll) for c in checks] == [(2, 2.0), (4, 3.0), (4, 1.9), (6, 1.8), (8, 1.7)]


def test_after_a_blow_up_the_patience_begins_anew():
    nlls = [1.0] * 24 + [math.nan] + [1.0] * 100  # two checks without a gain, then a blow-up at update 25
    learner = Scripted([*[3.0] * 3, *[3.5] * 3], nlls)  # two more of them, and the third is one too many
    checks, went_back = run(learner, short_plan(updates=100, check_every=8, patience=3))
    assert [line["went_back"] for line in went_back] == [8]
    assert [(c.update, c.stopped) for c in checks] == [
        (8, ""), (16, ""), (24, ""), (16, ""), (24, ""), (32, "early"),
    ]  # fmt: skip


def test_before_the_first_check_it_goes_back_to_the_beginning():
    checks, went_back = run(Scripted([3.0] * 4, [math.nan] + [1.0] * 8), short_plan())
    assert went_back[0]["went_back"] == 0
    assert "back to the beginning" in checks[0].note


def test_a_validation_that_blows_up_is_never_the_best():
    checks, went_back = run(Scripted([4.0, 5.1, 3.9, 3.8, 3.7]), short_plan(), blind_nll=5.0)
    assert [(c.update, c.validation_nll) for c in checks] == [(2, 4.0), (4, 3.9), (6, 3.8), (8, 3.7)]
    assert went_back == [{"went_back": 2, "from_update": 4, "share_of_rate": 0.5}]
    checks, _ = run(Scripted([math.nan, 3.0, math.nan, 2.0, 1.0]), short_plan(updates=6))
    assert [(c.update, c.validation_nll) for c in checks] == [(2, 3.0), (4, 2.0), (6, 1.0)]


def test_after_going_back_three_times_it_stops_and_the_best_stays():
    progress = Progress()
    checks, went_back = run(Scripted([3.0], [1.0, 1.0, *[math.nan] * 4]), short_plan(), progress)
    assert [line["share_of_rate"] for line in went_back] == [0.5, 0.25, 0.125]
    assert [c.stopped for c in checks] == ["", "diverged"]
    assert progress.stopped == "diverged"
    assert (checks[-1].validation_nll, checks[-1].is_best) == (3.0, False)
    assert "for the fourth time; the best is kept" in checks[-1].note


def test_a_run_that_never_held_is_an_error_with_a_remedy():
    with pytest.raises(
        FloatingPointError, match=r"blew up at update 1 .* fourth time: try a lower peak_rate= than 0.01"
    ):
        run(Scripted([], [math.nan] * 4), short_plan())


def test_a_run_that_was_saved_as_it_blew_up_goes_back_when_it_is_resumed():
    progress = Progress(update=5, checked=4, best=2.0, best_update=4, recent=[math.nan])
    checks, went_back = run(Scripted([1.0, 0.9]), short_plan(), progress)
    assert [line["went_back"] for line in went_back] == [4]
    assert [c.update for c in checks] == [6, 8]


@pytest.fixture
def interruptible():
    """Let Ctrl-C interrupt, also where this process was started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_waits_for_the_end_of_what_must_be_done_whole():
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_is_let_through_between_updates(tiny_corpus, tmp_path):
    training = small_training(tiny_corpus)
    update = training.engine.update

    def pressing(batch, rate) -> float:
        if training.progress.update == 6:
            signal.raise_signal(signal.SIGINT)
        return update(batch, rate)

    training.engine.update = pressing
    with pytest.raises(KeyboardInterrupt):
        list(training.checks(tmp_path))
    assert (training.progress.update, training.progress.checked, len(training.progress.recent)) == (7, 5, 2)
    assert load_checkpoint(tmp_path).progress == training.progress


def small_training(corpus) -> Training:
    options = TrainOptions(updates=10, streams=2, bptt_steps=8, threads=1, checks=2, engine="numpy")
    return prepare_training(Request(NetworkOptions(1, 8, 8), Grid(), options), corpus)
