"""The training loop: updates by the plan, a held-out check now and then, the best weights kept."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ritornello.train.plan import Plan
from ritornello.train.streams import Streams

EPOCHS_BEFORE_EARLY_STOP = 4  # before that, a check without a gain is noise, not over-fitting
MAX_CHECK_TOKENS = 24_000  # enough for an error of about 0.01 nats, and a fraction of a second


class Engine(Protocol):
    """What the loop needs of a trainer; see `TorchEngine`."""

    def update(self, inputs: np.ndarray, targets: np.ndarray, rate: float) -> float: ...
    def nll(self, melodies: Sequence[np.ndarray]) -> float: ...
    def tensors(self) -> dict[str, np.ndarray]: ...


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
    stopped: str = ""  # why the run ends here: "", "finished", "early" or "time"


def run_updates(
    engine: Engine, streams: Streams, held_out: Sequence[np.ndarray], plan: Plan, on_update=lambda update, nll: None
) -> Iterator[Check]:
    """Follow the plan, yielding a Check every `plan.check_every` updates and at the end.

    The caller keeps the weights after a check that is the best. Stops early after `plan.patience` checks without a
    gain, though not in the first four epochs, and at `plan.seconds` on the clock.
    Raises FloatingPointError where the nll is not a number.
    """
    watched = check_sample(held_out)
    began = time.perf_counter()
    best, since_best = math.inf, 0
    recent: list[float] = []
    for update in range(1, plan.updates + 1):
        nll = engine.update(*streams.chunk(plan.bptt_steps), plan.rate(update - 1))
        if not math.isfinite(nll):
            raise FloatingPointError(f"training diverged at update {update}: try a lower --peak-rate")
        recent.append(nll)
        on_update(update, nll)
        seconds = time.perf_counter() - began
        late = plan.seconds is not None and seconds >= plan.seconds
        if update % plan.check_every and update < plan.updates and not late:
            continue
        validation = engine.nll(watched) if watched else float(np.mean(recent))
        is_best = validation < best
        best, since_best = min(best, validation), 0 if is_best else since_best + 1
        stopped = "finished" if update == plan.updates else "time" if late else ""
        has_seen_enough = streams.epochs >= EPOCHS_BEFORE_EARLY_STOP
        stopped = stopped or ("early" if has_seen_enough and since_best >= plan.patience else "")
        rate = update * plan.streams * plan.bptt_steps / seconds
        yield Check(
            update, plan.updates, streams.epochs, seconds, float(np.mean(recent)), validation, rate, is_best, stopped
        )
        recent.clear()
        if stopped:
            return


def check_sample(melodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A fixed, even choice of melodies with at most about MAX_CHECK_TOKENS tokens in all."""
    total = sum(len(m) for m in melodies)
    if total <= MAX_CHECK_TOKENS:
        return list(melodies)
    count = max(1, int(len(melodies) * MAX_CHECK_TOKENS / total))
    return [melodies[i * len(melodies) // count] for i in range(count)]
