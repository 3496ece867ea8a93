"""The corpus that comes with the program: hymn tunes and art songs, free to ship (see data/corpus/PROVENANCE.md)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.packed import load_packed
from ritornello.corpus.store import Corpus

COLLECTIONS = ("hymns", "songs")
FOLDER = Path(__file__).parents[1] / "data" / "corpus"


def embedded(name: str = "all") -> Corpus:
    """Load the embedded corpus: "hymns", "songs", or "all" (both).

    A piece's split is the same in each.
    Raises CorpusError for another name.
    """
    if name == "all":
        return _whole()
    if name not in COLLECTIONS:
        raise CorpusError(f"there is no embedded corpus {name!r}; choose all, {' or '.join(COLLECTIONS)}")
    corpus = _whole()
    return corpus.selected(p for p in corpus.pieces if p.provenance.get("collection") == name)


@cache
def _whole() -> Corpus:
    return load_packed(FOLDER)
