"""A corpus as tokens of an encoding, melody by melody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.store import Corpus
from ritornello.encoding import Encoded, Encoding, Grid
from ritornello.music.values import Melody

MOST_LOST = 0.5  # of the notes: with more, what is learned or scored is another corpus


def corpus_tokens(corpus: Corpus, encoding: Encoding, split: str | None = None) -> list[np.ndarray]:
    """Tokens of each melody of a split, in file order, (length,) each.

    Token arrays that were kept step for step are given back unchanged by the plain grid of 4 steps.
    Melodies without a note are left out. Raises CorpusError where corpus and encoding do not match: a melody that
    cannot be written, or more notes lost than kept.
    """
    told: list[np.ndarray] = []
    lost = notes = 0
    # Not a kind of grid of somebody's own, whose numbers may mean something else.
    takes_steps = type(encoding) is Grid and encoding.plain and encoding.steps_per_quarter == 4
    for melody, kept in _melodies_and_steps(corpus, split):
        if not melody.notes:
            continue
        if kept is not None and takes_steps:
            told.append(kept)
        else:
            encoded = _encoded(encoding, melody)
            told.append(encoded.tokens)
            lost, notes = lost + encoded.losses["lost"], notes + len(melody.notes)
    if lost > MOST_LOST * notes:
        raise CorpusError(
            f"the encoding ({encoding.name!r}, {encoding.ticks_per_quarter} steps per quarter) is too coarse for "
            f"this corpus: it loses {lost} of {notes} notes; choose a finer or another one"
        )
    return told


def encoding_losses(corpus: Corpus, encoding: Encoding, split: str | None = None) -> Counter[str]:
    """What the encoding could not keep of a split's notes, by name, and how many `notes` there were."""
    total: Counter[str] = Counter()
    for melody in corpus.melodies(split):
        total.update(encoding.encode(melody).losses)
        total["notes"] += len(melody.notes)
    return total


def _encoded(encoding: Encoding, melody: Melody) -> Encoded:
    try:
        return encoding.encode(melody)
    except ValueError as error:
        raise CorpusError(
            f"{melody.source or melody.title}: the encoding {encoding.name!r} cannot write this melody ({error}); "
            "take the tune out of the corpus or choose another encoding"
        ) from None


def _melodies_and_steps(corpus: Corpus, split: str | None) -> Iterator[tuple[Melody, np.ndarray | None]]:
    """Each melody with the token array that it was read from, if any."""
    for melody, (_, part) in zip(corpus.melodies(split), corpus.slices(split), strict=True):
        if part.steps is None or corpus.steps is None:
            yield melody, None
        else:
            yield melody, corpus.steps[slice(*part.steps)].astype(np.int16)
