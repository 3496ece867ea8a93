"""The members of a tar archive, plain or packed with gzip, bzip2 or xz, read forwards in bounded memory.

The standard library reads the headers. By itself it takes a name or a note of any stated length into memory, keeps a
value for each member and lets xz take what memory it asks for; this class, and the file that it hands over, do not.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Iterator
from typing import IO

from ritornello.corpus.find.archive_limits import ArchiveError, Limits, Member, is_hidden, name_refusal

CHUNK = 2**16
MAX_HEADERS = 2**17  # bytes of headers, names and notes about one member
XZ_MEMORY = 2**27  # xz -9 takes 65 MB


class TarMembers:
    """A tar archive, open. Raises ArchiveError where it is damaged or over its limits; so may the unpackers.

    file: its bytes, closed with it.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file, self._limits = file, limits
        self._start()

    @property
    def unpacked(self) -> int:
        """Bytes that have been unpacked so far: all of them once the members were listed."""
        return self._stream.tell()

    def members(self) -> Iterator[Member]:
        """List the files in it, in its order. Raises ArchiveError: damaged, or over a limit."""
        name_bytes = 0
        while (entry := self._advance()) is not None:
            name_bytes += len(entry.name)
            self._limits.check(self._next, name_bytes, 0, 0)
            is_folder = entry.isdir() or (entry.isreg() and entry.name.endswith("/"))
            if not is_folder and not is_hidden(entry.name):
                yield Member(self._next - 1, entry.name, name_refusal(entry.name) or _refusal(entry))

    def read(self, index: int, limit: int) -> bytes:
        """Read up to `limit` + 1 bytes of the entry at a place, which must not be that of a link."""
        if index < self._next:
            self._start()
        while self._next <= index and (entry := self._advance()) is not None:
            if self._next == index + 1 and _refusal(entry) is None:
                self._stream.seek(entry.offset_data)
                wanted = min(entry.size, limit + 1)
                content = self._stream.take(wanted)
                if len(content) < wanted:
                    raise ArchiveError("damaged (it is cut short)")
                return content
        raise ArchiveError("its members are not what they were: it was changed meanwhile")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _start(self) -> None:
        """Go back to the first member. Raises ArchiveError where there is none."""
        self._file.seek(0)
        self._stream = _Unpacked(self._file, self._limits)
        self._next = 0
        try:
            self._archive = tarfile.open(fileobj=self._stream, mode="r:", encoding="utf-8", errors="surrogateescape")  # type: ignore[call-overload]  # noqa: SIM115  # it lives as long as this
        except tarfile.ReadError:
            raise ArchiveError("this is not a tar archive") from None

    def _advance(self) -> tarfile.TarInfo | None:
        """Read the header of the next entry; None at the end. Raises ArchiveError for damage."""
        self._stream.headers = 0
        entry = self._archive.next()
        self._archive.members.clear()  # earlier members and notes are not kept in memory
        self._archive.pax_headers.clear()
        if entry is None and self._stream.last.strip(b"\0"):
            raise ArchiveError("damaged (a header has no sense)")
        self._next += entry is not None
        return entry


def _refusal(entry: tarfile.TarInfo) -> tuple[str, str] | None:
    if not entry.isreg():
        return "not_music", "a link or a device in an archive"
    return ("bad_archive", "the member is a sparse file") if entry.issparse() else None


class _Unpacked:
    """The unpacked bytes of a tar, forwards only, checked against the limits as they come.

    headers: bytes read by `read` since this was set to 0. last: what `read` gave last.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file, self._limits = file, limits
        self._bytes = _unpacking(file)
        self._place = self.headers = 0
        self.last = b""

    def tell(self) -> int:
        """Count the bytes that have been unpacked."""
        return self._place

    def seek(self, place: int) -> None:
        """Skip the bytes before a place, or all. Raises ArchiveError for one that has gone by."""
        if place < self._place:
            raise ArchiveError("damaged (a size is below 0)")
        while self._place < place and self.take(min(place - self._place, CHUNK)):
            pass

    def read(self, size: int) -> bytes:
        """Read headers, not data. Raises ArchiveError where they are too long."""
        self.headers += size
        if self.headers > MAX_HEADERS:
            raise ArchiveError(f"damaged ({self.headers} bytes of headers about one member)")
        self.last = self.take(size)
        return self.last

    def take(self, size: int) -> bytes:
        """Read so many bytes, fewer only at the end. Raises LimitError."""
        chunks = []
        while size > 0 and (chunk := self._bytes.read(min(size, CHUNK))):
            chunks.append(chunk)
            size -= len(chunk)
            self._place += len(chunk)
            self._limits.check(0, 0, self._place, self._file.tell())
        return b"".join(chunks)


def _unpacking(file: IO[bytes]) -> gzip.GzipFile | bz2.BZ2File | _Xz | IO[bytes]:
    """Unpack a file's bytes, by what its first bytes say it is packed with."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    return _Xz(file) if start == b"\xfd7zXZ\0" else file


class _Xz:
    """The unpacked bytes of an xz file; unlike LZMAFile, with a limit on the memory that the file may ask for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpack = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """Read some of the next `size` bytes, none at the end.

        Raises lzma.LZMAError or EOFError for damage.
        """
        while True:
            packed = b""
            if self._unpack.eof:
                packed = (self._unpack.unused_data or self._file.read(CHUNK)).lstrip(b"\0")
                if not packed:
                    return b""
                self._unpack = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)
            elif self._unpack.needs_input:
                packed = self._file.read(CHUNK)
                if not packed:
                    raise EOFError("cut short")
            if data := self._unpack.decompress(packed, size):
                return data
