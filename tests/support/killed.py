"""Training runs to be killed: python killed.py FOLDER SEED KILLS

It trains in FOLDER/whole in one go, then in FOLDER/cut-N the same run, killed again and again at moments of chance,
until so many attempts were killed and the last run is done.
PyTorch is imported once; each attempt is a fork that trains on one thread.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from ritornello.corpus.embedded import embedded
from ritornello.encoding import Grid
from ritornello.model.options import NetworkOptions
from ritornello.training.plan import TrainOptions
from ritornello.training.run.folder import LAST_NAME, load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request

NETWORK = NetworkOptions(2, 24, 16)
UPDATES = 160


def corpus():
    """Forty hymns, some of them held out."""
    hymns = embedded("hymns")
    return hymns.selected(hymns.pieces[:40])


def train(folder: Path, options: TrainOptions) -> None:
    """Begin the run, or go on with it, to its end."""
    saved = load_checkpoint(folder) if (folder / LAST_NAME).exists() else None
    for _ in prepare_training(Request(NETWORK, Grid(version=1), options), corpus(), saved).checks(folder):
        pass


def attempt(folder: Path, options: TrainOptions, seconds: float | None) -> bool:
    """Train in a fork that is killed after so many seconds; whether it came to its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train(folder, options)
            status = 0
        finally:
            os._exit(status)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit("an attempt failed")
    return os.WIFEXITED(status)


def main(out: Path, seed: int, kills: int) -> None:
    """The whole run tells how long one takes; at each moment of it an attempt is as likely to be killed."""
    import ritornello.training.update  # noqa: F401 - before the forks, which are then quick

    corpus()
    chance, killed, number = random.Random(seed), 0, 0
    options = TrainOptions(
        updates=UPDATES, seed=seed, streams=3, bptt_steps=16, threads=1, dtype="fp32", device="cpu", checks=12,
        dropout=0.3, save_seconds=0.03,
    )  # fmt: skip
    began = time.monotonic()
    attempt(out / "whole", replace(options, save_seconds=20), None)
    whole = time.monotonic() - began
    while killed < kills:
        number += 1
        while not attempt(out / f"cut-{number}", options, chance.uniform(0, 0.8) * whole if killed < kills else None):
            killed += 1
    print(killed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
