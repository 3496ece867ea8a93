"""The training loop: updates by the plan, a validation now and then, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ritornello.training.data import Batch, Streams
from ritornello.training.plan import Plan
from ritornello.training.progress import Progress, Revision

EPOCHS_BEFORE_EARLY_STOP = 4  # before that, a check without a gain is noise, not over-fitting
BY_HEART = 0.1  # of the nll of a blind guess: a training nll below it is of tunes that are known by heart
MAX_CHECK_TOKENS = 24_000  # enough for an error of about 0.01 nats, and a fraction of a second


class Learner(Protocol):
    """A network that learns: `TorchEngine` or `NumpyEngine`. dropout: share of activations silenced from now on."""

    dropout: float

    def update(self, batch: Batch, rate: float) -> float:
        """Update the weights from a batch at this learning rate; return the mean nll in nats."""

    def nll(self, melodies: Sequence[np.ndarray]) -> float:
        """Measure the mean nats per token of whole melodies; change nothing."""


@dataclass(frozen=True)
class Check:
    """A validation, and the training since the one before. nll: nats per token. seconds: since the run began."""

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


def learn(
    learner: Learner,
    streams: Streams,
    validation: Sequence[np.ndarray],
    plan: Plan,
    progress: Progress | None = None,
    blind_nll: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[float | Check | Revision]:
    """Follow the plan from `progress` on; yield nll of updates, each Check, each Revision.

    It checks every `plan.check_every` updates, or by the clock every `plan.check_seconds`, after which the plan is
    revised (see `progress.py`), and at the end. It stops early after `plan.patience` checks without a
    gain, though not in the first four epochs, and at `plan.seconds` on the clock. Between two steps it holds nothing
    but `progress`, which may be saved and changed. Raises FloatingPointError where training blows up: where an nll is
    not finite or twice that of a blind guess, `blind_nll`, or the validation nll is worse than a blind guess after it
    was better, unless the tunes are learned by heart.
    """
    progress = progress or Progress()
    plan, melodies, began = plan.of_length(progress.updates), check_sample(validation), clock() - progress.seconds
    if progress.updates:
        learner.dropout = plan.dropout
    while not progress.stopped:
        progress.seconds = clock() - began
        if progress.recent:
            _refuse_blow_up(progress.recent[-1], 2 * blind_nll, progress)
        if progress.is_check_due(plan):
            progress.checked_at = progress.seconds
            check = _check(learner, streams, melodies, plan, progress)
            limit = blind_nll if progress.best < blind_nll else 2 * blind_nll
            limit = math.inf if check.train_nll < BY_HEART * blind_nll < math.inf else limit
            _refuse_blow_up(check.validation_nll, limit, progress)
            progress.since_best = 0 if check.is_best else progress.since_best + 1
            if check.is_best:
                progress.best, progress.best_update = check.validation_nll, check.update
            progress.checked, progress.epochs, progress.stopped = check.update, check.epochs, check.stopped
            progress.recent.clear()
            progress.seconds = clock() - began
            yield check
        elif progress.is_revision_due(plan):
            revision = progress.revise(plan)
            plan = plan.of_length(revision.revised)
            learner.dropout = plan.dropout
            yield revision
        else:
            rate = plan.rate(progress.update) * 0.5**progress.blow_ups
            nll = learner.update(streams.chunk(plan.bptt_steps), rate)
            progress.update += 1
            progress.made += 1
            progress.recent.append(nll)
            progress.seconds = clock() - began
            yield nll


def check_sample(melodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Choose melodies evenly, with about MAX_CHECK_TOKENS tokens at most; always the same ones."""
    total = sum(len(m) for m in melodies)
    if total <= MAX_CHECK_TOKENS:
        return list(melodies)
    count = max(1, int(len(melodies) * MAX_CHECK_TOKENS / total))
    return [melodies[i * len(melodies) // count] for i in range(count)]


def _check(learner: Learner, streams: Streams, melodies: list[np.ndarray], plan: Plan, progress: Progress) -> Check:
    """Validate the network, by the training nll where there are no melodies; change nothing."""
    train_nll = float(np.mean(progress.recent)) if progress.recent else math.nan
    validation = learner.nll(melodies) if melodies else train_nll
    epochs = streams.epochs
    is_best = validation < progress.best
    is_worn = epochs >= EPOCHS_BEFORE_EARLY_STOP and not is_best and progress.since_best + 1 >= plan.patience
    ends = {"finished": progress.is_over(plan), "time": progress.is_late(plan), "early": is_worn}
    learning = max(progress.seconds - progress.other_seconds, 1e-9)
    return Check(
        update=progress.update,
        updates=plan.updates,
        epochs=epochs,
        seconds=progress.seconds,
        train_nll=train_nll if progress.recent else validation,  # before the first update
        validation_nll=validation,
        tokens_per_second=progress.update * plan.tokens_per_update / learning,
        is_best=is_best,
        stopped=next((name for name, is_so in ends.items() if is_so), ""),
    )


def _refuse_blow_up(nll: float, limit: float, progress: Progress) -> None:
    """Raise FloatingPointError where an nll is not finite or above the limit."""
    if not math.isfinite(nll) or nll > limit:
        raise FloatingPointError(f"training blew up at update {progress.update} (nll {nll:.3g})")
