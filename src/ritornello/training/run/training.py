"""A run under way, and the files it keeps: the best weights, the place to go on from, and the log.

The folder holds `model.safetensors` (the best so far), `last.safetensors` (everything needed to go on) and
`log.jsonl` (the plan, then one line per check), and is usable at any moment: each file is written beside itself and
renamed. A run that was stopped, by whatever, goes on from its last point as if nothing had happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.encoding import Encoding
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Streams
from ritornello.training.loop import Check, Engine, Progress, run_updates, uninterrupted
from ritornello.training.plan import Plan, Setting, TrainOptions
from ritornello.training.run.checkpoint import Checkpoint, save_checkpoint, write_log
from ritornello.training.run.finetune import Base
from ritornello.training.run.folder import MODEL_NAME, clear_beside, drop_model, sweep
from ritornello.training.run.lock import lock, unlock
from ritornello.training.run.material import Material
from ritornello.training.run.measure import make_engine
from ritornello.training.run.ranks import ALONE, OWN, Ranks
from ritornello.version import VERSION

_PRIVATE = ("options", "source", "base", "job")  # for going on alone: they may name places on this machine


@dataclass(frozen=True)
class Training:
    """A run that is ready to go, or to go on: its plan can be shown before the next update.

    story: what the run is, in plain values. progress: how far it has come. log: its lines so far.
    timed: the settings that were tried, where one was measured. ranks: who trains it together.
    guard: asked with the folder once no other program can train there; it raises ValueError to keep what lies there.
    """

    plan: Plan
    network: NetworkOptions
    encoding: Encoding
    material: Material
    story: dict[str, Any]
    _engine: Engine
    _streams: Streams
    base: Base | None = None
    timed: Sequence[Setting] = ()
    save_seconds: float = TrainOptions.save_seconds
    is_resumed: bool = False
    progress: Progress = field(default_factory=Progress)
    log: list[dict[str, Any]] = field(default_factory=list)
    ranks: Ranks = ALONE
    guard: Callable[[Path], None] | None = None

    @property
    def has_held_out(self) -> bool:
        """Whether there are melodies to check by; without them the training likelihood is watched."""
        return bool(self.material.held_out)

    @property
    def corpus_metadata(self) -> dict[str, Any]:
        """What the model file will say of the corpus."""
        return self.material.metadata

    @property
    def train_tokens(self) -> int:
        """Tokens to learn from."""
        return self.material.tokens

    @property
    def epoch_tokens(self) -> int:
        """Tokens of all that is read, also in the old style of a base; about, where several ranks share them."""
        return self.ranks.size * self._streams.tokens

    def checks(
        self, out: str | Path, on_update: Callable[[int, float], None] = lambda update, nll: None
    ) -> Iterator[Check]:
        """Train, yielding each check; the best weights and the log are in the folder `out` by then.

        What an earlier run left in `out` is replaced, unless this one was resumed from it or the guard objects.
        Ctrl-C, or leaving off to ask for checks, saves the place to go on from.
        Of several ranks the first alone writes. Raises OSError, naming the file, where `out` cannot be written, and
        ConnectionError where another rank is gone; the last good files stay then. Raises ValueError where another
        program is training in `out`, or the guard objects.
        """
        folder = Path(out)
        handle = self.ranks.first(lambda: lock(folder))
        try:
            yield from self._checks(FolderKeeper(self, folder), on_update)
        finally:
            if self.ranks.is_first:
                unlock(handle)

    def _checks(self, keeper: FolderKeeper, on_update: Callable[[int, float], None]) -> Iterator[Check]:
        self.ranks.first(keeper.ask)
        with uninterrupted():
            keeper.open()
        alone = self.ranks.size == 1

        def told(update: int, nll: float) -> None:
            on_update(update, nll)
            keeper.save_on_time()
            if not alone and self.ranks.agree("stop", False):
                raise KeyboardInterrupt

        blind = math.log(self.encoding.vocabulary.size)
        try:
            with self.ranks.stoppable():
                yield from run_updates(
                    self._engine, self._streams, self.material.held_out, self.plan, self.progress, keeper, blind,
                    told, self.ranks,
                )  # fmt: skip
        except (KeyboardInterrupt, GeneratorExit) as end:
            if alone or isinstance(end, KeyboardInterrupt):  # one rank that leaves off has no other to ask
                keeper.save()
            raise
        keeper.save()

    def model_at(self, check: Check) -> ModelFile:
        """The network as it is now, with the facts of this check."""
        metadata = {
            "ritornello": VERSION,
            "corpus": self.corpus_metadata,
            "plan": self.plan.to_dict(),
            "seed": self.plan.seed,
            "update": check.update,
            "validation_nll": check.validation_nll,
        }
        if self.base:
            metadata["parent"] = self.base.metadata
        return ModelFile(self._engine.tensors(), self.network, self.encoding, metadata)

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights as they are now, under the names of the model file."""
        return self._engine.tensors()

    def checkpoint(self) -> Checkpoint:
        """The run as it is now, with what is each rank's own."""
        engine = self.ranks.join(self._engine.state(), OWN)
        return Checkpoint(self.story, self.progress, self.log, engine, self.ranks.join(self._streams.state()))

    def restore(self, saved: Checkpoint) -> None:
        """Put engine and streams where they were. Raises ValueError where they do not fit."""
        self._engine.restore(self.ranks.part(saved.engine))
        self._streams.restore(self.ranks.part(saved.streams))

    def load(self, best: ModelFile | None) -> None:
        """Put the best weights into the engine again, or those of the beginning where there is no best yet."""
        beginning = best or (self.base.file if self.base else None)
        fresh = beginning.tensors if beginning else self._fresh_engine().tensors()
        self._engine.load(fresh)

    def _fresh_engine(self) -> Engine:
        return make_engine(self.network, self.encoding, self.plan, self.material.melodies[0], self.ranks)


