"""What one input file gives, as rows, and the journal of what has been converted so far.

Rows are notes, pieces, and a reason for whatever a file does not give. They travel from workers to the program and
lie in its journal as plain bytes: a header in JSON, led by its length, then the notes and the steps as they lie in
memory. Nothing in them is executed, and every value is checked when they are rebuilt.

The journal lies beside the corpus that it will become: kill the program, and the next one goes on. It is one file
that is only ever appended to. Each record is the rows of one file with the digest of that file's name and content,
and a checksum; a record that a kill cut short is the last one and is dropped. As rows follow from name, content and
options alone, a corpus put together from a journal is the corpus of an uninterrupted run.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import threading
import zlib
from array import array
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ritornello import atomic
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import NOTE_DTYPE, PARTLESS_DTYPE, CorpusPiece, NoteArray, with_chords, with_parts
from ritornello.corpus.report import REMEDIES
from ritornello.corpus.store import Corpus, check_corpus, joined
from ritornello.music.errors import Remark
from ritornello.version import VERSION

MAGIC = b"ritornello journal 1\n"
KEY_BYTES = 16
_RECORD = struct.Struct(f">I{KEY_BYTES}sI")  # length of the rows, key, checksum of key and rows

OF_THE_MACHINE = ("engine", "workers", "shards", "strict")
"""Options that do not change a file's rows."""


@dataclass(frozen=True, slots=True, eq=False)
class FileRows:
    """What one file gives: a corpus of its pieces, with remarks.

    corpus: what is kept, without report, families and splits. melodies: where that is no melodies, the melody of each
    of its pieces, by which they are compared. prints: of each piece, the fingerprint of its melodies
    (see `families`). problems: why something was left out, as (reason code, detail). warnings: doubts about what was
    kept. losses: counted by name. detected: what the file turned out to be, where its name does not say it.
    """

    corpus: Corpus = field(default_factory=lambda: joined(()))
    prints: tuple[str, ...] = ()
    problems: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)
    detected: str = ""
    melodies: Corpus | None = None

    @property
    def compared(self) -> Corpus:
        """The melodies by which its pieces are compared."""
        return self.corpus if self.melodies is None else self.melodies

    @classmethod
    def refused(cls, reason: str, detail: str = "") -> FileRows:
        """Make the rows of a file that gave nothing."""
        return cls(problems=((reason, detail),))

    def to_dict(self) -> dict[str, Any]:
        """List all but the arrays as plain values."""
        return {
            "pieces": [p.to_dict() for p in self.corpus.pieces],
            "prints": self.prints,
            "problems": self.problems,
            "warnings": self.warnings,
            "losses": dict(self.losses),
            "detected": self.detected,
            "keep": self.corpus.keep,
            "chords": [s.chords_to_list() for _, s in self.corpus.slices()] if self.corpus.has_chords else [],
            "compared": [p.to_dict() for p in self.melodies.pieces] if self.melodies else [],
        }

    @property
    def notes(self) -> NoteArray:
        """The notes that are kept, then those of the melodies, (notes,) of NOTE_DTYPE."""
        return (
            self.corpus.notes if self.melodies is None else np.concatenate([self.corpus.notes, self.melodies.notes])
        )

    @classmethod
    def from_dict(cls, line: Mapping[str, Any], notes: NoteArray, steps: NDArray[np.uint8] | None) -> FileRows:
        """Rebuild rows from `to_dict` and the arrays. Raises ValueError where they are not rows."""
        try:
            problems, warnings = (tuple((str(c), str(d)) for c, d in line[n]) for n in ("problems", "warnings"))
            if unknown := [code for code, _ in problems + warnings if code not in REMEDIES]:
                raise ValueError(f"there is no reason {unknown[0]!r}")
            pieces, compared = (
                tuple(CorpusPiece.from_dict(p) for p in line.get(n, ())) for n in ("pieces", "compared")
            )
            pieces = with_chords(pieces, line["chords"]) if line.get("chords") else pieces
            keep = line.get("keep", "melody")
            count = len(notes) - sum(p.notes for p in compared)
            rows = cls(
                Corpus(notes[:count], pieces, steps=steps, keep=keep),
                tuple(str(p) for p in line["prints"]),
                problems,
                warnings,
                {str(name): int(count) for name, count in line["losses"].items()},
                str(line["detected"]),
                None if keep == "melody" else Corpus(notes[count:], compared),
            )
            if not len(rows.prints) == len(rows.corpus) == len(rows.compared):
                raise ValueError(f"{len(rows.corpus)} pieces with {len(rows.prints)} fingerprints")
            check_corpus(rows.corpus)
            check_corpus(rows.compared)
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"not the rows of a file ({type(error).__name__}: {error})") from None
        return rows

    def to_bytes(self) -> bytes:
        """Write the rows as one message that `from_bytes` reads."""
        header = json.dumps(self.to_dict(), separators=(",", ":")).encode("ascii")
        notes, steps = self.notes, self.corpus.steps
        tokens = b"" if steps is None else steps.tobytes()
        sizes = struct.pack(">IIi", len(header), len(notes), -1 if steps is None else len(tokens))
        return b"".join((sizes, header, notes.tobytes(), tokens))

    @classmethod
    def from_bytes(cls, message: bytes) -> FileRows:
        """Read rows from the bytes of `to_bytes`. Raises ValueError for anything else."""
        try:
            size, notes, steps = struct.unpack_from(">IIi", message)
            start, rest = 12 + size, max(steps, 0)
            old = start + notes * PARTLESS_DTYPE.itemsize + rest == len(message)  # a journal without parts
            dtype = PARTLESS_DTYPE if old else NOTE_DTYPE
            stop = start + notes * dtype.itemsize
            if stop + rest != len(message):
                raise ValueError(f"{len(message)} bytes where {stop + rest} are promised")
            header = json.loads(message[12:start])
        except (struct.error, ValueError, RecursionError) as error:
            raise ValueError(f"not the rows of a file ({error})") from None
        table = with_parts(np.frombuffer(message, dtype, notes, start).copy())  # the message itself may go
        tokens = None if steps < 0 else np.frombuffer(message, np.uint8, steps, stop).copy()
        return cls.from_dict(header, table, tokens)


