"""Prepare a run: from a request and a corpus, or from a checkpoint and the same corpus, to a `Training`."""

from __future__ import annotations

import json
import math
import time
from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.corpus.embedded import OF_MELODIES, embedded, find_corpus
from ritornello.corpus.families.split import FEW_GROUPS, MANY_GROUPS
from ritornello.corpus.last_notes import count_last_notes
from ritornello.corpus.pieces import CorpusPiece, MelodySlice
from ritornello.corpus.store import Corpus, corpus_of, joined
from ritornello.corpus.tokens import (
    check_kept,
    corpus_harmonies,
    corpus_tokens,
    count_notes,
    has_chords,
    melody_families,
)
from ritornello.encoding import Encoding, encoding_from_dict, is_melodic
from ritornello.encoding.memory import needs_counts
from ritornello.encoding.options import EncodingOptions
from ritornello.evaluate.novelty import count_copies, fingerprints
from ritornello.generate.chords import count_progressions
from ritornello.generate.headings import FEW
from ritornello.model.counts import Counts, counts_of_tensors
from ritornello.model.options import DEFAULT_PRESET, NetworkOptions, load_preset
from ritornello.music.keys import estimate_key, key_name
from ritornello.music.values import Note
from ritornello.training.data import Streams
from ritornello.training.loop import check_sample
from ritornello.training.memory import Memory
from ritornello.training.plan import FREE_EPOCHS, FREE_WITH_MEMORY, make_plan
from ritornello.training.progress import with_more_time
from ritornello.training.run.engine import choose_setting, make_engine
from ritornello.training.run.finetune import Base, check_encoding, load_base, old_style
from ritornello.training.run.folder import MODEL_NAME, Checkpoint, CheckpointError, RunMetadata, job
from ritornello.training.run.ranks import ALONE, Ranks, SharedStreams
from ritornello.training.run.request import Request
from ritornello.training.run.training import Material, Training
from ritornello.wording import as_argument, by_face, call, option

LONG_NOTES = 1_000  # of a melody whose end may be held out, and which is then learned from in sections
SECTION_NOTES = 500  # about
MOST_NOTES_HELD = 6_000
MOST_PREPARING = 3.0  # seconds that count as training: a busy machine must not spend it before the first update
COPIED = 0.5  # of the tunes, above which a base learned them
MODAL_SHARE = 0.25  # of the training melodies: then their keys are told to encodings that may name them
VALIDATION_FAMILIES = 4  # of a small corpus; at most a fifth of it, and of a handful at most one


def prepare_training(
    request: Request, corpus: Corpus, saved: Checkpoint | None = None, ranks: Ranks = ALONE
) -> Training:
    """Prepare a new run, or the one that was saved (see `claim.claimed`, which finds it).

    Of a new one the corpus is encoded, the machine measured where time is the limit, and the plan fixed.
    ranks: the processes that train together; the first one's measurements count.
    Raises ValueError for a corpus without training melodies or a base that does not fit, CheckpointError where
    corpus, base or ranks are not those of the saved run, ImportError naming the extra where torch is missing.
    """
    if saved:
        return _resume(request, corpus, saved, ranks)
    began = time.perf_counter()
    base, options = request.base, request.options
    network, encoding = _of_base(base, request) if base else (request.network, request.encoding)
    network, encoding = network or load_preset(DEFAULT_PRESET), encoding or EncodingOptions().build()
    material = gather(corpus, encoding)
    sample = check_sample(material.validation)
    notes = count_notes(encoding, sample)  # bits per note = nll x tokens / notes / ln 2
    shared = replace(options, threads=options.threads or ranks.threads or None)
    setting, timed = choose_setting(network, encoding, shared)
    if ranks.size > 1:
        setting, timed = ranks.gather((setting, timed))[0]
        if len(set(ranks.gather(json.dumps(material.metadata, sort_keys=True)))) > 1:
            raise ValueError("the processes do not all read the same corpus: give each the same folder")
    free_epochs = FREE_WITH_MEMORY if encoding.memory else FREE_EPOCHS
    parts = len(encoding.parts)
    is_tuned = base is not None
    plan = make_plan(options, material.tokens, setting, is_tuned, ranks.size, parts, free_epochs, network.kind)
    metadata = RunMetadata(
        plan=plan,
        network=replace(network, dropout=plan.dropout),
        encoding=encoding.to_dict(),
        corpus=material.metadata,
        validation={"melodies": len(sample), "tokens": sum(map(len, sample)), "notes": notes},
        options=options.to_dict(),
        source=request.source,
        parent=base.metadata if base else None,
        base=base.place if base else "",
        job=job(),
        demo=request.is_demo,
    )
    training = _assemble(metadata, material, base, base_counts(base, encoding, corpus), ranks)
    training.timed, training.save_seconds = timed, metadata.options["save_seconds"]
    if base and material.validation:
        training.progress.checked = training.progress.revised = -1  # the base is validated before it learns anything
    if plan.seconds is not None and ranks.size == 1:  # the clock of several ranks begins before
        spent = min(time.perf_counter() - began, MOST_PREPARING, plan.seconds / 10)
        training.progress.seconds = training.progress.learning_since = training.progress.other_seconds = spent
    return training


