"""Cross-validation: a network trained anew for each fold of a corpus, and tested on tunes of other families."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.corpora import load_corpus
from ritornello.api.model import Model, Run, load_model
from ritornello.api.options import takes
from ritornello.api.run import open_run
from ritornello.training.plan import TrainOptions
from ritornello.training.run.request import NetworkRequest
from ritornello.version import VERSION

if TYPE_CHECKING:
    from ritornello.corpus.store import Corpus
    from ritornello.encoding import MelodyEncoding
    from ritornello.evaluate.likelihood import Likelihood
    from ritornello.model.file import ModelFile
    from ritornello.model.options import NetworkOptions


@dataclass(frozen=True)
class _SameNetwork(NetworkRequest):
    """The network and the encoding of a model, with weights of its own."""

    file: ModelFile | None = field(default=None)

    def network(self) -> NetworkOptions | None:
        """Return the model's network."""
        return self.file.network if self.file else None

    def made_encoding(self, in_modes: bool = False, with_chords: bool = False) -> MelodyEncoding | None:
        """Return the model's encoding, whatever the corpus states."""
        return self.file.encoding if self.file else None


@takes(options=TrainOptions)
def cross_validate(
    model: Model | Run | str | Path | None = None,
    corpus: Corpus | str | Path | Any = None,
    folds: int = 10,
    *,
    baselines: bool = False,
    on_fold: Callable[[int, int, str], None] | None = None,
    options: TrainOptions,
) -> dict[str, Any]:
    """Train and score a network for each fold of a corpus; return the figures of all tunes.

    The figures are those of `Model.evaluate`, over tunes that were each scored by the model which had not learned
    any of their family; "folds" has sums and rates of each fold, and `per_tune` the number of its fold, from 1.
    model: whose network and encoding are trained anew (its weights count for nothing). corpus: as `load_corpus` takes
    it, None for the embedded one of the model's kind; its splits count for nothing. baselines: train and score these
    in each fold, too. on_fold: called after each with how many are done, how many there are, and a name. minutes and
    updates are those of one fold.
    Raises ValueError for fewer than two folds, or more than there are families.
    """
    from ritornello.corpus.embedded import fitting
    from ritornello.evaluate.folds import fold_corpora
    from ritornello.evaluate.scores import TuneScore, figures, score_baselines, score_tunes, total

    recipe = load_model(model)
    corpus = fitting(recipe.encoding) if corpus is None else corpus
    material = load_corpus(corpus)
    called = str(corpus) if isinstance(corpus, str | Path) else material.fingerprint
    parts = fold_corpora(material, folds)
    scores: list[TuneScore] = []
    each: list[dict[str, Any]] = []
    numbers: list[int] = []
    losses: Counter[str] = Counter()
    simple: dict[str, list[Likelihood]] = {}
    for number, part in enumerate(parts, 1):
        with tempfile.TemporaryDirectory(prefix="ritornello-") as folder:
            trained = _train(recipe, part, Path(folder) / "run", options)
        found, lost = score_tunes(trained.file, part)
        losses.update(lost)
        scores += found
        numbers += [number] * len(found)
        each.append({"tunes": len(found), **total(found).to_dict()})
        for name, score in (score_baselines(part, trained.file.encoding) if baselines else {}).items():
            simple.setdefault(name, []).append(score)
        if on_fold:
            on_fold(number, folds, f"fold {number}")
    [value] = figures([scores], [recipe.file.encoding])
    for tune, number in zip(value["per_tune"], numbers, strict=True):
        tune["fold"] = number
    value = {"model": recipe.name, "corpus": called, "fingerprint": material.fingerprint, "version": VERSION} | value
    value |= {"split": "folds", "learned": False, "losses": dict(losses), "folds": each}
    return value | (
        {"baselines": {name: _sum(found).to_dict() for name, found in simple.items()}} if baselines else {}
    )


def _train(recipe: Model, corpus: Corpus, folder: Path, options: TrainOptions) -> Model:
    """Train the network of a model anew on one fold."""
    with open_run(corpus, folder, _SameNetwork(file=recipe.file), options) as run:
        assert run.training is not None
        for _ in run.training.checks(folder):
            pass
    return load_model(folder)


def _sum(scores: list[Likelihood]) -> Likelihood:
    """Sum likelihoods."""
    from ritornello.evaluate.likelihood import Likelihood

    return Likelihood(*(sum(getattr(s, name) for s in scores) for name in ("nats", "tokens", "notes", "quarters")))
