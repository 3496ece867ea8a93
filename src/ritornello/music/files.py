"""Read and write music files: the suffix says what a file holds, its first bytes must agree.

`read` parses in this process and is for files we made; for anybody else's use `worker.read_untrusted`.
"""

from __future__ import annotations

import importlib
import os
import re
import stat
import zipfile
from dataclasses import replace as with_changes
from io import BytesIO
from pathlib import Path
from typing import Literal

from ritornello.atomic import FileKeptError, write_bytes
from ritornello.music.errors import MusicFileError, Remark, decode_text, with_path
from ritornello.music.values import NO_IMPRINT, Imprint, Melody, Piece

Repeats = Literal["unfold", "written"]

KINDS = {
    "midi": ("a MIDI file", ".mid"),
    "musicxml": ("a MusicXML file", ".musicxml"),
    "mxl": ("a compressed MusicXML file", ".mxl"),
    "mei": ("an MEI file", ".mei"),
    "kern": ("a kern file", ".krn"),
    "abc": ("an ABC file", ".abc"),
    "mscx": ("a MuseScore file", ".mscx"),
    "mscz": ("a compressed MuseScore file", ".mscz"),
    "session": ("a session of ritornello jam", ".session"),
}
"""Kinds of files: their names in messages, and their usual suffixes."""

PERFORMED = ("midi", "session")
"""Kinds whose times may be those of a performance. All others are scores: they state their rhythm."""

SUFFIXES = {
    **dict.fromkeys((".mid", ".midi", ".kar", ".rmi"), "midi"),
    **dict.fromkeys((".musicxml", ".xml"), "musicxml"),
    **{".mxl": "mxl", ".mei": "mei", ".krn": "kern", ".kern": "kern"},
    **{".abc": "abc", ".mscx": "mscx", ".mscz": "mscz", ".session": "session"},
}
"""Every suffix that can be read, and the kind of file that it promises."""

SCORES_OF_ZIPS = {"mxl": (".xml", ".musicxml"), "mscz": (".mscx",)}
"""The suffixes of scores in the two kinds that are zip archives."""
MAX_REMARKS = 1000  # on one file; a book with more bad tunes is not worth a longer list
MAX_BYTES = 64 * 2**20  # a score of this size is not a score; the largest song at hand has 2 MB

SESSION = b'{"ritornello_session"'  # how a session begins
WRITABLE = (".mid", ".midi", ".musicxml", ".xml", ".abc")


def readable(path: str | Path) -> bool:
    """Tell whether `read` knows the suffix of `path`; the file itself is not opened."""
    return Path(path).suffix.lower() in SUFFIXES


def read(path: str | Path, repeats: Repeats = "unfold") -> list[Piece]:
    """Read every piece of a music file: one of a score or MIDI file, any number of a tune book.

    repeats: "unfold" plays repeated bars as often as the score asks, "written" reads each bar once
        (MIDI files have no repeats).
    Raises MusicFileError, one line that begins with the path, for a file that is missing, empty, of another
    kind than its suffix promises, broken, or without notes.
    """
    return scan_content(file_content(Path(path)), path, repeats)[0]


def scan_content(
    content: bytes, name: str | Path, repeats: Repeats = "unfold", voices: bool = False
) -> tuple[list[Piece], list[Remark]]:
    """Read every piece in the bytes of a music file, with remarks on guesses and losses.

    name: of the file; its suffix says what it holds. voices: a part for each voice of a staff that several share.
    Raises MusicFileError as `read` does.
    Remarks: bad_tune, a tune of an ABC book that could not be read, with its line. unplayed_bars: bars with notes
    that the repeat signs of a score never reach. Of MIDI files see `midi.reader.scan_midi`.
    """
    if repeats not in ("unfold", "written"):
        raise ValueError(f'repeats must be "unfold" or "written", not {repeats!r}')
    kind = _agreed_kind(Path(name), content)
    try:
        pieces, remarks = _scanned(kind, content, str(name), repeats, voices)
    except ValueError as error:
        raise MusicFileError(with_path(Path(name), error)) from error
    if kind not in PERFORMED:
        pieces = [with_changes(piece, states_rhythm=True) for piece in pieces]
    return pieces, remarks


