"""Ritornello: train a small recurrent network on your own tunes; see, hear, steer and play what it learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ritornello.version import VERSION as __version__  # noqa: N811 - the name that Python programs look for

if TYPE_CHECKING:
    from ritornello.api import Model, Run, Tune, build_corpus, load_corpus, load_model, models, samples, train
    from ritornello.corpus.store import Corpus
    from ritornello.music import Melody, Note, Piece, read

_HOMES = {
    "ritornello.api": (
        "Model",
        "Run",
        "Tune",
        "build_corpus",
        "load_corpus",
        "load_model",
        "models",
        "samples",
        "train",
    ),
    "ritornello.corpus.store": ("Corpus",),
    "ritornello.music": ("Melody", "Note", "Piece", "read"),
}

__all__ = [
    "Corpus",
    "Melody",
    "Model",
    "Note",
    "Piece",
    "Run",
    "Tune",
    "__version__",
    "build_corpus",
    "load_corpus",
    "load_model",
    "models",
    "read",
    "samples",
    "train",
]


def __getattr__(name: str):
    """Import a public name when it is first asked for, so that `import ritornello` itself costs nothing."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'ritornello' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