def find_source(saved: Checkpoint) -> str:
    """Find where a run's corpus was read from. Raises CheckpointError where it is gone."""
    folder, source = saved.folder, saved.metadata.source
    if not source or (Path(source).is_absolute() and not Path(source).exists()):
        where = f"is no longer at {source}" if source else "was not read from a file"
        again = by_face(
            f"ritornello train CORPUS -o {as_argument(folder)} --resume",
            f'rito.train(CORPUS, out="{folder}", resume=True)',
        )
        raise CheckpointError(f"{folder}: the run's corpus {where}; name it: `{again}`")
    return source


def _resume(request: Request, corpus: Corpus, saved: Checkpoint, ranks: Ranks) -> Training:
    """Put a run back where it was saved, to follow its stored plan, or a longer one."""
    folder, metadata, more_seconds = saved.folder, saved.metadata, request.options.more_seconds
    if more_seconds and saved.progress.stopped == "diverged":
        raise CheckpointError(
            f"{folder}: more time does not help a run that blew up; begin anew, {option('peak_rate')} lower"
        )
    if more_seconds:
        metadata = replace(metadata, plan=with_more_time(metadata.plan, saved.progress, more_seconds))
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
    encoding = encoding_from_dict(metadata.encoding)
    training = _assemble(metadata, gather(corpus, encoding), base, base_counts(base, encoding, corpus), ranks)
    training.engine.restore(saved.engine)
    training.streams.restore(saved.streams)
    if not ranks.first((folder / MODEL_NAME).exists):
        saved.progress.best, saved.progress.best_update = math.inf, 0  # somebody removed it: the next best is kept
    training.progress, training.log, training.is_resumed = saved.progress, saved.log, True
    training.has_more_time = more_seconds is not None
    training.save_seconds = request.options.to_dict()["save_seconds"]
    return training


def _of_base(base: Base, request: Request) -> tuple[NetworkOptions, Any]:
    """Take the base's network and encoding. Raises ValueError where others are asked for."""
    if request.encoding is not None:
        check_encoding(base, request.encoding)
    theirs = base.file.network
    if request.network is not None and replace(request.network, dropout=theirs.dropout) != theirs:
        raise ValueError(
            f"{base.name} is a network of {theirs.layers} x {theirs.width}: leave {option('preset')} out"
        )
    return theirs, base.file.encoding


def base_counts(base: Base | None, encoding: Encoding, corpus: Corpus) -> Counts | None:
    """Return the counts of a base, to which those of a corpus are added.

    None where these stand alone: where the base learned most of the tunes, each would be found in its counts, and the
    network would learn to copy what other tunes do not have.
    """
    if base is None or not needs_counts(encoding.memory):
        return None
    known = (find_corpus(each, [corpus], OF_MELODIES) for each in fingerprints(base.file.metadata))
    learned = [other for other in known if other is not None]
    tunes = sum(piece.split == "train" for piece in corpus.pieces)
    if learned and count_copies(corpus, "train", learned) > COPIED * tunes:
        return None
    return counts_of_tensors(base.file.tensors)


