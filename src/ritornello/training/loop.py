"""The training loop: updates by the plan, a held-out check now and then, and a way back when it blows up."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ritornello.training.data import Batch, Streams
from ritornello.training.plan import Plan
from ritornello.training.run.ranks import ALONE, Ranks

EPOCHS_BEFORE_EARLY_STOP = 4  # before that, a check without a gain is noise, not over-fitting
MAX_CHECK_TOKENS = 24_000  # enough for an error of about 0.01 nats, and a fraction of a second
MAX_BLOW_UPS = 3  # ways back, each with half the rate of the one before


class Engine(Protocol):
    """What the loop needs of a trainer; see `TorchEngine` and `NumpyEngine`."""

    def update(self, batch: Batch, rate: float) -> float:
        """One step of learning; the mean nll in nats per target."""

    def nll(self, melodies: Sequence[np.ndarray]) -> float:
        """Mean nats per token of whole melodies; changes nothing."""

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights as the model file keeps them."""

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take such weights; what was learned about the steps to take is forgotten."""

    def state(self) -> dict[str, Any]:
        """Arrays and plain values by name: all that is needed to go on to the bit."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from such a state."""


class Keeper(Protocol):
    """What the loop needs of the run's folder."""

    def keep(self, check: Check) -> None:
        """Enter the check into the log, and keep the weights where it is the best."""

    def go_back(self, line: dict[str, Any]) -> None:
        """Put the best weights into the engine again, or the beginning's before the first check; log `line`."""


@dataclass(frozen=True)
class Check:
    """One look at the held-out melodies. nll in nats per token; seconds since the first update."""

    update: int
    updates: int
    epochs: float
    seconds: float
    train_nll: float
    validation_nll: float
    tokens_per_second: float
    is_best: bool
    stopped: str = ""  # why the run ends here: "", "finished", "early", "time" or "diverged"
    note: str = ""  # what else happened since the check before


@dataclass
class Progress:
    """How far a run has come; with the states of engine and streams, all that is needed to go on."""

    update: int = 0
    checked: int = 0  # update of the last check
    best: float = math.inf
    best_update: int = 0
    since_best: int = 0
    blow_ups: int = 0
    seconds: float = 0.0
    epochs: float = 0.0  # at the last check
    stopped: str = ""
    note: str = ""
    recent: list[float] = field(default_factory=list)  # nll of each update since the last check

    def rate(self, plan: Plan) -> float:
        """Learning rate of the next update: the plan's, halved for each time that training blew up."""
        return plan.rate(self.update) * 0.5**self.blow_ups

    def is_late(self, plan: Plan) -> bool:
        """Whether the plan's time is up."""
        return plan.seconds is not None and self.seconds >= plan.seconds

    def wants_check(self, plan: Plan) -> bool:
        """Whether it is time to look at the held-out melodies."""
        is_due = self.update % plan.check_every == 0 or self.update == plan.updates or self.is_late(plan)
        return self.update > self.checked and is_due


def run_updates(
    engine: Engine,
    streams: Streams,
    held_out: Sequence[np.ndarray],
    plan: Plan,
    progress: Progress,
    keeper: Keeper,
    blind_nll: float = math.inf,
    on_update: Callable[[int, float], None] = lambda update, nll: None,
    ranks: Ranks = ALONE,
) -> Iterator[Check]:
    """Follow the plan from where `progress` stands, yielding a Check every `plan.check_every` updates and at the end.

    It stops early after `plan.patience` checks without a gain, though not in the first four epochs; at
    `plan.seconds` on the clock; and when it blows up for the fourth time. To blow up is to have an nll that is not
    finite or twice that of a blind guess, `blind_nll`, or a held-out one worse than a blind guess that was better
    before. Ctrl-C is let through between updates only: whatever `progress` says is true of engine and streams.
    All ranks see the same, and so decide the same.
    Raises FloatingPointError where training blew up to the end before the first check.
    """
    watched = check_sample(held_out)
    clock = _Clock(progress, ranks)
    while not progress.stopped:
        clock.tick()
        if progress.recent and is_blown_up(progress.recent[-1], 2 * blind_nll):
            yield from _fall_back(progress.recent[-1], plan, progress, keeper)
        elif progress.wants_check(plan):
            check = _check(engine, streams, watched, plan, progress, ranks)
            if is_blown_up(check.validation_nll, blind_nll if progress.best < blind_nll else 2 * blind_nll):
                yield from _fall_back(check.validation_nll, plan, progress, keeper)
                continue
            with uninterrupted():
                keeper.keep(check)
                _take_note(check, progress)
            yield check
        else:
            with uninterrupted():
                nll = engine.update(streams.chunk(plan.bptt_steps), progress.rate(plan))
                progress.update += 1
                progress.recent.append(nll)
                clock.tick()
            on_update(progress.update, nll)


