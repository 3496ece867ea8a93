"""Compose what is asked for: one draft of each tune, or several, of which the best ranked one is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ritornello.evaluate.ranking import Rank
    from ritornello.generate.chords import AskedChords
    from ritornello.generate.compose import Composition
    from ritornello.generate.continuation import Song
    from ritornello.generate.options import GenerateOptions

MOST_DRAFTS = 64
DRAFT_STRIDE = 1 << 24  # draft d of tune i is composed as tune i + d 2^24, so that the first one is tune i itself


@dataclass(frozen=True)
class Asked:
    """A request for tunes, read and checked.

    options: with bars and metre as chords and primer ask for. given: the options that were given, by name. program,
    comp: how tunes are played. song: what they go on from. pattern: what they are like, in `keep`. best_of: drafts of
    each; None for one that is not ranked. chords: what they follow.
    """

    options: GenerateOptions
    given: dict[str, Any]
    seed: int
    count: int = 1
    program: int | None = None
    comp: str = "none"
    song: Song | None = None
    pattern: Song | None = None
    keep: Literal["rhythm", "contour"] = "rhythm"
    best_of: int | None = None
    chords: AskedChords | None = None

    @property
    def is_ranked(self) -> bool:
        """Whether drafts are ranked, and the best is taken."""
        return self.pattern is not None or self.best_of is not None


def compose_drafts(
    model: Any, asked: Asked, indices: Sequence[int], on_progress: Callable[[float], None] | None = None
) -> list[list[Composition]]:
    """Compose tunes: a list of drafts for each index."""
    from ritornello.encoding import is_melodic

    if asked.pattern is not None:
        return _like_pattern(model, asked, indices, on_progress)
    if not is_melodic(model.encoding):
        from ritornello.generate.freely import compose_freely

        made = compose_freely(
            model.network, model.encoding, asked.options, asked.seed, indices, on_progress=on_progress
        )
        return [[each] for each in made]
    return _in_bars(model, asked, indices, on_progress)


def _in_bars(
    model: Any, asked: Asked, indices: Sequence[int], on_progress: Callable[[float], None] | None
) -> list[list[Composition]]:
    """Compose melodies in bars: a list of drafts for each index."""
    from ritornello.generate.headings import Counts

    drafts, primer = asked.best_of or 1, asked.song.melody if asked.song else None
    every = [index + draft * DRAFT_STRIDE for index in indices for draft in range(drafts)]
    if asked.options.targets:
        from ritornello.generate.choice.compose import compose_steered as compose
    else:
        from ritornello.generate.compose import compose
    made = compose(
        model.network, model.encoding, asked.options, asked.seed, every, primer, model.pitch_range, on_progress,
        Counts(**model.file.counts), asked.chords,
    )  # fmt: skip
    return [made[n : n + drafts] for n in range(0, len(made), drafts)]


def _like_pattern(
    model: Any, asked: Asked, indices: Sequence[int], on_progress: Callable[[float], None] | None
) -> list[list[Composition]]:
    """Compose tunes on the rhythm, or along the contour, of a melody: drafts for each index."""
    from ritornello.generate.choice.like import compose_like
    from ritornello.generate.compose import Composition

    assert asked.pattern is not None
    melody, seed, every = asked.pattern.melody, asked.seed, []
    for done, index in enumerate(indices, 1):
        versions = compose_like(
            model.network, model.encoding, melody, asked.keep, asked.options, seed, index, model.pitch_range,
            asked.best_of, asked.chords,
        )  # fmt: skip
        made = [replace(version.melody, title="") for version in versions]
        every.append([Composition(m, model.encode(m), model.bits_of_notes(m), seed, index) for m in made])
        if on_progress:
            on_progress(done / len(indices))
    return every


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
