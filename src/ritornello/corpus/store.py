"""A corpus in memory and on disk: notes in exact ticks, pieces with their splits, and the report of its making.

The folder holds `notes.npy` (structured, no pickles), `pieces.jsonl`, `report.jsonl`, where token arrays were read
`steps.npy`, where there are chord symbols `chords.jsonl`, a line for each melody, and where more than melodies is
kept `corpus.json`, which says what; the page `report.html` lies there too and is never read. Notes, never tokens,
except for those arrays, which are kept step for step.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello import atomic
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import (
    KEPT_MUSIC,
    NOTE_DTYPE,
    CorpusPiece,
    MelodySlice,
    NoteArray,
    digest_bytes,
    end_to_end,
    with_chords,
    with_parts,
)
from ritornello.corpus.report import FileReport, ReportLines, json_line, lines_of
from ritornello.music.keys import key_name
from ritornello.music.lines import with_voices_named
from ritornello.music.values import Melody, Note, Part, Piece
from ritornello.plural import counted
from ritornello.render.shown import Gallery, ShownMelody, ShownPiece
from ritornello.wording import as_argument, by_face, option

COUNTED = {"pieces": "piece", "melodies": "melody", "notes": "note"}
SPLITS = ("train", "validation", "test")
NAMES = ("notes.npy", "pieces.jsonl", "report.jsonl", "steps.npy", "corpus.json", "chords.jsonl")
REQUIRED = NAMES[:2]
MAKER = "corpus build"
"""What makes the files of a corpus: it may replace a corpus that nobody changed."""
REPORT = "report.jsonl"
"""Where nothing could be kept it lies there alone, and the next build takes its place."""
FEW_SHOWN = 4  # melodies of a corpus that a notebook shows
PIECE = 1 << 16  # numbers or notes of an array that are written together
PAGE = "report.html"
"""The page of a corpus, written after it by those who show it, and never read. Saving removes an older one."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Music with where it came from. Treat the arrays as read-only; make a new corpus to change one.

    notes: (notes,) of NOTE_DTYPE, where several parts are kept by start, part and pitch. pieces: in file order.
    report: one line per input file.
    steps: (steps,) uint8 tokens of melodies read from token arrays (0-127 note_on, 128 no_event, 129
        note_off), None where there are none.
    keep: "melody", "voices" or "all": a single line, the voices of a choral score, or every note of every part.
    """

    notes: NoteArray
    pieces: tuple[CorpusPiece, ...]
    report: Sequence[FileReport] = ()
    steps: NDArray[np.uint8] | None = None
    keep: str = "melody"

    @classmethod
    def load(cls, path: str | Path) -> Corpus:
        """Read a corpus folder. Raises CorpusError where it is missing, not a corpus, or damaged."""
        path = Path(path)
        files = read_files(path)
        try:
            notes = with_parts(np.load(io.BytesIO(files["notes.npy"]), allow_pickle=False))
            lines = _json_lines(files["pieces.jsonl"])
            pieces = tuple(CorpusPiece.from_dict(line) for line in lines)
            report = ReportLines(FileReport.from_dict(line) for line in _json_lines(files.get("report.jsonl", b"")))
            steps = np.load(io.BytesIO(files["steps.npy"]), allow_pickle=False) if "steps.npy" in files else None
            keep = json.loads(files["corpus.json"])["keep"] if "corpus.json" in files else "melody"
            if "chords.jsonl" in files:
                pieces = _with_chords(pieces, files["chords.jsonl"])
            corpus = cls(notes, pieces, report, steps, keep)
            check_corpus(corpus)
            for piece, line in zip(corpus.pieces, lines, strict=True):
                if _digest(corpus, piece) != line["digest"]:  # a flipped bit would load otherwise
                    raise ValueError(f"the notes of {piece.source} have changed since they were saved")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, EOFError, MemoryError) as error:
            message = f"{path}: the corpus is damaged ({error}); build it again with `{_building()}`"
            raise CorpusError(" ".join(message.split())) from None
        return corpus

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the corpus folder, whole or not at all.

        An empty or absent folder is filled, a corpus that nobody changed is replaced; other files beside it are left
        alone. replace: files of a corpus that were made or changed otherwise may be replaced too.
        Raises CorpusError for a folder that holds something else, FileExistsError for a file that must be kept,
        OSError where it cannot be written.
        """
        folder = Path(path)
        check_place(folder, replace)
        files: dict[str, atomic.Content] = {"notes.npy": _npy(self.notes)}
        if self.steps is not None:
            files["steps.npy"] = _npy(self.steps)
        if self.keep != "melody":
            files["corpus.json"] = [json_line({"keep": self.keep})]
        if self.has_chords:
            files["chords.jsonl"] = _chord_lines(self.pieces)
        files["report.jsonl"] = lines_of(self.report, FileReport.to_dict)
        files["pieces.jsonl"] = (json_line({**p.to_dict(), "digest": _digest(self, p)}) for p in self.pieces)
        atomic.write_files(((folder / name, content) for name, content in files.items()), MAKER, replace)
        for name in {*NAMES, PAGE} - set(files):
            atomic.remove(folder / name)

    def melodies(self, split: str | None = None) -> Gallery[ShownMelody]:
        """List the melodies of a split (all where None), in file order, with their piece's source.

        They show themselves in a notebook, one or many, sound there, and have `save`.
        Raises CorpusError for a name that is not a split, and where the corpus keeps other music than melodies.
        """
        if self.keep != "melody":
            raise CorpusError(
                f"this corpus keeps {KEPT_MUSIC[self.keep]}, not melodies: build it with {option('keep', 'melody')}, "
                "or take its pieces from music()"
            )
        found: Gallery[ShownMelody] = Gallery()
        for piece, part in self.slices(split):
            notes = tuple(Note(*n[:4]) for n in self.notes[part.first : part.stop].tolist())
            found.append(ShownMelody(notes, part.timeline, piece.title, piece.source, part.chords))
        return found

    def music(self, split: str | None = None) -> Gallery[Any]:
        """List the music of a split (all where None), in file order.

        It is a Melody each, or a Piece with its parts.

        Raises CorpusError for a name that is not a split.
        """
        if self.keep == "melody":
            return self.melodies(split)
        return Gallery(self._piece(piece, part) for piece, part in self.slices(split))

    def _piece(self, piece: CorpusPiece, place: MelodySlice) -> ShownPiece:
        notes = self.notes[place.first : place.stop]
        parts = []
        for number, (name, program) in enumerate(piece.parts):
            mine = notes[notes["part"] == number].tolist()
            parts.append(Part(tuple(Note(*n[:4]) for n in mine), name, program))
        names = piece.title, piece.composer, piece.source
        return ShownPiece(with_voices_named(parts), place.timeline, *names, chords=place.chords)

    def _repr_html_(self) -> str | None:
        """Show what is in it, and its first melodies."""
        shown = self.music()
        shown.name = repr(self)
        return shown.html(FEW_SHOWN, ".music()") if shown else None

    def slices(self, split: str | None = None) -> Iterator[tuple[CorpusPiece, MelodySlice]]:
        """List each melody of a split as (its piece, its slice), in file order. Raises CorpusError."""
        return ((piece, s) for piece in self.in_split(split) for s in piece.melodies)

    def in_split(self, split: str | None = None) -> tuple[CorpusPiece, ...]:
        """List the pieces of a split, in file order. Raises CorpusError for an unknown split."""
        if split is not None and split not in SPLITS:
            raise CorpusError(f"there is no split {split!r}; choose {', '.join(SPLITS)}")
        return tuple(p for p in self.pieces if split in (None, p.split))

    def step_arrays(self, split: str | None = None) -> list[NDArray[np.uint8]]:
        """List the token arrays kept step for step, (steps,) uint8 for each melody read from one."""
        if self.steps is None:
            return []
        return [self.steps[slice(*s.steps)] for _, s in self.slices(split) if s.steps is not None]

    def to_pandas(self) -> Any:
        """Make a pandas DataFrame with a row for each note.

        Columns: source, title, composer, licence, family and split of its piece, metre and key of its melody's
        beginning; melody and note, counted from 1; where several parts are kept the part, from 1, its name and its
        program; start and duration in quarters, pitch, velocity.
        Raises ImportError where pandas is missing.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError("to_pandas needs pandas: pip install pandas") from None
        parts = list(self.slices())
        counts = [part.notes for _, part in parts]
        quarters = np.repeat([part.timeline.ticks_per_quarter for _, part in parts], counts)

        def of_melody(values: list[Any]) -> NDArray[Any]:
            return np.repeat(np.array(values, object), counts)

        columns: dict[str, Any] = {
            name: of_melody([atomic.to_utf8(getattr(piece, name)).decode() for piece, _ in parts])
            for name in ("source", "title", "composer", "licence", "family", "split")
        }
        columns["metre"] = of_melody([part.timeline.metre.name for _, part in parts])
        columns["key"] = of_melody([key_name(part.timeline.key) if part.timeline.key else None for _, part in parts])
        columns["melody"] = np.repeat(np.arange(1, len(parts) + 1), counts)
        columns["note"] = np.concatenate([np.zeros(0, int), *(np.arange(1, count + 1) for count in counts)])
        columns |= {} if self.keep == "melody" else self._part_columns([piece for piece, _ in parts], counts)
        columns |= {name: self.notes[name] / quarters for name in ("start", "duration")}
        return pandas.DataFrame(columns | {name: self.notes[name] for name in ("pitch", "velocity")})

    def _part_columns(self, pieces: Sequence[CorpusPiece], counts: Sequence[int]) -> dict[str, Any]:
        """List for each note its part, counted from 1, its name and its program.

        counts: notes of each of the pieces.
        """
        before = np.cumsum([0, *(len(piece.parts) for piece in pieces)])[:-1]
        places = np.repeat(before, counts) + self.notes["part"]
        names = [atomic.to_utf8(name).decode() for piece in pieces for name, _ in piece.parts]
        programs = [program for piece in pieces for _, program in piece.parts]
        return {
            "part": self.notes["part"].astype(np.int64) + 1,
            "part_name": np.array(names, object)[places],
            "program": np.array(programs, np.int64)[places],
        }

    @property
    def has_chords(self) -> bool:
        """Whether any of its melodies has chord symbols."""
        return any(piece.has_chords for piece in self.pieces)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits that hold at least one piece."""
        present = {p.split for p in self.pieces}
        return tuple(name for name in SPLITS if name in present)

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the pieces, melodies and notes of each split and in all."""
        counts = {}
        for name in (None, *self.splits):
            pieces = self.in_split(name)
            melodies, notes = sum(len(p.melodies) for p in pieces), sum(p.notes for p in pieces)
            counts[name or "all"] = {"pieces": len(pieces), "melodies": melodies, "notes": notes}
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (64 hex digits) of notes, steps, timelines and splits.

        Names, places and chord symbols do not count.
        """
        digest = hashlib.sha256(digest_bytes(self.notes))
        digest.update(b"" if self.keep == "melody" else self.keep.encode())
        digest.update(b"" if self.steps is None else self.steps.tobytes())
        for piece in self.pieces:
            digest.update(json.dumps([piece.split, [m.to_dict() for m in piece.melodies]]).encode())
        return digest.hexdigest()

    def selected(self, pieces: Iterable[CorpusPiece]) -> Corpus:
        """Make a corpus of some of the pieces, in the order given, with their notes and steps."""
        return replace(joined((self, piece) for piece in pieces), report=self.report, keep=self.keep)

    def __len__(self) -> int:
        """Count the pieces."""
        return len(self.pieces)

    def __repr__(self) -> str:
        count = self.counts()["all"]
        words = ", ".join(counted(count[name], noun) for name, noun in COUNTED.items())
        return f"Corpus({words}{'' if self.keep == 'melody' else f', {KEPT_MUSIC[self.keep]}'})"


