"""Does a composed tune copy? The longest run of notes that it shares with a training melody.

In any key, and in the same note values, half or double.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ritornello.corpus.families.families import fingerprint
from ritornello.corpus.families.shared_runs import STRETCHES, RunFinder
from ritornello.corpus.store import Corpus
from ritornello.music.values import Melody
from ritornello.plural import counted


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


def fingerprints(metadata: dict) -> list[str]:
    """List the fingerprints of the corpora that a model learned, its own first."""
    models = [metadata, metadata.get("parent") or {}]
    return [known for model in models if (known := model.get("corpus", {}).get("fingerprint"))]


def longest_of_all(melodies: Sequence[Melody], corpora: Sequence[Corpus]) -> list[dict]:
    """Find the longest run that each melody shares with the training tunes of any corpus."""
    found = [longest_shared_runs(melodies, corpus) for corpus in corpora]
    return [max(runs, key=lambda run: run["notes"]) for runs in zip(*found, strict=True)]


def count_copies(corpus: Corpus, split: str | None, learned: Sequence[Corpus]) -> int:
    """Count the pieces of a split that copy a training tune, in any key, at any speed."""
    known = {
        fingerprint(other, n) for other in learned for n, piece in enumerate(other.pieces) if piece.split == "train"
    }
    return sum(
        fingerprint(corpus, n) in known for n, piece in enumerate(corpus.pieces) if split in (None, piece.split)
    )


def run_in_words(run: dict) -> str:
    """Write a run of `longest_shared_runs` as "7 notes (Old Hundredth, at half speed)".

    A tune without a title is called by its file.
    """
    speed = {2.0: "at half speed", 0.5: "at double speed"}.get(run["stretch"], "")
    where = ", ".join(part for part in (run["title"] or Path(run["source"]).name, speed) if part)
    notes = counted(run["notes"], "note")
    return f"{notes} ({where})" if where else notes