def _scanned(
    kind: str, content: bytes, source: str, repeats: Repeats, voices: bool
) -> tuple[list[Piece], list[Remark]]:
    """Read the pieces of a file of a kind of KINDS, with remarks. Raises ValueError."""
    if kind == "midi":
        return _format("midi.reader").scan_midi(content, source)
    if kind == "abc":
        reader = _format("abc.reader")
        pieces, remarks = reader.read_book(reader.decode_abc(content), source, repeats)
        return pieces, remarks[:MAX_REMARKS]
    if kind in ("mscx", "mscz"):
        return _format("musescore.reader").scan_musescore(content, source, repeats, voices)
    if kind == "session":
        return [_format("session").scan_session(content, source)], []
    return _format("scores.reader").scan_score(content, KINDS[kind][1], source, repeats, voices)


def write(
    melody: Melody, path: str | Path, maker: str = "", replace: bool = False, imprint: Imprint = NO_IMPRINT
) -> None:
    """Write a melody as MIDI, MusicXML or ABC, by the suffix of `path`, whole or not at all.

    maker, replace: which file it may replace, as of `atomic.write_files`. Raises FileKeptError for one that must be
    kept, MusicFileError for another suffix, and where the melody cannot be written in that format or the place
    cannot be written to.
    """
    content = encoded(melody, path, imprint)
    try:
        write_bytes(path, content, maker, replace)
    except FileKeptError:
        raise
    except OSError as error:
        raise MusicFileError(f"{path}: {error.strerror or error}") from error


def encoded(melody: Melody, path: str | Path, imprint: Imprint = NO_IMPRINT) -> bytes:
    """Encode a melody as MIDI, MusicXML or ABC, by the suffix of a path, which is not written.

    imprint: what the file says besides.
    Raises MusicFileError naming the path for another suffix, and where that format cannot express the melody.
    """
    path = Path(path)
    try:
        return _encoded(melody, path.suffix.lower(), imprint)
    except ValueError as error:
        raise MusicFileError(with_path(path, error)) from error


def _format(module: str):
    """Import a reader's or writer's module when it is first needed."""
    return importlib.import_module(f"ritornello.music.{module}")


def _encoded(melody: Melody, suffix: str, imprint: Imprint) -> bytes:
    if suffix in (".mid", ".midi"):
        return _format("midi.reader").write_midi(melody, imprint)
    if suffix in (".musicxml", ".xml"):
        return _format("scores.writer").write_musicxml(melody, imprint).encode("utf-8")
    if suffix == ".abc":
        return _format("abc.writer").write_abc(melody, imprint).encode("utf-8")
    raise ValueError(f"cannot write {suffix or 'a file without a suffix'}: use one of {' '.join(WRITABLE)}")