def joined(pieces: Iterable[tuple[Corpus, CorpusPiece]]) -> Corpus:
    """Make one corpus of pieces out of several: their notes, steps and slices end to end.

    The notes are held in memory once, and no piece's corpus for longer than it takes to copy them.
    """
    notes, steps, taken, keep = bytearray(), [], [], "melody"
    for corpus, piece in pieces:
        keep = corpus.keep
        taken.append(piece)
        for part in piece.melodies:
            notes += corpus.notes[part.first : part.stop].tobytes()
            if part.steps is not None and corpus.steps is not None:
                steps.append(corpus.steps[slice(*part.steps)].copy())
    whole = np.concatenate(steps) if steps else None
    return Corpus(np.frombuffer(notes, NOTE_DTYPE), end_to_end(taken), steps=whole, keep=keep)


def corpus_of(
    pieces: Iterable[tuple[CorpusPiece, Sequence[Melody] | Sequence[Piece]]],
    steps: Sequence[NDArray[np.uint8] | None] = (),
    keep: str = "melody",
) -> Corpus:
    """Make a corpus of pieces without slices and of their music, if they have any.

    The music is melodies, or where it keeps others a Piece, whose parts' names and programs are then noted.
    steps: for each melody in order the token array that it was read from, or None; empty where there are none.
    """
    notes, taken, tokens = [np.zeros(0, NOTE_DTYPE)], [], iter(steps)
    for piece, found in pieces:
        slices = []
        for music in found:
            if isinstance(music, Piece):
                piece = replace(piece, parts=tuple((part.name, part.program) for part in music.parts))
            notes.append(notes_of(music))
            array = next(tokens, None)
            place = None if array is None else (0, len(array))
            slices.append(MelodySlice(0, len(notes[-1]), music.timeline, place, music.chords))
        if slices:
            taken.append(replace(piece, melodies=tuple(slices)))
    kept = [array for array in steps if array is not None]
    whole = np.concatenate(kept) if kept else None
    return Corpus(np.concatenate(notes), end_to_end(taken), steps=whole, keep=keep)


