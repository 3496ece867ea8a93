"""Make tests/model/golden.json: a small fixed network and the logits that PyTorch gives for a fixed sequence.

The weights come from a rule of whole numbers (see `weight`), so that any language can make the same network.
Run: python scripts/make_golden.py tests/model/golden.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

from ritornello.model.options import NetworkOptions
from ritornello.model.torch_lstm import TorchLstm

VOCABULARY, WIDTH, LAYERS, STEPS = 11, 8, 2, 24


def weight(index: int) -> float:
    """The network's number `index`: from -1 to 1 in steps of 1/512, exact in every float format."""
    mixed = (index * 2654435761 + 12345) % 2**32
    return ((mixed >> 16) % 1025 - 512) / 512


def main(path: str) -> None:
    """Write the golden file."""
    network = TorchLstm(NetworkOptions(LAYERS, WIDTH, WIDTH, 0.0), VOCABULARY).eval()
    index, tensors = 0, {}
    for name, value in sorted(network.tensors().items()):
        tensors[name] = np.array([weight(index + n) for n in range(value.size)], np.float32).reshape(value.shape)
        index += value.size
    network.load_tensors(tensors)
    tokens = [VOCABULARY] + [(7 * n * n + 3 * n) % VOCABULARY for n in range(STEPS - 1)]
    with torch.inference_mode():
        logits, _ = network.double()(torch.tensor([tokens]), None)
    golden = {
        "made_with": f"PyTorch {torch.__version__.split('+')[0]}, float64",
        "shapes": {name: list(value.shape) for name, value in tensors.items()},
        "vocabulary": VOCABULARY,
        "tokens": tokens,
        "logits": [[round(float(value), 7) for value in row] for row in logits[0]],
    }
    Path(path).write_text(json.dumps(golden) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
