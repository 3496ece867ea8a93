"""Does a composed tune copy? The longest run of notes that it shares with a training melody.

In any key, and in the same note values, half or double.
"""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.corpus.embedded import COLLECTIONS, embedded
from ritornello.corpus.families.shared_runs import STRETCHES, RunFinder
from ritornello.corpus.store import Corpus
from ritornello.music.values import Melody


def longest_shared_runs(melodies: Sequence[Melody], corpus: Corpus, split: str = "train") -> list[dict]:
    """Find the longest run of intervals and rhythm that each melody shares with the split.

    Returns for each melody the `notes` of that run, `title` and `source` of the tune in the corpus, where the run
    begins in the melody (`start_note`, from 0), and how much longer it lasts there (`stretch`: 2, 1 or 0.5).
    """
    finder = RunFinder.of_corpus(corpus, split)
    titles = [piece.title for piece, _ in corpus.slices(split)]
    found = []
    for run in (finder.longest(melody, STRETCHES) for melody in melodies):
        title = titles[run.melody] if run.melody >= 0 else ""
        place = {"title": title, "source": run.source, "start_note": run.start_note}
        found.append({"notes": run.notes, **place, "stretch": float(run.stretch)})
    return found


def training_corpus(metadata: dict) -> Corpus | None:
    """Load the corpus that a model learned; None unless it comes with the program."""
    fingerprint = metadata.get("corpus", {}).get("fingerprint")
    shipped = (embedded(name) for name in ("all", *COLLECTIONS)) if fingerprint else ()
    return next((corpus for corpus in shipped if corpus.fingerprint == fingerprint), None)


def run_in_words(run: dict) -> str:
    """Write a run of `longest_shared_runs` as "7 notes (Old Hundredth, at half speed)"."""
    speed = {2.0: "at half speed", 0.5: "at double speed"}.get(run["stretch"], "")
    where = ", ".join(part for part in (run["title"], speed) if part)
    return f"{run['notes']} notes ({where})" if where else f"{run['notes']} notes"
