"""Prepare a run: from a request and a corpus, or from a checkpoint and the same corpus, to a `Training`."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from ritornello.corpus.store import Corpus
from ritornello.encoding import MelodyEncoding, make_encoding
from ritornello.encoding.options import default_encoding
from ritornello.model.options import DEFAULT_PRESET, NetworkOptions, load_preset
from ritornello.training.data import Streams
from ritornello.training.loop import Progress
from ritornello.training.plan import make_plan
from ritornello.training.run.checkpoint import Checkpoint, CheckpointError, RunMetadata
from ritornello.training.run.engine import make_engine
from ritornello.training.run.finetune import Base, check_encoding, load_base, old_style
from ritornello.training.run.folder import MODEL_NAME
from ritornello.training.run.material import Material, gather
from ritornello.training.run.measure import choose_setting
from ritornello.training.run.ranks import ALONE, Ranks, SharedStreams, job
from ritornello.training.run.request import Request
from ritornello.training.run.training import Training


def prepare_training(
    request: Request, corpus: Corpus, saved: Checkpoint | None = None, ranks: Ranks = ALONE
) -> Training:
    """Prepare a new run, or the one that was saved (see `claim.claimed`, which finds it).

    ranks: the processes that train together; the first one's measurements count.
    Raises ValueError for a corpus without training melodies or a base that does not fit, CheckpointError where
    corpus, base or ranks are not those of the saved run, ImportError naming the extra where torch is missing.
    """
    return _resume(request, corpus, saved, ranks) if saved else _begin(request, corpus, ranks)


def find_source(saved: Checkpoint) -> str:
    """Find where a run's corpus was read from. Raises CheckpointError where it is gone."""
    folder, source = saved.folder, saved.metadata.source
    if not source or (Path(source).is_absolute() and not Path(source).exists()):
        where = f"is no longer at {source}" if source else "was not read from a file"
        raise CheckpointError(
            f"{folder}: the run's corpus {where}; name it: `ritornello train CORPUS -o {folder} --resume`"
        )
    return source


def _begin(request: Request, corpus: Corpus, ranks: Ranks) -> Training:
    """Encode the corpus, measure the machine where time is the limit, and fix the plan."""
    base, options = request.base, request.options
    network, encoding = _of_base(base, request) if base else (request.network, request.encoding)
    network, encoding = network or load_preset(DEFAULT_PRESET), encoding or default_encoding()
    material = gather(corpus, encoding)
    shared = replace(options, threads=options.threads or ranks.threads or None)
    setting, timed = ranks.gather(choose_setting(network, encoding, shared))[0]
    plan = make_plan(options, material.tokens, setting, base is not None, ranks.size, len(encoding.parts))
    metadata = RunMetadata(
        plan=plan,
        network=replace(network, dropout=plan.dropout),
        encoding=encoding.to_dict(),
        corpus=material.metadata,
        validation=material.check_size(encoding),
        options=options.to_dict(),
        source=request.source,
        parent=base.metadata if base else None,
        base=base.place if base else "",
        job=job(),
        demo=request.is_demo,
    )
    if len(set(ranks.gather(json.dumps(metadata.corpus, sort_keys=True)))) > 1:
        raise ValueError("the processes do not all read the same corpus: give each the same folder")
    training = _assemble(metadata, material, base, ranks)
    training.timed, training.save_seconds = timed, metadata.options["save_seconds"]
    if base and material.validation:
        training.progress.checked = -1  # the base is validated before it learns anything
    return training


def _resume(request: Request, corpus: Corpus, saved: Checkpoint, ranks: Ranks) -> Training:
    """Put a run back where it was saved, to follow its stored plan."""
    folder, metadata = saved.folder, saved.metadata
    if corpus.fingerprint != metadata.corpus["fingerprint"]:
        raise CheckpointError(
            f"{folder}: this is not the corpus that the run began with (fingerprint {corpus.fingerprint[:12]}, not "
            f"{metadata.corpus['fingerprint'][:12]}): resume with that one, or begin a new run in another folder"
        )
    base = load_base(metadata.base) if metadata.parent else None
    if base and metadata.parent and base.metadata["sha256"] != metadata.parent["sha256"]:
        raise CheckpointError(f"{folder}: {base.name} is no longer the model that the run began from; put it back")
    if ranks.size != metadata.plan.ranks:
        raise CheckpointError(
            f"{folder}: the run was planned for {metadata.plan.ranks} processes, not {ranks.size}: start "
            "so many with torchrun --nproc-per-node, or begin a new run in another folder"
        )
    training = _assemble(metadata, gather(corpus, make_encoding(**metadata.encoding)), base, ranks)
    training.engine.restore(saved.engine)
    training.streams.restore(saved.streams)
    if not ranks.first((folder / MODEL_NAME).exists):
        saved.progress.best, saved.progress.best_update = math.inf, 0  # somebody removed it: the next best is kept
    training.progress, training.log, training.is_resumed = saved.progress, saved.log, True
    training.save_seconds = request.options.to_dict()["save_seconds"]
    return training


def _of_base(base: Base, request: Request) -> tuple[NetworkOptions, MelodyEncoding]:
    """Take the base's network and encoding. Raises ValueError where others are asked for."""
    if request.encoding is not None:
        check_encoding(base, request.encoding)
    theirs = base.file.network
    if request.network is not None and replace(request.network, dropout=theirs.dropout) != theirs:
        raise ValueError(f"{base.name} is a network of {theirs.layers} x {theirs.width}: leave --preset out")
    return theirs, base.file.encoding


def _assemble(metadata: RunMetadata, material: Material, base: Base | None, ranks: Ranks) -> Training:
    """Make engine and streams of a run, at its beginning."""
    plan, encoding = metadata.plan, make_encoding(**metadata.encoding)
    melodies = material.train + (old_style(base, material.tokens, plan.seed) if base else [])
    own, seed, pitch_range = ranks.share_of(melodies, plan.seed), ranks.seed(plan.seed), material.metadata["compass"]
    if ranks.size == 1:
        streams = Streams(own, encoding, plan.streams, seed, *pitch_range)
    else:
        streams = SharedStreams(own, encoding, plan.streams, seed, *pitch_range)
        streams.ranks = ranks
    engine = make_engine(metadata.network, encoding, plan, material.train[0], ranks)
    if base:
        engine.load(base.file.tensors)
    return Training(metadata, encoding, material, engine, streams, base, ranks=ranks, progress=Progress())
