"""The exceptions of reading music files, and text of unknown origin decoded and made safe to print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

LONGEST = 500  # characters of a message that a damaged file may bring into a line


Remark = tuple[str, str]
"""A code of the corpus report, and the detail: what had to be guessed or left out, or why nothing could be read."""


class MusicFileError(ValueError):
    """A music file that could not be read or written; the message is one line and begins with the path."""


class WorkerError(ValueError):
    """No process can be had that reads files: nothing is wrong with the files, and what was read of them stays."""


def decode_text(content: bytes, declared: str = "") -> str:
    """Decode the text of a file, with its line ends as new lines (never fails).

    By its byte order mark or the zero bytes of UTF-16, else UTF-8 where that is possible, else the character set
    that the file declares, else Windows-1252.
    """
    marks = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    unmarked = {b"\0" + content[1:2]: "utf-16-be", content[:1] + b"\0": "utf-16-le"} if any(content[:2]) else {}
    sure = next((encoding for mark, encoding in (marks | unmarked).items() if content.startswith(mark)), None)
    if sure:
        text = content.decode(sure, errors="replace")
    else:
        text = next(_decodings(content, ("utf-8", declared, "cp1252", "latin-1")))
    return re.sub(r"\r\n?", "\n", text.replace("\ufeff", ""))


def _decodings(content: bytes, encodings: Iterable[str]) -> Iterator[str]:
    """Decode `content` in each of the encodings that are known and fit."""
    for encoding in encodings:
        with suppress(LookupError, UnicodeError):
            yield content.decode(encoding)


def unplayed_bars(bars: Iterable[int]) -> list[Remark]:
    """Make a remark on bars with notes never played, counted from 0; none without such bars."""
    numbers = sorted(bars)
    if not numbers:
        return []
    begins = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    runs = [f"{a + 1}" if a == b else f"{a + 1} to {b + 1}" for a, b in zip(begins, ends, strict=True)]
    listed = ", ".join(runs[:10]) + (" ..." if len(runs) > 10 else "")
    return [("unplayed_bars", f"bars with notes that its repeat signs never reach ({len(numbers)}): {listed}")]


def unread_chords(texts: Sequence[str]) -> list[Remark]:
    """Make a remark on chord symbols that could not be read; none without any."""
    if not texts:
        return []
    listed = ", ".join(f'"{one_line(text)[:20]}"' for text in dict.fromkeys(texts))
    count = f"{len(texts)} chord symbol{'s' if len(texts) > 1 else ''}"
    return [("unread_chords", one_line(f"{count} of a kind that is not read: {listed}"))]


def one_line(text: object) -> str:
    """Put a message on one line of bounded length, whatever a file brought into it."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."


def with_path(path: object, message: object) -> str:
    """Put a message on one line with the path in front, exactly once and unchanged."""
    name, text = str(path), str(message)
    return name + one_line(text[len(name) :]) if text.startswith(name) else f"{name}: {one_line(text)}"


def printable(text: str) -> str:
    r"""Escape every character that controls a terminal (new lines too), as "\\x1b".

    Bytes of a name outside UTF-8 ("surrogateescape") stay as they are.
    """
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
