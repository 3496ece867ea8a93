"""A corpus in a few hundred kilobytes: columns, differences, deflate.

`notes.npz` holds, for the notes of all melodies end to end: pitch as the difference from the note before (int8),
duration and the rest before the note as indices into tables of ticks, and the number of notes of each melody.
`pieces.jsonl.gz` holds everything else. Velocities are the default one.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import NOTE_DTYPE, CorpusPiece, NoteArray, end_to_end
from ritornello.corpus.store import Corpus
from ritornello.music.values import DEFAULT_VELOCITY

NOTES, PIECES = "notes.npz", "pieces.jsonl.gz"


def pack(corpus: Corpus) -> dict[str, bytes]:
    """Pack a corpus into two files, by name; the same corpus gives the same bytes.

    Raises CorpusError for a corpus with dynamics, several parts or token arrays, which this form does not hold.
    """
    notes = corpus.notes
    if corpus.steps is not None or (notes["velocity"] != DEFAULT_VELOCITY).any() or notes["part"].any():
        raise CorpusError("only a corpus without dynamics, parts and token arrays can be packed; save it as a folder")
    lengths = np.array([part.notes for _, part in corpus.slices()], np.int64)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **_columns(notes, lengths))
    lines = "".join(json.dumps(_line(p), ensure_ascii=False, separators=(",", ":")) + "\n" for p in corpus.pieces)
    return {NOTES: buffer.getvalue(), PIECES: gzip.compress(lines.encode(), 9, mtime=0)}


def unpack_notes(content: bytes) -> tuple[NoteArray, NDArray[np.int64]]:
    """Unpack (notes,) of NOTE_DTYPE, and the number of notes of each melody.

    Raises ValueError where it is damaged.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        column = {name: file[name] for name in file.files}
    lengths = column["lengths"].astype(np.int64)
    durations = column["duration_ticks"][column["duration"]].astype(np.int64)
    ends = np.cumsum(durations + column["rest_ticks"][column["rest"]])
    stops = np.cumsum(lengths)
    begins = np.concatenate([[0], ends])[stops - lengths]
    notes = np.zeros(len(ends), NOTE_DTYPE)
    notes["start"] = ends - durations - np.repeat(begins, lengths)
    notes["duration"] = durations
    notes["pitch"] = np.cumsum(column["pitch"], dtype=np.int64)
    notes["velocity"] = DEFAULT_VELOCITY
    return notes, lengths


def unpack_pieces(content: bytes, lengths: NDArray[np.int64]) -> tuple[CorpusPiece, ...]:
    """Read the pieces, their slices end to end. lengths: (melodies,) notes of each melody."""
    pieces, counts = [], iter(lengths.tolist())
    for line in gzip.decompress(content).decode().rstrip("\n").split("\n"):
        fields = json.loads(line)
        for part in fields["melodies"]:
            part["notes"] = [0, next(counts)]
        pieces.append(CorpusPiece.from_dict(fields))
    return end_to_end(pieces)


def load_packed(folder: Path) -> Corpus:
    """Load the corpus that `pack` put into a folder. Raises OSError where files are missing."""
    notes, lengths = unpack_notes((folder / NOTES).read_bytes())
    return Corpus(notes, unpack_pieces((folder / PIECES).read_bytes(), lengths))


def _columns(notes: NoteArray, lengths: NDArray[np.int64]) -> dict[str, Any]:
    starts, durations = notes["start"], notes["duration"]
    previous_end = np.concatenate([[0], (starts + durations)[:-1]])
    previous_end[np.cumsum(lengths)[:-1]] = 0
    duration_ticks, duration = np.unique(durations, return_inverse=True)
    rest_ticks, rest = np.unique(starts - previous_end, return_inverse=True)
    return {
        "pitch": np.diff(notes["pitch"].astype(np.int64), prepend=0).astype(np.int8),
        "duration": _small(duration),
        "rest": _small(rest),
        "duration_ticks": duration_ticks.astype("<i8"),
        "rest_ticks": rest_ticks.astype("<i8"),
        "lengths": lengths.astype("<i4"),
    }


def _small(indices: NDArray[np.int64]) -> NDArray[Any]:
    """Store indices in the smallest unsigned type that holds them."""
    return indices.astype("u1" if indices.max(initial=0) < 256 else "<u2")


def _line(piece: CorpusPiece) -> Mapping[str, Any]:
    """List a piece as in `pieces.jsonl`, without what columns and its own timeline contain."""
    line = piece.to_dict()
    for name in ("key", "metre", "tempo"):
        del line[name]
    for part in line["melodies"]:
        del part["notes"]
    return line