def regular_bytes(path: str | Path, limit: int) -> bytes | None:
    """Read up to `limit` + 1 bytes of a regular file; give None for a pipe or device.

    Raises OSError.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    with open(os.open(path, flags), "rb") as file:
        return file.read(limit + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def file_content(path: Path) -> bytes:
    """Read the bytes of a file. Raises MusicFileError with what to do about it."""
    try:
        if path.is_dir():
            raise MusicFileError(f"{path}: this is a folder, not a file: name a file in it")
        content = regular_bytes(path, MAX_BYTES)
    except FileNotFoundError:
        raise MusicFileError(f"{path}: no such file: check the name and the folder") from None
    except MusicFileError:
        raise
    except (OSError, ValueError) as error:
        raise MusicFileError(f"{path}: cannot be opened: {getattr(error, 'strerror', '') or error}") from None
    if content is None:
        raise MusicFileError(f"{path}: this is not a file: name a file")
    if not content:
        raise MusicFileError(f"{path}: the file is empty: fetch or save it again")
    if len(content) > MAX_BYTES:
        raise MusicFileError(f"{path}: over {MAX_BYTES // 2**20} MB, too large for a score")
    return content


def _agreed_kind(path: Path, content: bytes) -> str:
    """Find the kind that suffix and content agree on. Raises MusicFileError."""
    suffix, found = path.suffix.lower(), detect(content)
    if found == "session":
        return found  # it may have any name
    if suffix not in SUFFIXES:
        known = " ".join(SUFFIXES)
        raise MusicFileError(f"{path}: {suffix or 'no suffix'} is not a suffix of a music file; known are {known}")
    promised = SUFFIXES[suffix]
    wanted, _ = KINDS[promised]
    if found == promised or (promised == "abc" and not found):
        return promised  # a lone ABC tune may come without its X: line
    if found == "html":
        raise MusicFileError(
            f"{path}: this is an HTML page, not {wanted}: download the file itself, not the page that shows it"
        )
    if found == "xml":
        raise MusicFileError(
            f"{path}: this is XML of another kind, not {wanted}: export the score again, or leave the file out"
        )
    if found == "zip" and promised in SCORES_OF_ZIPS and _holds(content, SCORES_OF_ZIPS[promised]):
        return promised  # its container is missing or strange
    if found == "zip":
        raise MusicFileError(
            f"{path}: this is a zip archive, not {wanted}: unpack it, or rename it to {path.stem}.zip"
        )
    if found:
        actual, right_suffix = KINDS[found]
        raise MusicFileError(f"{path}: this is {actual}, not {wanted}: rename it to {path.stem}{right_suffix}")
    start = ascii(content[:12].decode("latin-1"))
    raise MusicFileError(f"{path}: not {wanted}: it begins with {start}; fetch or export it again")


def _holds(zipped: bytes, suffixes: tuple[str, ...]) -> bool:
    """Tell whether a zip holds a file with one of these suffixes."""
    names = zipfile.ZipFile(BytesIO(zipped)).namelist()
    return any(name.lower().endswith(suffixes) for name in names)


def detect(content: bytes) -> str:
    """Detect the kind of a file by its bytes.

    Returns a key of KINDS, "html", "xml" (of a kind that is no music), "zip" (an archive of anything else), or "".
    """
    if content[:4] == b"MThd" or (content[:4] == b"RIFF" and content[8:12] == b"RMID"):
        return "midi"
    if content.startswith(SESSION):
        return "session"
    if content[:4] == b"PK\x03\x04":
        return _kind_of_zip(content)
    head = decode_text(content[:20_000]).lstrip()
    if head.startswith("<"):
        return _kind_of_xml(head)
    if re.search(r"^\*\*[a-z]", head, re.MULTILINE):
        return "kern"
    return "abc" if re.search(r"^X:\s*\d", head, re.MULTILINE) else ""


def _kind_of_zip(content: bytes) -> str:
    """Find the kind by the names inside: without a container, several files are an archive."""
    try:
        names = [name.lower() for name in zipfile.ZipFile(BytesIO(content)).namelist()]
    except MemoryError:
        raise
    except Exception:  # zipfile has a dozen ways to say that it is damaged
        return ""
    scores = [name for name in names if name.endswith((".mscx", ".xml", ".musicxml"))]
    others = [name for name in names if readable(name) and name not in scores]
    if "meta-inf/container.xml" not in names and (others or len(scores) != 1):
        return "zip"
    if any(name.endswith(".mscx") for name in scores):
        return "mscz"
    return "mxl" if scores else "zip"


def _kind_of_xml(head: str) -> str:
    """Find the kind by the root element, after declaration, comments and type; "" without one."""
    if re.match(r"<!doctype\s+html|<html", head, re.IGNORECASE):
        return "html"
    head = re.sub(r"<!--.*?-->", "", head, flags=re.DOTALL)
    root = re.search(r"<(?:\w+:)?([A-Za-z][\w-]*)", head)
    scores = dict.fromkeys(("score-partwise", "score-timewise", "opus"), "musicxml")
    kinds = {**scores, "mei": "mei", "museScore": "mscx", "html": "html"}
    return kinds.get(root[1], "xml") if root else ""
