"""Whether a composed tune copies: the longest run it shares with any training tune, in any key."""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.corpus.embedded import COLLECTIONS, embedded
from ritornello.corpus.families.shared_runs import RunFinder
from ritornello.corpus.store import Corpus
from ritornello.music.values import Melody


def longest_shared_runs(melodies: Sequence[Melody], corpus: Corpus, split: str = "train") -> list[dict]:
    """For each melody: `notes` in the longest run of intervals and rhythm that a tune of the split has too,
    that tune's `title` and `source`, and where the run begins in the melody (`start_note`, from 0)."""
    finder = RunFinder.of_corpus(corpus, split)
    titles = [piece.title for piece, _ in corpus.slices(split)]
    return [_described(finder.longest(m), titles) for m in melodies]


def training_corpus(metadata: dict) -> Corpus | None:
    """The corpus that a model with these facts learned, where it comes with the program; else None."""
    fingerprint = metadata.get("corpus", {}).get("fingerprint")
    at_hand = (embedded(name) for name in ("all", *COLLECTIONS)) if fingerprint else ()
    return next((corpus for corpus in at_hand if corpus.fingerprint == fingerprint), None)


def run_in_words(run: dict) -> str:
    """A run as `longest_shared_runs` gives it: "7 notes (Old Hundredth)"."""
    return f"{run['notes']} notes ({run['title']})" if run["title"] else f"{run['notes']} notes"


def _described(run, titles: Sequence[str]) -> dict:
    title = titles[run.melody] if run.melody >= 0 else ""
    return {"notes": run.notes, "title": title, "source": run.source, "start_note": run.start_note}
