"""What a run learns from: a corpus as tokens, with tunes held out to check by, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import tokens_and_losses
from ritornello.encoding import Encoding
from ritornello.training.loop import check_sample

HELD_OUT_FAMILIES = 4  # of a small corpus; at most a fifth of it


@dataclass(frozen=True)
class Material:
    """melodies, held_out: token arrays, (length,) each. facts: what a model file says of the corpus.

    losses: what the encoding could not keep of the notes of both (see `tokens_and_losses`).
    """

    melodies: list[np.ndarray]
    held_out: list[np.ndarray]
    metadata: dict[str, Any]
    losses: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """Tokens to learn from."""
        return sum(len(m) for m in self.melodies)

    def watched(self, encoding: Encoding) -> dict[str, int]:
        """How many melodies, tokens and notes each check looks at: bits per note = nll x tokens / notes / ln 2."""
        some = check_sample(self.held_out)
        notes = sum(len(encoding.pitches(m)) for m in some)
        return {"melodies": len(some), "tokens": sum(len(m) for m in some), "notes": notes}


def gather(corpus: Corpus, encoding: Encoding) -> Material:
    """The corpus as material. Raises ValueError where its training split has no notes."""
    fingerprint, corpus = corpus.fingerprint, hold_some_out(corpus)
    melodies, losses = tokens_and_losses(corpus, encoding, "train")
    if not melodies:
        raise ValueError("the corpus has no melody with notes in its training split; see `ritornello corpus show`")
    held_out, more = tokens_and_losses(corpus, encoding, "validation")
    losses.update(more)
    return Material(melodies, held_out, corpus_metadata(corpus) | {"fingerprint": fingerprint}, losses)


def hold_some_out(corpus: Corpus) -> Corpus:
    """A corpus with something to check by: in a small one, families are moved from training to validation.

    It has HELD_OUT_FAMILIES then, or a fifth of both splits where that is less; chosen evenly in file order. The
    fingerprint in the facts is that of the corpus as it was handed in.
    """
    families = {
        split: list(dict.fromkeys(p.family or p.source for p in corpus.in_split(split) if p.melodies))
        for split in ("train", "validation")
    }
    train, held_out = families["train"], families["validation"]
    missing = min(HELD_OUT_FAMILIES, (len(train) + len(held_out)) // 5) - len(held_out)
    if missing <= 0:
        return corpus
    chosen = {train[(2 * n + 1) * len(train) // (2 * missing)] for n in range(missing)}
    pieces = tuple(
        replace(p, split="validation") if p.split == "train" and (p.family or p.source) in chosen else p
        for p in corpus.pieces
    )
    return replace(corpus, pieces=pieces)


def corpus_metadata(corpus: Corpus) -> dict[str, Any]:
    """What a model file says of the corpus that it learned: fingerprint, size, licences, metres, range of pitches."""
    metres: dict[str, int] = {}
    for _, part in corpus.slices("train"):
        metres[part.timeline.metre.name] = metres.get(part.timeline.metre.name, 0) + 1
    licences = sorted({piece.licence for piece in corpus.pieces if piece.licence})
    return {
        "fingerprint": corpus.fingerprint,
        "pieces": len(corpus.pieces),
        "notes": len(corpus.notes),
        "licences": licences[:8],
        "metres": metres,
        "compass": _pitch_range(
            [corpus.notes["pitch"][s.first : s.stop] for _, s in corpus.slices("train") if s.notes]
        ),
    }


def _pitch_range(heard: Sequence[np.ndarray]) -> list[int]:
    """Lowest and highest pitch."""
    return [min(int(pitches.min()) for pitches in heard), max(int(pitches.max()) for pitches in heard)]
