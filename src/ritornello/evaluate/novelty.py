"""Whether a composed tune copies: the longest run it shares with any training tune, in any key."""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.corpus.runs import RunFinder
from ritornello.corpus.store import Corpus
from ritornello.music.values import Melody


def longest_shared_runs(melodies: Sequence[Melody], corpus: Corpus, split: str = "train") -> list[dict]:
    """For each melody: `notes` in the longest run of intervals and rhythm that a tune of the split has too,
    that tune's `title` and `source`, and where the run begins in the melody (`start_note`, from 0)."""
    finder = RunFinder.of_corpus(corpus, split)
    titles = [piece.title for piece, _ in corpus.slices(split)]
    return [_described(finder.longest(m), titles) for m in melodies]


def _described(run, titles: Sequence[str]) -> dict:
    title = titles[run.melody] if run.melody >= 0 else ""
    return {"notes": run.notes, "title": title, "source": run.source, "start_note": run.start_note}