def _assemble(
    metadata: RunMetadata, material: Material, base: Base | None, counts: Counts | None, ranks: Ranks
) -> Training:
    """Make engine and streams of a run, at its beginning.

    counts: to which those of the corpus are added.
    """
    plan, encoding = metadata.plan, encoding_from_dict(metadata.encoding)
    others, families, theirs = old_style(base, material.tokens, plan.seed) if base else ([], [], [])
    melodies, memory, recollection = material.train + others, None, None
    harmonies = [*(material.harmonies or [None] * len(material.train)), *theirs]
    lowest, highest = material.metadata["compass"]
    if encoding.memory:
        memory = Memory(encoding, material.train, material.families, counts, others, families)
        recollection = memory.learned
    if ranks.size == 1:
        streams = Streams(melodies, encoding, plan.streams, plan.seed, lowest, highest, recollection, harmonies)
    else:
        own, seed = ranks.share_of(range(len(melodies)), plan.seed), ranks.seed(plan.seed)
        if recollection:
            recollection = recollection._replace(firsts=recollection.firsts[own])
        mine = [melodies[n] for n in own]
        known = [harmonies[n] for n in own]
        streams = SharedStreams(mine, encoding, plan.streams, seed, lowest, highest, recollection, known)
        streams.ranks = ranks
    engine = make_engine(metadata.network, encoding, plan, material.train[0], ranks, memory)
    if base:
        engine.load(base.file.tensors)
    return Training(metadata, encoding, material, engine, streams, base, memory, ranks=ranks)


def states_modes(corpus: Corpus) -> bool:
    """Tell whether a corpus states modes: besides major and minor, in a quarter of what trains."""
    keys = [part.timeline.key for piece in corpus.pieces if piece.split == "train" for part in piece.melodies]
    modal = [key for key in keys if key is not None and key.mode not in ("major", "minor")]
    return bool(modal) and len(modal) >= MODAL_SHARE * len(keys)


def gather(corpus: Corpus, encoding: Encoding) -> Material:
    """Encode a corpus. Raises ValueError where its training split has no notes."""
    fingerprint, corpus = corpus.fingerprint, with_validation(corpus)
    check_kept(corpus, encoding)
    if not any(part.notes for _, part in corpus.slices("train")):
        what = "melody" if corpus.keep == "melody" else "piece"
        raise ValueError(f"the corpus has no {what} with notes in its training split; see {call('show')}")
    metadata = corpus_metadata(corpus) | {"fingerprint": fingerprint}
    pieces = Counter(piece.split for piece in corpus.pieces if piece.notes)
    corpus = with_ends_held_out(corpus) if is_melodic(encoding) else corpus
    losses: Counter[str] = Counter()
    train = corpus_tokens(corpus, encoding, "train", losses=losses)
    validation = corpus_tokens(corpus, encoding, "validation", losses=losses)
    harmonies = corpus_harmonies(corpus, encoding, "train")
    return Material(train, validation, metadata, losses, pieces, melody_families(corpus, "train"), harmonies)