@dataclass
class FolderKeeper:
    """Writes the files of a run, where it is the first rank's."""

    training: Training
    folder: Path
    saved_at: float = field(default_factory=time.monotonic)

    def ask(self) -> None:
        """Ask the guard whether the folder may be written to. Raises its ValueError."""
        if self.training.guard:
            self.training.guard(self.folder)

    def open(self) -> None:
        """Make the folder ready: from here on the run can be gone on with.

        What an earlier run left there goes only when this one has found room.
        """
        is_first = self.training.ranks.is_first
        if is_first:
            sweep(self.folder)
        if not self.training.is_resumed:
            self.save()
        self._write_log()
        if is_first and not math.isfinite(self.training.progress.best):
            drop_model(self.folder)
        if is_first and not self.training.log:  # nothing there is its own yet, even where it was killed just here
            clear_beside(self.folder)

    def keep(self, check: Check) -> None:
        """Enter the check into the log, and keep the weights where it is the best."""
        if check.is_best and self.training.ranks.is_first:
            save_model(self.folder / MODEL_NAME, self.training.model_at(check))
        self.training.log.append(asdict(check))
        self._write_log()

    def go_back(self, line: dict[str, Any]) -> None:
        """Put the best weights into the engine again, or the beginning's before the first check; log `line`."""
        has_best = math.isfinite(self.training.progress.best)
        first = self.training.ranks.first
        self.training.load(first(lambda: load_model(self.folder / MODEL_NAME)) if has_best else None)
        self.training.log.append(line)
        self._write_log()
        # Saved again after the next update: a run that went on from before would find a later best to go back to.
        self.saved_at = -math.inf

    def save_on_time(self) -> None:
        """Save the place to go on from if the last time is `save_seconds` ago."""
        is_due = time.monotonic() - self.saved_at >= self.training.save_seconds
        if self.training.ranks.agree("save", is_due):
            self.save()

    def save(self) -> None:
        """Save the place to go on from."""
        checkpoint = self.training.checkpoint()
        if self.training.ranks.is_first:
            save_checkpoint(self.folder, checkpoint)
        self.saved_at = time.monotonic()

    def _write_log(self) -> None:
        if not self.training.ranks.is_first:
            return
        head = {key: value for key, value in self.training.story.items() if key not in _PRIVATE}
        write_log(self.folder, [head, *self.training.log])
