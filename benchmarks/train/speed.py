"""Target tokens per second: the exercise's network in Keras, and ours by each trainer, in turns.

Each trainer is a process of its own that waits while the others work. The rates are medians (least-most) over the
turns; the ratio to the exercise's is made within a turn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import ROOT, clean_environment, spread
from benchmarks.train.engines import start, take_turn
from benchmarks.train.splits import original, write_arrays

EXERCISE = "exercise's, Keras on TensorFlow"
OURS = {"numpy fp32": "numpy", "PyTorch fp32": "torch", "PyTorch bf16": "torch-bf16"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--turns", type=int, default=7, help="speed: turns of each trainer")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="speed: of every trainer")
    parser.add_argument("--updates", type=int, default=20, help="speed: in a turn")
    parser.add_argument("--preset", default="lstm", help="speed: the network")
    parser.add_argument("--shape", help="speed: streams x steps; as training chooses where not given")


def measure(options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """Tables, and what is said of them: all trainers, then what the processor would allow."""
    options.shape = options.shape or rule()
    options.encoding, options.dropout = "plain", 0.3
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "melodies.npz"
        if options.keras:
            write_arrays(original(), arrays)
        rows = [row for threads in options.threads for row in compare(arrays, threads, options)]
    yield rows, {name: getattr(options, name) for name in ("preset", "shape", "dropout", "turns")}
    for threads in options.threads:
        for dtype in ("fp32", "bf16"):
            yield from roof(dtype, threads, options)


def rule() -> str:
    """Streams and steps as training chooses them."""
    from ritornello.training.plan import Plan

    plan = Plan(updates=1)
    return f"{plan.streams}x{plan.bptt_steps}"


def compare(arrays: Path, threads: int, options: argparse.Namespace) -> list[dict]:
    """A row for each trainer."""
    workers = {name: start(engine, options.shape, str(threads), options) for name, engine in OURS.items()}
    if options.keras:
        workers = {EXERCISE: start_exercise(options.keras, arrays, threads), **workers}
    rates: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(options.turns):
        for name in list(workers) if turn % 2 else reversed(workers):
            rates[name].append(take_turn(workers[name]))
    for worker in workers.values():
        worker.communicate("")
    return [
        {
            "trainer": name,
            "threads": threads,
            "target tokens/s": spread(values),
            "times the exercise's": spread([a / b for a, b in zip(values, rates[EXERCISE], strict=True)])
            if options.keras
            else "-",
        }
        for name, values in rates.items()
    ]


def start_exercise(keras: str, arrays: Path, threads: int) -> subprocess.Popen:
    """The exercise's network, warmed up and waiting for its turns."""
    script = ROOT / "benchmarks" / "train" / "exercise_network.py"
    worker = subprocess.Popen(
        [keras, str(script), str(arrays), "--threads", str(threads), "--turns"],
        env=clean_environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    take_turn(worker)
    return worker


def roof(dtype: str, threads: int, options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """The tables that `roof.py` makes in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.train.roof", options.preset, options.shape, dtype, str(threads)]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), text=True, stdout=subprocess.PIPE, check=True
    )  # fmt: skip
    for rows in json.loads(done.stdout):
        yield rows, {"dtype": dtype, "threads": threads, "shape": options.shape}
