"""A run under way, and the files it keeps: the best weights, the checkpoint, and the log.

The folder holds `model.safetensors` (the best so far), `last.safetensors` (the checkpoint) and `log.jsonl` (the
metadata, then one line per check), and is usable at any moment: each file is written under another name and renamed.
A run that was stopped, by whatever, is resumed from its checkpoint as if nothing had happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ritornello.encoding import MelodyEncoding
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Streams
from ritornello.training.loop import Check, Progress, learn
from ritornello.training.plan import DEFAULTS, Plan, Setting
from ritornello.training.run.checkpoint import Checkpoint, RunMetadata, save_checkpoint
from ritornello.training.run.engine import Engine, make_engine
from ritornello.training.run.finetune import Base
from ritornello.training.run.folder import MODEL_NAME, drop_model, drop_reports, sweep, write_log
from ritornello.training.run.material import Material
from ritornello.training.run.ranks import ALONE, Ranks
from ritornello.training.run.rescue import rescued, uninterrupted
from ritornello.version import VERSION


@dataclass
class Training:
    """A run that is ready to begin, or to be resumed: its plan can be shown before the next update.

    log: lines of the log so far, without the first. timed: the settings that were tried. base: the model that is
    fine-tuned. ranks: the processes that train together.
    """

    metadata: RunMetadata
    encoding: MelodyEncoding
    material: Material
    engine: Engine
    streams: Streams
    base: Base | None = None
    timed: Sequence[Setting] = ()
    save_seconds: float = DEFAULTS["save_seconds"]
    is_resumed: bool = False
    progress: Progress = field(default_factory=Progress)
    log: list[dict[str, Any]] = field(default_factory=list)
    ranks: Ranks = ALONE
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def plan(self) -> Plan:
        """The plan, fixed at the start."""
        return self.metadata.plan

    @property
    def network(self) -> NetworkOptions:
        """The network's options."""
        return self.metadata.network

    @property
    def has_validation(self) -> bool:
        """Whether there are melodies to validate with; without them the training nll decides."""
        return bool(self.material.validation)

    @property
    def epoch_tokens(self) -> int:
        """Tokens of all melodies, also in the old style of a base; about, where several ranks share them."""
        return self.ranks.size * self.streams.tokens

    @property
    def log_lines(self) -> list[dict[str, Any]]:
        """All lines of the log: what anyone may read of the metadata, then the checks."""
        return [self.metadata.public(), *self.log]

    def checks(
        self, out: str | Path, on_update: Callable[[int, float], None] = lambda update, nll: None
    ) -> Iterator[Check]:
        """Train, yielding each check; by then the best weights and the log are in the folder `out`.

        The folder should be held by `claimed`. A run that is there is replaced, unless this one was resumed from it.
        Ctrl-C, or closing the iterator, saves the checkpoint. Of several ranks the first alone writes.
        Raises OSError, naming the file, where `out` cannot be written, and ConnectionError where another rank is
        gone; the last good files stay then.
        """
        folder = Path(out)
        with uninterrupted():
            self._open(folder)
        steps = rescued(self._learn, self.plan, self.progress, partial(self._go_back, folder))
        try:
            with self.ranks.stoppable():
                while (step := self._step(folder, steps)) is not None:
                    if isinstance(step, Check):
                        yield step
                        continue
                    on_update(self.progress.update, step)
                    if self.ranks.agree("save", time.monotonic() - self.saved_at >= self.save_seconds):
                        self._save(folder)
                    if self.ranks.agree("stop", False):
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            self._save(folder)
            raise
        except GeneratorExit:
            if self.ranks.size == 1:  # of several ranks, one that is closed cannot ask the others
                self._save(folder)
            raise
        self._save(folder)

    def model_at(self, check: Check) -> ModelFile:
        """Make a model file of the network as it is now, with the metadata of this check."""
        metadata = {
            "ritornello": VERSION,
            "corpus": self.material.metadata,
            "plan": self.plan.to_dict(),
            "seed": self.plan.seed,
            "update": check.update,
            "validation_nll": check.validation_nll,
        }
        if self.base:
            metadata["parent"] = self.base.metadata
        return ModelFile(self.engine.tensors(), self.network, self.encoding, metadata)

    def _learn(self) -> Iterator[float | Check]:
        """Begin the training loop at `progress`."""
        blind_nll = math.log(self.encoding.vocabulary.size)
        validation = self.material.validation
        return learn(self.engine, self.streams, validation, self.plan, self.progress, blind_nll, self.ranks.clock)

    def _step(self, folder: Path, steps: Iterator[float | Check]) -> float | Check | None:
        """Take the next step and write a check down; Ctrl-C waits until `progress` is true."""
        with uninterrupted():
            step = next(steps, None)
            if isinstance(step, Check):
                if step.is_best and self.ranks.is_first:
                    save_model(folder / MODEL_NAME, self.model_at(step))
                self.log.append(asdict(step))
                self._write_log(folder)
            return step

    def _open(self, folder: Path) -> None:
        """Make the folder ready: from here on the run can be resumed.

        Files of an earlier run are removed only when this one has found room.
        """
        is_first = self.ranks.is_first
        if is_first:
            sweep(folder)
        if not self.is_resumed:
            self._save(folder)
        self._write_log(folder)
        if is_first and not math.isfinite(self.progress.best):
            drop_model(folder)
        if is_first and not self.log:  # no report there is this run's yet, even where it was killed just here
            drop_reports(folder)

    def _go_back(self, folder: Path, line: dict[str, Any]) -> None:
        """Put the best weights, or else the initial ones, into the engine again; log the line."""
        if math.isfinite(self.progress.best):
            tensors = self.ranks.first(lambda: load_model(folder / MODEL_NAME)).tensors
        elif self.base:
            tensors = self.base.file.tensors
        else:
            before = self.material.train[0]
            tensors = make_engine(self.network, self.encoding, self.plan, before, self.ranks).tensors()
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
        """Write the log, if this is the first rank."""
        if self.ranks.is_first:
            write_log(folder, self.log_lines)
