"""ritornello rewrite: new bars between what stands before and after."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Out, Quiet, Replace
from ritornello.plural import counted


def rewrite(
    tune: str,
    /,
    *,
    bars: str,
    out: Out,
    number: Annotated[int, Parameter(name=["--number", "-n"])] = 1,
    keep: Literal["rhythm", "pitches", "contour"] | None = None,
    model: str | None = None,
    seed: int | None = None,
    temperature: float = 1.0,
    chords: str | None = None,
    comp: Literal["none", "block", "broken"] | None = None,
    formats: Annotated[list[str] | None, Parameter(name=["--format", "-f"], negative=())] = None,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rewrite bars of a tune; what stands before and after them is kept.

    The version that fits best comes first; versions differ in half of their new notes at least.

    Example: ritornello rewrite tune.mid --bars 5-8 -n 3 -o versions

    Parameters
    ----------
    tune
        A music file, or notes as `generate --primer` takes them.
    bars
        First and last bar to rewrite, such as 5-8, or one bar, such as 4; a pick-up is not counted.
    out
        The folder to write to.
    number
        How many versions, 1 to 64.
    keep
        Keep the rhythm or the pitches of these bars, or their contour: rise and fall, within two semitones.
    model
        A model file, a run folder, or a shipped model; without one, the default.
    seed
        Random seed; without one, a new one is drawn and shown.
    temperature
        0 to 10; 1 is as learned, lower is safer, higher wilder.
    chords
        Other chords for these bars: "C | Am F" with a bar between strokes, a music file that has some, or auto.
        Without it those of the tune stay; a model that knows chords follows them.
    comp
        How the chords of the tune are heard, in MIDI and sound: none, block (without one) or broken.
    formats
        Kinds of files to write: mid (without one), musicxml, abc, wav, html, mp3, svg ...; -f may be given several
        times.
    """
    from ritornello.render.save import suffixes_of

    console, kinds = Console(quiet, as_json), formats or ["mid"]
    tunes = api.load_model(model).rewrite(
        tune,
        bars_of(bars),
        keep,
        n=number,
        seed=seed,
        temperature=temperature,
        chords=chords,
        comp=comp,
        out=out,
        formats=kinds,
        on_remark=console.warn,
        replace=replace,
    )
    files, lines = [], []
    for version in tunes:
        paths = [str(path) for path in version.paths(out, suffixes_of(kinds))]
        bits = float(version.surprise.sum()) if len(version.surprise) else None
        files.append({"path": paths[0], "paths": paths, "seed": version.seed, "index": version.index, "bits": bits})
        words = f"{', '.join(paths)}: {counted(len(version.melody.notes), 'note')}"
        lines.append("\n".join(paths) if quiet else words + (f", {bits:.0f} bits" if bits is not None else ""))
    if not as_json:
        console.melodies([version.melody for version in tunes])
    console.result(files, "\n".join(lines))


def bars_of(text: str) -> tuple[int, int]:
    """Parse first and last bar: "5-8", or "4" for one. Raises ValueError for anything else."""
    words = re.fullmatch(r"\s*(\d+)\s*(?:(?:-|to|\.\.)\s*(\d+))?\s*", text)
    if not words:
        raise ValueError(f"not bars: {text!r}; write the first and the last one, as in 5-8")
    return int(words[1]), int(words[2] or words[1])
