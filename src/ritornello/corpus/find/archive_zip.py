"""The members of a zip archive, through the standard library's reader with a bound on what it reads at once."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from typing import IO

from ritornello.corpus.find.archive_limits import ArchiveError, LimitError, Limits, Member, is_hidden, name_refusal

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""What members may be packed with. Not LZMA: there the file says how much memory unpacking takes."""

ENCRYPTED = 1  # of the flag bits


class ZipMembers:
    """A zip archive, open. Raises ArchiveError for one over its limits; what zipfile raises for a damaged one.

    file: its bytes, closed with it. unpacked: bytes of all members, as the archive states.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._archive = zipfile.ZipFile(_Bounded(file, limits.directory_bytes))
        self._file = file
        self._infos = self._archive.infolist()
        packed = min(sum(i.compress_size for i in self._infos), file.seek(0, 2))
        self.unpacked = sum(i.file_size for i in self._infos)
        limits.check(len(self._infos), 0, self.unpacked, packed)

    def members(self) -> Iterator[Member]:
        """List the files in it, in its order."""
        for index, info in enumerate(self._infos):
            if not info.is_dir() and not is_hidden(info.filename):
                yield Member(index, info.filename, name_refusal(info.filename) or _refusal(info))

    def read(self, index: int, limit: int) -> bytes:
        """Read up to `limit` + 1 bytes of a member, and no more than the archive states."""
        if index >= len(self._infos) or _refusal(self._infos[index]):
            raise ArchiveError("its members are not what they were: it was changed meanwhile")
        with self._archive.open(self._infos[index]) as file:
            return file.read(limit + 1)

    def close(self) -> None:
        """Close the file."""
        self._archive.close()
        self._file.close()


class _Bounded:
    """A file that gives no more than so many bytes at once: zipfile reads a directory whole, whatever its size."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most = file, most
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, file.close
        self._size = file.seek(0, 2)

    def read(self, size: int | None = -1) -> bytes:
        """Read up to `size` bytes, all if below 0. Raises LimitError where that is too much."""
        left = max(0, self._size - self._file.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > self._most:
            raise LimitError(
                f"over {self._most >> 20} MB of member names: unpack it and name the folder, or split it"
            )
        return self._file.read(wanted)


def _refusal(info: zipfile.ZipInfo) -> tuple[str, str] | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "not_music", "a link or a device in an archive"
    if info.flag_bits & ENCRYPTED:
        return "bad_archive", "the member is locked with a password"
    if info.compress_type not in METHODS:
        return "bad_archive", f"the member is packed in a way that is not read (method {info.compress_type})"
    return None
