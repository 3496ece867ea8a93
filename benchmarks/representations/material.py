"""What all train on and are scored on: the tunes that every encoding reproduces exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.representations.entrants import Entrant

from ritornello.corpus.exact import reproduced_exactly
from ritornello.corpus.store import SPLITS, Corpus
from ritornello.encoding import Encoding, make_encoding
from ritornello.music.values import Melody


def load(name: str) -> Corpus:
    """Load "embedded" (hymns and songs), "exercise" by its own split, or "exercise-deduplicated"."""
    from benchmarks.train.splits import SPLITS as EXERCISE

    from ritornello import api

    if name == "embedded":
        return api.load_corpus("all")
    return EXERCISE["deduplicated" if name.endswith("deduplicated") else "original"]()


CORPORA = ("embedded", "exercise", "exercise-deduplicated")
ADDED = ("inputs", "memory")  # they do not change what is written


def available(entrants: Sequence[Entrant]) -> tuple[list[Entrant], dict[str, str]]:
    """Find the entrants whose encoding can be made here, and why the others cannot, by name."""
    able, missing = [], {}
    for entrant in entrants:
        try:
            make_encoding(**entrant.encoding)
            able.append(entrant)
        except (ValueError, ImportError) as error:
            missing[entrant.name] = str(error)
    return able, missing


@dataclass(frozen=True)
class SharedTunes:
    """corpus: the tunes that all reproduce exactly. kept, of: how many of each split, and how many there were.

    refused: how many of all tunes each encoding does not reproduce, by the name of its first entrant.
    """

    corpus: Corpus
    kept: dict[str, int]
    of: dict[str, int]
    refused: dict[str, int]

    def __str__(self) -> str:
        counts = ", ".join(f"{self.kept[s]} of {self.of[s]} {s}" for s in SPLITS if self.of[s])
        return f"{sum(self.kept.values())} of {sum(self.of.values())} tunes are reproduced exactly by all ({counts})"


def shared_tunes(corpus: Corpus, entrants: Sequence[Entrant]) -> SharedTunes:
    """Leave out the melodies that some encoding cannot reproduce."""
    encodings = _encodings(entrants)
    refused = dict.fromkeys(encodings, 0)
    kept, of = dict.fromkeys(SPLITS, 0), dict.fromkeys(SPLITS, 0)
    melodies, pieces = iter(corpus.melodies()), []
    for piece in corpus.pieces:
        slices = []
        for part in piece.melodies:
            melody = next(melodies)
            of[piece.split] += 1
            against = [name for name, encoding in encodings.items() if not _reproduces(encoding, melody)]
            for name in against:
                refused[name] += 1
            if not against:
                kept[piece.split] += 1
                slices.append(part)
        if slices:
            pieces.append(replace(piece, melodies=tuple(slices)))
    return SharedTunes(corpus.selected(pieces), kept, of, refused)


def _reproduces(encoding: Encoding, melody: Melody) -> bool:
    return bool(melody.notes) and reproduced_exactly(encoding, melody)


def _encodings(entrants: Sequence[Entrant]) -> dict[str, Encoding]:
    """Collect each encoding once, by the name of its first entrant."""
    found: dict[str, Encoding] = {}
    for entrant in entrants:
        encoding = make_encoding(**{k: v for k, v in entrant.encoding.items() if k not in ADDED})
        if encoding.to_dict() not in [other.to_dict() for other in found.values()]:
            found[entrant.name] = encoding
    return found
