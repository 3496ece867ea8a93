"""What training by time makes of a machine that others use: minutes used, and quality beside an undisturbed run.

Two processes hold both cores for a third of the time while a run trains by time. Then the same number of updates is
trained with nothing else started. Both runs are processes of their own, timed from their call.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import ROOT, clean_environment

from ritornello.reports.runs.log import read_run
from ritornello.training.run.folder import load_checkpoint

HOG = """
import time, sys
import numpy as np
busy, period = map(float, sys.argv[1:])
matrix = np.ones((400, 400), np.float32)
while True:
    if time.time() % period < busy:
        matrix @ matrix
    else:
        time.sleep(0.05)
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--busy-minutes", type=float, nargs="+", default=[0.5, 3.0], help="busy: minutes of training")
    parser.add_argument("--period", type=float, default=12.0, help="busy: seconds; in a third the cores are held")


def measure(options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """A table with a row for each length of training."""
    rows = [beside_a_load(minutes, options.period) for minutes in options.busy_minutes]
    yield rows, {"corpus": "hymns", "period, s": options.period, "hogs": 2}


def beside_a_load(minutes: float, period: float) -> dict:
    """Train by time beside two hogs, then as many updates without them."""
    with tempfile.TemporaryDirectory() as name:
        disturbed, quiet = Path(name) / "disturbed", Path(name) / "quiet"
        with hogs(period):
            wall = train(disturbed, "--minutes", str(minutes))
        lines = [json.loads(line) for line in (disturbed / "log.jsonl").read_text().splitlines()]
        checks = [line for line in lines if "validation_nll" in line]
        planned = lines[0]["plan"]["updates"]
        saved = load_checkpoint(disturbed)
        dropout = saved.metadata.plan.of_length(saved.progress.updates).dropout
        train(quiet, "--updates", str(checks[-1]["update"]), "--dropout", str(dropout))
        bits = [read_run(folder).log.best.validation for folder in (disturbed, quiet)]
    return {
        "minutes": minutes,
        "first check, s": round(checks[0]["seconds"], 1),
        "used": round(saved.progress.seconds / 60 / minutes, 3),
        "seconds from call to end": round(wall, 1),
        "updates planned first": planned,
        "revisions": sum("revised" in line for line in lines),
        "updates": checks[-1]["update"],
        "bits per note": round(bits[0], 3),
        "the same updates undisturbed": round(bits[1], 3),
    }


def train(out: Path, *words: str) -> float:
    """Seconds from the call of `ritornello train` to its end."""
    began = time.monotonic()
    command = [sys.executable, "-m", "ritornello", "train", "hymns", "-o", str(out), *words, "-q"]
    subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


@contextmanager
def hogs(period: float) -> Iterator[None]:
    """Two processes that multiply matrices for a third of each period, at the same time."""
    words = [sys.executable, "-c", HOG, str(period / 3), str(period)]
    started = [subprocess.Popen(words, env=clean_environment() | {"OPENBLAS_NUM_THREADS": "1"}) for _ in range(2)]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
            process.wait()
