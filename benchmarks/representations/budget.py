"""Networks of about as many weights as the exercise's has with the grid."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from ritornello.encoding import Encoding, Grid
from ritornello.model.options import DEFAULT_PRESET, NetworkOptions, load_preset
from ritornello.training.plan import Setting, TrainOptions, make_plan
from ritornello.training.run.engine import make_engine

STEP = 4  # cells: widths are multiples of it


@cache
def budget() -> int:
    """Count the weights of two layers of 256 with the grid."""
    return weights(NetworkOptions(), Grid())


def within_budget(fields: dict[str, Any], encoding: Encoding) -> tuple[NetworkOptions, int]:
    """Choose the width that brings a network nearest to the budget; return it and its weights.

    Embedding and width are equal, as in the exercise; the chain between the parts of a note is half as wide.
    """
    low, high = 2, 256  # in STEPs
    while low < high:
        middle = (low + high) // 2
        if weights(_of_width(fields, middle * STEP), encoding) < budget():
            low = middle + 1
        else:
            high = middle
    near = [_of_width(fields, n * STEP) for n in (low - 1, low) if n > 1]
    counted = [(abs(weights(network, encoding) - budget()), network) for network in near]
    network = min(counted, key=lambda pair: pair[0])[1]
    return network, weights(network, encoding)


def weights(network: NetworkOptions, encoding: Encoding) -> int:
    """Count the parameters of a network, as the model file does."""
    plan = make_plan(TrainOptions(updates=1), 1, Setting("torch", "cpu", "fp32", 1))
    tensors = make_engine(network, encoding, plan).tensors()
    return sum(value.size for name, value in tensors.items() if not name.startswith("start."))


def _of_width(fields: dict[str, Any], width: int) -> NetworkOptions:
    return replace(load_preset(DEFAULT_PRESET), **fields, width=width, embedding=width, chain=max(8, width // 2))
