"""Fine-tune a model on a few melodies of one's own, without forgetting what it knew.

Among the user's melodies the network reads a share of melodies in its old style: from the base's own corpus where
that is embedded in this program, otherwise composed by the base itself. Source of the idea: rehearsal and
pseudo-rehearsal, Robins 1995, "Catastrophic forgetting, rehearsal and pseudorehearsal".
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.corpus.embedded import OF_MELODIES, find_corpus
from ritornello.corpus.tokens import corpus_harmonies, corpus_tokens, melody_families
from ritornello.encoding import MelodyEncoding, is_melodic
from ritornello.encoding.features import Harmony
from ritornello.encoding.options import encoding_in_words
from ritornello.model.file import ModelFile, digest, find_model, load_model
from ritornello.model.suggestions import NO_FAMILY
from ritornello.training.run.folder import MODEL_NAME, lasting

SHARE = 0.25  # of the tokens are in the old style
MOST_COMPOSED, MOST_FREE = 64, 16  # melodies, and pieces of half a minute


@dataclass(frozen=True)
class Base:
    """A model to fine-tune. name: as the user called it."""

    name: str
    file: ModelFile

    @property
    def place(self) -> str:
        """Its name or absolute path: how a run that is resumed finds it again."""
        return lasting(self.name)

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of a fine-tuned model that describe its parent."""
        corpus = self.file.metadata.get("corpus", {})
        return {
            "name": Path(self.place).name,
            "sha256": digest(self.file.tensors),
            "corpus": {key: corpus[key] for key in ("fingerprint", "licences") if key in corpus},
        }


def load_base(name: str | Path) -> Base:
    """Load a model to fine-tune, by file, run folder or shipped name.

    Raises FileNotFoundError or ModelFileError.
    """
    return Base(str(name), load_model(find_model(name)))


def check_kept(base: Base, out: str | Path) -> None:
    """Raise ValueError where a run in the folder `out` would replace its own base."""
    with suppress(OSError):  # one of the two is not there
        if find_model(base.name).samefile(Path(out) / MODEL_NAME):
            raise ValueError(f"{base.name} would be replaced by the run that fine-tunes it: choose another folder")


def check_encoding(base: Base, encoding: MelodyEncoding) -> None:
    """Raise ValueError where the base was trained with another encoding."""
    if base.file.encoding.to_dict() != encoding.to_dict():
        theirs, ours = (encoding_in_words(e.to_dict()) for e in (base.file.encoding, encoding))
        raise ValueError(
            f"{base.name} was trained with the encoding {theirs}, not {ours}: its vocabulary cannot be changed; "
            "leave the encoding's options out to take the base's"
        )


def old_style(base: Base, tokens: int, seed: int) -> tuple[list[np.ndarray], list[int], list[Harmony | None]]:
    """Choose melodies in the base's style with about SHARE of all tokens, at least one.

    Returns them, a number for the family of each, and its chords. tokens: how many the user's own melodies have.
    Those of the base's corpus are whole families, which memory must leave out of its counts; composed ones have
    NO_FAMILY.
    """
    wanted = tokens * SHARE / (1 - SHARE)
    tunes, families, harmonies = _embedded_tunes(base, seed)
    if not tunes:
        tunes = _composed_tunes(base, seed)
        families, harmonies = [NO_FAMILY] * len(tunes), [None] * len(tunes)
    sizes = np.cumsum([len(t) for t in tunes])
    last = int(np.searchsorted(sizes, wanted)) + 1
    while last < len(tunes) and families[last] == families[last - 1] != NO_FAMILY:
        last += 1
    return tunes[:last], families[:last], harmonies[:last]


def _embedded_tunes(base: Base, seed: int) -> tuple[list[np.ndarray], list[int], list[Harmony | None]]:
    """Take the training melodies of the base's corpus, if embedded, by families in random order."""
    corpus = find_corpus(base.file.metadata.get("corpus", {}).get("fingerprint"), names=OF_MELODIES)
    if corpus is None:
        return [], [], []
    tunes = corpus_tokens(corpus, base.file.encoding, "train")
    families = np.array(melody_families(corpus, "train"))
    places = np.random.default_rng(seed).permutation(int(families.max()) + 1)[families]
    order = np.argsort(places, kind="stable")
    known = corpus_harmonies(corpus, base.file.encoding, "train") or [None] * len(tunes)
    return [tunes[n] for n in order], families[order].tolist(), [known[n] for n in order]


def _composed_tunes(base: Base, seed: int) -> list[np.ndarray]:
    """Compose melodies with the base."""
    from ritornello.generate.compose import compose
    from ritornello.generate.freely import compose_freely
    from ritornello.generate.options import GenerateOptions

    model, indices = base.file, range(MOST_COMPOSED)
    if not is_melodic(model.encoding):
        free = compose_freely(model.build(), model.encoding, GenerateOptions(), seed, indices[:MOST_FREE])
        return [np.asarray(c.tokens) for c in free]
    made = compose(model.build(), model.encoding, GenerateOptions(), seed, indices, None, model.pitch_range)
    return [np.asarray(c.tokens) for c in made]
