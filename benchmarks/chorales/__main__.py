"""Measure a network on 382 chorales, 229 / 76 / 77, and what the shipped model writes beneath given sopranos.

    python -m benchmarks.chorales --updates 10800 --seeds 0 1 2 --json

--given chords: the chord of each sixteenth is an input (see `labels`).

nats per note token: all nats of a piece, its end among them, divided by four times its sixteenths. Nothing is given
beforehand: no metre, no key, no chords. The network is trained as by `ritornello train`, whose options these are;
they were chosen on validation, and the test pieces are measured once.

Harmonisations: sopranos of the test chorales, where every quarter counts as a beat, and of the embedded corpus's test
hymns, which the shipped model did not learn from. What is counted stands in `ritornello.generate.voices.rules`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import ritornello as rito
from benchmarks.chorales.labels import LabelledEncoding
from ritornello.api import load_corpus
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.encoding import ENCODINGS
from ritornello.encoding.options import EncodingOptions
from ritornello.encoding.voices.chorale import ChoraleEncoding, voices_of
from ritornello.generate.voices.harmonise import harmonise_melody, line_of
from ritornello.generate.voices.rules import Judgement, judge
from ritornello.model.file import find_model, load_model
from ritornello.model.scoring import sequence_nats
from ritornello.music.values import Melody, Piece

SHARED = Path(__file__).parents[3] / "shared" / "data"
ENCODING: ChoraleEncoding = replace(EncodingOptions("chorale").build(), barred=False)
ENCODINGS[LabelledEncoding.name] = LabelledEncoding
LABELLED = LabelledEncoding(False, inputs=ENCODING.inputs, relations=ENCODING.relations)
HYMNS = 30


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="of training for each seed; 0 for none")
    parser.add_argument("--updates", type=int, help="of training for each seed, instead of minutes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--dropout", type=float, default=0.6)
    parser.add_argument("--weight-decay", type=float, default=0.3)
    parser.add_argument("--bptt-steps", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--given", choices=("nothing", "chords"), default="nothing", help="chords: a label a sixteenth"
    )
    parser.add_argument("--harmonise", type=int, default=77, help="test chorales to harmonise; 0 for none")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chorales = read_chorales()
    found: dict[str, Any] = {"split": {name: len(pieces) for name, pieces in chorales.items()}}
    if options.minutes or options.updates:
        length = "updates" if options.updates else "minutes"
        asked = {
            name: getattr(options, name) for name in (length, "dropout", "weight_decay", "bptt_steps", "threads")
        }
        encoding, name = (LABELLED, "chords given") if options.given == "chords" else (ENCODING, "joint")
        found[name] = [learn(chorales, {"seed": seed, **asked}, encoding) for seed in options.seeds]
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


def learn(
    chorales: dict[str, list[np.ndarray]], options: dict[str, Any], encoding: ChoraleEncoding = ENCODING
) -> dict[str, Any]:
    """Train with these options of `ritornello train`, and measure validation and test in nats per note token.

    The model is the best of the run on about a third of the validation pieces.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = rito.train(corpus_of_chorales(chorales), folder, encoding=encoding, **options)
        file = load_model(find_model(folder))
    minutes, network = (time.perf_counter() - began) / 60, file.build()
    nats = {}
    for split in ("valid", "test"):
        tokens = [encoding.write(piece) for piece in chorales[split]]
        nats[split] = float(sequence_nats(network, encoding, tokens).sum()) / 4 / sum(map(len, chorales[split]))
    weights = sum(value.size for value in file.tensors.values())
    epochs = next(check.epochs for check in run.checks if check.update == file.metadata["update"])
    return {**options, "took": round(minutes, 1), "epochs": round(epochs, 1), "weights": weights, **nats}


def corpus_of_chorales(chorales: dict[str, list[np.ndarray]]) -> Corpus:
    """Make a corpus of the chorales in their splits."""
    names = {"train": "train", "valid": "validation", "test": "test"}
    return corpus_of(
        (
            (CorpusPiece(f"{split}-{n}", (), family=f"{split}-{n}", split=names[split]), [ENCODING.decode(tokens)])
            for split, pieces in chorales.items()
            for n, tokens in enumerate(map(ENCODING.write, pieces))
        ),
        keep="voices",
    )


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
    lines = [f"{row}" for row in [*found.get("joint", []), *found.get("chords given", [])]]
    lines += [f"{name}: {row}" for name, row in found.get("harmonise", {}).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