def check_sample(melodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A fixed, even choice of melodies with at most about MAX_CHECK_TOKENS tokens in all."""
    total = sum(len(m) for m in melodies)
    if total <= MAX_CHECK_TOKENS:
        return list(melodies)
    count = max(1, int(len(melodies) * MAX_CHECK_TOKENS / total))
    return [melodies[i * len(melodies) // count] for i in range(count)]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done, so that what it changes is changed whole.

    Only the main thread is ever interrupted; in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)
    if pressed:
        signal.raise_signal(signal.SIGINT)


class _Clock:
    """Keeps `progress.seconds`, which a resumed run carries on."""

    def __init__(self, progress: Progress, ranks: Ranks):
        self._progress, self._ranks = progress, ranks
        self._began = time.perf_counter() - ranks.clock(progress.seconds)

    def tick(self) -> None:
        self._progress.seconds = self._ranks.clock(time.perf_counter() - self._began)


def _check(
    engine: Engine, streams: Streams, watched: list[np.ndarray], plan: Plan, progress: Progress, ranks: Ranks
) -> Check:
    """Look at the held-out melodies, or at the training nll where there are none; change nothing."""
    train_nll = float(np.mean(progress.recent)) if progress.recent else math.nan
    validation = _held_out(engine, watched, ranks) if watched else train_nll
    epochs = ranks.mean(streams.epochs, 1)
    train_nll = train_nll if progress.recent else validation  # before the first update
    is_best = validation < progress.best
    is_worn = epochs >= EPOCHS_BEFORE_EARLY_STOP and not is_best and progress.since_best + 1 >= plan.patience
    is_over = progress.update == plan.updates
    stopped = "finished" if is_over else "time" if progress.is_late(plan) else "early" if is_worn else ""
    return Check(
        progress.update,
        plan.updates,
        epochs,
        progress.seconds,
        train_nll,
        validation,
        progress.update * plan.tokens_per_update / max(progress.seconds, 1e-9),
        is_best,
        stopped,
        progress.note,
    )


def _held_out(engine: Engine, watched: list[np.ndarray], ranks: Ranks) -> float:
    """Nats per token; each rank scores its part of the melodies."""
    mine = watched[ranks.rank :: ranks.size]
    return ranks.mean(engine.nll(mine) if mine else 0.0, sum(map(len, mine)))


def _take_note(check: Check, progress: Progress) -> None:
    """Enter a check into the progress."""
    if check.is_best:
        progress.best, progress.best_update = check.validation_nll, check.update
    progress.since_best = 0 if check.is_best else progress.since_best + 1
    progress.checked, progress.epochs = check.update, check.epochs
    progress.stopped, progress.note = check.stopped, ""
    progress.recent.clear()


def is_blown_up(nll: float, limit: float) -> bool:
    """Whether training has left the road."""
    return not math.isfinite(nll) or nll > limit


def _fall_back(nll: float, plan: Plan, progress: Progress, keeper: Keeper) -> Iterator[Check]:
    """Go back to the best weights and their place in the schedule, or give up with a last Check."""
    told = f"training blew up at update {progress.update} (nll {nll:.3g})"
    if progress.blow_ups == MAX_BLOW_UPS:
        if not math.isfinite(progress.best):
            raise FloatingPointError(f"{told} for the fourth time: try a lower --peak-rate than {plan.peak_rate:g}")
        last = _last_words(f"{told} for the fourth time; the best is kept", plan, progress)
        with uninterrupted():
            keeper.keep(last)
            progress.stopped = last.stopped
        yield last
        return
    with uninterrupted():
        to, share = progress.best_update, 0.5 ** (progress.blow_ups + 1)
        keeper.go_back({"went_back": to, "from_update": progress.update, "share_of_rate": share})
        progress.note = f"{told}: back to {f'update {to}' if to else 'the beginning'}, with {share:g} of the rate"
        progress.blow_ups += 1
        progress.update = progress.checked = to
        progress.since_best = 0
        progress.recent.clear()


def _last_words(note: str, plan: Plan, progress: Progress) -> Check:
    """The check that ends a run which cannot go on: the best's likelihood, and why."""
    return Check(
        progress.update,
        plan.updates,
        progress.epochs,
        progress.seconds,
        progress.best,
        progress.best,
        0.0,
        False,
        "diverged",
        note,
    )
