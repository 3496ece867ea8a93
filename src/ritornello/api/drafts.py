"""Drafts of a tune: several are composed, and the best ranked one is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ritornello.evaluate.ranking import Rank
    from ritornello.generate.compose import Composition

MOST_DRAFTS = 64
DRAFT_STRIDE = 1 << 24  # draft d of tune i is composed as tune i + d 2^24, so that the first one is tune i itself


def draft_indices(indices: Sequence[int], drafts: int) -> list[int]:
    """List the indices of all drafts of some tunes, tune by tune."""
    return [index + draft * DRAFT_STRIDE for index in indices for draft in range(drafts)]


def choose(
    model: Any, drafts: Sequence[Composition], corpus: Any = None
) -> tuple[Composition, Rank, tuple[dict[str, Any], ...]]:
    """Choose the best ranked draft of one tune.

    Returns it, its rank, and the ranks of all as plain values.
    """
    from ritornello.evaluate.ranking import rank

    runs = model.shared_runs([draft.melody for draft in drafts], corpus)
    bits = [float(d.surprise.sum()) / max(1, len(d.melody.notes)) for d in drafts]
    ranks = rank([draft.melody for draft in drafts], bits, runs and [run["notes"] for run in runs])
    best = max(range(len(drafts)), key=lambda n: (ranks[n].score, -n))
    return drafts[best], ranks[best], tuple({"draft": n + 1, **r.to_dict()} for n, r in enumerate(ranks))


def like_drafts(
    model: Any,
    melody: Any,
    keep: Any,
    options: Any,
    seed: int,
    indices: Sequence[int],
    drafts: int | None,
    on_progress: Callable[[float], None] | None = None,
    chords: Any = None,
) -> list[list[Composition]]:
    """Compose tunes on the rhythm, or along the contour, of a melody.

    Returns a list of drafts for each index.
    """
    from ritornello.generate.choice.like import compose_like
    from ritornello.generate.compose import Composition

    every = []
    for done, index in enumerate(indices, 1):
        versions = compose_like(
            model.network, model.encoding, melody, keep, options, seed, index, model.pitch_range, drafts, chords
        )
        made = [replace(version.melody, title="") for version in versions]
        every.append([Composition(m, model.encode(m), model.bits_of_notes(m), seed, index) for m in made])
        if on_progress:
            on_progress(done / len(indices))
    return every
