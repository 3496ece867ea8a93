"""ritornello harmonise: alto, tenor and bass beneath a tune."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Out, Quiet, Replace, late_bar


def harmonise(
    tune: str,
    /,
    *,
    out: Out,
    number: Annotated[int, Parameter(name=["--number", "-n"])] = 1,
    seed: int | None = None,
    model: str = api.FOUR_VOICES,
    temperature: float = 0.7,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Harmonise a tune in four voices, by the suffix of OUT.

    It may be .musicxml .mid .html .svg .png .wav .mp3 .ogg .flac.
    The tune is the soprano, as it is; alto, tenor and bass keep to their ranges, do not cross, and avoid parallel
    fifths and octaves. Several drafts are made side by side, and the one with the fewest faults is kept. Rhythms off
    the sixteenths, such as triplets, are harmonised on the beats beneath.

    Example: ritornello harmonise tune.mid -o tune.musicxml --seed 1

    Parameters
    ----------
    tune
        A music file, or notes as `generate --primer` takes them; of several parts the melody is taken.
    out
        The file to write; of several versions each gets its number: tune-1.musicxml, tune-2.musicxml.
    number
        How many versions, 1 or more.
    seed
        Random seed; without one, a new one is drawn and shown.
    model
        A model of four voices that was trained with the soprano given.
    temperature
        Above 0; lower is safer, higher wilder.
    """
    console = Console(quiet, as_json)
    with late_bar("harmonising", sys.stderr, is_wanted=not quiet) as on_progress:
        made = api.harmonise(
            tune,
            out,
            seed=seed,
            n=number,
            model=model,
            temperature=temperature,
            replace=replace,
            on_progress=on_progress,
            on_remark=console.warn,
        )
    paths = [str(path) for path in api.paths_of(out, number)]
    files = [
        {"path": path, "seed": each.seed, "index": each.index, **each.judgement._asdict()}
        for path, each in zip(paths, made, strict=True)
    ]
    lines = [
        path if quiet else f"{path} (seed {each.seed}): {each.summary}"
        for path, each in zip(paths, made, strict=True)
    ]
    console.result(files, "\n".join(lines))
