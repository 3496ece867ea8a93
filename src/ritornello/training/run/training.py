"""A run under way, and the files it keeps: the best weights, the checkpoint, and the log.

The folder holds `model.safetensors` (the best so far), `last.safetensors` (the checkpoint) and `log.jsonl` (the
metadata, then one line per check), and is usable at any moment: each file is written under another name and renamed.
A run that was stopped, by whatever, is resumed from its checkpoint as if nothing had happened; after a blow-up it
goes back to its best weights.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ritornello import atomic
from ritornello.encoding import MelodyEncoding
from ritornello.encoding.features import Harmony
from ritornello.model.counts import counts_to_tensors
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.training.data import Streams
from ritornello.training.loop import Check, learn
from ritornello.training.memory import Memory
from ritornello.training.plan import DEFAULTS, Plan, Setting
from ritornello.training.progress import Progress, Revision
from ritornello.training.run.engine import Engine, make_engine
from ritornello.training.run.finetune import Base
from ritornello.training.run.folder import (
    LOG_NAME,
    MODEL_NAME,
    PRIVATE,
    REPORT,
    REPORTS,
    SAMPLE_NAMES,
    SAMPLES,
    Checkpoint,
    RunMetadata,
    save_checkpoint,
    sweep,
)
from ritornello.training.run.ranks import ALONE, Ranks
from ritornello.version import VERSION
from ritornello.wording import option

MAX_BLOW_UPS = 3  # from which training recovers, each time with half the learning rate


@dataclass(frozen=True)
class Material:
    """Training and validation melodies as token arrays, (length,) each.

    metadata: what the model file says of the corpus. losses: notes that the encoding could not keep (see
    `corpus_tokens`). pieces: how many of each split have melodies. families: a number for that of each training
    melody. harmonies: the chords of each, () where there are none to be known.
    """

    train: list[np.ndarray]
    validation: list[np.ndarray]
    metadata: dict[str, Any]
    losses: Counter[str] = field(default_factory=Counter)
    pieces: Counter[str] = field(default_factory=Counter)
    families: list[int] = field(default_factory=list)
    harmonies: list[Harmony | None] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Tokens to learn from."""
        return sum(len(m) for m in self.train)


