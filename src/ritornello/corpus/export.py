"""A corpus for other programs: Parquet tables, a folder of MIDI files, the exercise's token arrays.

The same corpus gives the same bytes. `corpus build` reads all of them back. Parquet needs pyarrow.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ritornello import atomic
from ritornello.corpus.pieces import KEPT_MUSIC, CorpusPiece, MelodySlice
from ritornello.corpus.store import Corpus
from ritornello.encoding.arrays.comment import KEPT_STEPS, Stated, with_comment
from ritornello.encoding.arrays.exercise import from_grid
from ritornello.encoding.grid import Grid
from ritornello.encoding.rounding import rounded
from ritornello.music.keys import key_name
from ritornello.music.midi.reader import write_midi, write_midi_piece
from ritornello.music.values import Melody, Metre, Piece, Timeline
from ritornello.wording import option

FORMATS = ("parquet", "midi", "npz")


def export_midi(corpus: Corpus, folder: str | Path, replace: bool = False) -> list[Path]:
    """Write one MIDI file for each melody or piece, named after its source.

    Returns the files in order.

    A tune of a book, a segment and a name that is taken already get a number. Raises, with nothing written,
    FileExistsError for a file that holds something else (unless it may `replace`), OSError where the folder cannot be
    written, ValueError where MIDI cannot express a melody.
    """
    music = corpus.music()
    names = file_names((piece.source for piece, _ in corpus.slices()), ".mid")
    paths = [Path(folder) / name for name in names]
    atomic.write_files(zip(paths, map(_midi, music), strict=True), replace=replace)
    return paths


def _midi(music: Melody | Piece) -> bytes:
    try:
        return write_midi_piece(music) if isinstance(music, Piece) else write_midi(music)
    except ValueError as error:
        raise ValueError(f"{music.source}: {error}") from None


def export_npz(
    corpus: Corpus,
    path: str | Path,
    convention: str = "zeldic",
    steps_per_quarter: int = 4,
    replace: bool = False,
) -> Counter[str]:
    """Write the exercise's .npz: an object array of token arrays for each split, `train` first.

    Returns what the grid could not keep: of so many `notes` how many are `moved`, `resized` and `lost`.
    convention: exercise, zeldic (as the exercise's own data and notebook have it) or magenta. Token arrays that the
    corpus keeps step for step are written as they were; all else is laid on the grid, ties upward. The archive's
    comment has the metres and the steps a quarter, for `corpus build`.
    numpy reads it with `numpy.load(path, allow_pickle=True)["train"]`, `read_step_arrays` without running any pickle.
    Raises ValueError for a convention that is none or another suffix than .npz, FileExistsError for a file that holds
    something else (unless it may `replace`), OSError where the file cannot be written.
    """
    if Path(path).suffix.lower() not in ("", ".npz"):
        raise ValueError(f"{path}: the exercise's arrays are an .npz file; name it .npz")
    if corpus.keep != "melody":
        kept = KEPT_MUSIC[corpus.keep]
        raise ValueError(f"token arrays hold melodies, and this corpus keeps {kept}: export it as midi or parquet")
    arrays: dict[str, Any] = {}
    losses: Counter[str] = Counter(moved=0, resized=0, lost=0, notes=len(corpus.notes))
    for split in corpus.splits:
        tokens = [from_grid(t, convention) for t in _tokens(corpus, split, steps_per_quarter, losses)]
        arrays[split] = np.empty(len(tokens), object)
        arrays[split][:] = tokens
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    metres = (_in_steps(m.timeline, steps_per_quarter) for split in corpus.splits for m in corpus.melodies(split))
    content = with_comment(buffer.getvalue(), Stated(steps_per_quarter, tuple(metres)))
    atomic.write_bytes(path, content, replace=replace)
    return losses


def _in_steps(timeline: Timeline, steps_per_quarter: int) -> tuple[Metre, ...]:
    """List metres, at the steps nearest to them; of two on one step the later holds."""
    ticks = np.array([metre.tick for metre in timeline.metres])
    places = rounded(ticks, steps_per_quarter, timeline.ticks_per_quarter).tolist()
    return tuple({at: m._replace(tick=at) for at, m in zip(places, timeline.metres, strict=True)}.values())


def losses_in_words(losses: Counter[str], steps_per_quarter: int) -> str:
    """Report what a grid could not keep in a line, "" where it keeps every note."""
    counts = ", ".join(f"{losses[name]:,} {name}" for name in ("moved", "resized", "lost") if losses[name])
    what = f"a grid of {steps_per_quarter} steps a quarter does not keep all of {losses['notes']:,} notes"
    return f"{what}: {counts}; {option('steps_per_quarter')} makes it finer" if counts else ""


def export_parquet(corpus: Corpus, folder: str | Path, replace: bool = False) -> list[Path]:
    """Write `train.parquet` and so on, one for each split, a row for each melody or piece.

    Returns the files.
    Columns: source, title, composer, licence, family, metre ("3/4"), key ("G major", null where unknown), qpm,
    ticks_per_quarter, length (ticks), the lists start, duration (ticks), pitch and velocity, and timeline, the JSON
    of every change of metre, key, tempo and chord symbol. Where several parts are kept also the list part (of each
    note, counted from 1) and parts, the JSON of the name and program of each.
    polars:      polars.read_parquet("OUT/*.parquet")
    HF datasets: datasets.load_dataset("OUT")
    Raises ImportError where pyarrow is missing, FileExistsError for a file that holds something else (unless it may
    `replace`), OSError where the folder cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ImportError("Parquet needs pyarrow: pip install pyarrow") from None
    files = {}
    for split in corpus.splits:
        rows, buffer = [_row(corpus, piece, part) for piece, part in corpus.slices(split)], io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(_columns(pa, corpus.keep))), buffer, compression="zstd")
        files[Path(folder) / f"{split}.parquet"] = buffer.getvalue()
    atomic.write_files(files.items(), replace=replace)
    return list(files)


