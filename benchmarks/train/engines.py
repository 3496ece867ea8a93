"""How fast does each trainer train the same network: NumPy alone, and PyTorch in fp32?

Each engine is a process of its own that waits while the other works; they take turns, some updates at a time.
Medians (least-most) of target tokens per second over the turns, and the median of the ratio turn by turn.
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.report import ROOT, arguments, clean_environment, spread, tell

ENGINES = ("numpy", "torch")
SHAPES = ("16x48", "16x96", "32x48")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), help="streams x steps")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--updates", type=int, default=5, help="in a turn")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--encoding", default="grid")
    parser.add_argument("--preset", default="lstm")
    parser.add_argument(
        "--worker", nargs=3, metavar=("ENGINE", "SHAPE", "THREADS"), help="used by the program itself"
    )
    options = parser.parse_args()
    if options.worker:
        work(*options.worker, options)
        return
    rows = [compare(shape, threads, options) for threads in options.threads for shape in options.shapes]
    tell(rows, options.json, preset=options.preset, encoding=options.encoding, dropout=options.dropout)


def compare(shape: str, threads: int, options) -> dict:
    """Both engines on one shape, in turns."""
    workers = {engine: start(engine, shape, threads, options) for engine in ENGINES}
    rates: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for turn in range(options.turns):
        for engine in ENGINES if turn % 2 else reversed(ENGINES):
            rates[engine].append(take_turn(workers[engine]))
    for worker in workers.values():
        worker.communicate("")
    ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
    told = {f"{engine} tokens/s": spread(values) for engine, values in rates.items()}
    return {"streams x steps": shape, "threads": threads} | told | {"ratio": spread(ratios)}


def start(engine: str, shape: str, threads: int, options) -> subprocess.Popen:
    """An engine (numpy, torch or torch-bf16) in its own process, warmed up."""
    passed = ["--dropout", str(options.dropout), "--encoding", options.encoding, "--preset", options.preset]
    passed += ["--updates", str(options.updates)]
    command = [sys.executable, "-m", "benchmarks.train.engines", *passed, "--worker", engine, shape, str(threads)]
    environment = clean_environment(OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    worker = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    take_turn(worker)
    return worker


def take_turn(worker: subprocess.Popen) -> float:
    """Tokens per second of some updates."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def work(engine: str, shape: str, threads: str, options) -> None:
    """What an engine's process does: for each line that comes in some updates, and their rate as a line out."""
    streams, steps = (int(size) for size in shape.split("x"))
    trainer, batch = make(engine, streams, steps, int(threads), options)
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(options.updates):
            trainer.update(batch, 1e-3)
        print(options.updates * streams * steps / (time.perf_counter() - began), flush=True)


def make(engine: str, streams: int, steps: int, threads: int, options):
    """A trainer and a block of noise."""
    from dataclasses import replace

    from ritornello.encoding import make_encoding
    from ritornello.model.alphabet import Alphabet
    from ritornello.model.options import load_preset
    from ritornello.training.plan import Setting, TrainOptions, make_plan
    from ritornello.training.run.engine import make_engine, random_batch

    encoding = make_encoding("grid", plain=True) if options.encoding == "plain" else make_encoding(options.encoding)
    name, _, dtype = engine.partition("-")
    network = replace(load_preset(options.preset), dropout=options.dropout)
    wishes = TrainOptions(updates=1000, streams=streams, bptt_steps=steps, dropout=options.dropout)
    plan = make_plan(wishes, 1000, Setting(name, "cpu", dtype or "fp32", threads))
    trainer = make_engine(network, encoding, plan)
    batch = random_batch(Alphabet.of(encoding), streams, steps)
    for _ in range(3):
        trainer.update(batch, 1e-3)
    return trainer, batch


if __name__ == "__main__":
    main()