@dataclass
class Training:
    """A run that is ready to begin, or to be resumed: its plan can be shown before the next update.

    log: lines of the log so far, without the first. timed: the settings that were tried. base: the model that is
    fine-tuned. memory: of an encoding that has it. ranks: the processes that train together. has_more_time: whether
    it is a run that was resumed for longer. clock: seconds from any moment on, by which the plan is revised.
    """

    metadata: RunMetadata
    encoding: MelodyEncoding
    material: Material
    engine: Engine
    streams: Streams
    base: Base | None = None
    memory: Memory | None = None
    timed: Sequence[Setting] = ()
    save_seconds: float = DEFAULTS["save_seconds"]
    is_resumed: bool = False
    progress: Progress = field(default_factory=Progress)
    log: list[dict[str, Any]] = field(default_factory=list)
    ranks: Ranks = ALONE
    saved_at: float = field(default_factory=time.monotonic)
    has_more_time: bool = False
    clock: Callable[[], float] | None = None

    @property
    def plan(self) -> Plan:
        """The plan as it is now; `metadata` has the one of the start."""
        return self.metadata.plan.of_length(self.progress.updates)

    @property
    def has_validation(self) -> bool:
        """Whether there are melodies to validate with; without them the training nll decides."""
        return bool(self.material.validation)

    @property
    def log_lines(self) -> list[dict[str, Any]]:
        """All lines of the log: the metadata that anyone may read, then the checks."""
        public = {name: value for name, value in self.metadata.to_dict().items() if name not in PRIVATE}
        return [public, *self.log]

    def checks(self, out: str | Path, on_update: Callable[[int, float], None] | None = None) -> Iterator[Check]:
        """Train, yielding each check; by then the best weights and the log are in the folder `out`.

        The folder should be held by `claimed`. A run that is there is replaced, unless this one was resumed from it.
        Ctrl-C, or closing the iterator, saves the checkpoint. Of several ranks the first alone writes.
        Raises OSError, naming the file, where `out` cannot be written, and ConnectionError where another rank is
        gone; the last good files stay then.
        """
        folder = Path(out)
        is_alone = self.ranks.size == 1
        with uninterrupted():
            self._open(folder)
        blind_nll = math.log(self.encoding.vocabulary.size)
        clock = self.clock or (time.perf_counter if is_alone else self.ranks.clock)
        data = self.streams, self.material.validation
        learning = partial(learn, self.engine, *data, self.metadata.plan, self.progress, blind_nll, clock)
        steps = rescued(learning, self.plan, self.progress, partial(self._go_back, folder))
        try:
            with nullcontext() if is_alone else self.ranks.stoppable():
                while (step := self._step(folder, steps)) is not None:
                    if isinstance(step, Revision):
                        continue
                    if isinstance(step, Check):
                        yield step
                        continue
                    if on_update:
                        on_update(self.progress.update, step)
                    is_due, is_stopped = time.monotonic() - self.saved_at >= self.save_seconds, False
                    if not is_alone:
                        is_due, is_stopped = self.ranks.agree(is_due)
                    if is_due:
                        self._save(folder)
                    if is_stopped:
                        raise KeyboardInterrupt
        except (KeyboardInterrupt, GeneratorExit) as stop:
            if is_alone or isinstance(stop, KeyboardInterrupt):  # a rank that is closed cannot ask the others
                self._save(folder)
            raise
        self._save(folder)

    def model_at(self, check: Check) -> ModelFile:
        """Make a model file of the network as it is now, with the metadata of this check."""
        metadata = {
            "ritornello": VERSION,
            "corpus": self.material.metadata,
            "plan": asdict(self.plan),
            "seed": self.plan.seed,
            "update": check.update,
            "validation_nll": check.validation_nll,
        }
        if self.base:
            metadata["parent"] = self.base.metadata
        counts = self.memory.counts if self.memory else None
        tensors = self.engine.tensors() | (counts_to_tensors(counts) if counts else {})
        return ModelFile(tensors, self.metadata.network, self.encoding, metadata)

    def _step(self, folder: Path, steps: Iterator[float | Check | Revision]) -> float | Check | Revision | None:
        """Take the next step and log a check or revision; Ctrl-C waits until `progress` is true."""
        with uninterrupted():
            step = next(steps, None)
            if isinstance(step, Check | Revision):
                if isinstance(step, Check) and step.is_best and self.ranks.is_first:
                    save_model(folder / MODEL_NAME, self.model_at(step), maker=self.metadata.maker, replace=True)
                self.log.append(asdict(step))
                self._write_log(folder)
            return step

    def _open(self, folder: Path) -> None:
        """Make the folder ready: from here on the run can be resumed.

        Files of an earlier run are removed only when this one has found room.
        """
        if self.ranks.is_first:
            sweep(folder)
        if not self.is_resumed or self.has_more_time:
            self._save(folder)
        self._write_log(folder)
        if self.ranks.is_first and not math.isfinite(self.progress.best):
            atomic.remove(folder / MODEL_NAME)
        if self.ranks.is_first and not self.log:  # no report is this run's yet, even where it was killed just here
            reports, samples = [folder / name for name in REPORTS], folder / SAMPLES
            for path in () if self.is_resumed else reports:  # whose folder was claimed
                atomic.remove(path)
            atomic.remove_made(folder, "*", REPORT)
            atomic.remove_made(samples, SAMPLE_NAMES, REPORT)
            with suppress(OSError):  # it holds something else, which stays
                samples.rmdir()

    def _go_back(self, folder: Path, line: dict[str, Any]) -> None:
        """Put the best weights, or else the initial ones, into the engine again; log the line."""
        if math.isfinite(self.progress.best):
            tensors = self.ranks.first(lambda: load_model(folder / MODEL_NAME)).tensors
        elif self.base:
            tensors = self.base.file.tensors
        else:
            network, before = self.metadata.network, self.material.train[0]
            tensors = make_engine(network, self.encoding, self.plan, before, self.ranks).tensors()
        self.engine.load(tensors)
        self.log.append(line)
        self._write_log(folder)
        # Saved again after the next update: a run resumed from before would find a later best to go back to.
        self.saved_at = -math.inf

    def _save(self, folder: Path) -> None:
        """Save the checkpoint."""
        engine, streams = self.engine.state(), self.streams.state()
        if self.ranks.is_first:
            save_checkpoint(Checkpoint(folder, self.metadata, self.progress, self.log, engine, streams))
        self.saved_at = time.monotonic()

    def _write_log(self, folder: Path) -> None:
        """Write the log whole or not at all, if this is the first rank. Raises OSError naming it."""
        if self.ranks.is_first:
            text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in self.log_lines)
            atomic.write_text(folder / LOG_NAME, text, self.metadata.maker, replace=True)


def rescued(
    learning: Callable[[], Iterator[float | Check | Revision]],
    plan: Plan,
    progress: Progress,
    go_back: Callable[[dict[str, Any]], None],
) -> Iterator[float | Check | Revision]:
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
        raise FloatingPointError(f"{reason}: try a lower {option('peak_rate')} than {plan.peak_rate:g}") from None
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
