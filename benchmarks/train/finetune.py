"""Twenty tunes of a family that the shipped model never saw: does `--from` gain on it, and how soon?

Children's songs from kern files, one of each family, drawn by seed: twenty to learn from, eight to stop by, all
others to be scored on. The seconds are those of the whole call: measuring the machine, training and checks.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np
from benchmarks.report import DATA

FOLDER = DATA / "melodies" / "kinder"
LEARNED, WATCHED = 20, 8


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--base", default="hymns-and-songs", help="finetune: model to begin from")
    parser.add_argument("--finetune-minutes", type=float, default=0.8, help="finetune: of training")


def measure(options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """A table with a row for each seed, and what is said of it."""
    from ritornello import api

    corpus = api.build_corpus(FOLDER)
    pieces = list({piece.family: piece for piece in corpus.pieces}.values())
    rows = [_row(api, drawn(corpus, pieces, seed), seed, options) for seed in range(1, options.seeds + 1)]
    summary = {key: median(row[key] for row in rows) for key in rows[0] if key != "seed"}
    metadata = {"base": options.base, "tunes learned": LEARNED, "tunes scored": len(pieces) - LEARNED - WATCHED}
    yield [*rows, {"seed": "median", **summary}], metadata


def drawn(corpus, pieces, seed: int):
    """The pieces dealt to the three splits by chance."""
    order = np.random.default_rng(seed).permutation(len(pieces)).tolist()
    splits = ["train"] * LEARNED + ["validation"] * WATCHED + ["test"] * len(pieces)
    return corpus.selected(replace(pieces[n], split=split) for n, split in zip(order, splits, strict=False))


def _row(api, corpus, seed: int, options: argparse.Namespace) -> dict:
    before = api.load_model(options.base).evaluate(corpus)["bits_per_note"]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = api.train(corpus, folder, base=options.base, minutes=options.finetune_minutes, seed=seed)
        seconds = time.perf_counter() - began
        after = api.load_model(run).evaluate(corpus)["bits_per_note"]
    return {
        "seed": str(seed),
        "base, bits per note": before,
        "tuned": after,
        "gain": before - after,
        "seconds": seconds,
    }
