"""ritornello corpus export: a corpus for other programs."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Out, Quiet, Replace
from ritornello.plural import counted


def export(
    corpus: str,
    /,
    *,
    out: Out,
    to: Annotated[Literal["parquet", "midi", "npz"] | None, Parameter(name="--format")] = None,
    convention: Literal["exercise", "zeldic", "magenta"] = "zeldic",
    steps_per_quarter: int = 4,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Export a corpus as MIDI files, as Parquet tables or as the exercise's .npz.

    The .npz is laid out as the exercise's own: for each split (train, validation, test) an array with one integer
    array for each melody, a token for each step. Melodies differ in length, so these are object arrays, which NumPy
    keeps as pickles: numpy.load(OUT, allow_pickle=True)["train"] reads them. A pickle can run code: load only files
    that you made or trust. `corpus build` reads them without running any; Parquet holds none.

    `corpus build` reads all three back: MIDI and Parquet with every note exact, arrays as the grid has them.

    Example: ritornello corpus export my-corpus -o my-corpus.npz

    Parameters
    ----------
    corpus
        A corpus folder, or an embedded corpus: all, hymns or songs.
    out
        The folder to write, or for npz the file.
    to
        parquet (polars.read_parquet("OUT/*.parquet"), datasets.load_dataset("OUT")), midi or npz; default: npz where
        OUT ends in .npz, else midi.
    convention
        Of npz: exercise (128 no_event, 129 note_off), zeldic (128 note_off, 129 no_event: what the exercise's own
        notebook reads) or magenta (-2 and -1).
    steps_per_quarter
        Of npz: how fine its grid is.
    """
    console = Console(quiet, as_json)
    source = api.load_corpus(corpus, build=False)
    remarks: list[str] = []
    made = api.export_corpus(source, out, to, convention, steps_per_quarter, replace, remarks.append)
    files = [str(path) for path in made]
    melodies = source.counts()["all"]["melodies"]
    what = counted(len(files), "file")
    to = to or ("npz" if out.lower().endswith(".npz") else "midi")
    value = {"out": out, "format": to, "files": files, "melodies": melodies, "remarks": remarks}
    console.result(value, "\n".join([f"{out}: {counted(melodies, 'melody')} in {what}", *remarks]))
