"""Does a minute of training on two cores beat an n-gram? Three seeds of the demo's training, test split."""

from __future__ import annotations

import tempfile
import time
from statistics import median

from benchmarks.report import arguments, tell


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=None, help="the demo's own where not given")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    from ritornello import api
    from ritornello.encoding.options import EncodingOptions
    from ritornello.evaluate.scores import score_baselines

    minutes = options.minutes or api.DEMO_MINUTES
    corpus = api.load_corpus("all")
    rows = [_row(name, score) for name, score in score_baselines(corpus, EncodingOptions().build()).items()]
    network = []
    for seed in range(1, options.seeds + 1):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            run = api.train(corpus, folder, minutes=minutes, seed=seed)
            seconds = time.perf_counter() - began
            score = api.load_model(run).evaluate(corpus)
        network.append(score["bits_per_note"])
        rows.append({"model": f"lstm, seed {seed}, {seconds:.0f} s"} | {k: score[k] for k in UNITS})
    tell(rows, options.json, corpus="all", minutes=minutes, median_bits_per_note=round(median(network), 3))


UNITS = ("bits_per_note", "bits_per_quarter", "nll_per_token")


def _row(name: str, score) -> dict:
    return {"model": name} | {unit: getattr(score, unit) for unit in UNITS}


if __name__ == "__main__":
    main()
