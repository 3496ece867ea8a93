"""What does looking back cost in a step: the network with attention beside the one without it, of equal width.

    python -m benchmarks.composing.attention

Both have two layers of 256 and the grid's alphabet, with random weights; one tune at a time, in NumPy on one thread.
They take turns, so that a machine that slows down slows both; a ratio is made within a turn, and its median told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
from benchmarks.report import ROOT, arguments, clean_environment, spread, tell

from ritornello.encoding import Grid
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm, tensor_shapes
from ritornello.model.options import NetworkOptions

LAYERS, WIDTH, REACH = 2, 256, 40  # as in the presets `lstm` and `attention`
WARM = 2 * REACH  # steps before the clock runs: by then all of the reach is looked at
CHILD = (
    "import json, sys; from benchmarks.composing.attention import turns; "
    "print(json.dumps(turns(*map(int, sys.argv[1:]))))"
)


class Turn(NamedTuple):
    """Microseconds of a step, of each network."""

    without: float
    with_attention: float


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=31)
    parser.add_argument("--steps", type=int, default=500, help="of each network in a turn")
    options = parser.parse_args()
    command = [sys.executable, "-c", CHILD, str(options.turns), str(options.steps)]
    env = clean_environment(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    found = [Turn(*turn) for turn in json.loads(done.stdout)]
    rows = [
        {"network": "lstm", "us per step": spread([t.without for t in found]), "times lstm": "1"},
        {
            "network": f"attention over {REACH} steps",
            "us per step": spread([t.with_attention for t in found]),
            "times lstm": spread([t.with_attention / t.without for t in found]),
        },
    ]
    tell(rows, options.json, layers=LAYERS, width=WIDTH, turns=options.turns, steps=options.steps)


def turns(count: int, steps: int) -> list[Turn]:
    """Both networks, one after the other, so many times; each goes on with its own tune."""
    plain, attentive = (Playing(network(LAYERS, WIDTH, reach)) for reach in (0, REACH))
    for playing in (plain, attentive):
        playing.microseconds(WARM)
    return [Turn(plain.microseconds(steps), attentive.microseconds(steps)) for _ in range(count)]


class Playing:
    """A network in the middle of a tune of random notes."""

    def __init__(self, network: NumpyLstm):
        self.network, self.state, self.random = network, network.start(1), np.random.default_rng(1)

    def microseconds(self, steps: int) -> float:
        """Go on for so many steps; microseconds of one, in the mean."""
        tokens = self.random.integers(0, self.network.alphabet.size, (steps, 1))
        began = time.perf_counter()
        for token in tokens:
            self.state = self.network.feed(token, self.state)
            self.network.logits(self.state)
        return 1e6 * (time.perf_counter() - began) / steps


def network(layers: int, width: int, reach: int) -> NumpyLstm:
    """Build a network of random weights; reach 0 leaves attention out."""
    return NumpyLstm(tensors(layers, width, reach), options_of(layers, width, reach), Alphabet.of(Grid()))


def tensors(layers: int, width: int, reach: int) -> dict[str, np.ndarray]:
    """Draw random weights by their names in the model file."""
    random, shapes = np.random.default_rng(0), tensor_shapes(options_of(layers, width, reach), Alphabet.of(Grid()))
    found = {name: (random.standard_normal(shape) / width**0.5).astype(np.float32) for name, shape in shapes.items()}
    return found | {"mix": np.full(layers, 1 / layers)}


def options_of(layers: int, width: int, reach: int) -> NetworkOptions:
    """Return the options of both networks; reach 0 leaves attention out."""
    return NetworkOptions(layers, width, width, attention=reach, mixed=True)


if __name__ == "__main__":
    main()
