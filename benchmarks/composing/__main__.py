"""How fast does a model compose: one melody after another, in batches, and from a cold start?

Every figure is a process of its own; the ways take turns, and a ratio is made within a turn. With `--other CHECKOUT`
the same model composes in another checkout of this repository as well, turn by turn.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median

from benchmarks.report import ROOT, arguments, clean_environment, spread, tell

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- rates -->", "<!-- /rates -->")
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
options, network, encoding = GenerateOptions(), model.network, model.file.encoding
compose(network, encoding, options, 0, range(batch))
clock = time.process_time if sys.argv[4] == "1" else time.perf_counter
began, notes = clock(), 0
for at in range(0, count, batch):
    made = compose(network, encoding, options, 1, range(at, at + batch))
    notes += sum(len(m.melody.notes) for m in made)
print(notes / (clock() - began))
"""


def main() -> None:
    """Time the ways in turns and print their rates."""
    parser = arguments(__doc__)
    parser.add_argument("--model", default="hymns-and-songs", help="a shipped model, a run or a file")
    parser.add_argument("--other", type=Path, help="another checkout, which composes with the same model in turn")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--readme", action="store_true", help="write the table into README.md beside this file")
    options = parser.parse_args()
    turns, others = [], []
    for _ in range(options.turns):
        turns.append({name: rate(ROOT, options.model, *way) for name, way in WAYS.items()})
        if options.other:
            others.append({name: rate(options.other, options.model, *way) for name, way in WAYS.items()})
    alone = next(iter(WAYS))
    rows = []
    for name in WAYS:
        rates = [turn[name] for turn in turns]
        row = {"composing": name, "notes/s": spread(rates)}
        row["times one at a time"] = spread([turn[name] / turn[alone] for turn in turns])
        if others:
            row["other checkout"] = spread([other[name] for other in others])
            row["times other"] = spread([own / other[name] for own, other in zip(rates, others, strict=True)])
        rows.append(row)
    seconds = [cold_start(options.model) for _ in range(options.turns)]
    found = {"model": options.model, "cold_generate_seconds": round(median(seconds), 3)}
    tell(rows, options.json, **found)
    if options.readme:
        table = io.StringIO()
        with redirect_stdout(table):
            tell(rows, False, **found)
        before, _, rest = README.read_text("utf-8").partition(MARKS[0])
        README.write_text(
            f"{before}{MARKS[0]}\n\n{table.getvalue()}\n{MARKS[1]}{rest.partition(MARKS[1])[2]}", "utf-8"
        )


def rate(checkout: Path, model: str, count: int, batch: int, threads: int) -> float:
    """Measure the notes per second of composing `count` melodies `batch` at a time in a checkout.

    Of the processor's time with one thread, so that other work on the machine counts less; of the clock's with more.
    """
    command = [sys.executable, "-c", CHILD, model, str(count), str(batch), str(threads)]
    env = clean_environment(OPENBLAS_NUM_THREADS=str(threads), PYTHONPATH=str(checkout / "src"))
    return float(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)


def cold_start(model: str) -> float:
    """Measure the seconds of `ritornello generate MODEL --seed 1 -o out` as a whole process."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "ritornello", "generate", model, "--seed", "1", "-o", out]
        began = time.perf_counter()
        subprocess.run(command, env=clean_environment(), capture_output=True, check=True)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