def journal_path(out: str | Path) -> Path:
    """Name the journal file of a corpus."""
    out = Path(out)
    return out.parent / f".{out.name}.journal"


def content_key(name: str, content: bytes | FileRows) -> bytes:
    """Hash a file's name and content: the first 16 bytes of their SHA-256.

    content: its bytes, or the rows that say why it has none.
    """
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape"))
    digest.update(b"\0refused " if isinstance(content, FileRows) else b"\0")
    digest.update(content.to_bytes() if isinstance(content, FileRows) else content)
    return digest.digest()[:KEY_BYTES]


class Journal(AbstractContextManager["Journal"]):
    """Rows by the place of their file in the order of sources. Use it as a context manager.

    path: where it lies, None for one that goes with the program. files: how many there are.
    An older journal at `path` is taken up if it was written with the same options by the same version.
    Raises CorpusError where another program is at work on it, OSError where it cannot be written.
    """

    def __init__(self, path: Path | None, options: BuildOptions, files: int) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._places = array("q", [-1]) * files
        self._known: dict[bytes, int] = {}
        self.records = 0  # that lie in it, of this run or an earlier one
        self._file: IO[bytes] = _opened(path) if path else tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # kept
        of_rows = {name: value for name, value in asdict(options).items() if name not in OF_THE_MACHINE}
        header = MAGIC + json.dumps({"version": VERSION, "options": of_rows}).encode() + b"\n"
        self._file.seek(0)
        self._end = 0  # where the next record goes
        if self._file.read(len(header)) == header:
            self._end = len(header)
            for key, place, after in _records(self._file, self._end):
                self._known[key], self._end = place, after
                self.records += 1
        elif not self._is_journal():
            self._file.close()
            raise CorpusError(f"{path}: a file that is no journal of a build is in the way; move it elsewhere")
        self._file.truncate(self._end)
        if not self._end:
            self._file.seek(0)
            self._end = _write_whole(self._file, header)

    def _is_journal(self) -> bool:
        """Tell whether the file begins as a journal does, or is empty or cut short."""
        self._file.seek(0)
        return MAGIC.startswith(self._file.read(len(b"ritornello journal ")))

    def __exit__(self, *_: object) -> None:
        """Let go of the file; it stays."""
        self._file.close()

    def __len__(self) -> int:
        """Count the files that have their rows."""
        return sum(place >= 0 for place in self._places)

    def has(self, index: int) -> bool:
        """Tell whether the file at this place has its rows."""
        return self._places[index] >= 0

    def remove(self) -> None:
        """Let go of the file and delete it: the corpus is there."""
        self._file.close()
        if self.path is not None:
            with suppress(FileNotFoundError):
                self.path.unlink()

    def keys(self) -> Iterator[bytes]:
        """List the keys of files whose rows an earlier run left."""
        return iter(self._known)

    def take_up(self, index: int, key: bytes) -> bool:
        """Use the rows that an earlier run left for this file, if any, at place `index`.

        Returns whether there were any.
        """
        if key in self._known:
            self._places[index] = self._known[key]
        return key in self._known

    def put(self, index: int | None, key: bytes, rows: bytes) -> None:
        """Write the rows of a file; when this returns, a kill of this program does not lose them.

        index: its place, None where that is not known yet: then they are there for `take_up`.
        """
        record = _RECORD.pack(len(rows), key, zlib.crc32(rows, zlib.crc32(key))) + rows
        with self._lock:
            place = self._end
            self._file.seek(place)
            self._end += _write_whole(self._file, record)
            self.records += 1
            if index is None:
                self._known[key] = place
            else:
                self._places[index] = place

    def rows(self, index: int) -> FileRows:
        """Read the rows of the file at place `index`; invalid ones become a refusal."""
        place = self._places[index]
        assert place >= 0, f"file {index} was never converted"
        with self._lock:
            self._file.seek(place)
            size, _, _ = _RECORD.unpack(self._file.read(_RECORD.size))
            message = self._file.read(size)
        try:
            return FileRows.from_bytes(message)
        except ValueError as error:
            return FileRows.refused("parser_died", f"its reader gave an impossible answer ({error})")


def _records(file: IO[bytes], start: int) -> Iterator[tuple[bytes, int, int]]:
    """List key, place and end of each whole record."""
    with open(file.fileno(), "rb", closefd=False) as whole:
        whole.seek(start)
        while len(head := whole.read(_RECORD.size)) == _RECORD.size:
            size, key, checksum = _RECORD.unpack(head)
            rows = whole.read(size)
            if len(rows) < size or zlib.crc32(rows, zlib.crc32(key)) != checksum:
                return
            yield key, start, (start := start + _RECORD.size + size)


def _write_whole(file: IO[bytes], data: bytes) -> int:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
    return len(data)


def _opened(path: Path) -> IO[bytes]:
    """Open the journal file, made where it is missing, and lock it where the system can."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(
            os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", buffering=0
        )
    except OSError as error:
        raise atomic.not_written(path, error) from None
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows
        pass
    except OSError:
        file.close()
        raise CorpusError(f"{path}: another program is building this corpus; wait for it, or end it") from None
    return file
