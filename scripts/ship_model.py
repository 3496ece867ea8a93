"""Make a shipped model out of a training run: half-precision weights, held-out figures and licence in its header.

python scripts/ship_model.py RUN -o src/ritornello/data/models/hymns-and-songs.safetensors

RUN may be the shipped file itself: then its figures are made anew.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ritornello.api import load_corpus, load_model
from ritornello.evaluate.scores import score_baselines
from ritornello.model.file import save_model

MAX_BYTES = 6_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--corpus", default="all")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--replace", action="store_true", help="replace a file that holds something else")
    options = parser.parse_args()
    corpus = load_corpus(options.corpus)
    model = load_model(options.run)
    if model.metadata["corpus"]["fingerprint"] != corpus.fingerprint:
        raise SystemExit(f"{options.run}: trained on another corpus than {options.corpus}")
    with TemporaryDirectory() as folder:
        save_model(Path(folder) / options.out.name, model.file, half=True)  # scored as it will be shipped
        shipped = load_model(Path(folder) / options.out.name)
    simple = score_baselines(corpus, shipped.file.encoding)
    ngrams = {name: score.to_dict() for name, score in simple.items() if name.startswith("ngram")}
    figures = {name: value for name, value in shipped.evaluate(corpus).items() if name != "per_tune"}
    held_out = {"network": figures, **ngrams}
    metadata = shipped.metadata | {"licence": "CC0-1.0", "held_out": held_out}
    save_model(options.out, replace(shipped.file, metadata=metadata), half=True, replace=options.replace)
    size = options.out.stat().st_size
    if size > MAX_BYTES:
        raise SystemExit(f"{options.out}: {size} bytes, more than {MAX_BYTES}")
    for name, score in metadata["held_out"].items():
        print(f"{name}: {score['bits_per_note']:.3f} bits per note")
    print(f"{options.out}: {size} bytes")


if __name__ == "__main__":
    main()
