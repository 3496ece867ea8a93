"""Train the shipped model four-voices on the hymns of four single lines: python runs/four-voices.py HYMNS -o OUT

HYMNS is the folder of the hymns' .abc files (`src/ritornello/data/corpus/PROVENANCE.md`); each belongs to the split
of its melody in the embedded corpus, and those without one are trained on. 2026-11-30, one thread of a two-core
machine that many others were using, torch 2.13.0 (CPU), bf16: 2,602 updates, 13.5 epochs in 19 minutes. The clock
ends it, so that another machine makes other weights.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

import ritornello as rito
from ritornello.encoding.voices.chorale import ChoraleEncoding
from ritornello.model.file import ModelFile, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.files import read
from ritornello.training.data import Streams
from ritornello.training.plan import Plan
from ritornello.training.update import TorchEngine
from ritornello.version import VERSION

ENCODING = ChoraleEncoding(given=("soprano",))
NETWORK = NetworkOptions(layers=2, width=256, embedding=256, dropout=0.15)
STREAMS, STEPS, RATE, WARMUP = 16, 64, 4e-3, 100


def main() -> None:
    """Train for so many minutes, then write the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hymns", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=19.0)
    options = parser.parse_args()
    train, validation = read_hymns(options.hymns)
    plan = Plan(10**9, peak_rate=RATE, weight_decay=0.2, dropout=NETWORK.dropout, dtype="bf16")
    engine = TorchEngine(NETWORK, ENCODING, plan, train[0])
    streams = Streams(train, ENCODING, STREAMS, 0)
    began, update = time.perf_counter(), 0
    while (done := (time.perf_counter() - began) / 60 / options.minutes) < 1:
        rate = RATE * min(1, (update + 1) / WARMUP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        engine.update(streams.chunk(STEPS), rate)
        update += 1
    steps = sum((len(tokens) - 1) // 4 for tokens in validation)
    nats = engine.nll(validation) * sum(map(len, validation)) / 4 / steps
    print(f"{update} updates, {streams.epochs:.1f} epochs: {nats:.4f} nats per note token on validation")
    corpus = {"fingerprint": "", "pieces": len(train) + len(validation), "licences": ["public domain"]}
    corpus |= {"notes": 0, "metres": {}, "keys": {}, "compass": [36, 79]}
    metadata = {"ritornello": VERSION, "plan": asdict(plan), "update": update, "validation_nll": nats, "seed": 0}
    file = ModelFile(engine.tensors(), NETWORK, ENCODING, metadata | {"corpus": corpus})
    save_model(options.out, file, half=True, replace=True)


def read_hymns(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read the hymns of four single lines as tokens: training and validation."""
    splits = {piece.title: piece.split for piece in rito.load_corpus("hymns").pieces}
    found: dict[str, list[np.ndarray]] = {"train": [], "validation": [], "test": []}
    for path in sorted(folder.glob("*.abc")):
        piece = read(path, "written")[0]
        try:
            tokens = ENCODING.encode(piece).tokens
        except ValueError:
            continue  # not four single lines on the grid
        found[splits.get(piece.title, "train")].append(tokens)
    return found["train"], found["validation"]


if __name__ == "__main__":
    main()
