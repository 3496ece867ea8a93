"""One run, a process of its own: an entrant trains with a seed, is scored, played and made to compose.

Its argument is a job as JSON; the last line of what it prints is the result as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.report import hardware
from benchmarks.representations.budget import within_budget

from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Encoding, counts_bars, make_encoding
from ritornello.evaluate.likelihood import Likelihood, measure, melody_nats
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm
from ritornello.music.values import Melody

if TYPE_CHECKING:
    from ritornello.model.options import NetworkOptions
    from ritornello.training.plan import TrainOptions

CURVE_NOTES = 2500  # of the validation tunes that every check is scored on: the same for all
PLAYED_NOTES = 1500
LENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of the human tunes' lengths, to compose in
SHORTEST, LONGEST = 4, 64  # bars
NEVER = 1e9
TRIAL_UPDATES = 60


def main() -> None:
    job = json.loads(sys.argv[1])
    if job["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    print(json.dumps(run(job)))


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Make all figures of a job; see `__main__.job_of` for its fields."""
    corpus = Corpus.load(job["corpus"])
    encoding = make_encoding(**job["encoding"])
    trained = train(job, corpus, encoding)
    network = trained.pop("network")
    test = corpus_tokens(corpus, encoding, "test")
    return {
        **trained,
        "test": scored(network, test, encoding).to_dict(),
        "playing": playing(network, encoding, test),
        "composed": composed(network, encoding, corpus, job),
        "hardware": hardware(),
    }


def train(job: dict[str, Any], corpus: Corpus, encoding: Encoding) -> dict[str, Any]:
    """Train; return the best network and the validation bits of all that were the best so far."""
    from ritornello.training.plan import TrainOptions
    from ritornello.training.run.prepare import prepare_training
    from ritornello.training.run.request import Request

    network, weights = within_budget(job["network"], encoding)
    alphabet = Alphabet.of(encoding)
    options = TrainOptions(seed=job["seed"], threads=job["threads"], checks=job["checks"], save_seconds=NEVER)
    updates = job["updates"] or updates_in(60 * job["minutes"], corpus, network, encoding, options)
    training = prepare_training(Request(network, encoding, replace(options, updates=updates)), corpus)
    kept, checks = [], []
    with tempfile.TemporaryDirectory() as folder:
        for check in training.checks(Path(folder)):
            checks.append(check)
            if check.is_best:
                kept.append((check, training.engine.tensors()))
    validation = some_of(corpus_tokens(corpus, encoding, "validation"), encoding, CURVE_NOTES)
    curve = [
        [
            check.update,
            check.seconds,
            scored(NumpyLstm(tensors, network, alphabet), validation, encoding).bits_per_note,
        ]
        for check, tensors in kept
    ]
    return {
        "network": NumpyLstm(kept[-1][1], network, alphabet),
        "weights": weights,
        "width": network.width,
        "dtype": training.plan.dtype,
        "dropout": training.plan.dropout,
        "updates": checks[-1].update,
        "epochs": checks[-1].epochs,
        "seconds": checks[-1].seconds,
        "stopped": checks[-1].stopped,
        "curve": curve,
    }


def updates_in(
    seconds: float, corpus: Corpus, network: NetworkOptions, encoding: Encoding, options: TrainOptions
) -> int:
    """Estimate how many updates fill the time, with the checks, by a short run that is thrown away.

    It drops out as much as the long one will, since that costs time too.
    """
    from ritornello.training.run.prepare import prepare_training
    from ritornello.training.run.request import Request

    planned = prepare_training(Request(network, encoding, replace(options, minutes=seconds / 60)), corpus).plan
    short = replace(options, updates=TRIAL_UPDATES, dropout=planned.dropout, checks=1)
    training = prepare_training(Request(network, encoding, short), corpus)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        [check] = training.checks(Path(folder))
    of_a_check = time.perf_counter() - began - check.seconds
    return max(1, round((seconds - options.checks * of_a_check) * TRIAL_UPDATES / check.seconds))


