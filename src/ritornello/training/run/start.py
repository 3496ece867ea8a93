"""How a run begins, and how it is taken up again: a corpus and options in, a `Training` out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from ritornello.corpus.folder import is_corpus
from ritornello.corpus.store import Corpus
from ritornello.encoding import Encoding, make_encoding
from ritornello.encoding.options import default_encoding
from ritornello.model.options import DEFAULT_PRESET, NetworkOptions, load_preset
from ritornello.training.data import Streams
from ritornello.training.loop import Progress
from ritornello.training.plan import Plan, TrainOptions, make_plan
from ritornello.training.run.checkpoint import Checkpoint, CheckpointError, read_story
from ritornello.training.run.finetune import Base, check_encoding, load_base, old_style
from ritornello.training.run.folder import LAST_NAME, MODEL_NAME, holds_run
from ritornello.training.run.material import Material, gather
from ritornello.training.run.measure import choose_setting, make_engine
from ritornello.training.run.ranks import ALONE, Ranks, job
from ritornello.training.run.training import Training


def prepare_training(
    corpus: Corpus,
    network: NetworkOptions | None,
    encoding: Encoding | None,
    options: TrainOptions,
    base: Base | None = None,
    source: str = "",
    ranks: Ranks = ALONE,
    guard: Callable[[Path], None] | None = None,
) -> Training:
    """Encode the corpus, measure the machine where time is the limit, and fix the plan.

    base: a model to go on from, which brings network and encoding with it; without one, None is the default.
    source: where the corpus was read from, to find it again when the run is resumed.
    ranks: the processes that train together; the first one's measurements count.
    guard: see `Training`.
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
        "plan": plan.to_dict(),
        "network": replace(network, dropout=plan.dropout).options(),
        "encoding": encoding.options(),
        "corpus": material.metadata,
        "held_out": material.watched(encoding),
        "options": asdict(options),
        "source": source,
    }
    if base:
        story |= {"parent": base.metadata, "base": base.place}
    if job():
        story["job"] = job()
    if len(set(ranks.gather(json.dumps(story["corpus"], sort_keys=True)))) > 1:
        raise ValueError("the processes do not all read the same corpus: give each the same folder")
    training = _assembled(story, material, base, ranks)
    is_checked_first = base is not None and bool(material.held_out)  # before it learns anything
    progress = Progress(checked=-1 if is_checked_first else 0)
    return replace(training, timed=timed, save_seconds=options.save_seconds, progress=progress, guard=guard)


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
    if base and base.metadata["sha256"] != story["parent"]["sha256"]:
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
    """Raise CheckpointError, naming the option, where something else is asked for than the run was planned with.

    Asked for is what was named, be it with the value that it has where nothing is said.
    """
    remedy = "leave it out to go on by the stored plan, or begin a new run in another folder"
    for option in fields(options):
        asked, stored = getattr(options, option.name), story["options"].get(option.name, option.default)
        if option.name in options.named - {"save_seconds"} and asked not in (None, stored):
            name = option.name.replace("_", "-")
            raise CheckpointError(f"--{name} is {asked} now, but the run was planned with {stored}: {remedy}")
    stored_network = NetworkOptions(**story["network"])
    if network and replace(network, dropout=stored_network.dropout) != stored_network:
        raise CheckpointError(f"--preset is another network than the run's ({story['network']}): {remedy}")
    if encoding and encoding.options() != story["encoding"]:
        raise CheckpointError(f"the encoding is another one than the run's ({story['encoding']}): {remedy}")


def check_free(folder: str | Path, source: str | Path = "", may_replace: bool = False) -> None:
    """Raise ValueError, with the ways on, where the folder holds a corpus, the tunes to learn from, or a run already.

    source: where the corpus is read from. may_replace: whether a run in the folder may be replaced.
    """
    folder = Path(folder)
    if is_corpus(folder):
        raise ValueError(f"{folder} is a corpus: choose another folder for the run")
    if source and folder.is_dir() and Path(source).is_dir() and folder.samefile(source):
        raise ValueError(f"{folder} holds the tunes to learn from: choose another folder for the run")
    if holds_run(folder) and not may_replace:
        raise ValueError(
            f"{folder} holds a run already: go on with it (`ritornello train --resume {folder}`), replace it "
            "(--replace) or choose another folder"
        )


def is_under_way(folder: Path, may_replace: bool = False) -> bool:
    """Whether processes that `torchrun` had to start again find their own run in the folder.

    may_replace: whether a run of another job may lie there, which they had not come to replace.
    """
    if not may_replace:
        return (folder / LAST_NAME).exists()
    with suppress(CheckpointError):
        return read_story(folder).get("job") == job()
    return False


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
    streams = Streams(mine, encoding, plan.streams, ranks.seed(plan.seed), *material.metadata["compass"])
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
