"""What this processor would allow: the matrix products of an update alone, and where the time of a real one goes.

python -m benchmarks.train.roof PRESET STREAMSxSTEPS fp32|bf16 THREADS prints one JSON value.
The products go through torch.nn.functional.linear, that is through oneDNN, in the shapes that an LSTM needs: the
input products and the weights' slopes with all steps at once, the recurrent ones step by step.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from statistics import median

from benchmarks.report import spread

ROUNDS = 5  # of products and updates in turn
DROPOUT = 0.3

KINDS = {  # part of the name of an operation in the profiler: what it is
    "mkldnn_rnn_layer_backward": "LSTM backward",
    "mkldnn_rnn_layer": "LSTM forward",
    "adam": "AdamW",
    "random": "dropout's chances",
    "addmm": "softmax layer's products",
    "aten::mm": "softmax layer's products",
    "log_softmax": "softmax and its slope",
    "nll_loss": "softmax and its slope",
    "embedding": "embedding",
    "norm": "clipping",
    "foreach": "clipping",
    "copy_": "copies between formats and layouts",
    "mul": "dropout's products",
}


def main() -> None:
    preset, shape, dtype, threads = sys.argv[1:]
    import torch
    from benchmarks.train.engines import make

    from ritornello.model.options import load_preset

    torch.set_num_threads(int(threads))
    streams, steps = (int(size) for size in shape.split("x"))
    options = Namespace(encoding="plain", preset=preset, dropout=DROPOUT)
    engine = "torch-bf16" if dtype == "bf16" else "torch"
    trainer, batch = make(engine, streams, steps, int(threads), options)
    rounds, updates = [], []
    for _ in range(ROUNDS):
        rounds.append(measure_products(load_preset(preset), streams, steps, dtype))
        updates.append(seconds_of(lambda: trainer.update(batch, 1e-3), 10))
    products = [p | {"seconds": median(r[n]["seconds"] for r in rounds)} for n, p in enumerate(rounds[0])]
    shares = [sum(p["seconds"] for p in r) / update for r, update in zip(rounds, updates, strict=True)]
    seconds = sum(p["seconds"] for p in products)
    reached = {
        "tokens/s, products alone": round(streams * steps / seconds),
        "tokens/s, training": round(streams * steps / median(updates)),
        "GFLOP/s, training": round(sum(p["flop"] for p in products) / median(updates) / 1e9),
        "share reached": spread(shares),
    }
    print(json.dumps([[_row(p, seconds) for p in products], [reached], profiled(trainer, batch)]))


def _row(product: dict, seconds: float) -> dict:
    return {
        "product": product["product"],
        "(rows x in) x (in x out)": product["shape"],
        "GFLOP/s": round(product["flop"] / product["seconds"] / 1e9),
        "share of the time": product["seconds"] / seconds,
    }


def measure_products(network, streams: int, steps: int, dtype: str) -> list[dict]:
    """Seconds and FLOP of each kind of product in an update of the whole network."""
    tokens, width, gates, symbols = streams * steps, network.width, 4 * network.width, 130
    below = (network.embedding + (network.layers - 1) * width) // network.layers  # the presets have them alike
    each, stepwise = network.layers, network.layers * steps
    wanted = (  # name, rows, in, out, how often
        ("input", tokens, below, gates, each),
        ("recurrent", streams, width, gates, stepwise),
        ("slope of the input", tokens, gates, below, each),
        ("slope of the recurrent", streams, gates, width, stepwise),
        ("slope of the weights", gates, tokens, below + width, each),
        ("softmax layer, both ways", tokens, width, symbols, 3),
    )
    found = []
    for name, rows, inner, outer, count in wanted:
        seconds = count * seconds_of_product(rows, inner, outer, dtype)
        shape = f"({rows} x {inner}) x ({inner} x {outer}), {count} times"
        found.append({"product": name, "shape": shape, "seconds": seconds, "flop": 2 * count * rows * inner * outer})
    return found


def seconds_of_product(rows: int, inner: int, outer: int, dtype: str) -> float:
    """Median seconds of one product, its weights in the cache as in training."""
    import torch
    from torch.nn.functional import linear

    form = torch.bfloat16 if dtype == "bf16" else torch.float32
    left, weights = torch.randn(rows, inner, dtype=form), torch.randn(outer, inner, dtype=form)
    repeats = max(1, int(2e8 / (2 * rows * inner * outer)))

    def work() -> None:
        for _ in range(repeats):
            linear(left, weights)

    with torch.inference_mode():
        return seconds_of(work, 12) / repeats


def seconds_of(work: Callable[[], object], times: int) -> float:
    """Median seconds of some work, after two times to warm up."""
    seconds = []
    for _ in range(times + 2):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds[2:])


def profiled(trainer, batch, updates: int = 20) -> list[dict]:
    """Shares of an update's processor time by what it goes into."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(updates):
            trainer.update(batch, 1e-3)
    shares: dict[str, float] = {}
    for event in seen.key_averages():
        kind = next((kind for part, kind in KINDS.items() if part in event.key.lower()), "all else")
        shares[kind] = shares.get(kind, 0.0) + event.self_cpu_time_total
    total = sum(shares.values())
    rows = sorted(shares.items(), key=lambda item: -item[1])
    return [{"where the time goes": kind, "share": time / total} for kind, time in rows]


if __name__ == "__main__":
    main()
