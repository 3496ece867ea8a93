"""Compose the tunes of each part, and count their habits; parts that were counted are kept in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.habits.subjects import Subject
from benchmarks.report import ROOT

from ritornello import atomic
from ritornello.corpus.families.shared_runs import STRETCHES, RunFinder
from ritornello.corpus.store import Corpus
from ritornello.evaluate.habits import count_habits, halves_band, has_far_key, pooled_share
from ritornello.generate.compose import compose
from ritornello.generate.headings import Counts
from ritornello.generate.options import GenerateOptions
from ritornello.model.file import digest
from ritornello.music.values import Melody

BATCH = 64
SEED = 1
LONG = 12  # notes of a run that is shared
ROOMS = ("music", "corpus", "encoding", "model", "generate", "evaluate")  # what the figures depend on
MINOR = "A minor"  # asked for where redraws are counted

Part = dict[str, Any]


def people_part(subject: Subject, bars: int, cached: Path) -> Part:
    """Count the habits of people's tunes: shares, bands of halves, runs shared with the training tunes."""

    def count() -> Part:
        counts = count_habits(subject.people, bars)
        keys = [has_far_key(melody) for melody in subject.corpus.melodies("train") if melody.notes]
        shares = {name: pooled_share(table) for name, table in counts.items()}
        bands = {name: halves_band(table) for name, table in counts.items()}
        shares["far_key"] = sum(keys) / len(keys)  # of the corpus, as it stands
        return {
            "tunes": len(subject.people),
            "shares": shares | runs_of(subject, subject.people, bars),
            "bands": bands,
        }

    return kept(cached, count, "people", digest(subject.model.file.tensors), subject.corpus.fingerprint, bars)


def composed_part(subject: Subject, options: GenerateOptions, tunes: int, is_guarded: bool, cached: Path) -> Part:
    """Count the habits of composed tunes, with the guards of composing or without."""
    options = replace(options, unguarded=not is_guarded)

    def count() -> Part:
        melodies, draws = compose_tunes(subject, options, tunes)
        shares = {name: pooled_share(table) for name, table in count_habits(melodies, options.bars).items()}
        shares |= runs_of(subject, melodies, options.bars) | {"draws": draws}
        if is_guarded and options.temperature == 1:
            shares["draws_in_minor"] = compose_tunes(subject, replace(options, key=MINOR), tunes)[1]
        return {"tunes": len(melodies), "shares": shares}

    words = json.dumps(options.to_dict(), sort_keys=True)
    return kept(cached, count, "composed", digest(subject.model.file.tensors), words, tunes)


def compose_tunes(subject: Subject, options: GenerateOptions, tunes: int) -> tuple[list[Melody], float]:
    """Compose tunes in batches; return them, and how often one was drawn on average."""
    model, made = subject.model, []
    for at in range(0, tunes, BATCH):
        batch = range(at, min(at + BATCH, tunes))
        made += compose(
            model.network,
            model.file.encoding,
            options,
            SEED,
            batch,
            pitch_range=model.pitch_range,
            counts=Counts(**model.file.counts),
        )
    return [one.melody for one in made], sum(one.draws for one in made) / len(made)


def runs_of(subject: Subject, melodies: Sequence[Melody], bars: int) -> dict[str, float]:
    """Find the longest runs shared with any training tune: their median, and the share of long ones.

    Of a melody only so many first bars count: a longer one shares longer runs.
    """
    from ritornello.generate.continuation import first_bars

    finder = _finder(subject.corpus)
    runs = sorted(finder.longest(first_bars(melody, bars)[0], STRETCHES).notes for melody in melodies)
    return {"run": float(runs[len(runs) // 2]), "long_run": sum(run >= LONG for run in runs) / len(runs)}


@cache
def _finder(corpus: Corpus) -> RunFinder:
    return RunFinder.of_corpus(corpus, "train")


def kept(folder: Path, count: Any, *key: Any) -> Part:
    """Read a part from the cache, or count it and keep it there. key: what it depends on, besides the code."""
    name = hashlib.sha256(json.dumps([code_digest(), *key]).encode()).hexdigest()[:24]
    path = folder / "parts" / f"{name}.json"
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    part = count()
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.rewrite(path, json.dumps(part).encode())
    return part


@cache
def code_digest() -> str:
    """Hash the code that the figures depend on."""
    hashed = hashlib.sha256()
    sources = [path for room in ROOMS for path in (ROOT / "src" / "ritornello" / room).rglob("*.py")]
    for path in sorted([*sources, Path(__file__), Path(__file__).with_name("subjects.py")]):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()
