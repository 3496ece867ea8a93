"""ritornello corpus export: a corpus for other programs."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Out, Quiet


def export(
    corpus: str,
    /,
    *,
    out: Out,
    to: Annotated[Literal["parquet", "midi", "npz"], Parameter(name="--format")] = "midi",
    convention: Literal["exercise", "zeldic", "magenta"] = "zeldic",
    steps_per_quarter: int = 4,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Write a corpus as MIDI files, as Parquet tables (one for each split) or as the exercise's .npz.

    The .npz is laid out as the exercise's own: for each split (train, validation, test) an array with one integer
    array for each melody, a token for each step. Melodies differ in length, so these are object arrays, which NumPy
    keeps as pickles: numpy.load(OUT, allow_pickle=True)["train"] reads them. A pickle can run code: load only files
    that you made or trust. `corpus build` reads them without running any; Parquet holds none.

    Example: ritornello corpus export my-corpus -o my-corpus.npz --format npz

    Parameters
    ----------
    corpus
        A corpus folder, or an embedded corpus: all, hymns or songs.
    out
        The folder to write, or for npz the file.
    to
        parquet (polars.read_parquet("OUT/*.parquet"), datasets.load_dataset("OUT")), midi or npz.
    convention
        Of npz: exercise (128 no_event, 129 note_off), zeldic (128 note_off, 129 no_event: what the exercise's own
        notebook reads) or magenta (-2 and -1).
    steps_per_quarter
        Of npz: how fine its grid is.
    """
    from ritornello.api import load_corpus
    from ritornello.corpus import export as exporting

    console, source = Console(quiet, as_json), load_corpus(corpus)
    if not 1 <= steps_per_quarter <= 24:
        raise ValueError(f"steps_per_quarter must be 1 to 24, not {steps_per_quarter}")
    melodies = source.counts()["all"]["melodies"]
    if to == "npz":
        exporting.export_npz(source, out, convention, steps_per_quarter)
        files = [out]
    else:
        write = exporting.export_midi if to == "midi" else exporting.export_parquet
        files = [str(path) for path in write(source, out)]
    what = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    value = {"out": out, "format": to, "files": files, "melodies": melodies}
    console.result(value, f"{out}: {melodies} melodies in {what}")
    return 0
