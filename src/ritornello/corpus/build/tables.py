"""Read music from Parquet tables: what `corpus export --format parquet` writes, and tables like it."""

from __future__ import annotations

import io
import json
from itertools import groupby, pairwise
from typing import Any

from ritornello.corpus.pieces import CorpusPiece, MelodySlice
from ritornello.music.values import Melody, Note, Part, Piece

NEEDED = ("ticks_per_quarter", "start", "duration", "pitch")
TEXTS = ("source", "title", "composer", "licence")
PLAIN = {"metres": [(0, 4, 4)], "keys": [], "tempos": [(0, 120.0)]}
WITHOUT = "Parquet needs pyarrow: pip install pyarrow"


def read_table(content: bytes, name: str) -> list[tuple[CorpusPiece, list[Melody] | list[Piece]]]:
    """Read the pieces of a Parquet file with their music, a row for each.

    It is a Melody, or a Piece in a table with a column `part`. Rows of one source that follow each other are segments
    of one piece. Columns other than NEEDED may be missing: velocity is then 64, the metre 4/4.
    Raises ValueError for another kind of table and for notes that are no such music, ImportError without pyarrow.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise ImportError(WITHOUT) from None
    try:
        columns = pq.read_schema(io.BytesIO(content)).names
        if missing := [column for column in NEEDED if column not in columns]:
            raise ValueError(f"a table without {', '.join(missing)}: not one of melodies")
        rows = pq.read_table(io.BytesIO(content), use_threads=False).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise ValueError(" ".join(str(error).split())) from None
    pieces = []
    for source, segments in groupby(enumerate(rows, 1), lambda item: item[1].get("source") or f"{name}#{item[0]}"):
        numbered = list(segments)
        first = numbered[0][1]
        texts: dict[str, Any] = {text: first.get(text) or "" for text in TEXTS} | {"source": source}
        music: Any = [_music(row, number, texts) for number, row in numbered]
        pieces.append((CorpusPiece(melodies=(), **texts), music))
    return pieces


def _music(row: dict[str, Any], number: int, texts: dict[str, Any]) -> Melody | Piece:
    """Make the melody or the piece of a row. Raises ValueError naming the row."""
    try:
        velocities = row.get("velocity") or [64] * len(row["start"])
        columns = (row["start"], row["duration"], row["pitch"], velocities)
        notes = [Note(*values) for values in zip(*columns, strict=True)]
        whole = {"ticks_per_quarter": row["ticks_per_quarter"], "length": row.get("length") or notes[-1].end}
        stated: dict[str, Any] = json.loads(row["timeline"]) if row.get("timeline") else PLAIN
        place = MelodySlice.from_dict({"notes": (0, len(notes)), **whole, **stated})
        place = place.with_chords(stated.get("chords", ()))
        if not all(n.start >= 0 and n.duration > 0 and 0 <= n.pitch <= 127 and 1 <= n.velocity <= 127 for n in notes):
            raise ValueError("a note lies out of range")
        if row.get("part") is not None:
            return Piece(_parts(row, notes), place.timeline, texts["title"], texts["composer"], chords=place.chords)
        if any(after.start < before.end for before, after in pairwise(notes)):
            raise ValueError("its notes overlap")
        return Melody(tuple(notes), place.timeline, texts["title"], texts["source"], place.chords)
    except (TypeError, LookupError, ValueError) as error:
        raise ValueError(f"row {number}: {' '.join(str(error).split())}") from None


def _parts(row: dict[str, Any], notes: list[Note]) -> tuple[Part, ...]:
    """Divide notes among the parts that the column `part` numbers from 1."""
    numbers = row["part"]
    named = json.loads(row["parts"]) if row.get("parts") else [["", 0]] * max(numbers)
    if not all(1 <= number <= len(named) for number in numbers):
        raise ValueError(f"a note is of none of its {len(named)} parts")
    pairs = list(zip(numbers, notes, strict=True))
    return tuple(
        Part(tuple(note for of, note in pairs if of == number), str(name), int(program))
        for number, (name, program) in enumerate(named, 1)
    )