def file_names(sources: Iterable[str], suffix: str) -> Iterator[str]:
    """Name a file for each source, in order, none twice (A and a count as one).

    The last part of the source without its ending; what no file name may hold becomes "_".
    """
    taken: set[str] = set()
    for source in sources:
        path, mark, number = source.rpartition("#")
        whole, tune = (path, f"-{number}") if mark and number.isdigit() else (source, "")
        stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]', "_", Path(whole).stem).strip(". ") or "tune"
        name, count = f"{stem[:180]}{tune}", 1
        while name.casefold() in taken:
            count += 1
            name = f"{stem[:180]}{tune} ({count})"
        taken.add(name.casefold())
        yield name + suffix


def _tokens(corpus: Corpus, split: str, steps_per_quarter: int, losses: Counter[str]) -> Iterator[np.ndarray]:
    """Encode each melody of a split in the plain grid; token arrays stay as they are."""
    grid = Grid(steps_per_quarter, plain=True)
    for melody, (_, part) in zip(corpus.melodies(split), corpus.slices(split), strict=True):
        if part.steps is not None and corpus.steps is not None and steps_per_quarter == KEPT_STEPS:
            yield corpus.steps[slice(*part.steps)]
        else:
            encoded = grid.encode(melody)
            losses.update(encoded.losses)
            yield encoded.tokens


def _row(corpus: Corpus, piece: CorpusPiece, part: MelodySlice) -> dict[str, Any]:
    """Make one row of a melody."""
    notes, timeline = corpus.notes[part.first : part.stop], part.timeline
    text = ("source", "title", "composer", "licence", "family")
    metres = [metre.to_list() for metre in timeline.metres]
    changes: dict[str, Any] = {"metres": metres, "keys": timeline.keys, "tempos": timeline.tempos}
    changes |= {"chords": part.chords_to_list()} if part.chords else {}
    return {
        **{name: atomic.to_utf8(getattr(piece, name)).decode() for name in text},
        "metre": timeline.metre.name,
        "key": key_name(timeline.key) if timeline.key else None,
        "qpm": timeline.qpm,
        "ticks_per_quarter": timeline.ticks_per_quarter,
        "length": timeline.length,
        **{name: notes[name] for name in ("start", "duration", "pitch", "velocity")},
        "timeline": json.dumps(changes),
        **({} if corpus.keep == "melody" else {"part": notes["part"] + 1, "parts": json.dumps(piece.parts)}),
    }


def _columns(pa, keep: str) -> list[tuple[str, Any]]:
    """List the columns with their types."""
    text = ("source", "title", "composer", "licence", "family", "metre", "key")
    ticks, small = pa.list_(pa.int64()), pa.list_(pa.uint8())
    return [
        *((name, pa.string()) for name in text),
        ("qpm", pa.float64()),
        ("ticks_per_quarter", pa.int32()),
        ("length", pa.int64()),
        ("start", ticks),
        ("duration", ticks),
        ("pitch", small),
        ("velocity", small),
        ("timeline", pa.string()),
        *([] if keep == "melody" else [("part", small), ("parts", pa.string())]),
    ]
