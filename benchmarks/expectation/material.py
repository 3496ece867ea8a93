"""Melodies of a folder as notes end to end, and the folds in which they are tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ritornello import api
from ritornello.corpus.families.split import linked_pieces
from ritornello.corpus.store import Corpus

GROUPINGS = ("random", "grouped")


@dataclass(frozen=True)
class Notes:
    """The N notes of M melodies, end to end.

    pitches: (N,), MIDI numbers. melody: (N,), numbers of the melodies, ascending from 0. alphabet: (P,), the pitches
    that may come, ascending; the protocol takes those of the whole corpus.
    """

    pitches: np.ndarray
    melody: np.ndarray
    alphabet: np.ndarray

    @classmethod
    def of(cls, melodies: Sequence[np.ndarray], alphabet: np.ndarray | None = None) -> Notes:
        """Join melodies, each (notes,) of pitches. alphabet: that of the melodies where None."""
        pitches = np.concatenate(melodies).astype(np.int64)
        numbers = np.repeat(np.arange(len(melodies)), [len(melody) for melody in melodies])
        return cls(pitches, numbers, np.unique(pitches) if alphabet is None else alphabet)

    def __len__(self) -> int:
        """Count the notes."""
        return len(self.pitches)

    @cached_property
    def starts(self) -> np.ndarray:
        """(M,), the first note of each melody."""
        return np.flatnonzero(np.append(True, self.melody[1:] != self.melody[:-1]))

    @cached_property
    def lengths(self) -> np.ndarray:
        """(M,), the notes of each melody."""
        return np.diff(np.append(self.starts, len(self)))

    @cached_property
    def place(self) -> np.ndarray:
        """(N,), how many notes of its melody stand before each note."""
        return np.arange(len(self)) - self.starts[self.melody]

    @cached_property
    def targets(self) -> np.ndarray:
        """(N,), each pitch as its place in the alphabet."""
        return np.searchsorted(self.alphabet, self.pitches)

    @cached_property
    def steps(self) -> np.ndarray:
        """(N,), the interval from the note before; START for the first of a melody."""
        return np.where(self.place > 0, self.pitches - self.before(1), START)

    def before(self, lag: int) -> np.ndarray:
        """Return the pitch `lag` notes before each note, (N,); 0 where there is none."""
        found = np.zeros(len(self), np.int64)
        found[lag:] = self.pitches[:-lag]
        return np.where(self.place >= lag, found, 0)


START = 999
"""What a context holds in place of an item before the first note."""


def read_folder(folder: str | Path) -> tuple[Corpus, list[np.ndarray]]:
    """Read the melodies of a folder of music files; return their corpus and their pitches, (notes,) each.

    Every copy is kept, repeats are not played, and a melody of one note counts, as in Pearce 2005, chapter 4.
    """
    corpus = api.build_corpus(str(folder), keep_copies=True, repeats="written", least_notes=1)
    melodies = [np.array([note.pitch for note in melody.notes]) for melody in corpus.melodies()]
    return corpus, melodies


def melody_groups(corpus: Corpus, grouping: str) -> np.ndarray:
    """Number what stays in one fold, (melodies,): each melody, or all that are variants.

    grouping: "random", or "grouped": melodies of one family, or with a run of twelve notes in common, as the splits
    of a corpus keep them together.
    """
    parts = [len(piece.melodies) for piece in corpus.pieces]
    if grouping == "random":
        return np.arange(sum(parts))
    return np.unique(np.repeat(linked_pieces(corpus), parts), return_inverse=True)[1]


def random_folds(groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Draw the fold of each melody, (melodies,), so that a group stays together and folds have like sizes.

    Raises ValueError for fewer than two folds, or more than there are groups.
    """
    sizes = np.bincount(groups)
    if not 2 <= folds <= len(sizes):
        raise ValueError(
            f"folds must be 2 to {len(sizes)}, the number of melodies or groups of variants, not {folds}"
        )
    random = np.random.default_rng(seed)
    order = random.permutation(len(sizes))
    filled, found = np.zeros(folds, int), np.zeros(len(sizes), int)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold = random.choice(np.flatnonzero(filled == filled.min()))
        found[group], filled[fold] = fold, filled[fold] + sizes[group]
    return found[groups]


def bits_per_note(notes: Notes, log_probabilities: np.ndarray) -> tuple[float, float]:
    """Compute the mean over notes, and the mean over melodies of each one's mean. (N,) in nats."""
    bits = -log_probabilities / np.log(2)
    return float(bits.mean()), float((np.bincount(notes.melody, bits) / notes.lengths).mean())