def notes_of(music: Melody | Piece) -> NoteArray:
    """Lay out the notes of a melody, or of all parts by start, part and pitch.

    Returns (notes,) of NOTE_DTYPE.
    """
    if isinstance(music, Melody):
        return np.array([(*n, 0) for n in music.notes], dtype=NOTE_DTYPE)
    parts = [np.array([(*n, number) for n in part.notes], NOTE_DTYPE) for number, part in enumerate(music.parts)]
    notes = np.concatenate([np.zeros(0, NOTE_DTYPE), *parts])
    return notes[np.lexsort([notes[name] for name in ("duration", "pitch", "part", "start")])]


def check_corpus(corpus: Corpus) -> None:
    """Check that slices lie end to end, splits are known, and values in range.

    Raises ValueError.
    """
    notes, steps = corpus.notes, corpus.steps
    if notes.dtype != NOTE_DTYPE or notes.ndim != 1:
        raise ValueError(f"notes.npy holds {notes.dtype}, not notes")
    if steps is not None and (steps.dtype != np.uint8 or steps.ndim != 1):
        raise ValueError(f"steps.npy holds {steps.dtype}, not tokens")
    first = first_step = 0
    for piece, part in corpus.slices():
        if part.first != first or part.stop < first:
            raise ValueError(f"the notes of {piece.source} begin at {part.first}, not at {first}")
        first = part.stop
        if part.steps is not None:
            if part.steps[0] != first_step or part.steps[1] < first_step:
                raise ValueError(f"the steps of {piece.source} begin at {part.steps[0]}, not at {first_step}")
            first_step = part.steps[1]
    counts = len(notes), 0 if steps is None else len(steps)
    if (first, first_step) != counts:
        raise ValueError(
            f"the pieces have {first} notes and {first_step} steps, the arrays {counts[0]} and {counts[1]}"
        )
    for piece in corpus.pieces:
        if piece.split not in SPLITS:
            raise ValueError(f"{piece.source} is in an unknown split {piece.split!r}")
    if len(notes) and (
        notes["start"].min() < 0
        or notes["duration"].min() < 1
        or notes["pitch"].max() > 127
        or not 1 <= notes["velocity"].min() <= notes["velocity"].max() <= 127
    ):
        raise ValueError("a note lies out of range")
    if corpus.keep not in KEPT_MUSIC:
        raise ValueError(f"it keeps {corpus.keep!r}, which is none of {', '.join(KEPT_MUSIC)}")
    for piece in corpus.pieces if corpus.keep != "melody" else ():
        numbers = notes["part"][piece.melodies[0].first : piece.melodies[-1].stop]
        if len(numbers) and numbers.max() >= len(piece.parts):
            raise ValueError(f"{piece.source} has {len(piece.parts)} parts and notes of part {numbers.max() + 1}")
    if steps is not None and steps.max(initial=0) > 129:
        raise ValueError("a step token lies out of range")