def with_validation(corpus: Corpus) -> Corpus:
    """Give a small corpus a validation split: move families from training to it.

    It has VALIDATION_FAMILIES then, or a fifth of both splits where that is less; chosen evenly in file order. Of a
    corpus too small for a test split (see `families.split`) nearly all must train: one validates, of a few none.
    """
    train, validation = (
        list(dict.fromkeys(p.family or p.source for p in corpus.in_split(split) if p.melodies))
        for split in ("train", "validation")
    )
    families = len(train) + len(validation)
    wanted = min(VALIDATION_FAMILIES, families // 5) if families >= MANY_GROUPS else int(families >= FEW_GROUPS)
    missing = wanted - len(validation)
    if missing <= 0:
        return corpus
    chosen = {train[(2 * n + 1) * len(train) // (2 * missing)] for n in range(missing)}
    pieces = tuple(
        replace(p, split="validation") if p.split == "train" and (p.family or p.source) in chosen else p
        for p in corpus.pieces
    )
    return replace(corpus, pieces=pieces)


def with_ends_held_out(corpus: Corpus) -> Corpus:
    """Hold out the last tenth of very long melodies where nothing else validates.

    The rest of each is cut into sections at barlines, which streams read in different places.
    """
    is_needed = corpus.keep == "melody" and not corpus.in_split("validation") and corpus.steps is None
    long = [p for p in corpus.in_split("train") if any(m.notes > LONG_NOTES for m in p.melodies)] if is_needed else []
    if not long:
        return corpus
    pairs: list[tuple[Corpus, CorpusPiece]] = []
    for piece in corpus.pieces:
        if piece not in long:
            pairs.append((corpus, piece))
            continue
        begins, ends = [], []
        for melody in corpus.selected([piece]).melodies():
            notes, places = melody.notes, [0, melody.timeline.length]
            if len(notes) > LONG_NOTES:
                learned = len(notes) - min(len(notes) // 10, MOST_NOTES_HELD)
                lines = melody.timeline.barlines()
                starts = [notes[n].start for n in range(SECTION_NOTES, learned - SECTION_NOTES // 2, SECTION_NOTES)]
                ticks = [lines[bisect_right(lines, tick) - 1] for tick in (0, *starts, notes[learned].start)]
                places = list(dict.fromkeys(ticks))
                ends.append(melody.between(places[-1], melody.timeline.length))
            begins += [melody.between(*place) for place in pairwise(places)]
        parts = [(piece, begins), (replace(piece, split="validation"), ends)]
        cut = corpus_of((replace(p, melodies=()), melodies) for p, melodies in parts)
        pairs += [(cut, p) for p in cut.pieces]
    return joined(pairs)


def _notes(corpus: Corpus, place: MelodySlice) -> list[Note]:
    return [Note(*note[:4]) for note in corpus.notes[place.first : place.stop].tolist()]


def corpus_metadata(corpus: Corpus) -> dict[str, Any]:
    """Describe a corpus for the model file.

    Metres, keys, pitch range and last notes are of its training split. Keys are those that the melodies stand in
    before any is transposed, estimated where none is stated. Last notes are counted where the tunes are few, beside
    those of the tunes that come with the program.
    """
    metres = Counter(part.timeline.metre.name for _, part in corpus.slices("train"))
    sounding = [part for _, part in corpus.slices("train") if part.notes]
    keys = Counter(key_name(part.timeline.key or estimate_key(_notes(corpus, part))[0]) for part in sounding)
    pitches = np.concatenate([corpus.notes["pitch"][s.first : s.stop] for _, s in corpus.slices("train")])
    known = {"progressions": corpus_progressions(corpus)} if has_chords(corpus, "train") else {}
    if corpus.keep == "melody" and len(sounding) < FEW:
        known |= {"last_notes": count_last_notes(corpus), "other_last_notes": count_last_notes(embedded())}
    return known | {
        "fingerprint": corpus.fingerprint,
        "pieces": len(corpus.pieces),
        "notes": len(corpus.notes),
        "licences": sorted({piece.licence for piece in corpus.pieces if piece.licence})[:8],
        "metres": dict(metres),
        "keys": dict(keys),
        "compass": [int(pitches.min()), int(pitches.max())],
    }


def corpus_progressions(corpus: Corpus) -> dict[str, Any]:
    """Count the progressions of the training melodies that have chords (see `generate.chords`)."""
    melodies = [melody for melody in corpus.melodies("train") if melody.chords and melody.notes]
    return count_progressions((m, m.timeline.key or estimate_key(m.notes)[0]) for m in melodies)
