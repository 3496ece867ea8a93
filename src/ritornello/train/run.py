"""One training run: a corpus in, a run folder out.

The folder holds `model.safetensors` (the best so far), `last.safetensors` (everything needed to go on) and
`log.jsonl` (the plan, then one line per check), and is usable at any moment: each file is written beside itself and
renamed. A run that was stopped, by whatever, goes on from its last point as if nothing had happened.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.corpus.folder import is_corpus
from ritornello.corpus.store import Corpus
from ritornello.encoding import Encoding, make_encoding
from ritornello.encoding.choice import default_encoding
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.options import DEFAULT_PRESET, NetworkOptions, load_preset
from ritornello.train.checkpoint import (
    LOG_NAME,
    MODEL_NAME,
    Checkpoint,
    CheckpointError,
    drop_model,
    holds_run,
    save_checkpoint,
    sweep,
    write_log,
)
from ritornello.train.finetune import Base, check_encoding, load_base, old_style
from ritornello.train.lock import lock, unlock
from ritornello.train.loop import Check, Engine, Progress, run_updates, uninterrupted
from ritornello.train.material import Material, corpus_facts, gather
from ritornello.train.measure import choose_setting, make_engine, require_torch
from ritornello.train.plan import Plan, Setting, TrainOptions, make_plan
from ritornello.train.ranks import ALONE, OWN, Ranks
from ritornello.train.streams import Streams
from ritornello.version import VERSION

__all__ = [
    "LOG_NAME",
    "MODEL_NAME",
    "Training",
    "corpus_facts",
    "prepare_training",
    "require_torch",
    "resume_training",
]


@dataclass(frozen=True)
class Training:
    """A run that is ready to go, or to go on: its plan can be shown before the next update.

    story: what the run is, in plain values. progress: how far it has come. log: its lines so far.
    timed: the settings that were tried, where one was measured. ranks: who trains it together.
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

    @property
    def has_held_out(self) -> bool:
        """Whether there are melodies to check by; without them the training likelihood is watched."""
        return bool(self.material.held_out)

    @property
    def corpus_facts(self) -> dict[str, Any]:
        """What the model file will say of the corpus."""
        return self.material.facts

    @property
    def train_tokens(self) -> int:
        """Tokens to learn from."""
        return self.material.tokens

    def checks(
        self, out: str | Path, on_update: Callable[[int, float], None] = lambda update, nll: None
    ) -> Iterator[Check]:
        """Train, yielding each check; the best weights and the log are in the folder `out` by then.

        What an earlier run left in `out` is replaced, unless this one was resumed from it. Ctrl-C, or leaving off
        to ask for checks, saves the place to go on from.
        Of several ranks the first alone writes. Raises OSError, naming the file, where `out` cannot be written, and
        ConnectionError where another rank is gone; the last good files stay then. Raises ValueError where another
        program is training in `out`.
        """
        folder = Path(out)
        handle = self.ranks.first(lambda: lock(folder))
        try:
            yield from self._checks(_Keeper(self, folder), on_update)
        finally:
            if self.ranks.is_first:
                unlock(handle)

    def _checks(self, keeper: _Keeper, on_update: Callable[[int, float], None]) -> Iterator[Check]:
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
        facts = {
            "ritornello": VERSION,
            "corpus": self.corpus_facts,
            "plan": self.plan.described(),
            "seed": self.plan.seed,
            "update": check.update,
            "validation_nll": check.validation_nll,
        }
        if self.base:
            facts["parent"] = self.base.facts
        return ModelFile(self._engine.tensors(), self.network, self.encoding, facts)

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
class _Keeper:
    """Writes the files of a run, where it is the first rank's."""

    training: Training
    folder: Path
    saved_at: float = field(default_factory=time.monotonic)

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


_PRIVATE = ("options", "source", "base")  # for going on alone: they may name places on this machine


def prepare_training(
    corpus: Corpus,
    network: NetworkOptions | None,
    encoding: Encoding | None,
    options: TrainOptions,
    base: Base | None = None,
    source: str = "",
    ranks: Ranks = ALONE,
) -> Training:
    """Encode the corpus, measure the machine where time is the limit, and fix the plan.

    base: a model to go on from, which brings network and encoding with it; without one, None is the default.
    source: where the corpus was read from, to find it again when the run is resumed.
    ranks: the processes that train together; the first one's measurements count.
    Raises ValueError for a corpus without training melodies or a base that does not fit, ImportError naming the
    extra where torch is missing.
    """
    if base:
        network, encoding = _of_base(base, network, encoding)
    network, encoding = network or load_preset(DEFAULT_PRESET), encoding or default_encoding()
    material = gather(corpus, encoding)
    shared = replace(options, threads=options.threads or ranks.threads)
    setting, timed = ranks.gather(choose_setting(network, encoding, shared))[0]
    plan = make_plan(options, material.tokens, setting, base is not None, ranks.size, len(encoding.parts))
    story = {
        "plan": plan.described(),
        "network": replace(network, dropout=plan.dropout).options(),
        "encoding": encoding.options(),
        "corpus": material.facts,
        "held_out": material.watched(encoding),
        "options": asdict(options),
        "source": source,
    }
    if base:
        story |= {"parent": base.facts, "base": base.name}
    if len(set(ranks.gather(json.dumps(story["corpus"], sort_keys=True)))) > 1:
        raise ValueError("the processes do not all read the same corpus: give each the same folder")
    training = _assembled(story, material, base, ranks)
    is_checked_first = base is not None and bool(material.held_out)  # before it learns anything
    progress = Progress(checked=-1 if is_checked_first else 0)
    return replace(training, timed=timed, save_seconds=options.save_seconds, progress=progress)


