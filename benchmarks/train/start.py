"""Seconds from the call of `ritornello train` to its first update, and the most memory that the run holds.

Each run is a new process; the files it reads are in the system's cache after the first.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import ROOT, clean_environment, spread

CHILD = """
import sys, time
from ritornello.cli import live_view, main
began, first = float(sys.argv[1]), []
class View(live_view.LiveView):
    def at(self, update, nll):
        first or first.append(time.time() - began)
        super().at(update, nll)
live_view.LiveView = View
status = main(["train", *sys.argv[3:]])
open(sys.argv[2], "w").write(str(first[0]))
sys.exit(status)
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--runs", type=int, default=5, help="start: cold runs")
    parser.add_argument("--corpus", default="all", help="start: corpus to learn from")


def measure(options: argparse.Namespace) -> Iterator[tuple[list[dict], dict]]:
    """A table with a row for each preset, and what is said of it."""
    rows = []
    for preset in ("tiny", "lstm", "large"):
        runs = [run(preset, options.corpus) for _ in range(options.runs)]
        seconds, megabytes = zip(*runs, strict=True)
        rows.append(
            {
                "preset": preset,
                "seconds to the first update": spread(list(seconds)),
                "most memory, MB": spread(list(megabytes)),
            }
        )
    yield rows, {"corpus": options.corpus, "runs": options.runs}


def run(preset: str, corpus: str) -> tuple[float, float]:
    """Seconds to the first update and megabytes of one run of a quarter of a minute."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told"
        words = [str(told), corpus, "-o", f"{folder}/run", "--preset", preset, "--minutes", "0.25", "-q"]
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(time.time()), *words],
            cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"training with {preset} failed")
        return float(told.read_text()), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
