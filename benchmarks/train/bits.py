"""Bits per note on test of the default recipe: hymns and songs, the exercise's data, a few songs of one's own.

Rows: all test tunes of hymns and songs; those that every encoding of `benchmarks.representations` reproduces exactly,
trained on their like; the exercise's own split; 80 and 20 children's songs, fine-tuned from the model of the first
row (with `--model` from another, which is not trained then). The children's songs are dealt by families: 80 to learn
from, or the first 20 of these, 19 to stop by, all others to be scored on.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.report import DATA
from benchmarks.representations.entrants import ENTRANTS, ablation_entrants
from benchmarks.representations.material import available, load, shared_tunes
from benchmarks.train.splits import original

from ritornello.corpus.store import SPLITS, Corpus

CHILDREN = DATA / "melodies" / "kinder"
LEARNED, WATCHED = (80, 20), 19
ROWS = ("all", "shared", "exercise", *(f"children, {count}" for count in LEARNED))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--bits-rows", nargs="+", choices=ROWS, default=list(ROWS), help="bits: rows to measure")
    parser.add_argument("--bits-updates", type=int, help="bits: updates instead of 3 minutes, for the first two rows")
    parser.add_argument("--bits-threads", type=int, default=0, help="bits: threads; 0 measures which is fastest")
    parser.add_argument("--model", help="bits: model to fine-tune, instead of training it")
    parser.add_argument("--deal", type=int, default=3, help="bits: seed by which the children's songs are dealt")


def measure(options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """Measure the bits per note on each corpus, a row each, with seed 1."""
    from ritornello import api

    common: dict[str, Any] = {"seed": 1, "threads": options.bits_threads}
    length = {"updates": options.bits_updates} if options.bits_updates else {"minutes": 3}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        base = options.model or f"{folder}/all"
        for name in options.bits_rows:
            out = f"{folder}/{name}"
            if name == "all":
                corpus, asked = load("embedded"), length
            elif name == "shared":
                everybody, _ = available([*ENTRANTS, *ablation_entrants()])
                corpus, asked = shared_tunes(load("embedded"), everybody).corpus, length
            elif name == "exercise":
                corpus, asked = original(), {"minutes": 5}
            else:
                corpus = dealt(api.build_corpus(CHILDREN), int(name.split()[-1]), options.deal)
                asked = {"minutes": 1, "base": base}
            began = time.perf_counter()
            run = api.train(corpus, out, **asked, **common)
            seconds, model = time.perf_counter() - began, api.load_model(run)
            result = model.evaluate(corpus)
            rows.append(
                {
                    "corpus": name,
                    "test tunes": len(result["per_tune"]),
                    "notes": result["notes"],
                    "bits per note": result["bits_per_note"],
                    "best update": model.metadata["update"],
                    "seconds": seconds,
                }
            )
            print(rows[-1], flush=True)
    yield rows, {"seed": 1}


def dealt(corpus: Corpus, learned: int, seed: int) -> Corpus:
    """Deal the pieces of a corpus to the splits by families in random order."""
    pieces = [p for split in SPLITS for p in corpus.in_split(split) if p.notes]
    families = list(dict.fromkeys((p.split, p.family or p.source) for p in pieces))
    ranks = np.random.default_rng(seed).permutation(len(families))
    order = np.argsort([ranks[families.index((p.split, p.family or p.source))] for p in pieces], kind="stable")
    most = max(LEARNED)
    parts: Sequence[tuple[str, np.ndarray]] = (
        ("train", order[:learned]),
        ("validation", order[most : most + WATCHED]),
        ("test", order[most + WATCHED :]),
    )
    return corpus.selected(replace(pieces[n], split=split) for split, places in parts for n in places)