def _chord_lines(pieces: Iterable[CorpusPiece]) -> list[bytes]:
    """Write the chords of each melody on a line, and their digest on the last."""
    lines = [json_line(part.chords_to_list()) for piece in pieces for part in piece.melodies]
    return [*lines, json_line({"digest": hashlib.sha256(b"".join(lines)).hexdigest()[:16]})]


def _with_chords(pieces: Iterable[CorpusPiece], content: bytes) -> tuple[CorpusPiece, ...]:
    """Add the chords of `_chord_lines` to pieces. Raises ValueError where they changed."""
    *lines, last = content.splitlines(keepends=True)
    if json.loads(last)["digest"] != hashlib.sha256(b"".join(lines)).hexdigest()[:16]:
        raise ValueError("the chords have changed since they were saved")
    return with_chords(pieces, map(json.loads, lines))


def _digest(corpus: Corpus, piece: CorpusPiece) -> str:
    """Hash a piece's notes: the first 16 hex digits of their SHA-256."""
    first, stop = piece.melodies[0].first, piece.melodies[-1].stop
    return hashlib.sha256(digest_bytes(corpus.notes[first:stop])).hexdigest()[:16]


def _npy(array: NDArray[Any]) -> Iterator[bytes]:
    """Write an array as a file of NumPy does, a piece at a time."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    yield header.getvalue()
    for first in range(0, len(array), PIECE):
        yield array[first : first + PIECE].tobytes()


def _json_lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.decode("utf-8").split("\n") if line.strip()]


def is_corpus(path: Path) -> bool:
    """Tell whether a folder holds at least the notes and pieces of a corpus."""
    return all((path / name).is_file() for name in REQUIRED)


def _building(place: str | Path = "CORPUS") -> str:
    """Write the call that builds a corpus in a place."""
    return by_face(
        f"ritornello corpus build FILES -o {as_argument(place)}", f'rito.build_corpus(FILES, out="{place}")'
    )


def read_files(path: Path) -> dict[str, bytes]:
    """Read the files of a corpus folder. Raises CorpusError where it is missing or not a corpus."""
    if not path.exists():
        raise CorpusError(f"{path}: no such corpus; make one with `{_building(path)}`")
    if not path.is_dir():
        raise CorpusError(f"{path}: a corpus is a folder, this is a file; build one with `{_building()}`")
    if not is_corpus(path):
        missing = " and ".join(name for name in REQUIRED if not (path / name).is_file())
        raise CorpusError(f"{path}: not a corpus, {missing} missing; build one with `{_building()}`")
    return {name: (path / name).read_bytes() for name in NAMES if (path / name).is_file()}


def write_report(path: Path, lines: Iterable[bytes], replace: bool = False) -> None:
    """Write the report of a build that kept nothing; a corpus in the folder stays as it is.

    Raises OSError where it cannot be written.
    """
    if not is_corpus(path):
        atomic.write_files([(path / REPORT, lines)], MAKER, replace)


def sweep(path: Path) -> None:
    """Remove what a program that was killed while it wrote a corpus left half-written."""
    for name in (*NAMES, PAGE, atomic.RECORD):
        for temporary in path.glob(f".{name}.????????{Path(name).suffix}"):
            with suppress(OSError):
                temporary.unlink()


def check_place(path: Path, replace: bool = False) -> None:
    """Check, before anything is read, that a corpus can be written there.

    replace: whether its files may take the place of others. Raises CorpusError for a folder that holds something
    else, FileExistsError for a file that must be kept, OSError where it cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise CorpusError(f"{path}: a file is in the way; choose another name for the corpus folder")
    others = (entry.name for entry in path.iterdir()) if path.is_dir() and not is_corpus(path) else ()
    if any(name not in (*NAMES, PAGE) and not name.startswith(".") for name in others):
        raise CorpusError(f"{path}: the folder holds something that is not a corpus; choose a new or empty one")
    atomic.check_files((path / name for name in (*NAMES, PAGE)), MAKER, replace)
    atomic.check_place(path)
