"""A corpus in a few hundred kilobytes: columns, differences, deflate.

`notes.npz` holds, for the notes of all melodies end to end: pitch as the difference from the note before (int8),
duration and the rest before the note as indices into tables of ticks, and the number of notes of each melody. Where
several parts are kept, the notes lie part by part, with the time from onset to onset instead of the rest, and the
number of notes of each part. `pieces.jsonl.gz` holds everything else. Velocities are the default one. Where there are
chord symbols `chords.npz` holds them: root above the tonic, quality, bass above the root, ticks since the one before.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import NOTE_DTYPE, CorpusPiece, MelodySlice, NoteArray, end_to_end
from ritornello.corpus.store import Corpus
from ritornello.music.chords import NO_CHORD, QUALITIES, Chord
from ritornello.music.values import DEFAULT_VELOCITY

NOTES, PIECES, CHORDS = "notes.npz", "pieces.jsonl.gz", "chords.npz"


def pack(corpus: Corpus) -> dict[str, bytes]:
    """Pack a corpus into two files, by name, or three; the same corpus gives the same bytes.

    Of chords root, quality and bass are kept.
    Raises CorpusError for a corpus with dynamics or token arrays, which this form does not hold.
    """
    notes = corpus.notes
    if corpus.steps is not None or (notes["velocity"] != DEFAULT_VELOCITY).any():
        raise CorpusError("only a corpus without dynamics and token arrays can be packed; save it as a folder")
    lengths = np.array([part.notes for _, part in corpus.slices()], np.int64)
    buffer = io.BytesIO()
    if corpus.keep == "melody":
        np.savez_compressed(buffer, **_columns(notes, lengths))
    else:
        parts = np.array([len(piece.parts) for piece, _ in corpus.slices()], np.int64)
        np.savez_compressed(buffer, **_part_columns(notes, lengths, parts), keep=np.array(corpus.keep))
    lines = "".join(json.dumps(_line(p), ensure_ascii=False, separators=(",", ":")) + "\n" for p in corpus.pieces)
    packed = {NOTES: buffer.getvalue(), PIECES: gzip.compress(lines.encode(), 9, mtime=0)}
    return packed | ({CHORDS: _packed_chords(corpus)} if corpus.has_chords else {})


def unpack_notes(content: bytes) -> tuple[NoteArray, NDArray[np.int64]]:
    """Unpack (notes,) of NOTE_DTYPE, and the number of notes of each melody.

    Raises ValueError where it is damaged.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        column = {name: file[name] for name in file.files}
    lengths = column["lengths"].astype(np.int64)
    if "part_lengths" in column:
        return _notes_of_parts(column), lengths
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
    content = (folder / NOTES).read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        keep = str(file["keep"]) if "keep" in file.files else "melody"
    notes, lengths = unpack_notes(content)
    pieces = unpack_pieces((folder / PIECES).read_bytes(), lengths)
    if (folder / CHORDS).exists():
        pieces = _with_chords(pieces, (folder / CHORDS).read_bytes())
    return Corpus(notes, pieces, keep=keep)


def _packed_chords(corpus: Corpus) -> bytes:
    """Lay out the chords of all melodies end to end, roots above the tonic."""
    kinds, rows, counts = list(QUALITIES), [], []
    for _, part in corpus.slices():
        counts.append(len(part.chords))
        before = 0
        for tick, c in part.chords:
            rows.append(
                (tick - before, (c.root - _tonic(part, tick)) % 12, kinds.index(c.quality), (c.bass - c.root) % 12)
            )
            before = tick
    gaps, roots, qualities, basses = np.array(rows, np.int64).T
    gap_ticks, gap = np.unique(gaps, return_inverse=True)
    buffer = io.BytesIO()
    columns: dict[str, Any] = {
        "counts": np.array(counts, "<i4"),
        "gap_ticks": gap_ticks.astype("<i8"),
        "gap": _small(gap),
    }
    columns |= {"root": _small(roots), "quality": _small(qualities), "bass": _small(basses)}
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()


