"""How fast does a model compose: one melody after another, in batches, and from a cold start?

Every figure is a process of its own; the ways take turns, and a ratio is made within a turn.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median

from benchmarks.report import arguments, clean_environment, spread, tell

WAYS = {  # name: (melodies, batch, threads)
    "one at a time, 1 thread": (24, 1, 1),
    "64 at once, 1 thread": (192, 64, 1),
    "256 at once, 2 threads": (512, 256, 2),
}
CHILD = """
import sys, time
from ritornello.api import load_model
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
model, count, batch = load_model(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
options = GenerateOptions()
compose(model.network, model.file.encoding, options, 0, range(batch))
began, tokens = time.perf_counter(), 0
for at in range(0, count, batch):
    made = compose(model.network, model.file.encoding, options, 1, range(at, at + batch))
    tokens += sum(len(m.tokens) for m in made)
print(tokens / (time.perf_counter() - began))
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", default="grid")
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    turns = [{name: rate(options.model, *way) for name, way in WAYS.items()} for _ in range(options.turns)]
    alone = next(iter(WAYS))
    rows = [
        {
            "composing": name,
            "tokens/s": spread([turn[name] for turn in turns]),
            "times one at a time": spread([turn[name] / turn[alone] for turn in turns]),
        }
        for name in WAYS
    ]
    seconds = [cold_start(options.model) for _ in range(options.turns)]
    tell(rows, options.json, cold_generate_seconds=round(median(seconds), 3))


def rate(model: str, count: int, batch: int, threads: int) -> float:
    """Tokens per second of composing `count` melodies `batch` at a time."""
    command = [sys.executable, "-c", CHILD, model, str(count), str(batch)]
    env = clean_environment(OPENBLAS_NUM_THREADS=str(threads))
    return float(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)


def cold_start(model: str) -> float:
    """Seconds for `ritornello generate MODEL --seed 1 -o out` as a whole process."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "ritornello", "generate", model, "--seed", "1", "-o", out]
        began = time.perf_counter()
        subprocess.run(command, env=clean_environment(), capture_output=True, check=True)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
