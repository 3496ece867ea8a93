"""Go on from a model that has learned already, on a few tunes of one's own, without forgetting what it knew.

Beside the own tunes the network goes on reading a share of tunes in its old style: the base's own corpus where that
is embedded in this program, otherwise tunes that the base itself composes. Source of the idea: rehearsal and
pseudo-rehearsal, Robins 1995, "Catastrophic forgetting, rehearsal and pseudorehearsal".
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.corpus.embedded import COLLECTIONS, embedded
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Encoding
from ritornello.model.file import ModelFile, digest, load_model
from ritornello.model.shelf import find_model
from ritornello.training.run.checkpoint import lasting
from ritornello.training.run.folder import MODEL_NAME

SHARE = 0.25  # of the tokens are in the old style
MOST_COMPOSED = 64


@dataclass(frozen=True)
class Base:
    """A model to go on from. name: as the user called it."""

    name: str
    file: ModelFile

    @property
    def place(self) -> str:
        """Where a run that is gone on with finds it again, from any working directory."""
        return lasting(self.name)

    @property
    def metadata(self) -> dict[str, Any]:
        """What a tuned model's file says of its parent."""
        corpus = self.file.metadata.get("corpus", {})
        return {
            "name": Path(self.place).name,
            "sha256": digest(self.file.tensors),
            "corpus": {key: corpus[key] for key in ("fingerprint", "licences") if key in corpus},
        }


def load_base(name: str | Path) -> Base:
    """A model file, run folder or shipped name to go on from. Raises FileNotFoundError or ModelFileError."""
    return Base(str(name), load_model(find_model(name)))


def check_kept(base: Base, out: str | Path) -> None:
    """Raise ValueError where a run in the folder `out` would take the place of its own base."""
    with suppress(OSError):  # one of the two is not there
        if find_model(base.name).samefile(Path(out) / MODEL_NAME):
            raise ValueError(f"{base.name} would be replaced by the run that goes on from it: choose another folder")


def check_encoding(base: Base, encoding: Encoding) -> None:
    """Raise ValueError where the base was not trained with just this encoding."""
    if base.file.encoding.options() != encoding.options():
        theirs, ours = (" ".join(f"{k}={v}" for k, v in e.options().items()) for e in (base.file.encoding, encoding))
        raise ValueError(
            f"{base.name} was trained with the encoding {theirs}, not {ours}: its vocabulary cannot be changed; "
            "leave the encoding's options out to take the base's"
        )


def old_style(base: Base, tokens: int, seed: int) -> list[np.ndarray]:
    """Tunes in the base's style with about SHARE of all tokens, where `tokens` are the user's own; at least one."""
    wanted = tokens * SHARE / (1 - SHARE)
    tunes = _embedded_tunes(base, seed) or _composed_tunes(base, seed)
    sizes = np.cumsum([len(t) for t in tunes])
    return tunes[: int(np.searchsorted(sizes, wanted)) + 1]


def _embedded_tunes(base: Base, seed: int) -> list[np.ndarray]:
    """The training tunes of the base's corpus in an order of chance, if it comes with this program."""
    fingerprint = base.file.metadata.get("corpus", {}).get("fingerprint")
    for name in ("all", *COLLECTIONS):
        if embedded(name).fingerprint == fingerprint:
            tunes = corpus_tokens(embedded(name), base.file.encoding, "train")
            return [tunes[i] for i in np.random.default_rng(seed).permutation(len(tunes))]
    return []


def _composed_tunes(base: Base, seed: int) -> list[np.ndarray]:
    """Tunes that the base composes."""
    from ritornello.generate.compose import compose
    from ritornello.generate.options import GenerateOptions
    from ritornello.model.lstm import NumpyLstm

    pitch_range = tuple(base.file.metadata.get("corpus", {}).get("compass", (0, 127)))
    made = compose(
        NumpyLstm(base.file.tensors),
        base.file.encoding,
        GenerateOptions(),
        seed,
        range(MOST_COMPOSED),
        None,
        pitch_range,
    )
    return [np.asarray(c.tokens) for c in made]
