"""Ritornello: train a small recurrent network on your own tunes; see, hear, steer and play what it learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ritornello.version import VERSION as __version__  # noqa: N811 - the name that Python programs look for

if TYPE_CHECKING:
    from ritornello.api import (
        Harmony,
        Jam,
        Model,
        Run,
        Tune,
        acceptance,
        build_corpus,
        corpus_families,
        count_votes,
        cross_validate,
        demo,
        estimate_training,
        explain_file,
        export_corpus,
        from_music21,
        harmonise,
        jam,
        kit,
        load_corpus,
        load_model,
        models,
        play,
        read,
        render_file,
        replay,
        runs,
        samples,
        show_corpus,
        train,
        vote,
    )
    from ritornello.corpus.store import Corpus
    from ritornello.music import Melody, Note, Piece
    from ritornello.render.shown import Gallery

_HOMES = {
    "ritornello.corpus.store": ("Corpus",),
    "ritornello.render.shown": ("Gallery", "Melody", "Piece"),  # which lets notebooks show the two
    "ritornello.music": ("Note",),
}

__all__ = [
    "Corpus",
    "Gallery",
    "Harmony",
    "Jam",
    "Melody",
    "Model",
    "Note",
    "Piece",
    "Run",
    "Tune",
    "__version__",
    "acceptance",
    "build_corpus",
    "corpus_families",
    "count_votes",
    "cross_validate",
    "demo",
    "estimate_training",
    "explain_file",
    "export_corpus",
    "from_music21",
    "harmonise",
    "jam",
    "kit",
    "load_corpus",
    "load_model",
    "models",
    "play",
    "read",
    "render_file",
    "replay",
    "runs",
    "samples",
    "show_corpus",
    "train",
    "vote",
]


def __getattr__(name: str):
    """Import a public name on first use, so that `import ritornello` costs nothing."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'ritornello' has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "ritornello.api")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