def resume_training(
    saved: Checkpoint,
    folder: Path,
    corpus: Corpus,
    options: TrainOptions = TrainOptions(),
    network: NetworkOptions | None = None,
    encoding: Encoding | None = None,
    ranks: Ranks = ALONE,
) -> Training:
    """The run as it was when it was saved, to be gone on with by its stored plan.

    options, network, encoding: what the user asks for now, if anything: it has to be what the run began with.
    Raises CheckpointError where corpus, options or parent are others than the run's, in a line.
    """
    story = saved.story
    check_options(story, options, network, encoding)
    if corpus.fingerprint != story["corpus"]["fingerprint"]:
        raise CheckpointError(
            f"{folder}: this is not the corpus that the run began with (fingerprint {corpus.fingerprint[:12]}, not "
            f"{story['corpus']['fingerprint'][:12]}): go on with that one, or begin a new run in another folder"
        )
    base = load_base(story["base"]) if "base" in story else None
    if base and base.facts["sha256"] != story["parent"]["sha256"]:
        raise CheckpointError(f"{folder}: {base.name} is no longer the model that the run began from; put it back")
    if ranks.size != story["plan"].get("ranks", 1):
        raise CheckpointError(
            f"{folder}: the run was planned for {story['plan'].get('ranks', 1)} processes, not {ranks.size}: start "
            "so many with torchrun --nproc-per-node, or begin a new run in another folder"
        )
    training = _assembled(story, gather(corpus, make_encoding(**story["encoding"])), base, ranks)
    training.restore(saved)
    if not ranks.first((folder / MODEL_NAME).exists):
        saved.progress.best, saved.progress.best_update = math.inf, 0  # somebody took it away: the next best is kept
    return replace(
        training, save_seconds=options.save_seconds, is_resumed=True, progress=saved.progress, log=saved.log
    )


def check_options(
    story: dict[str, Any], options: TrainOptions, network: NetworkOptions | None, encoding: Encoding | None
) -> None:
    """Raise CheckpointError, naming the option, where something else is asked for than the run was planned with."""
    remedy = "leave it out to go on by the stored plan, or begin a new run in another folder"
    for option in fields(options):
        asked, stored = getattr(options, option.name), story["options"].get(option.name, option.default)
        if option.name != "save_seconds" and asked != option.default and asked != stored:
            name = option.name.replace("_", "-")
            raise CheckpointError(f"--{name} is {asked} now, but the run was planned with {stored}: {remedy}")
    stored_network = NetworkOptions(**story["network"])
    if network and replace(network, dropout=stored_network.dropout) != stored_network:
        raise CheckpointError(f"--preset is another network than the run's ({story['network']}): {remedy}")
    if encoding and encoding.options() != story["encoding"]:
        raise CheckpointError(f"the encoding is another one than the run's ({story['encoding']}): {remedy}")


def check_free(folder: str | Path) -> None:
    """Raise ValueError, with the ways on, where the folder holds a run already, or a corpus."""
    if is_corpus(Path(folder)):
        raise ValueError(f"{folder} is a corpus: choose another folder for the run")
    if holds_run(Path(folder)):
        raise ValueError(
            f"{folder} holds a run already: go on with it (`ritornello train --resume {folder}`), replace it "
            "(--replace) or choose another folder"
        )


def _of_base(
    base: Base, network: NetworkOptions | None, encoding: Encoding | None
) -> tuple[NetworkOptions, Encoding]:
    """The base's network and encoding. Raises ValueError where others are asked for."""
    if encoding is not None:
        check_encoding(base, encoding)
    theirs = base.file.network
    if network is not None and replace(network, dropout=theirs.dropout) != theirs:
        raise ValueError(f"{base.name} is a network of {theirs.layers} x {theirs.width}: leave --preset out")
    return theirs, base.file.encoding


def _assembled(story: dict[str, Any], material: Material, base: Base | None, ranks: Ranks) -> Training:
    """Network, engine and streams of a story, at their beginning."""
    plan, network = Plan(**story["plan"]), NetworkOptions(**story["network"])
    encoding = make_encoding(**story["encoding"])
    tunes = material.melodies + (old_style(base, material.tokens, plan.seed) if base else [])
    mine = ranks.share_of(tunes, plan.seed)
    streams = Streams(mine, encoding, plan.streams, ranks.seed(plan.seed), *material.facts["compass"])
    engine = make_engine(network, encoding, plan, material.melodies[0], ranks)
    if base:
        engine.load(base.file.tensors)
    return Training(plan, network, encoding, material, story, engine, streams, base, ranks=ranks)


def find_source(saved: Checkpoint, folder: Path) -> str:
    """Where the run's corpus was read from. Raises CheckpointError where it is not known, or gone."""
    source = saved.story["source"]
    if not source or (Path(source).is_absolute() and not Path(source).exists()):
        where = f"is no longer at {source}" if source else "was not read from a file"
        raise CheckpointError(
            f"{folder}: the run's corpus {where}; name it: `ritornello train CORPUS -o {folder} --resume`"
        )
    return source
