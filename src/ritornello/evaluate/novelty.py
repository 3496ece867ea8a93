"""Does a composed tune copy? The longest run of notes that it shares with a training melody, in any key."""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.corpus.embedded import COLLECTIONS, embedded
from ritornello.corpus.families.shared_runs import RunFinder
from ritornello.corpus.store import Corpus
from ritornello.music.values import Melody


def longest_shared_runs(melodies: Sequence[Melody], corpus: Corpus, split: str = "train") -> list[dict]:
    """Find the longest run of intervals and rhythm that each melody shares with the split.

    Returns for each melody the `notes` of that run, `title` and `source` of the tune in the corpus, and where the
    run begins in the melody (`start_note`, from 0).
    """
    finder = RunFinder.of_corpus(corpus, split)
    titles = [piece.title for piece, _ in corpus.slices(split)]
    found = []
    for run in map(finder.longest, melodies):
        title = titles[run.melody] if run.melody >= 0 else ""
        found.append({"notes": run.notes, "title": title, "source": run.source, "start_note": run.start_note})
    return found


def training_corpus(metadata: dict) -> Corpus | None:
    """Load the corpus that a model learned; None unless it comes with the program."""
    fingerprint = metadata.get("corpus", {}).get("fingerprint")
    shipped = (embedded(name) for name in ("all", *COLLECTIONS)) if fingerprint else ()
    return next((corpus for corpus in shipped if corpus.fingerprint == fingerprint), None)


def run_in_words(run: dict) -> str:
    """Write a run of `longest_shared_runs` as "7 notes (Old Hundredth)"."""
    return f"{run['notes']} notes ({run['title']})" if run["title"] else f"{run['notes']} notes"
