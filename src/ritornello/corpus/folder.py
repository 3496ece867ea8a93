"""The corpus folder as files: found, read, and replaced as one."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ritornello import atomic
from ritornello.corpus.errors import CorpusError

NAMES = ("notes.npy", "pieces.jsonl", "report.jsonl", "steps.npy")
REQUIRED = NAMES[:2]
REPORT = "report.jsonl"
"""Where nothing could be kept it lies there alone, and the next build takes its place."""
PAGE = "report.html"
"""The page of a corpus, written after it by those who show it, and never read. Saving removes an older one."""


def is_corpus(path: Path) -> bool:
    """Tell whether a folder holds at least the notes and pieces of a corpus."""
    return all((path / name).is_file() for name in REQUIRED)


def read_files(path: Path) -> dict[str, bytes]:
    """Read the files of a corpus folder. Raises CorpusError where it is missing or not a corpus."""
    if not path.exists():
        raise CorpusError(f"{path}: no such corpus; make one with `ritornello corpus build FILES -o {path}`")
    if not path.is_dir():
        raise CorpusError(f"{path}: a corpus is a folder, this is a file; build one with `ritornello corpus build`")
    if not is_corpus(path):
        missing = " and ".join(name for name in REQUIRED if not (path / name).is_file())
        raise CorpusError(f"{path}: not a corpus, {missing} missing; build one with `ritornello corpus build`")
    return {name: (path / name).read_bytes() for name in NAMES if (path / name).is_file()}


def write_files(path: Path, files: Mapping[str, bytes | Iterable[bytes]]) -> None:
    """Write files into a corpus folder, all of them or none; each is bytes, or bytes in pieces.

    They are written to a temporary folder next to it first. A new folder appears by one rename; in an existing corpus
    each file is renamed into place, and what else lies there stays.
    Raises CorpusError for a place that holds something else, OSError where it cannot be written.
    """
    check_place(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise atomic.not_written(path, error) from None
    try:
        for name, content in files.items():
            _write_flushed(temporary / name, content)
        temporary.chmod(0o777 & ~atomic.umask())
        _move_into_place(temporary, path, files)
    except OSError as error:
        raise atomic.not_written(path, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_report(path: Path, lines: Iterable[bytes]) -> None:
    """Write the report of a build that kept nothing; a corpus in the folder stays as it is.

    Raises OSError where it cannot be written.
    """
    if not is_corpus(path):
        atomic.write_bytes(path / REPORT, b"".join(lines))


def sweep(path: Path) -> None:
    """Remove the temporary folders of a program that was killed while it wrote a corpus."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.????????"):
        if temporary.is_dir() and {entry.name for entry in temporary.iterdir()} <= {*NAMES, PAGE}:
            shutil.rmtree(temporary, ignore_errors=True)


def check_place(path: Path) -> None:
    """Check, before anything is read, that a corpus can be written there.

    Raises CorpusError or OSError as `write_files`.
    """
    if path.is_dir() and not is_corpus(path) and any(entry.name != REPORT for entry in path.iterdir()):
        raise CorpusError(f"{path}: the folder holds something that is not a corpus; choose a new or empty one")
    if path.exists() and not path.is_dir():
        raise CorpusError(f"{path}: a file is in the way; choose another name for the corpus folder")
    atomic.check_place(path)


def _write_flushed(path: Path, content: bytes | Iterable[bytes]) -> None:
    with open(path, "wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(file.fileno())


def _move_into_place(temporary: Path, path: Path, files: Iterable[str]) -> None:
    if not is_corpus(path):
        if path.is_dir():
            (path / REPORT).unlink(missing_ok=True)
            path.rmdir()  # empty, and a rename onto a folder is not portable
        os.rename(temporary, path)
        return
    for name in files:
        os.replace(temporary / name, path / name)
    for name in {*NAMES, PAGE} - set(files):
        with suppress(FileNotFoundError):
            (path / name).unlink()
