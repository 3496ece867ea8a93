"""ritornello evaluate: how well a model expects tunes it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Quiet


def evaluate(
    model: str,
    corpus: str = "all",
    /,
    *,
    split: Literal["train", "validation", "test"] = "test",
    baselines: Annotated[bool, Parameter()] = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Score a model on a corpus: nats per token, bits per note and bits per quarter, beside simple baselines.

    Example: ritornello evaluate my-run songs

    Parameters
    ----------
    model
        A model file, a run folder, or a shipped model.
    corpus
        A corpus folder, an embedded corpus (all, hymns or songs), or a music file, which is scored whole.
    split
        Which melodies to score.
    baselines
        Score the n-grams beside it (not for a single file, which has nothing to train them on).
    """
    from ritornello.api import load_model
    from ritornello.evaluate.scores import score_baselines, score_model

    console = Console(quiet, as_json)
    chosen = load_model(model)
    material, split_name = _material(corpus, split, console)
    score = score_model(chosen.file, material, split_name)
    beside = score_baselines(material, chosen.file.encoding, split_name) if baselines and split_name == split else {}
    rows = [
        [name, *(f"{getattr(s, unit):.3f}" for unit in ("bits_per_note", "bits_per_quarter", "nll_per_token"))]
        for name, s in [(chosen.name, score), *beside.items()]
    ]
    table = console.table(["", "bits per note", "bits per quarter", "nats per token"], rows)
    heading = f"{split_name}: {score.notes} notes, {score.tokens} tokens; metre and end are paid for"
    value = {"split": split_name, **score.described(), "baselines": {n: s.described() for n, s in beside.items()}}
    console.result(value, f"{heading}\n{table}")
    return 0


def _material(name: str, split: str, console: Console):
    """The corpus to score, and which split of it: all of it where it is a music file."""
    from ritornello.api import build_corpus, load_corpus
    from ritornello.music.files import readable

    if readable(name):
        return build_corpus(name), None
    if Path(name).suffix in (".npz", ".npy"):
        return build_corpus(name, split="last:0.1"), split
    return load_corpus(name), split
