"""Training: from tokens to a trained network in four files, data, network, update and loop; run/ wraps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ritornello.corpus.tokens import corpus_tokens
    from ritornello.model.options import load_preset
    from ritornello.training.data import Streams
    from ritornello.training.loop import Check, learn
    from ritornello.training.numpy.engine import NumpyEngine
    from ritornello.training.plan import Plan
    from ritornello.training.update import TorchEngine

_HOMES = {
    "ritornello.corpus.tokens": ("corpus_tokens",),
    "ritornello.model.options": ("load_preset",),
    "ritornello.training.data": ("Streams",),
    "ritornello.training.loop": ("Check", "learn"),
    "ritornello.training.numpy.engine": ("NumpyEngine",),
    "ritornello.training.plan": ("Plan",),
    "ritornello.training.update": ("TorchEngine",),
}

__all__ = ["Check", "NumpyEngine", "Plan", "Streams", "TorchEngine", "corpus_tokens", "learn", "load_preset"]


def __getattr__(name: str):
    """Import a public name on first use, so that a plan costs neither NumPy nor PyTorch."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
