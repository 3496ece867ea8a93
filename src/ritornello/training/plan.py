"""The plan of a training run: fixed at the start, written down, followed to the letter.

Only the update number steers the schedule, so that a run of so many updates with one seed, dtype and number of
threads always ends in the same weights. `--minutes` is turned into updates here, once, from a measurement.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

DEFAULT_MINUTES = 3.0
DEFAULT_PATIENCE = 6
FINE_TUNE_EPOCHS = 40  # of the own tunes alone; with the old style beside them 30. Half are enough for a few tunes


class _Named:
    """Remembers which fields were named when it was made, also where the value is the one that they have anyway."""

    named: frozenset[str]

    def __new__(cls, *positional: Any, **named: Any) -> Self:
        made = super().__new__(cls)
        object.__setattr__(made, "named", frozenset(named))
        return made


@dataclass(frozen=True)
class TrainOptions(_Named):
    """How to train. Raises ValueError, naming the field and its range, for a value out of range.

    named: the fields that were given, which a run that is gone on with has to agree with.
    """

    minutes: float | None = None
    """The most time it may take; 3 where neither minutes nor updates are given."""

    updates: int | None = None
    """Exactly so many updates instead: with a seed, threads and dtype, the same weights every time."""

    seed: int = 0
    """Random seed."""

    streams: int | None = None
    """Melodies read side by side (by each process), 1 to 4096; 16 where not given, 8 when going on from a model."""

    bptt_steps: int | None = None
    """Recurrent steps per update and stream, 2 to 4096; 48 where not given."""

    peak_rate: float | None = None
    """Learning rate after warm-up, above 0 and below 1; 0.004 where not given, 0.001 when going on from a model."""

    weight_decay: float = 0.01
    """AdamW's weight decay."""

    dropout: float | None = None
    """Share of activations silenced, 0 to below 1; where not given, more the more often each tune will be read."""

    engine: str = "auto"
    """What trains: auto, torch, or numpy, which needs no PyTorch."""

    dtype: str = "auto"
    """Number format: auto, fp32 or bf16."""

    threads: int = 0
    """Threads; 0 measures which number is fastest now."""

    device: str = "auto"
    """auto, cpu, cuda or mps."""

    checks: int = 16
    """How often held-out likelihood is measured in a full run."""

    patience: int | None = None
    """Checks without a gain after which it stops early; 6 where not given, with updates none."""

    save_seconds: float = 20.0
    """How often everything needed to go on is saved, in seconds."""

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0 < self.minutes <= 100_000:
            raise ValueError(f"minutes must be above 0 and at most 100000, not {self.minutes}")
        if self.updates is not None and self.minutes is not None:
            raise ValueError("updates and minutes exclude each other: give how many updates, or the most time")
        if self.dtype not in ("auto", "fp32", "bf16"):
            raise ValueError(f"dtype must be auto, fp32 or bf16, not {self.dtype!r}")
        if self.engine not in ("auto", "torch", "numpy"):
            raise ValueError(f"engine must be auto, torch or numpy, not {self.engine!r}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                legal = f"{low} or more" if high == math.inf else f"{low} to {high}"
                raise ValueError(f"{name} must be {legal}, not {value}")
        if self.peak_rate is not None and not 0 < self.peak_rate < 1:
            raise ValueError(f"peak_rate must be above 0 and below 1, not {self.peak_rate}")
        if not 0 <= self.weight_decay <= 1:
            raise ValueError(f"weight_decay must be 0 to 1, not {self.weight_decay}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 to below 1, not {self.dropout}")

    @property
    def seconds(self) -> float | None:
        """The most time it may take; None where the number of updates is given."""
        return None if self.updates is not None else 60 * (self.minutes or DEFAULT_MINUTES)


_RANGES: dict[str, tuple[int, float]] = {
    "updates": (1, math.inf),
    "seed": (0, math.inf),
    "streams": (1, 4096),
    "bptt_steps": (2, 4096),
    "threads": (0, 256),
    "checks": (1, math.inf),
    "patience": (1, math.inf),
    "save_seconds": (0, math.inf),
}

# Seconds on one core of 2026, with the embedded corpus and 2x256.
CHECK_SECONDS, NGRAM_SECONDS, SECONDS_BETWEEN_CHECKS = 1.0, 2.5, 10
RESERVE = 0.08


class Setting(NamedTuple):
    """What the updates are computed with. updates_per_second: as measured; 0 where nothing was measured."""

    engine: str  # torch or numpy
    device: str  # cpu, cuda or mps
    dtype: str  # fp32 or bf16
    threads: int
    updates_per_second: float = 0.0


class Shape(NamedTuple):
    """How an update is made."""

    streams: int
    bptt_steps: int
    peak_rate: float


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
    engine: str = "torch"
    ranks: int = 1  # processes that train together, each with its own streams
    parts: int = 1  # tokens in a recurrent step

    @property
    def tokens_per_update(self) -> int:
        """Targets of all streams of all ranks, as good as."""
        return self.ranks * self.streams * self.bptt_steps * self.parts

    def rate(self, update: int) -> float:
        """Learning rate of update 0, 1, ...: linear warm-up, then half a cosine down to 1 % of the peak."""
        if update < self.warmup_updates:
            return self.peak_rate * (update + 1) / self.warmup_updates
        done = (update - self.warmup_updates) / max(1, self.updates - self.warmup_updates)
        return self.peak_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def to_dict(self) -> dict:
        """The fields by name, as the log and the model file keep them."""
        return asdict(self)


def make_plan(
    options: TrainOptions,
    corpus_tokens: int,
    setting: Setting,
    fine_tune: bool = False,
    ranks: int = 1,
    parts: int = 1,
) -> Plan:
    """Fix the plan. The measured speed of `setting` is not used where `options.updates` is given."""
    updates, seconds = options.updates, options.seconds
    shape = choose_shape(options, fine_tune)
    tokens = ranks * shape.streams * shape.bptt_steps * parts  # of an update
    checks = options.checks
    if updates is None:
        checks = fewer_checks(checks, seconds or 0)
        updates = max(20, int(seconds_of_updates(seconds or 0, checks) * setting.updates_per_second))
        if fine_tune:
            updates = min(updates, max(100, FINE_TUNE_EPOCHS * corpus_tokens // tokens))
    return Plan(
        updates=updates,
        check_every=max(1, round(updates / checks)),
        patience=options.patience or options.updates or DEFAULT_PATIENCE,  # exactly so many updates: never early
        streams=shape.streams,
        bptt_steps=shape.bptt_steps,
        peak_rate=shape.peak_rate,
        weight_decay=options.weight_decay,
        warmup_updates=max(1, min(200, updates // 20)),
        dropout=choose_dropout(options, corpus_tokens, updates * tokens),
        dtype=setting.dtype,
        threads=setting.threads,
        device=setting.device,
        seed=options.seed,
        seconds=seconds,
        engine=setting.engine,
        ranks=ranks,
        parts=parts,
    )


def fewer_checks(checks: int, seconds: float) -> int:
    """One in ten seconds, four at least: a check with its melody and page takes about one."""
    return min(checks, max(4, int(seconds // SECONDS_BETWEEN_CHECKS)))


def seconds_of_updates(seconds: float, checks: int) -> float:
    """What is left for updates: not what checks and the n-gram take, nor a reserve for a machine that slows down."""
    return max(0.0, (1 - RESERVE) * seconds - NGRAM_SECONDS - CHECK_SECONDS * checks)


RULE, FINE_TUNE_RULE = Shape(16, 48, 4e-3), Shape(8, 48, 1e-3)


def choose_shape(options: TrainOptions, fine_tune: bool = False) -> Shape:
    """Streams, steps and learning rate: what the options name, else 16 streams of 48 steps at 0.004.

    So for every corpus and length of training: many small updates beat few large ones in all that was tried (LOG.md).
    A network that has learned already learns on at a lower rate.
    """
    rule = FINE_TUNE_RULE if fine_tune else RULE
    return Shape(
        options.streams or rule.streams, options.bptt_steps or rule.bptt_steps, options.peak_rate or rule.peak_rate
    )


def choose_dropout(options: TrainOptions, corpus_tokens: int, tokens_seen: int) -> float:
    """More dropout the more often each token will be seen: none up to four epochs, 0.15 more for each doubling.

    At most 0.5. What a tuned run reads in the old style is taken for its own tunes, which makes a third more epochs.
    Found so by experiment (LOG.md, 2026-11-22).
    """
    if options.dropout is not None:
        return options.dropout
    epochs = tokens_seen / max(1, corpus_tokens)
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
