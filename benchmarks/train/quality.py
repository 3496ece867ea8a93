"""The exercise's data, both networks by one rule: how good, and how soon?

Both stop by melodies of the first nine tenths; the last tenth is scored once, with the weights that were best on
those. The exercise's seconds are of training alone, to its best; ours count checks as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import ROOT, spread
from benchmarks.train.splits import SPLITS, write_arrays


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--seeds", type=int, default=3, help="quality: seeds 1 to so many")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS), help="quality: of the data")
    parser.add_argument("--minutes", type=float, default=5.0, help="quality: ours")
    parser.add_argument("--short-minutes", type=float, default=0.75, help="quality: ours, to reach the exercise's")
    parser.add_argument("--exercise-minutes", type=float, default=12.0, help="quality: the exercise's, at most")
    parser.add_argument("--check-seconds", type=float, default=15.0, help="quality: between two checks")
    parser.add_argument("--check-windows", type=int, help="quality: the exercise's, instead of its seconds")
    parser.add_argument("--patience", type=int, default=6, help="quality: the exercise's, in checks")
    parser.add_argument("--keep", metavar="FILE", help="quality: append every run's checks to it, as JSON lines")


def measure(options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """A table for each split with a row for each seed, and what is said of it."""
    for split in options.splits:
        corpus = SPLITS[split]()
        with tempfile.TemporaryDirectory() as folder:
            write_arrays(corpus, Path(folder) / "melodies.npz")
            rows = [compare(corpus, Path(folder), split, seed, options) for seed in range(1, options.seeds + 1)]
        numbers = {key: [row[key] for row in rows if isinstance(row[key], float)] for key in rows[0]}
        summary = {key: spread(values) if values else "" for key, values in numbers.items()} | {"seed": "median"}
        yield [*rows, summary], {"split": split, "minutes": options.minutes, "short": options.short_minutes}


def compare(corpus, folder: Path, split: str, seed: int, options: argparse.Namespace) -> dict:
    """One seed: the exercise's network, ours at length, ours in short."""
    row: dict = {"seed": str(seed)}
    target = None
    if options.keras:
        target = exercise(folder / "melodies.npz", split, seed, options)["final"]
        row |= {"exercise's nats per step": target["test"], "after seconds": target["seconds"]}
    whole = ours(corpus, folder / f"{split}-{seed}", options.minutes, split, seed, options)
    short = ours(corpus, folder / f"{split}-{seed}-short", options.short_minutes, split, seed, options)
    row |= {f"ours, {options.minutes:g} min": whole["test"], "ours, short": short["test"]}
    row["short run's seconds"] = short["seconds"]
    if target:
        reached = short["test"] <= target["test"]
        row["times sooner"] = target["seconds"] / short["seconds"] if reached else "not reached"
        first = next((c["seconds"] for c in short["checks"] if c["validation"] <= target["validation"]), None)
        row["its validation reached after"] = float(first) if first is not None else "not reached"
    return row


def exercise(arrays: Path, split: str, seed: int, options: argparse.Namespace) -> dict:
    """The exercise's network: its checks, and `final` with seconds, validation and test at its best."""
    every = ["--check-seconds", options.check_seconds]
    if options.check_windows:
        every = ["--check-windows", options.check_windows]
    words = ["--seed", seed, "--minutes", options.exercise_minutes, "--patience", options.patience, *every]
    script = ROOT / "benchmarks" / "train" / "exercise_network.py"
    done = subprocess.run(
        [options.keras, str(script), str(arrays), *map(str, words)], text=True, stdout=subprocess.PIPE, check=True
    )
    *checks, last = (json.loads(line) for line in done.stdout.splitlines())
    return keep({"network": "exercise", "split": split, "seed": seed, "checks": checks, **last}, options)


def ours(corpus, out: Path, minutes: float, split: str, seed: int, options: argparse.Namespace) -> dict:
    """Our network: its checks, all its seconds, and its test score, in nats per step."""
    from ritornello import api

    checks = max(4, round(60 * minutes / options.check_seconds))
    run = api.train(corpus, out, plain=True, minutes=minutes, seed=seed, checks=checks)
    told = [{"update": c.update, "seconds": c.seconds, "validation": c.validation_nll} for c in run.checks]
    test = api.load_model(run).evaluate(corpus)["nll_per_token"]
    seconds = told[-1]["seconds"]
    words = {"network": "ours", "split": split, "seed": seed, "minutes": minutes}
    return keep({**words, "checks": told, "seconds": seconds, "test": test}, options)


def keep(run: dict, options: argparse.Namespace) -> dict:
    """Append a run to the file that is asked for."""
    if options.keep:
        with open(options.keep, "a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
    return run
