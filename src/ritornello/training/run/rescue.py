"""Protect training from what goes wrong on the way: from blow-ups, and from Ctrl-C at the wrong moment."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ritornello.training.loop import Check, Progress
from ritornello.training.plan import Plan

MAX_BLOW_UPS = 3  # from which training recovers, each time with half the learning rate


def rescued(
    learning: Callable[[], Iterator[float | Check]],
    plan: Plan,
    progress: Progress,
    go_back: Callable[[dict[str, Any]], None],
) -> Iterator[float | Check]:
    """Follow `learning`; when it blows up, go back to the best weights with half the rate.

    learning: begins `loop.learn` at `progress`. go_back: puts the best weights (before the first check the initial
    ones) into the network, and logs the line that it is given.
    At the fourth blow-up it ends with a last Check, "diverged". Raises FloatingPointError where that comes before the
    first check.
    """
    steps = learning()
    while True:
        try:
            step = next(steps, None)
        except FloatingPointError as blow_up:
            if progress.blow_ups == MAX_BLOW_UPS:
                yield _give_up(f"{blow_up} for the fourth time", plan, progress)
                return
            to, share = progress.best_update, 0.5 ** (progress.blow_ups + 1)
            go_back({"went_back": to, "from_update": progress.update, "share_of_rate": share})
            place = f"update {to}" if to else "the beginning"
            progress.note = f"{blow_up}: back to {place}, with {share:g} of the rate"
            progress.blow_ups += 1
            progress.update = progress.checked = to
            progress.since_best = 0
            progress.recent.clear()
            steps = learning()
            continue
        if step is None:
            return
        if isinstance(step, Check):
            step, progress.note = replace(step, note=progress.note), ""
        yield step


def _give_up(reason: str, plan: Plan, progress: Progress) -> Check:
    """End the run with a check that gives the best nll, and why it cannot go on."""
    if not math.isfinite(progress.best):
        raise FloatingPointError(f"{reason}: try a lower --peak-rate than {plan.peak_rate:g}") from None
    progress.stopped = "diverged"
    return Check(
        update=progress.update,
        updates=plan.updates,
        epochs=progress.epochs,
        seconds=progress.seconds,
        train_nll=progress.best,
        validation_nll=progress.best,
        tokens_per_second=0.0,
        is_best=False,
        stopped="diverged",
        note=f"{reason}; the best is kept",
    )


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
