"""Make tests/model/golden.json: small fixed networks and the logits that PyTorch gives for fixed sequences.

The weights come from a rule of whole numbers (see `weight`), so that any language can make the same networks.
Run: python scripts/make_golden.py tests/model/golden.json
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import torch

from ritornello.atomic import write_text
from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.training.data import batch_of
from ritornello.training.layers import TorchNetwork
from ritornello.training.update import NETWORKS

WIDTH, LAYERS, GROUPS, REACH = 8, 2, 24, 5
ONE, TWO = Alphabet((11,)), Alphabet((7, 5), (3, 4))
LSTM = NetworkOptions(LAYERS, WIDTH, WIDTH, 0.0, chain=WIDTH)
ATTENTION = replace(LSTM, attention=REACH)
TRANSFORMER = replace(ATTENTION, kind="transformer", heads=2)
CASES = {
    "lstm": (ONE, LSTM),
    "lstm, two parts and side inputs": (TWO, LSTM),
    "attention": (ONE, ATTENTION),
    "attention, two parts and side inputs": (TWO, ATTENTION),
    "transformer": (ONE, TRANSFORMER),
    "transformer, two parts and side inputs": (TWO, TRANSFORMER),
}


def weight(index: int) -> float:
    """A network's number `index`: from -1 to 1 in steps of 1/512, exact in every float format."""
    mixed = (index * 2654435761 + 12345) % 2**32
    return ((mixed >> 16) % 1025 - 512) / 512


def golden_network(alphabet: Alphabet, options: NetworkOptions) -> TorchNetwork:
    """The network whose weights are the rule's numbers, name after name in alphabetical order, in float64."""
    network = NETWORKS[options.kind](options, alphabet).eval()
    index, tensors = 0, {}
    for name, value in sorted(network.tensors().items()):
        tensors[name] = np.array([weight(index + n) for n in range(value.size)], np.float32).reshape(value.shape)
        index += value.size
    network.load_tensors(tensors)
    return network.double()


def sequence(alphabet: Alphabet) -> np.ndarray:
    """Groups and what is beside them, (1 + GROUPS, parts + F): "nothing yet", then a row of whole numbers each."""
    sizes = [*alphabet.parts, *alphabet.features]
    first = [*alphabet.firsts[:-1]] + [0] * len(alphabet.features)
    columns = list(enumerate(zip(first, sizes, strict=True)))
    rows = [[low + (7 * n * n + (3 + k) * n) % size for k, (low, size) in columns] for n in range(GROUPS)]
    begin = [alphabet.nothing] * len(alphabet.parts) + [0] * len(alphabet.features)
    return np.array([begin, *rows])


def case(alphabet: Alphabet, options: NetworkOptions) -> dict:
    """One network's shapes, what it is fed token by token, and its logits after each; null is -infinity."""
    network, rows = golden_network(alphabet, options), sequence(alphabet)
    inputs, targets, side = (torch.from_numpy(part) for part in batch_of(rows[None], alphabet)[:3])
    with torch.inference_mode():
        logits, _ = network(inputs, targets, side, None)
    parts = len(alphabet.parts)
    fed = [alphabet.nothing, *(int(token) for row in rows[1:] for token in row[:parts])][: parts * GROUPS]
    beside = [rows[1 + n // parts, parts:].tolist() for n in range(len(fed))]
    expected = [spread(logits[n % parts][0, n // parts], alphabet, n % parts) for n in range(len(fed))]
    shapes = {name: list(value.shape) for name, value in network.tensors().items()}
    return {"shapes": shapes, "vocabulary": alphabet.size, "tokens": fed, "side": beside, "logits": expected}


def spread(logits: torch.Tensor, alphabet: Alphabet, part: int) -> list[float | None]:
    """A part's logits among all ids."""
    own = range(*alphabet.firsts[part : part + 2])
    return [round(float(logits[n - own.start]), 7) if n in own else None for n in range(alphabet.size)]


def main(path: str, *options: str) -> None:
    """Write the golden file. options: --replace, to let it take the place of one that holds something else."""
    golden = {"made_with": f"PyTorch {torch.__version__.split('+')[0]}, float64"}
    golden["cases"] = {name: case(alphabet, network) for name, (alphabet, network) in CASES.items()}
    write_text(path, json.dumps(golden) + "\n", replace="--replace" in options)


if __name__ == "__main__":
    main(*sys.argv[1:])
