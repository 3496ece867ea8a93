"""ritornello generate: compose melodies and write them as MIDI."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ritornello import api
from ritornello.api.tunes import LOG
from ritornello.cli.console import AsJson, Console, Out, Quiet, Replace, late_bar
from ritornello.generate.options import GenerateOptions
from ritornello.music.values import Melody, all_notes
from ritornello.plural import counted


def generate(
    model: str | None = None,
    /,
    *,
    out: Out,
    number: Annotated[int, Parameter(name=["--number", "-n"])] = 1,
    seed: int | None = None,
    primer: str | None = None,
    primer_bars: int | None = None,
    without_primer: Annotated[bool, Parameter(negative=())] = False,
    formats: Annotated[list[str] | None, Parameter(name=["--format", "-f"], negative=())] = None,
    program: int | None = None,
    comp: Literal["none", "block", "broken"] | None = None,
    pitch_range: Annotated[str | None, Parameter(name="--range")] = None,
    best_of: int | None = None,
    like: str | None = None,
    keep: Annotated[list[str] | None, Parameter(negative=())] = None,
    page: Annotated[bool, Parameter(negative=())] = False,
    options: Annotated[GenerateOptions, Parameter(name="*")] = GenerateOptions(),
    corpus: str | None = None,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compose melodies: a file for each, the same bytes for the same model, seed and options.

    A terminal shows the first ones, as ABC and as small piano rolls.

    Each file names the model, the seed and the options that it was composed with.

    Each melody is listed with the longest run of notes that it shares with a training tune, where what the model
    learned is at hand: it comes with the program, lies where a run of your own was trained from it, or is named.

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
        Random seed; without one, a new one is drawn and shown.
    primer
        What to go on from: note names ("C4 E4:1/2 G4", or "C E G", each near the one before), MIDI numbers
        ("60 64:1/2 67") or a music file. What is changed of it is listed; tunes keep its tempo, instrument and
        loudness. Its bars count among --bars. "r:2" is a rest of two quarters; notes by name begin on a barline, so
        write the rest before a pick-up too ("r:3 G4"), while a file keeps its own pick-up, which is not counted.
    primer_bars
        Take so many of the first bars of the primer.
    without_primer
        Leave the primer out of the files.
    formats
        Kinds of files to write: mid (without one), musicxml, abc, wav, html, mp3, svg ...; -f may be given several
        times.
    program
        General MIDI program that plays the tunes, 0 (piano) to 127, such as 40 (violin), in sound too.
    comp
        How the chords of --chords are heard, in MIDI and sound: none, block (without one) or broken.
    pitch_range
        Lowest and highest note, such as C4-C6 or 60-84.
    best_of
        Compose so many drafts of each melody, 2 to 64, and take the best ranked: by the model's bits, by form and by
        novelty. The listing says why.
    like
        A music file, or notes as a primer: new melodies on its rhythm or along its contour (see keep).
    keep
        With --like, what is taken from it: rhythm (exactly; without this option too), or contour (rise and fall).
        Or the numbers of the melodies that you keep, such as 2 or 1,3, or none: that is written down in kept.jsonl
        in the output folder, so that you can count what was good enough. Give it twice for both.
    page
        Write drafts.html too: the melodies side by side; a click keeps one, and those kept can be saved together.
    corpus
        What the model learned, to compare the tunes with, where it is not found by itself.
    """
    from ritornello.evaluate.novelty import run_in_words
    from ritornello.render.save import suffixes_of

    console = Console(quiet, as_json)
    if number < 1:
        raise ValueError(f"-n must be 1 or more, not {number}")
    kept_of_like, numbers = parse_keep(keep or [], number, like is not None)
    chosen = api.load_model(model)
    with late_bar("composing", sys.stderr, is_wanted=not quiet) as on_progress:
        tunes = chosen.generate(
            primer=primer,
            primer_bars=primer_bars,
            without_primer=without_primer,
            corpus=corpus,
            on_progress=on_progress,
            seed=seed,
            n=number,
            out=out,
            formats=(kinds := formats or ["mid"]),
            program=program,
            comp=comp,
            pitch_range=pitch_range,
            on_remark=console.warn,
            replace=replace,
            best_of=best_of,
            like=like,
            keep=kept_of_like,
            options=options,
        )
    runs: Sequence[dict[str, Any] | None] | None = None
    has_melodies = all(isinstance(tune.music, Melody) for tune in tunes)
    if has_melodies and ".html" not in suffixes_of(kinds) and (as_json or not quiet):  # pages have them already
        runs = chosen.shared_runs([tune.melody for tune in tunes], corpus, console.warn)
    files, lines = [], []
    for tune, run in zip(tunes, runs or [tune.shared_run for tune in tunes], strict=True):
        paths = [str(path) for path in tune.paths(out, suffixes_of(kinds))]
        path, notes = ", ".join(paths), len(all_notes(tune.music))
        files.append({"path": paths[0], "seed": tune.seed, "index": tune.index, "notes": notes, "draws": tune.draws})
        if len(paths) > 1:
            files[-1]["paths"] = paths
        words = f"{path}: {counted(notes, 'note')}"
        if run:
            files[-1]["shared_run"] = run
            words += f"; longest run shared with a training tune: {run_in_words(run)}"
        if tune.rank is not None:
            files[-1] |= {"rank": tune.rank.to_dict(), "drafts": list(tune.drafts)}
            words += f"; best of {len(tune.drafts)} drafts: {tune.rank.words}"
        lines.append("\n".join(paths) if quiet else words)
    draws = sum(tune.draws for tune in tunes)
    if draws > number and not quiet and not best_of:
        lines.append(f"{draws / number:.2f} draws per tune: in the other mode than asked for they were drawn anew")
    if page:
        lines.append(str(tunes.write_page(replace=replace)))
    if numbers is not None:
        tunes.keep(*numbers)
        count = api.acceptance(out)
        lines.append(f"{Path(out, LOG)}: kept {counted(count['kept'], 'tune')} of {count['tunes']} so far")
    if has_melodies and not as_json:
        console.melodies([tune.melody for tune in tunes])
    console.result(files, "\n".join(lines))


def parse_keep(
    words: Sequence[str], number: int, is_like: bool
) -> tuple[Literal["rhythm", "contour"] | None, tuple[int, ...] | None]:
    """Parse what is kept of the tune that others are like, and which new ones are kept.

    Raises ValueError for another word, for a number that there is not, and for what is of no use.
    """
    of_like: Any = None
    numbers: tuple[int, ...] | None = None
    for word in words:
        if word in ("rhythm", "contour"):
            if not is_like:
                raise ValueError(f"--keep {word} is about a tune that new ones are to be like: name it with --like")
            of_like = word
        elif word == "none" or re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", word):
            numbers = () if word == "none" else tuple(int(part) for part in word.split(","))
            if not all(1 <= n <= number for n in numbers):
                raise ValueError(f"--keep {word}: there are melodies 1 to {number} (-n)")
        else:
            raise ValueError(
                f"--keep must be rhythm or contour (with --like), numbers such as 2 or 1,3, or none, not {word!r}"
            )
    return of_like, numbers
