"""How fast is a step of the model, how punctual are the notes, how soon comes an answer through real MIDI ports?

Under three minutes; --long takes ten for the punctuality alone. It starts and stops a JACK server itself.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks.live.jack import jack_server, missing
from benchmarks.live.rivals import draw_weights, rival_steps
from benchmarks.live.timing import added_to_clock, answers, first_note, hit_rate, lateness
from benchmarks.report import arguments, hardware, tell
from ritornello.live.stage.runner import calm
from ritornello.live.values import percentiles

STEPS = 3000


def steps(model: Any) -> dict[str, float]:
    """Time one step of a model, feed and ask with tracker and features, as the instrument computes it."""
    player = model.player()
    tokens = [int(token) for token in model.encode(model.generate(bars=16, seed=1).melody)][:-1]
    times = []
    while len(times) < STEPS:
        player.reset()
        for token in tokens:
            begin = time.perf_counter()
            player.feed(token)
            player.ask()
            times.append((time.perf_counter() - begin) * 1000)
    median, p99 = percentiles(times)
    return {"p50_ms": median, "p99_ms": p99}


def bare_steps(network: Any) -> dict[str, float]:
    """Time one step of the bare network, ours and those of the same size in other programs; medians."""
    alphabet = network.alphabet
    tokens = [np.array([first]) for first in alphabet.firsts[: len(alphabet.parts)]]
    features = np.zeros((1, len(alphabet.features)), int)
    state, times = network.feed(np.array([alphabet.nothing]), network.start(1), features), []
    for _ in range(STEPS):
        begin = time.perf_counter()
        for token in tokens:
            network.logits(state)
            state = network.feed(token, state, features)
        times.append((time.perf_counter() - begin) * 1000)
    found = {"bare_step_p50_ms": percentiles(times)[0]}
    for name, step in rival_steps(draw_weights(network.width, network.layers, alphabet.size)).items():
        theirs = []
        for i in range(STEPS):
            begin = time.perf_counter()
            step(i % alphabet.size)
            theirs.append((time.perf_counter() - begin) * 1000)
        found[f"{name}_step_p50_ms"] = percentiles(theirs)[0]
    return found


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--long", action="store_true", help="ten minutes of sixteenths instead of forty seconds")
    parser.add_argument("--model", help="whose steps are timed; without it, the default model")
    options = parser.parse_args()
    seconds = 600 if options.long else 40
    import ritornello

    model = ritornello.load_model(options.model)
    with calm():
        step = steps(model)
        bare = bare_steps(model.file.build())
    one, both = lateness(seconds, 1), lateness(seconds / 2, 2)
    found = {
        "clock_added_p99_ms": added_to_clock(),
        "hit_rate": hit_rate(model, 600 if options.long else 15),
        "step_p50_ms": step["p50_ms"],
        "step_p99_ms": step["p99_ms"],
        **bare,
        "first_note_s": first_note(),
        "lateness_p99_ms": one["p99_ms"],
        "lateness_jitter_ms": one["jitter_ms"],
        "lateness_max_ms": one["max_ms"],
        "sleeping_p99_ms": one["sleeping_p99_ms"],
        "sleeping_max_ms": one["sleeping_max_ms"],
        "both_cores_busy_p99_ms": both["p99_ms"],
        "both_cores_busy_sleeping_p99_ms": both["sleeping_p99_ms"],
    }
    lacking = missing()
    if lacking:
        print(lacking, file=sys.stderr)
    else:
        with jack_server(), calm():
            answer = answers(600)
        found |= {
            "answer_p50_ms": answer["p50_ms"],
            "answer_p99_ms": answer["p99_ms"],
            "answer_jitter_ms": answer["jitter_ms"],
            "answer_ours_p99_ms": answer["ours_p99_ms"],
        }
    if options.json:
        print(json.dumps({"hardware": hardware(), **found}))
        return
    tell([{"what": name, "value": f"{value:.4g}"} for name, value in found.items()], False)


if __name__ == "__main__":
    main()
