"""The plan of a training run: fixed at the start, written down, followed to the letter.

Only the update number steers the schedule, so that a run of so many updates with one seed always ends in
the same weights. `--minutes` is turned into updates here, once, from a measurement.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainOptions:
    """How to train. Raises ValueError, naming the field and its range, for a value out of range."""

    minutes: float | None = None
    """The most time it may take; 3 where neither minutes nor updates are given."""

    updates: int | None = None
    """Exactly so many updates instead: with a seed, the same weights every time."""

    seed: int = 0
    """Random seed."""

    streams: int = 16
    """Melodies read side by side, 1 or more."""

    bptt_steps: int = 48
    """Tokens per update and stream, 2 or more."""

    peak_rate: float = 4e-3
    """Learning rate after warm-up, above 0 and below 1."""

    weight_decay: float = 0.01
    """AdamW's weight decay."""

    dropout: float | None = None
    """Share of activations silenced, 0 to below 1; chosen by corpus and length of training where not given."""

    dtype: str = "auto"
    """Number format: auto, fp32 or bf16."""

    threads: int = 0
    """Threads; 0 chooses."""

    device: str = "auto"
    """auto, cpu, cuda or mps."""

    checks: int = 16
    """How often held-out likelihood is measured in a full run."""

    patience: int = 6
    """Checks without a gain after which it stops early, once every tune has been seen a few times."""

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0 < self.minutes <= 100_000:
            raise ValueError(f"minutes must be above 0 and at most 100000, not {self.minutes}")
        if self.updates is not None and self.updates < 1:
            raise ValueError(f"updates must be 1 or more, not {self.updates}")
        if self.dtype not in ("auto", "fp32", "bf16"):
            raise ValueError(f"dtype must be auto, fp32 or bf16, not {self.dtype!r}")
        for name, low in (
            ("seed", 0),
            ("streams", 1),
            ("bptt_steps", 2),
            ("threads", 0),
            ("checks", 1),
            ("patience", 1),
        ):
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be {low} or more, not {getattr(self, name)}")
        if not 0 < self.peak_rate < 1:
            raise ValueError(f"peak_rate must be above 0 and below 1, not {self.peak_rate}")
        if not 0 <= self.weight_decay <= 1:
            raise ValueError(f"weight_decay must be 0 to 1, not {self.weight_decay}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 to below 1, not {self.dropout}")


@dataclass(frozen=True)
class Plan:
    """What a run will do: device, dtype, threads, number of updates, checks, and the schedule's numbers."""

    updates: int
    check_every: int
    patience: int
    streams: int
    bptt_steps: int
    peak_rate: float
    weight_decay: float
    warmup_updates: int
    dropout: float
    dtype: str
    threads: int
    device: str
    seed: int
    seconds: float | None  # upper bound on the clock; None: no bound

    def rate(self, update: int) -> float:
        """Learning rate of update 0, 1, ...: linear warm-up, then half a cosine down to 1 % of the peak."""
        if update < self.warmup_updates:
            return self.peak_rate * (update + 1) / self.warmup_updates
        done = (update - self.warmup_updates) / max(1, self.updates - self.warmup_updates)
        return self.peak_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def described(self) -> dict:
        """The fields by name, as the log and the model file keep them."""
        return asdict(self)


def make_plan(options: TrainOptions, corpus_tokens: int, dtype: str, threads: int, updates_per_second: float) -> Plan:
    """Fix the plan. updates_per_second: measured; not used where `options.updates` is given."""
    updates = options.updates
    seconds = None
    if updates is None:
        seconds = 60 * (3.0 if options.minutes is None else options.minutes)
        # A tenth goes to checking; the rest of the reserve is for a machine that slows down.
        updates = max(20, int(0.82 * seconds * updates_per_second))
    return Plan(
        updates=updates,
        check_every=max(1, round(updates / options.checks)),
        patience=options.patience if options.updates is None else options.updates,  # exactly so many: never early
        streams=options.streams,
        bptt_steps=options.bptt_steps,
        peak_rate=options.peak_rate,
        weight_decay=options.weight_decay,
        warmup_updates=max(1, min(200, updates // 20)),
        dropout=choose_dropout(options, corpus_tokens, updates),
        dtype=dtype,
        threads=threads,
        device=options.device,
        seed=options.seed,
        seconds=seconds,
    )


def choose_dropout(options: TrainOptions, corpus_tokens: int, updates: int) -> float:
    """More dropout the more often each token will be seen: none up to four epochs, 0.15 more for each doubling.

    At most 0.5. Found by experiment (LOG.md, 2026-11-22).
    """
    if options.dropout is not None:
        return options.dropout
    epochs = updates * options.streams * options.bptt_steps / max(1, corpus_tokens)
    return round(min(0.5, 0.15 * math.log2(max(epochs, 4) / 4)), 2)


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX512-BF16 or AMX); without that it is slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "ignore")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def usable_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
