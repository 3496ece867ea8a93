"""The data of a run: a corpus as tokens, with melodies for validation, and the metadata of the corpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import MelodyEncoding
from ritornello.training.loop import check_sample

VALIDATION_FAMILIES = 4  # of a small corpus; at most a fifth of it


@dataclass(frozen=True)
class Material:
    """Training and validation melodies as token arrays, (length,) each.

    metadata: what the model file says of the corpus. losses: notes that the encoding could not keep (see
    `corpus_tokens`).
    """

    train: list[np.ndarray]
    validation: list[np.ndarray]
    metadata: dict[str, Any]
    losses: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """Tokens to learn from."""
        return sum(len(m) for m in self.train)

    def check_size(self, encoding: MelodyEncoding) -> dict[str, int]:
        """Count the melodies, tokens and notes of a validation.

        Bits per note = nll x tokens / notes / ln 2.
        """
        sample = check_sample(self.validation)
        notes = sum(len(encoding.pitches(m)) for m in sample)
        return {"melodies": len(sample), "tokens": sum(len(m) for m in sample), "notes": notes}


def gather(corpus: Corpus, encoding: MelodyEncoding) -> Material:
    """Encode a corpus. Raises ValueError where its training split has no notes."""
    fingerprint, corpus = corpus.fingerprint, with_validation(corpus)
    losses: Counter[str] = Counter()
    train = corpus_tokens(corpus, encoding, "train", losses=losses)
    if not train:
        raise ValueError("the corpus has no melody with notes in its training split; see `ritornello corpus show`")
    validation = corpus_tokens(corpus, encoding, "validation", losses=losses)
    return Material(train, validation, corpus_metadata(corpus) | {"fingerprint": fingerprint}, losses)


def with_validation(corpus: Corpus) -> Corpus:
    """Give a small corpus a validation split: move families from training to it.

    It has VALIDATION_FAMILIES then, or a fifth of both splits where that is less; chosen evenly in file order.
    """
    families = {
        split: list(dict.fromkeys(p.family or p.source for p in corpus.in_split(split) if p.melodies))
        for split in ("train", "validation")
    }
    train, validation = families["train"], families["validation"]
    missing = min(VALIDATION_FAMILIES, (len(train) + len(validation)) // 5) - len(validation)
    if missing <= 0:
        return corpus
    chosen = {train[(2 * n + 1) * len(train) // (2 * missing)] for n in range(missing)}
    pieces = tuple(
        replace(p, split="validation") if p.split == "train" and (p.family or p.source) in chosen else p
        for p in corpus.pieces
    )
    return replace(corpus, pieces=pieces)


def corpus_metadata(corpus: Corpus) -> dict[str, Any]:
    """Describe a corpus for the model file; metres and pitch range are of its training split."""
    metres: dict[str, int] = {}
    for _, part in corpus.slices("train"):
        metres[part.timeline.metre.name] = metres.get(part.timeline.metre.name, 0) + 1
    pitches = np.concatenate([corpus.notes["pitch"][s.first : s.stop] for _, s in corpus.slices("train") if s.notes])
    licences = sorted({piece.licence for piece in corpus.pieces if piece.licence})
    return {
        "fingerprint": corpus.fingerprint,
        "pieces": len(corpus.pieces),
        "notes": len(corpus.notes),
        "licences": licences[:8],
        "metres": metres,
        "compass": [int(pitches.min()), int(pitches.max())],
    }
