"""ritornello generate: compose melodies and write them as MIDI."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Out, Quiet
from ritornello.generate.options import GenerateOptions

if TYPE_CHECKING:
    from ritornello.api import Model, Tune

FEW = 32  # melodies; so few compose faster on one thread


def generate(
    model: str | None = None,
    /,
    *,
    out: Out,
    number: Annotated[int, Parameter(name=["--number", "-n"])] = 1,
    seed: int | None = None,
    primer: str | None = None,
    pitch_range: Annotated[str | None, Parameter(name="--range")] = None,
    options: Annotated[GenerateOptions, Parameter(name="*")] = GenerateOptions(),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Compose melodies: one .mid for each, the same bytes for the same model, seed and options.

    Where the corpus that the model learned comes with the program, the longest run of notes that each melody
    shares with a training tune is told.

    Example: ritornello generate -o tunes -n 4 --bars 8 --key G --seed 1

    Parameters
    ----------
    model
        A model file, a run folder, or a shipped model; without one, the default.
    out
        The folder to write to.
    number
        How many melodies, 1 or more.
    seed
        Random seed; without one, a new one is drawn and told.
    primer
        What to go on from: note names ("C4 E4:1/2 G4") or a music file. What the model cannot write of it is told.
    pitch_range
        Lowest and highest note, such as C4-C6 or 60-84.
    """
    if number <= FEW:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dataclasses import replace

    from ritornello.api import load_model
    from ritornello.atomic import check_place
    from ritornello.generate.primer import parse_range

    console = Console(quiet, as_json)
    if number < 1:
        raise ValueError(f"-n must be 1 or more, not {number}")
    check_place(out)
    if pitch_range:
        lowest, highest = parse_range(pitch_range)
        options = replace(options, lowest=lowest, highest=highest)
    chosen = load_model(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        tunes = chosen.generate(primer=primer, seed=seed, n=number, **options.to_dict())
    for warning in caught:
        console.warn(str(warning.message))
    runs = _shared_runs(chosen, tunes) if as_json or not quiet else [{}] * len(tunes)
    files, lines = [], []
    for tune, run in zip(tunes, runs, strict=True):
        path = str(Path(out) / f"seed{tune.seed}-{tune.index + 1:03d}.mid")
        tune.save(path)
        files.append({"path": path, "seed": tune.seed, "index": tune.index, "notes": len(tune.melody.notes)} | run)
        lines.append(path if quiet else f"{path}: {len(tune.melody.notes)} notes{_in_words(run)}")
    console.result(files, "\n".join(lines))
    return 0


def _shared_runs(model: Model, tunes: list[Tune]) -> list[dict]:
    """For each tune `shared_run`, where the training corpus is at hand; else nothing."""
    from ritornello.evaluate.novelty import longest_shared_runs, training_corpus

    corpus = training_corpus(model.metadata)
    if corpus is None:
        return [{}] * len(tunes)
    return [{"shared_run": run} for run in longest_shared_runs([tune.melody for tune in tunes], corpus)]


def _in_words(run: dict) -> str:
    from ritornello.evaluate.novelty import run_in_words

    return f"; longest run shared with a training tune: {run_in_words(run['shared_run'])}" if run else ""
