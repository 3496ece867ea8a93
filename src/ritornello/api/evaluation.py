"""The evaluation of models on a corpus: likelihood, baselines, and what each note cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ritornello import atomic
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.store import SPLITS, Corpus
from ritornello.evaluate.scores import compare, figures, score_baselines, score_tunes, with_chords, with_countdown
from ritornello.evaluate.surprise import costs_csv, note_costs
from ritornello.model.file import ModelFile
from ritornello.version import VERSION

if TYPE_CHECKING:
    from ritornello.corpus.report import FileReport

CHOICES = (*SPLITS, "all")


class Material(NamedTuple):
    """What is scored: a corpus, its split, None for all of it; whether it is music without splits; a name for it."""

    corpus: Corpus
    split: str | None
    is_whole: bool
    name: str


def to_score(
    corpus: Corpus | str | Path | Any, split: str, on_report: Callable[[Sequence[FileReport]], None] | None = None
) -> Material:
    """Load what is to be scored. Raises ValueError for a wrong split, and as `load_corpus` does."""
    from ritornello.api.corpora import build_corpus, load_corpus
    from ritornello.music.files import readable

    if split not in CHOICES:
        raise ValueError(f"there is no split {split!r}; choose {', '.join(CHOICES)}")
    chosen = None if split == "all" else split
    if isinstance(corpus, str | Path):
        if readable(corpus):
            return Material(build_corpus(corpus), None, True, str(corpus))
        if Path(corpus).suffix.lower() in (".npz", ".npy"):
            return Material(build_corpus(corpus, split="last:0.1"), chosen, False, str(corpus))
    loaded = load_corpus(corpus, on_report)
    if not isinstance(corpus, Corpus | str | Path):  # music in memory
        return Material(loaded, None, True, loaded.fingerprint)
    return Material(loaded, chosen, False, str(corpus) if isinstance(corpus, str | Path) else loaded.fingerprint)


def score_all(
    models: Mapping[str, ModelFile],
    material: Material,
    baselines: bool = False,
    per_note: str | Path | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Score models by name on the melodies that all can write, the first against the others.

    Options and values are those of `Model.evaluate`; "beside" is a list here.
    """
    corpus, split, is_whole, name = material
    maker = atomic.maker_of("evaluate", "\n".join([name, str(split), *models]))
    check_table(per_note, maker, replace)
    first, *others = models.values()
    value: dict[str, Any] = {
        "model": next(iter(models)),
        "corpus": name,
        "fingerprint": corpus.fingerprint,
        "version": VERSION,
        "split": split or "all",
        "learned": _has_learned(first, corpus, split),
    }
    if others:
        scores, only, count = compare([*models.values()], corpus, split)
        counts: dict[str, Any] = {"tunes": len(only), "of_tunes": count}
    else:
        (own_scores, losses), only = score_tunes(first, corpus, split), None
        scores, counts = [own_scores], {"losses": losses}
    values = figures(scores, [model.encoding for model in models.values()])
    counted = (
        with_countdown(model, of_model) | with_chords(model, of_model)
        for model, of_model in zip(models.values(), scores, strict=True)
    )
    own, *theirs = (figure | known for figure, known in zip(values, counted, strict=True))
    value |= own | counts
    if others:
        value["beside"] = [{"model": name, **their} for name, their in zip([*models][1:], theirs, strict=True)]
    if baselines:
        value |= _baselines(first, corpus, split, only, is_whole)
    if per_note:
        tables = [
            note_costs(model.build(), model.encoding, [tune.tokens for tune in of_model])
            for model, of_model in zip(models.values(), scores, strict=True)
        ]
        atomic.write_text(per_note, costs_csv([*models], scores, tables), maker, replace)
    return value


def check_table(path: str | Path | None, maker: str, replace: bool) -> None:
    """Check that a table of costs may be written. Raises ValueError or FileExistsError."""
    if path and Path(path).suffix.lower() != ".csv":
        raise ValueError(f"{path}: the costs of notes are a table; name it .csv")
    atomic.check_ahead([path] if path else [], maker, replace)


def _has_learned(model: ModelFile, corpus: Corpus, split: str | None) -> bool:
    """Tell whether the model is known to have learned from the melodies of a split."""
    known = model.metadata.get("corpus", {}).get("fingerprint")
    return split in (None, "train") and "train" in corpus.splits and known == corpus.fingerprint


def _baselines(
    model: ModelFile, corpus: Corpus, split: str | None, only: Sequence[int] | None, is_whole: bool
) -> dict[str, Any]:
    """Score the baselines, or say why they cannot be."""
    if split is None:
        why = {} if is_whole else {"no_baselines": "they learn the training tunes, which are scored here too"}
        return {"baselines": {}, **why}
    try:
        simple = score_baselines(corpus, model.encoding, split, only)
    except CorpusError as error:
        return {"baselines": {}, "no_baselines": str(error)}
    return {"baselines": {name: score.to_dict() for name, score in simple.items()}}
