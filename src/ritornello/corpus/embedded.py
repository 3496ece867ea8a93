"""The corpora that come with the program: hymn tunes and art songs, free to ship (see data/corpus/PROVENANCE.md).

Three keep more than melodies: the hymns in their voices, piano parts of songs, and these as they might be played.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.packed import load_packed
from ritornello.corpus.store import Corpus

if TYPE_CHECKING:
    from ritornello.encoding import Encoding

COLLECTIONS = ("hymns", "songs")
WRITTEN, PLAYED = "songs-piano", "songs-piano-played"
PARTS = ("hymns-voices", WRITTEN)
OF_MELODIES = ("all", *COLLECTIONS)
NAMES = (*OF_MELODIES, *PARTS, PLAYED)
OF_EACH_KIND = {"melody": "all", "voices": "hymns-voices", "all": PLAYED}
"""The embedded corpus of melodies, of voices, and of all notes as they are played."""
FOLDER = Path(__file__).parents[1] / "data" / "corpus"


def embedded(name: str = "all") -> Corpus:
    """Load an embedded corpus by its name, one of NAMES.

    "hymns", "songs" and "all" (both) are melodies, "hymns-voices" has the voices of the
    hymns, "songs-piano" piano parts of songs, "songs-piano-played" these by the rule of `humanise`.
    A piece's family and split are the same in each.
    Raises CorpusError for another name.
    """
    if name == "all" or name in PARTS:
        return _packed("" if name == "all" else name)
    if name == PLAYED:
        return _played()
    if name not in NAMES:
        raise CorpusError(f"there is no embedded corpus {name!r}; choose {', '.join(NAMES[:-1])} or {NAMES[-1]}")
    corpus = _packed("")
    return corpus.selected(p for p in corpus.pieces if p.provenance.get("collection") == name)


def find_corpus(
    fingerprint: str | None, others: Iterable[Corpus] = (), names: Sequence[str] = NAMES
) -> Corpus | None:
    """Find a corpus by its fingerprint: among embedded ones, by name, then among others."""
    shipped = (embedded(name) for name in names)
    return next((corpus for corpus in chain(shipped, others) if corpus.fingerprint == fingerprint), None)


def fitting(encoding: Encoding) -> str:
    """Name the embedded corpus of the kind of music that an encoding writes.

    All notes as they are written, where it names metres; else as they are played.
    """
    from ritornello.encoding.options import kept_by

    kept = kept_by(encoding)
    return WRITTEN if kept == "all" and hasattr(encoding, "begin") else OF_EACH_KIND[kept]


@cache
def _played() -> Corpus:
    from ritornello.corpus.humanise import humanised_corpus

    return humanised_corpus(_packed(WRITTEN))


@cache
def _packed(folder: str) -> Corpus:
    return load_packed(FOLDER / folder)
