"""An LSTM and a transformer of about as many weights, beside each other: how good after as many updates or minutes?

Both learn the embedded corpus in the encoding `interval`, with memory and without, on one thread. Bits per note are
of the test split, of the weights that were best on validation. Processor seconds are of the whole training, with
its checks: on a busy machine minutes are not equal, they are. `--networks-minutes` are therefore minutes of processor
time: how many updates they allow is found by two short trainings of each network.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.report import ROOT, spread, write_between_marks

PRESETS = ("lstm", "transformer")
MEMORIES = {"with memory": None, "without": "none"}
CHECKED = 0.9  # of the time, without the checks of a whole training
README = ROOT / "benchmarks" / "train" / "README.md"
MARKS = ("<!-- networks -->", "<!-- end of networks -->")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--networks-seeds", type=int, default=3, help="networks: seeds 1 to so many")
    parser.add_argument(
        "--networks-minutes", type=float, default=3.0, help="networks: of processor time, each training"
    )
    parser.add_argument("--networks-updates", type=int, help="networks: updates instead of minutes")
    parser.add_argument("--networks-memory", nargs="+", choices=MEMORIES, default=list(MEMORIES))
    parser.add_argument("--networks-write", action="store_true", help="networks: put the table into the README")


def measure(options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """Train both networks, with memory and without; a row for each."""
    rows = []
    for memory in options.networks_memory:
        for preset in PRESETS:
            how = {"preset": preset, "memory": MEMORIES[memory]}
            updates = options.networks_updates or updates_within(60 * options.networks_minutes, how)
            runs = [trained(updates=updates, seed=seed, **how) for seed in range(1, options.networks_seeds + 1)]
            found = {name: spread([run[name] for run in runs]) for name in ("bits per note", "updates", "seconds")}
            found["processor seconds"] = spread([run["processor seconds"] for run in runs])
            rows.append({"network": preset, "memory": memory, "weights": f"{runs[0]['weights']:,}", **found})
    asked = "updates" if options.networks_updates else "minutes"
    said = {"seeds": options.networks_seeds, asked: getattr(options, f"networks_{asked}")}
    if options.networks_write:
        write_between_marks(README, table(rows, said), MARKS)
    yield rows, said


def updates_within(seconds: float, how: dict[str, Any]) -> int:
    """Find how many updates a training does in so many seconds of processor time, about."""
    few, more = 20, 100
    trained(updates=few, checks=1, **how)  # the first one loads what the others find
    short, longer = (trained(updates=updates, checks=1, **how)["processor seconds"] for updates in (few, more))
    each = (longer - short) / (more - few)
    return max(1, int((CHECKED * seconds - short) / each))


def trained(**how: Any) -> dict[str, Any]:
    """Train one network with these options of `train`, and score it."""
    from ritornello import api
    from ritornello.model.counts import PREFIX

    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), time.process_time()
        run = api.train("all", f"{folder}/run", threads=1, **how)
        seconds, processor = time.perf_counter() - began, time.process_time() - used
        model = api.load_model(run)
        tensors = model.file.tensors.items()
        return {
            "bits per note": model.evaluate("all")["bits_per_note"],
            "updates": run.checks[-1].update,
            "seconds": seconds,
            "processor seconds": processor,
            "weights": sum(v.size for name, v in tensors if not name.startswith((PREFIX, "start."))),
        }


def table(rows: list[dict], said: dict) -> str:
    """Write the rows as a table in Markdown, under a line on how they were made."""
    told = ", ".join(f"{name} {value}" for name, value in said.items())
    head = "| " + " | ".join(rows[0]) + " |\n|" + " --- |" * len(rows[0])
    body = [f"| {' | '.join(row.values())} |" for row in rows]
    return "\n".join([f"Median (lowest-highest); {told}.", "", head, *body])