def _with_chords(pieces: tuple[CorpusPiece, ...], content: bytes) -> tuple[CorpusPiece, ...]:
    """Add the chords of `_packed_chords` to the melodies of pieces."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        column = {name: file[name] for name in file.files}
    parts, counts = [part for piece in pieces for part in piece.melodies], column["counts"]
    ends = counts.cumsum()
    sums = np.append(0, column["gap_ticks"][column["gap"]].cumsum())
    ticks = sums[1:] - np.repeat(sums[ends - counts], counts)
    tonics = np.repeat([_tonic(part, 0) for part in parts], counts)
    for part, start, end in zip(parts, (ends - counts).tolist(), ends.tolist(), strict=True):
        if len(part.timeline.keys) > 1:
            tonics[start:end] = [_tonic(part, tick) for tick in ticks[start:end].tolist()]
    roots = (column["root"] + tonics) % 12
    chords = _all_chords()[roots, column["quality"], (roots + column["bass"]) % 12]
    rows = iter(zip(ticks.tolist(), chords.tolist(), strict=True))
    lists = iter([tuple(islice(rows, count)) for count in counts.tolist()])
    return tuple(
        replace(piece, melodies=tuple(replace(part, chords=next(lists)) for part in piece.melodies))
        for piece in pieces
    )


def _all_chords() -> np.ndarray:
    """List the chords that are packed, (12 roots, qualities, 12 basses) of objects."""
    table = np.empty((12, len(QUALITIES), 12), object)
    for root, (number, quality), bass in product(range(12), enumerate(QUALITIES), range(12)):
        table[root, number, bass] = NO_CHORD if quality == "none" else Chord(root, quality, bass)
    return table


def _tonic(part: MelodySlice, tick: int) -> int:
    key = part.timeline.key_at(tick)
    return key.tonic if key else 0


def _part_columns(notes: NoteArray, lengths: NDArray[np.int64], parts: NDArray[np.int64]) -> dict[str, Any]:
    """Lay out notes part by part. lengths, parts: (pieces,) notes and parts of each piece."""
    firsts = np.cumsum(parts) - parts
    part = np.repeat(firsts, lengths) + notes["part"]  # numbered through all pieces
    notes = notes[np.argsort(part, kind="stable")]
    counts = np.bincount(part, minlength=int(parts.sum()))
    onsets = np.diff(notes["start"], prepend=0)
    heads = (np.cumsum(counts) - counts)[counts > 0]
    onsets[heads] = notes["start"][heads]
    return {
        **_small_columns(notes, lengths, "onset", onsets),
        "parts": parts.astype("<i4"),
        "part_lengths": counts.astype("<i4"),
    }


def _notes_of_parts(column: Mapping[str, NDArray[Any]]) -> NoteArray:
    """Rebuild the notes of `_part_columns` in the order of a corpus."""
    counts, parts = (column[name].astype(np.int64) for name in ("part_lengths", "parts"))
    part = np.repeat(np.arange(len(counts)), counts)
    piece = np.repeat(np.arange(len(parts)), parts)[part]
    ends = np.cumsum(column["onset_ticks"][column["onset"]].astype(np.int64))
    before = np.concatenate([[0], ends])[np.cumsum(counts) - counts]  # what the parts before it last
    notes = np.zeros(len(part), NOTE_DTYPE)
    notes["start"] = ends - before[part]
    notes["duration"] = column["duration_ticks"][column["duration"]]
    notes["pitch"] = np.cumsum(column["pitch"], dtype=np.int64)
    notes["velocity"] = DEFAULT_VELOCITY
    notes["part"] = part - (np.cumsum(parts) - parts)[piece]
    keys = [notes[name] for name in ("duration", "pitch", "part", "start")]
    return notes[np.lexsort([*keys, piece])]


def _columns(notes: NoteArray, lengths: NDArray[np.int64]) -> dict[str, Any]:
    starts, durations = notes["start"], notes["duration"]
    previous_end = np.concatenate([[0], (starts + durations)[:-1]])
    previous_end[np.cumsum(lengths)[:-1]] = 0
    return _small_columns(notes, lengths, "rest", starts - previous_end)


def _small_columns(
    notes: NoteArray, lengths: NDArray[np.int64], name: str, gaps: NDArray[np.int64]
) -> dict[str, Any]:
    """Lay out steps of pitch, durations, and gaps between notes.

    Durations and gaps are indices of the ticks that there are. name: of the gaps, (notes,).
    """
    duration_ticks, duration = np.unique(notes["duration"], return_inverse=True)
    gap_ticks, gap = np.unique(gaps, return_inverse=True)
    return {
        "pitch": np.diff(notes["pitch"].astype(np.int64), prepend=0).astype(np.int8),
        "duration": _small(duration),
        name: _small(gap),
        "duration_ticks": duration_ticks.astype("<i8"),
        f"{name}_ticks": gap_ticks.astype("<i8"),
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
