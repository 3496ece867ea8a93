"""The plan of a training run: fixed at the start and written down.

Only the update number steers the schedule, so that a run of so many updates with one seed, dtype and number of
threads always ends in the same weights. `--minutes` is turned into updates from a measurement, which `progress.py`
revises while the run goes on.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from ritornello.wording import option

DEFAULT_MINUTES = 3.0
DEFAULT_PATIENCE = 6
FREE_EPOCHS, FREE_WITH_MEMORY = 4.0, 1.5  # without dropout; what memory knows already is soon known by heart
FINE_TUNE_EPOCHS = 40  # of the user's melodies alone; with the old style mixed in 30. Half are enough for a few


class More(float):
    """Minutes besides those that a run has had, written "+3"."""

    def __str__(self) -> str:
        return f"+{float(self):g}"


def read_minutes(text: str) -> float:
    """Read minutes: "3", or "+3" for more of them. Raises ValueError for anything else."""
    try:
        return More(text) if text.strip().startswith("+") else float(text)
    except ValueError:
        more = f'"+3" with {option("resume", True)} for three more'
        raise ValueError(f"minutes must be a number, or {more}, not {text!r}") from None


@dataclass(frozen=True)
class TrainOptions:
    """How to train; None is the default. Raises ValueError for a value out of range.

    A run that is resumed has to agree with the options that are given.
    """

    minutes: str | float | None = None
    """The most time it may take; default: 3, unless updates are given. +3 gives a resumed run three more."""

    updates: int | None = None
    """Exactly so many updates instead: with a seed, threads and dtype, the same weights every time."""

    seed: int | None = None
    """Random seed; default: 0."""

    streams: int | None = None
    """Melodies read side by side (by each process), 1 to 4096; default: 16, or 8 when fine-tuning a model."""

    bptt_steps: int | None = None
    """Recurrent steps per update and stream, 2 to 4096; default: 48."""

    peak_rate: float | None = None
    """Learning rate after warm-up, above 0 and below 1; default: 0.004, of a transformer 0.001; when fine-tuning a
    model a quarter of it."""

    weight_decay: float | None = None
    """AdamW's weight decay, 0 to 1; default: 0.5."""

    dropout: float | None = None
    """Share of activations silenced, 0 to below 1; default: more the more often each tune will be read."""

    engine: str | None = None
    """Engine: auto (default), torch, or numpy, which needs no PyTorch."""

    dtype: str | None = None
    """Number format: auto (default), fp32 or bf16."""

    threads: int | None = None
    """Threads; 0 (default) measures which number is fastest now."""

    device: str | None = None
    """Device: auto (default), cpu, cuda or mps."""

    checks: int | None = None
    """Validations in a full run; default: 16."""

    patience: int | None = None
    """Checks without a gain after which it stops early; default: 6, with updates never."""

    save_seconds: float | None = None
    """Seconds between two checkpoints, from which the run can be resumed; default: 20."""

    def __post_init__(self) -> None:
        if isinstance(self.minutes, str):
            object.__setattr__(self, "minutes", read_minutes(self.minutes))
        if self.minutes is not None and not 0 < float(self.minutes) <= 100_000:
            raise ValueError(f"minutes must be above 0 and at most 100000, not {self.minutes}")
        if self.updates is not None and self.minutes is not None:
            raise ValueError("updates and minutes exclude each other: give how many updates, or the most time")
        if self.dtype not in (None, "auto", "fp32", "bf16"):
            raise ValueError(f"dtype must be auto, fp32 or bf16, not {self.dtype!r}")
        if self.engine not in (None, "auto", "torch", "numpy"):
            raise ValueError(f"engine must be auto, torch or numpy, not {self.engine!r}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                legal = f"{low} or more" if high == math.inf else f"{low} to {high}"
                raise ValueError(f"{name} must be {legal}, not {value}")
        if self.peak_rate is not None and not 0 < self.peak_rate < 1:
            raise ValueError(f"peak_rate must be above 0 and below 1, not {self.peak_rate}")
        if self.weight_decay is not None and not 0 <= self.weight_decay <= 1:
            raise ValueError(f"weight_decay must be 0 to 1, not {self.weight_decay}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 to below 1, not {self.dropout}")

    @property
    def more_seconds(self) -> float | None:
        """How many seconds more a run that is resumed may take, if that is asked for."""
        return 60 * self.minutes if isinstance(self.minutes, More) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, the defaults of `DEFAULTS` filled in."""
        return asdict(self) | {name: value for name, value in DEFAULTS.items() if getattr(self, name) is None}


DEFAULTS: dict[str, Any] = {
    "seed": 0,
    "weight_decay": 0.5,  # what a small network knows by heart it forgets again; 0.01 and 1 are worse (LOG.md)
    "engine": "auto",
    "dtype": "auto",
    "threads": 0,
    "device": "auto",
    "checks": 16,
    "save_seconds": 20.0,
}


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

PEAK_RATES = {"lstm": 4e-3, "transformer": 1e-3}  # by kind of network; a fourth of it for a model that is fine-tuned

# Seconds on one core, with the embedded corpus and 2x256.
CHECK_SECONDS, NGRAM_SECONDS, SECONDS_BETWEEN_CHECKS = 1.0, 2.5, 10
EARLY_EPOCHS, EARLY_UPDATES = 8, 6  # at the first check of a few tunes, which are known by heart in those seconds
MOST_EARLY = 200  # updates of such a first check: with more the clock is early enough
EARLY_GROWTH = 1.5  # from the updates of an early check to those of the next
RESERVE = 0.08


def usable_cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class Setting(NamedTuple):
    """Engine, device, number format and threads. updates_per_second: as measured; 0 where nothing was measured."""

    engine: str  # torch or numpy
    device: str  # cpu, cuda or mps
    dtype: str  # fp32 or bf16
    threads: int
    updates_per_second: float = 0.0


@dataclass(frozen=True)
class Plan:
    """The numbers that a run follows, by default those of a short run on the CPU."""

    updates: int
    check_every: int = 40
    patience: int = DEFAULT_PATIENCE
    streams: int = 16
    bptt_steps: int = 48
    peak_rate: float = 4e-3
    weight_decay: float = 0.5
    warmup_updates: int = 20
    dropout: float = 0.0
    dtype: str = "fp32"
    threads: int = 1
    device: str = "cpu"
    seed: int = 0
    seconds: float | None = None  # upper bound on the clock; None: no bound
    engine: str = "torch"
    ranks: int = 1  # processes that train together, each with its own streams
    parts: int = 1  # tokens in a recurrent step
    check_seconds: float | None = None  # between two checks, after which it is revised; None: `check_every` updates
    most_updates: int | None = None  # even where there is time for more
    epoch_tokens: int = 0  # to learn from, where dropout depends on how often; 0: it does not
    free_epochs: float = FREE_EPOCHS  # without dropout
    first_check: int = 0  # update of the first early check (see `is_early`); 0: there are none

    @property
    def tokens_per_update(self) -> int:
        """Targets of an update: those of all streams of all ranks, about."""
        return self.ranks * self.streams * self.bptt_steps * self.parts

    def is_early(self, update: int) -> bool:
        """Tell whether an early check is due: at `first_check`, half as many again, and so on."""
        if not 0 < self.first_check <= update:
            return False
        count = round(math.log(update / self.first_check) / math.log(EARLY_GROWTH))
        return update == round(self.first_check * EARLY_GROWTH**count)

    def of_length(self, updates: int) -> Plan:
        """Make the same plan for so many updates in all; for 0 as it is."""
        if not updates:
            return self
        dropout = self.dropout
        if self.epoch_tokens:
            dropout = dropout_for(updates * self.tokens_per_update / self.epoch_tokens, self.free_epochs)
        return replace(self, updates=updates, warmup_updates=warmup_for(updates), dropout=dropout)

    def rate(self, update: int) -> float:
        """Compute the learning rate of an update, from 0 on.

        Linear warm-up, then half a cosine down to 1 % of the peak.
        """
        if update < self.warmup_updates:
            return self.peak_rate * (update + 1) / self.warmup_updates
        done = (update - self.warmup_updates) / max(1, self.updates - self.warmup_updates)
        return self.peak_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def make_plan(
    options: TrainOptions,
    corpus_tokens: int,
    setting: Setting,
    fine_tune: bool = False,
    ranks: int = 1,
    parts: int = 1,
    free_epochs: float = FREE_EPOCHS,
    kind: str = "lstm",
) -> Plan:
    """Fix the plan of a run.

    setting: its measured speed counts only where `options.updates` is not given. corpus_tokens: to learn from. parts:
    tokens in a recurrent step. free_epochs: see `dropout_for`. kind: of network.

    16 x 48 steps at the same rate for every corpus and length of training: many small updates beat few large ones in
    all that was tried (LOG.md). A model that is fine-tuned learns at a lower rate.
    """
    streams, bptt_steps = options.streams or (8 if fine_tune else 16), options.bptt_steps or 48
    tokens = ranks * streams * bptt_steps * parts  # of an update
    given = options.to_dict()
    updates, checks, seconds, check_seconds, most = options.updates, given["checks"], None, None, None
    if updates is None:
        seconds = 60 * float(options.minutes or DEFAULT_MINUTES)
        check_seconds = check_pause(seconds, checks)
        checks = round(seconds / check_seconds)
        learning = max(0.0, (1 - RESERVE) * seconds - NGRAM_SECONDS - CHECK_SECONDS * checks)
        updates = max(20, int(learning * setting.updates_per_second))
        if fine_tune:
            most = max(100, FINE_TUNE_EPOCHS * corpus_tokens // tokens)
            if updates >= most:
                updates, checks = most, given["checks"]
    check_every = max(1, round(updates / checks))
    by_number = math.inf if check_seconds and updates != most else check_every
    return Plan(
        updates=updates,
        check_every=check_every,
        patience=options.patience or options.updates or DEFAULT_PATIENCE,  # exactly so many updates: never early
        streams=streams,
        bptt_steps=bptt_steps,
        peak_rate=options.peak_rate or PEAK_RATES[kind] / (4 if fine_tune else 1),
        weight_decay=given["weight_decay"],
        warmup_updates=warmup_for(updates),
        dropout=choose_dropout(options, corpus_tokens, updates * tokens, free_epochs),
        dtype=setting.dtype,
        threads=setting.threads,
        device=setting.device,
        seed=given["seed"],
        seconds=seconds,
        engine=setting.engine,
        ranks=ranks,
        parts=parts,
        check_seconds=check_seconds,
        most_updates=most,
        epoch_tokens=corpus_tokens if options.dropout is None and seconds else 0,
        free_epochs=free_epochs,
        first_check=0 if options.checks else early_check(corpus_tokens / tokens, by_number),
    )


def early_check(epoch_updates: float, otherwise: float) -> int:
    """Compute the update of the first early check; 0 where there is none.

    A network has a few tunes by heart after some dozen epochs, and what is kept is its best at a check.
    A speed that was measured says nothing here: it may have been a moment's. epoch_updates: in an epoch. otherwise:
    the update of that other one.
    """
    first = max(EARLY_UPDATES, math.ceil(EARLY_EPOCHS * epoch_updates))
    return first if first < min(otherwise, MOST_EARLY + 1) else 0


def check_pause(seconds: float, checks: int = DEFAULTS["checks"]) -> float:
    """Compute the seconds between the checks of a run that takes so long."""
    return seconds / min(checks, max(4, int(seconds // SECONDS_BETWEEN_CHECKS)))


def warmup_for(updates: int) -> int:
    """Compute how many updates warm up: a twentieth, at most 200."""
    return max(1, min(200, updates // 20))


def choose_dropout(
    options: TrainOptions, corpus_tokens: int, tokens_seen: int, free_epochs: float = FREE_EPOCHS
) -> float:
    """Choose the dropout: as it is given, else by how often each token will be read.

    When fine-tuning, melodies in the old style count as the user's own, which makes a third more epochs.
    """
    if options.dropout is not None:
        return options.dropout
    return dropout_for(tokens_seen / max(1, corpus_tokens), free_epochs)


def dropout_for(epochs: float, free_epochs: float = FREE_EPOCHS) -> float:
    """Choose more dropout the more often each token will be read.

    None up to `free_epochs`, then 0.15 more for each doubling, at most 0.5. Found by experiment (LOG.md).
    """
    return round(min(0.5, 0.15 * math.log2(max(epochs, free_epochs) / free_epochs)), 2)
