"""Measure a network on 382 chorales, 229 / 76 / 77, and what the shipped model writes beneath given sopranos.

    python -m benchmarks.chorales --minutes 40 --json

nats per note token: all nats of a piece, its end among them, divided by four times its sixteenths. Nothing is given
beforehand: no metre, no key, no chords. The weights are those of the end of a training of fixed length, the options
were chosen on validation, and the test pieces are measured once.

Harmonisations: sopranos of the test chorales, where every quarter counts as a beat, and of the embedded corpus's test
hymns, which the shipped model did not learn from. What is counted stands in `ritornello.generate.voices.rules`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.api import load_corpus
from ritornello.encoding.voices.chorale import ChoraleEncoding, voices_of
from ritornello.generate.voices.harmonise import harmonise_melody, line_of
from ritornello.generate.voices.rules import Judgement, judge
from ritornello.model.file import find_model, load_model
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Melody, Piece

SHARED = Path(__file__).parents[3] / "shared" / "data"
NETWORK = NetworkOptions(layers=2, width=256, embedding=256, dropout=0.45)
STREAMS, STEPS, RATE, DECAY, WARMUP = 16, 64, 4e-3, 0.3, 100
HYMNS = 30


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40.0, help="of training for each seed; 0 for none")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--harmonise", type=int, default=77, help="test chorales to harmonise; 0 for none")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chorales = read_chorales()
    found: dict[str, Any] = {"split": {name: len(pieces) for name, pieces in chorales.items()}}
    if options.minutes:
        found["joint"] = [learn(chorales, options.minutes, seed) for seed in range(options.seeds)]
    if options.harmonise:
        found["harmonise"] = harmonisations(chorales["test"][: options.harmonise])
    print(json.dumps(found) if options.json else in_words(found))


def read_chorales() -> dict[str, list[np.ndarray]]:
    """Read the chorales: for each split pitches of four voices, (steps, 4), -1 for silence."""
    content = json.loads((SHARED / "chorales" / "jsb-chorales-16th.json").read_text())
    return {
        split: [np.array([[*map(int, chord), *[-1] * (4 - len(chord))] for chord in piece]) for piece in pieces]
        for split, pieces in content.items()
    }


def learn(chorales: dict[str, list[np.ndarray]], minutes: float, seed: int) -> dict[str, Any]:
    """Train for so many minutes, and measure validation and test in nats per note token."""
    from ritornello.training.data import Streams
    from ritornello.training.plan import Plan
    from ritornello.training.update import TorchEngine

    encoding = ChoraleEncoding(barred=False)
    tokens = {split: [encoding.write(piece) for piece in pieces] for split, pieces in chorales.items()}
    plan = Plan(10**9, peak_rate=RATE, weight_decay=DECAY, dropout=NETWORK.dropout, dtype="bf16", seed=seed)
    engine = TorchEngine(NETWORK, encoding, plan, tokens["train"][0])
    streams = Streams(tokens["train"], encoding, STREAMS, seed)
    began, updates = time.perf_counter(), 0
    while (done := (time.perf_counter() - began) / 60 / minutes) < 1:
        rate = RATE * min(1, (updates + 1) / WARMUP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        engine.update(streams.chunk(STEPS), rate)
        updates += 1
    nats = {
        split: engine.nll(tokens[split]) * sum(map(len, tokens[split])) / 4 / sum(map(len, chorales[split]))
        for split in ("valid", "test")
    }
    weights = sum(value.size for value in engine.tensors().values())
    return {"seed": seed, "minutes": minutes, "epochs": round(streams.epochs, 1), "weights": weights, **nats}


def harmonisations(chorales: list[np.ndarray]) -> dict[str, Any]:
    """Harmonise sopranos of chorales and of hymns; count the faults beside those of the originals."""
    file = load_model(find_model("four-voices"))
    network, encoding, bare = file.build(), file.encoding, ChoraleEncoding(barred=False)
    found: dict[str, list[Judgement]] = {name: [] for name in ("chorales", "their own", "hymns", "hymns' own")}
    for pitches in chorales:
        piece = bare.decode(bare.write(pitches))
        _, starts, _ = bare.read(bare.write(pitches))
        line = Melody(piece.parts[0].notes, piece.timeline)
        found["chorales"].append(harmonise_melody(network, encoding, line, 1)[0].judgement)
        found["their own"].append(judge(pitches, starts, np.arange(len(pitches)) % 4 == 0))
    for piece, pitches, starts in held_out_hymns(encoding):
        melody = Melody(piece.parts[0].notes, piece.timeline)
        beats = line_of(melody, encoding).beats
        length = min(len(beats), len(pitches))
        found["hymns"].append(harmonise_melody(network, encoding, melody, 1)[0].judgement)
        found["hymns' own"].append(judge(pitches[:length], starts[:length], beats[:length]))
    return {name: sums(judged) for name, judged in found.items() if judged}


def held_out_hymns(encoding: ChoraleEncoding) -> list[tuple[Piece, np.ndarray, np.ndarray]]:
    """Find test hymns of four single lines, HYMNS of them, with their pitches and starts, (steps, 4)."""
    found = []
    for piece in load_corpus("hymns-voices").music("test"):
        with suppress(ValueError):  # not four single lines on the grid
            pitches, starts, _ = voices_of(piece, encoding)
            found.append((piece, pitches, starts))
    return found[:HYMNS]


def sums(judged: list[Judgement]) -> dict[str, float]:
    """Sum up the faults of pieces: per hundred chords, and the share of beats that are accepted."""
    total = Judgement(*np.array(judged).sum(0).tolist())
    per_hundred = {
        name: round(100 * getattr(total, name) / total.chords, 2)
        for name in ("parallels", "crossings", "range_faults")
    }
    accepted = round(1 - total.dissonant / total.beats, 4)
    return {"pieces": len(judged), "chords": total.chords, **per_hundred, "beats_accepted": accepted}


def in_words(found: dict[str, Any]) -> str:
    """Write what was found in lines."""
    lines = [f"{row}" for row in found.get("joint", [])]
    lines += [f"{name}: {row}" for name, row in found.get("harmonise", {}).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
