"""What pairs of processes do for the tests: python ranks.py FOLDER

PyTorch is imported once; each process is a fork that finds the variables that `torchrun` would set.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ritornello.corpus.embedded import embedded
from ritornello.encoding import Grid
from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.training.data import IGNORED, Batch
from ritornello.training.plan import Setting, TrainOptions, make_plan
from ritornello.training.run.engine import Engine, make_engine, random_batch
from ritornello.training.run.folder import LAST_NAME, load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.ranks import Ranks, joined_ranks
from ritornello.training.run.request import Request

NETWORK = NetworkOptions(1, 16, 16, dropout=0.0)
OPTIONS = TrainOptions(
    updates=24, seed=3, streams=2, bptt_steps=24, peak_rate=0.02, threads=1, checks=4, dtype="fp32", device="cpu",
    dropout=0.2, save_seconds=0,
)  # fmt: skip


def engine(ranks: Ranks) -> Engine:
    """A small network; without dropout, so that chance has no say."""
    plan = make_plan(OPTIONS, 1000, Setting("torch", "cpu", "fp32", 1))
    return make_engine(NETWORK, Grid(version=1), plan, np.zeros(0, np.int64), ranks)


def batches() -> list[Batch]:
    """Three blocks of four streams, the last ones of which have fewer targets."""
    block = random_batch(Alphabet.of(Grid(version=1)), 4, 36)
    block.targets[2:, :, :][:, ::3] = IGNORED
    return [Batch(*(part[:, at : at + 12] for part in block[:3])) for at in (0, 12, 24)]


def learn(ranks: Ranks) -> tuple[dict[str, np.ndarray], list[float]]:
    """Weights after an update for each block, of which this rank sees its part of the streams; and the nlls."""
    trainer, share = engine(ranks), 4 // ranks.size
    mine = slice(ranks.rank * share, (ranks.rank + 1) * share)
    nlls = [trainer.update(Batch(*(part[mine] for part in batch[:3])), 0.01) for batch in batches()]
    return trainer.tensors(), nlls


def corpus():
    """Twenty hymns."""
    return embedded("hymns").selected(embedded("hymns").pieces[:20])


def train(ranks: Ranks, folder: Path, press: int = 0) -> None:
    """Begin the run or go on with it; at update `press` the last rank asks for an end, as by Ctrl-C."""
    saved = ranks.first(lambda: load_checkpoint(folder) if (folder / LAST_NAME).exists() else None)
    training = prepare_training(Request(NETWORK, Grid(version=1), OPTIONS), corpus(), saved, ranks)

    def pressing(update: int, nll: float) -> None:
        if update == press and ranks.rank == ranks.size - 1:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        for _ in training.checks(folder, pressing):
            pass
    except KeyboardInterrupt:
        (folder / f"stopped.{ranks.rank}").write_text(str(training.progress.update))


def write_down(ranks: Ranks, folder: Path) -> None:
    """Leave what was learned in the folder."""
    tensors, nlls = learn(ranks)
    np.savez(folder / f"{ranks.rank}.npz", **tensors)
    (folder / f"{ranks.rank}.json").write_text(json.dumps(nlls))


def pair(work: Callable[..., None], *words: object) -> None:
    """Two processes that do the work together."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    pids = []
    for rank in (0, 1):
        pids.append(os.fork())
        if pids[-1] == 0:
            status = 1
            try:
                os.environ["RANK"] = str(rank)
                with joined_ranks() as ranks:
                    work(ranks, *words)
                status = 0
            finally:
                os._exit(status)
    if [os.waitpid(pid, 0)[1] for pid in pids] != [0, 0]:
        raise SystemExit("a process failed")


def main(folder: Path) -> None:
    pair(write_down, folder)
    pair(train, folder / "whole")
    pair(train, folder / "cut", 9)
    pair(train, folder / "cut")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
