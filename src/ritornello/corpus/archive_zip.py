"""The members of a zip archive, through the standard library's reader with its appetite bounded."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from io import FileIO

from ritornello.corpus.archive_limits import ArchiveError, LimitError, Limits, Member, is_hidden, name_refusal

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""What members may be packed with. Not LZMA: there the file says how much memory unpacking takes."""

ENCRYPTED = 1  # of the flag bits


class ZipMembers:
    """A zip archive, open. Raises ArchiveError for one over its limits; what zipfile raises for a damaged one."""

    def __init__(self, path: str, limits: Limits) -> None:
        self._file = _Frugal(path, limits.directory_bytes)
        try:
            self._archive = zipfile.ZipFile(self._file)
            self._infos = self._archive.infolist()
            sizes = (sum(i.file_size for i in self._infos), sum(i.compress_size for i in self._infos))
            limits.check(len(self._infos), 0, sizes[0], min(sizes[1], self._file.seek(0, 2)))
        except BaseException:
            self._file.close()
            raise

    def members(self) -> Iterator[Member]:
        """The files in it, in its order."""
        for index, info in enumerate(self._infos):
            if not info.is_dir() and not is_hidden(info.filename):
                yield Member(index, info.filename, name_refusal(info.filename) or _refusal(info))

    def read(self, index: int, limit: int) -> bytes:
        """Up to `limit` + 1 bytes of a member; the size that the archive states is not exceeded, nor trusted."""
        if index >= len(self._infos) or _refusal(self._infos[index]):
            raise ArchiveError("its members are not what they were: it was changed meanwhile")
        with self._archive.open(self._infos[index]) as file:
            return file.read(limit + 1)

    def close(self) -> None:
        """Close the file."""
        self._archive.close()
        self._file.close()


class _Frugal(FileIO):
    """A file that gives no more than so many bytes at once: zipfile reads a directory whole, whatever its size."""

    def __init__(self, path: str, most: int) -> None:
        super().__init__(path)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > self._most:
            raise LimitError(
                f"over {self._most >> 20} MB of member names: unpack it and name the folder, or split it"
            )
        return super().read(wanted)


def _refusal(info: zipfile.ZipInfo) -> tuple[str, str] | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "not_music", "a link or a device in an archive"
    if info.flag_bits & ENCRYPTED:
        return "bad_archive", "the member is locked with a password"
    if info.compress_type not in METHODS:
        return "bad_archive", f"the member is packed in a way that is not read (method {info.compress_type})"
    return None
