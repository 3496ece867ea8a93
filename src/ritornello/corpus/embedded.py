"""The corpora that come with the program: hymn tunes and art songs, free to ship (see data/corpus/PROVENANCE.md).

Two keep more than melodies: the hymns in their voices, and piano parts of songs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.packed import load_packed
from ritornello.corpus.store import Corpus

COLLECTIONS = ("hymns", "songs")
PARTS = ("hymns-voices", "songs-piano")
NAMES = ("all", *COLLECTIONS, *PARTS)
FOLDER = Path(__file__).parents[1] / "data" / "corpus"


def embedded(name: str = "all") -> Corpus:
    """Load an embedded corpus by its name, one of NAMES.

    "hymns", "songs" and "all" (both) are melodies, "hymns-voices" has the voices of the
    hymns, "songs-piano" piano parts of songs.
    A piece's family and split are the same in each.
    Raises CorpusError for another name.
    """
    if name == "all" or name in PARTS:
        return _packed("" if name == "all" else name)
    if name not in NAMES:
        raise CorpusError(f"there is no embedded corpus {name!r}; choose {', '.join(NAMES[:-1])} or {NAMES[-1]}")
    corpus = _packed("")
    return corpus.selected(p for p in corpus.pieces if p.provenance.get("collection") == name)


@cache
def _packed(folder: str) -> Corpus:
    return load_packed(FOLDER / folder)
