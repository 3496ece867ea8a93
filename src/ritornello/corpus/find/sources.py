"""One input file, wherever it lies: a name to report it by, and a way to its bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ritornello.corpus.find.archive_limits import ArchiveError
from ritornello.music.files import MAX_BYTES, SUFFIXES, regular_bytes

ARRAY_SUFFIXES = (".npz", ".npy")
MAX_ARRAY_BYTES = 2**28
"""The exercise's kind of array holds a whole corpus in one file; it may be larger than one score."""


class SourceError(ValueError):
    """A source that no reader can be given; `reason` is a code of the report, `detail` says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Source:
    """One input file: a plain file, or a member of an archive. It can be pickled, and sorts by nothing.

    name: what reports call it: its path, or that of the archive with the member's name behind it. Bytes that are
        not UTF-8 stand in it as Python's "surrogateescape" writes them, so that the name still opens the file.
    path: the file on disk. member: its place in the archive at `path`, None for a plain file.
    problem: (reason, detail) where it need not be opened at all.
    """

    name: str
    path: str
    member: int | None = None
    problem: tuple[str, str] | None = None

    def to_list(self) -> list[Any]:
        """List its values for JSON."""
        return [self.name, self.path, self.member, self.problem]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Source:
        """Rebuild a source from `to_list`."""
        name, path, member, problem = values
        return cls(name, path, member, None if problem is None else (problem[0], problem[1]))

    def read(self) -> bytes:
        """Read its bytes, at most 64 MB of a score and 256 MB of an array file.

        Nothing but regular files is opened: no pipe or device can hold the reader up. Members of one archive are
        cheap to read in their order. Raises SourceError with the reason where there is nothing to be read.
        """
        if self.problem:
            raise SourceError(*self.problem)
        limit = MAX_ARRAY_BYTES if self.name.lower().endswith(ARRAY_SUFFIXES) else MAX_BYTES
        try:
            content: bytes | None
            if self.member is None:
                content = regular_bytes(self.path, limit)
            else:
                from ritornello.corpus.find.archives import read_member  # with the unpackers, which few need

                content = read_member(self.path, self.member, limit)
        except ArchiveError as error:
            raise SourceError("bad_archive", str(error)) from None
        except OSError as error:
            raise SourceError("unreadable", error.strerror or str(error)) from None
        if content is None:
            raise SourceError("not_music", "not a file")
        if not content:
            raise SourceError("empty_file")
        if len(content) > limit:
            raise SourceError("too_large", f"over {limit // 2**20} MB")
        return content


def name_problem(name: str) -> tuple[str, str] | None:
    """Say why a file of this name is not read, as (reason, detail); None where it may be."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in SUFFIXES or suffix in ARRAY_SUFFIXES:
        return None
    return "not_music", f"{suffix or 'a name without an ending'} is not read"
