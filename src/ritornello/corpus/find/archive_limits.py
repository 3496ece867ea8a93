"""Limits of what an archive may hold and of what its members may be called, and the errors beyond them."""

from __future__ import annotations

import re
from dataclasses import dataclass

ZIP_SUFFIXES = (".zip",)
ARCHIVE_SUFFIXES = (*ZIP_SUFFIXES, ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")


class ArchiveError(ValueError):
    """An archive, or a member of one, that is damaged or refused; the message says why, without the path."""


class LimitError(ArchiveError):
    """An archive that holds more than is let in; a class of its own because it is refused whole."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold before it is refused whole."""

    members: int = 250_000
    """Files in it; the largest well-known collection of MIDI files has 178,561 in one archive."""

    directory_bytes: int = 2**25
    """Names and places of its members."""

    total_bytes: int = 2**36
    """All its members, unpacked."""

    ratio: int = 200
    """Unpacked to packed, looked at once `free_bytes` are unpacked; scores as text come to about 20."""

    free_bytes: int = 2**26

    def check(self, members: int, directory_bytes: int, unpacked: int, packed: int) -> None:
        """Raise LimitError for counts that are over a limit."""
        if members > self.members:
            raise LimitError(f"over {self.members} members: unpack it and name the folder, or split it")
        if directory_bytes > self.directory_bytes:
            raise LimitError(f"over {self.directory_bytes >> 20} MB of member names: it is damaged")
        if unpacked > self.total_bytes:
            raise LimitError(f"over {self.total_bytes >> 30} GB unpacked: unpack it and name the folder, or split it")
        if unpacked > max(self.free_bytes, self.ratio * packed):
            raise LimitError(f"it unpacks to over {self.ratio} times its size, as no music does: not opened")


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its place, its name, and (reason, detail) where it is not to be read."""

    index: int
    name: str
    problem: tuple[str, str] | None = None


def is_hidden(name: str) -> bool:
    """Say whether a member is one that folders would pass over too: hidden, or what a Mac adds."""
    return any((part.startswith(".") and part not in (".", "..")) or part == "__MACOSX" for part in _parts(name))


def name_refusal(name: str) -> tuple[str, str] | None:
    """Refuse a name that leads out of the folder to which it would be unpacked."""
    if ".." in _parts(name) or re.match(r"[/\\]|[A-Za-z]:[/\\]", name) or "\0" in name:
        return "unsafe_name", "its name leads out of the archive"
    return None


def _parts(name: str) -> list[str]:
    return re.split(r"[/\\]", name)
