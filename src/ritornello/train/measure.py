"""What trains fastest on this machine, now: which number format and how many threads."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from ritornello.encoding import Grid
from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.train.batches import random_batch
from ritornello.train.engine import TorchEngine
from ritornello.train.plan import Plan, TrainOptions, has_bf16, make_plan, usable_cores

UPDATES_TIMED = 5


def default_setting(options: TrainOptions) -> tuple[str, int]:
    """Number format and threads by rule alone, so that a run of `--updates` does not hang on a measurement."""
    dtype = options.dtype if options.dtype != "auto" else ("bf16" if has_bf16() else "fp32")
    return dtype, options.threads or usable_cores()


def fastest_setting(network: NetworkOptions, encoding: Grid, options: TrainOptions) -> tuple[str, int, float]:
    """Try each setting for a moment. Returns dtype, threads and updates per second of the fastest.

    bf16 is tried only where the processor has it: elsewhere it is many times slower.
    """
    dtypes = [options.dtype] if options.dtype != "auto" else ["fp32", "bf16"][: 1 + has_bf16()]
    threads = [options.threads] if options.threads else sorted({1, usable_cores()})
    timed = []
    for dtype in dtypes:
        for count in threads:
            plan = replace(make_plan(options, 1, dtype, count, 1.0), dropout=network.dropout)
            timed.append((_updates_per_second(network, encoding, plan), dtype, count))
    rate, dtype, count = max(timed)
    return dtype, count, rate


def _updates_per_second(network: NetworkOptions, encoding: Grid, plan: Plan) -> float:
    engine = TorchEngine(network, encoding, plan)
    batch = random_batch(Alphabet.of(encoding), plan.streams, plan.bptt_steps)
    for _ in range(2):
        engine.update(batch, 1e-4)
    times = []
    for _ in range(UPDATES_TIMED):
        before = time.perf_counter()
        engine.update(batch, 1e-4)
        times.append(time.perf_counter() - before)
    return 1 / float(np.median(times))
