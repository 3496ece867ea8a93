"""Read melodies from Parquet tables: what `corpus export --format parquet` writes, and tables like it."""

from __future__ import annotations

import io
import json
from itertools import groupby, pairwise
from typing import Any

from ritornello.corpus.pieces import CorpusPiece, MelodySlice
from ritornello.music.values import Melody, Note

NEEDED = ("ticks_per_quarter", "start", "duration", "pitch")
TEXTS = ("source", "title", "composer", "licence")
PLAIN = {"metres": [(0, 4, 4)], "keys": [], "tempos": [(0, 120.0)]}
WITHOUT = "Parquet needs pyarrow: pip install pyarrow"


def read_table(content: bytes, name: str) -> list[tuple[CorpusPiece, list[Melody]]]:
    """Read the pieces of a Parquet file with their melodies, a row for each.

    Rows of one source that follow each other are segments of one piece. Columns other than NEEDED may be missing:
    velocity is then 64, the metre 4/4.
    Raises ValueError for another kind of table and for notes that are no melody, ImportError without pyarrow.
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
        melodies = [_melody(row, number, texts["title"], source) for number, row in numbered]
        pieces.append((CorpusPiece(melodies=(), **texts), melodies))
    return pieces


def _melody(row: dict[str, Any], number: int, title: str, source: str) -> Melody:
    """Make the melody of a row. Raises ValueError naming the row."""
    try:
        velocities = row.get("velocity") or [64] * len(row["start"])
        columns = (row["start"], row["duration"], row["pitch"], velocities)
        notes = tuple(Note(*values) for values in zip(*columns, strict=True))
        whole = {"ticks_per_quarter": row["ticks_per_quarter"], "length": row.get("length") or notes[-1].end}
        stated: dict[str, Any] = json.loads(row["timeline"]) if row.get("timeline") else PLAIN
        place = MelodySlice.from_dict({"notes": (0, len(notes)), **whole, **stated})
        place = place.with_chords(stated.get("chords", ()))
        if not all(n.duration > 0 and 0 <= n.pitch <= 127 and 1 <= n.velocity <= 127 for n in notes):
            raise ValueError("a note lies out of range")
        if (notes and notes[0].start < 0) or any(after.start < before.end for before, after in pairwise(notes)):
            raise ValueError("its notes overlap")
        return Melody(notes, place.timeline, title, source, place.chords)
    except (TypeError, LookupError, ValueError) as error:
        raise ValueError(f"row {number}: {' '.join(str(error).split())}") from None