def scored(network: NumpyLstm, melodies: Sequence[np.ndarray], encoding: Encoding) -> Likelihood:
    """Score whole melodies, each from its beginning."""
    return measure(melody_nats(network, melodies, encoding), melodies, encoding)


def some_of(melodies: Sequence[np.ndarray], encoding: Encoding, notes: int) -> list[np.ndarray]:
    """Choose melodies with about so many notes, evenly by place: the same in every encoding."""
    total = sum(len(encoding.pitches(m)) for m in melodies)
    count = max(1, min(len(melodies), len(melodies) * notes // max(1, total)))
    return [melodies[n * len(melodies) // count] for n in range(count)]


def playing(network: NumpyLstm, encoding: Encoding, melodies: Sequence[np.ndarray]) -> dict[str, float]:
    """Time a player that is fed test tunes and asked before every token."""
    from ritornello.model.players import Player

    player = Player(network, encoding)
    rates = []
    for tokens in some_of(melodies, encoding, PLAYED_NOTES):
        player.reset()
        began = time.perf_counter()
        for token in tokens.tolist():
            player.ask()
            player.feed(token)
        seconds = time.perf_counter() - began
        groups = -(-len(tokens) // len(encoding.parts))
        rates.append((len(encoding.pitches(tokens)) / seconds, 1e6 * seconds / groups))
    notes, microseconds = np.median(np.array(rates), axis=0)
    return {"notes_per_second": float(notes), "us_per_step": float(microseconds)}


def composed(network: NumpyLstm, encoding: Encoding, corpus: Corpus, job: dict[str, Any]) -> dict[str, Any] | None:
    """Compose at temperature 1, as long as people do: count what is well formed, what it is like, what it copies.

    None where no tunes are asked for, or the encoding composes without form and so in no number of bars.
    """
    if not job["tunes"] or not counts_bars(encoding):
        return None
    from ritornello.evaluate.form import faults
    from ritornello.evaluate.novelty import longest_shared_runs
    from ritornello.evaluate.statistics import distances, profile_of
    from ritornello.generate.compose import compose
    from ritornello.generate.options import GenerateOptions

    people = not_learned(corpus)
    pitches = [corpus.notes["pitch"][s.first : s.stop] for _, s in corpus.slices("train")]
    pitch_range = (min(int(p.min()) for p in pitches), max(int(p.max()) for p in pitches))
    melodies: list[Melody] = []
    wrong: Counter[str] = Counter()
    began = time.perf_counter()
    lengths = lengths_of(people)
    shares = np.array_split(np.arange(job["tunes"]), len(lengths))
    for bars, indices in zip(lengths, shares, strict=True):
        if not len(indices):
            continue
        options = GenerateOptions(bars=bars, temperature=1.0, top_p=job["top_p"])
        for tune in compose(network, encoding, options, job["seed"], indices.tolist(), None, pitch_range):
            melodies.append(tune.melody)
            wrong.update(faults(tune.tokens, encoding, bars, pitch_range)[:1])
    seconds = time.perf_counter() - began
    runs = sorted(run["notes"] for run in longest_shared_runs(melodies, corpus))
    return {
        "well_formed": 1 - wrong.total() / len(melodies),
        "faults": dict(wrong.most_common(5)),
        "bars": lengths,
        "seconds": seconds,
        "distances": distances(profile_of(melodies), profile_of(people)),
        "longest_shared_run": {"median": runs[len(runs) // 2], "largest": runs[-1]},
    }


def not_learned(corpus: Corpus) -> list[Melody]:
    """Return people's tunes that no network learned from."""
    return [*corpus.melodies("validation"), *corpus.melodies("test")]


def lengths_of(melodies: Sequence[Melody]) -> list[int]:
    """Choose the bars to compose in: a few quantiles of the lengths of these."""
    bars = [float(m.timeline.length / m.timeline.bar_ticks(m.timeline.metre)) for m in melodies]
    return [int(np.clip(round(float(q)), SHORTEST, LONGEST)) for q in np.quantile(bars, LENGTHS)]


if __name__ == "__main__":
    main()
