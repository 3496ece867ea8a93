"""The members of a tar archive, plain or packed with gzip, bzip2 or xz, read forwards in bounded memory.

The standard library's reader takes a name or a note of any stated length into memory, and its xz reader sets no
limit on what unpacking may take; so the few lines that are needed are here. Read are ustar, GNU (long names,
sizes in base 256) and pax (path, size). Source: IEEE Std 1003.1-2017, "pax", ustar interchange format; the GNU tar
manual, "Basic Tar Format".
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from ritornello.corpus.find.archive_limits import ArchiveError, LimitError, Limits, Member, is_hidden, name_refusal

BLOCK = 512
CHUNK = 2**16
MAX_NAME = 4096
MAX_NOTE = 2**16  # a pax header: what it says beside path and size is passed over
XZ_MEMORY = 2**27  # xz -9 takes 65 MB
REGULAR, FOLDER, OLD_SPARSE = (b"0", b"\0", b"7"), b"5", b"S"
LONG_NAME, LONG_LINK, NOTE, GLOBAL_NOTE = b"L", b"K", b"x", b"g"


class TarMembers:
    """A tar archive, open. Raises ArchiveError where it is damaged or over its limits; so may the unpackers.

    file: its bytes, closed with it.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file, self._limits = file, limits
        self._next = 0
        self._start()

    @property
    def unpacked(self) -> int:
        """Bytes that have been unpacked so far: all of them once the members were listed."""
        return self._stream.unpacked

    def members(self) -> Iterator[Member]:
        """The files in it, in its order, once the whole archive was looked through.

        One that breaks a limit raises first; of one that is damaged further on the sound beginning is given.
        """
        found, damage = self._looked_through()
        yield from found
        if damage is not None:
            raise damage

    def read(self, index: int, limit: int) -> bytes:
        """Up to `limit` + 1 bytes of the entry at a place, which must not be that of a link."""
        if index < self._next:
            self._start()
        for entry in self._entries:
            self._next = entry.index + 1
            if entry.index == index and entry.kind in REGULAR and not entry.is_sparse:
                return self._stream.exactly(min(entry.size, limit + 1), limit + 1)
        raise ArchiveError("its members are not what they were: it was changed meanwhile")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _start(self) -> None:
        self._file.seek(0)
        self._stream = _Stream(self._file, self._limits)
        self._entries = _entries(self._stream)
        self._next = 0

    def _looked_through(self) -> tuple[list[Member], Exception | None]:
        found: list[Member] = []
        name_bytes = 0
        try:
            for entry in self._entries:
                self._next = entry.index + 1
                name_bytes += len(entry.name)
                self._limits.check(entry.index + 1, name_bytes, 0, 0)
                if entry.kind != FOLDER and not is_hidden(entry.name):
                    found.append(Member(entry.index, entry.name, name_refusal(entry.name) or _refusal(entry)))
        except (LimitError, MemoryError):
            raise
        except Exception as error:
            return found, error
        return found, None


@dataclass(slots=True)
class _Entry:
    """A header with what the notes before it say: place among the entries, name, kind and bytes of data."""

    index: int
    name: str
    kind: bytes
    size: int
    is_sparse: bool


def _entries(stream: _Stream) -> Iterator[_Entry]:
    """The entries of a tar in order; what was not read of one's data is skipped before the next."""
    notes: dict[bytes, bytes] = {}
    index = 0
    while (header := stream.header()) is not None:
        kind, size = header[156:157], _number(header[124:136])
        if kind in (LONG_NAME, LONG_LINK, NOTE, GLOBAL_NOTE):
            _take_note(notes, kind, stream.exactly(size, MAX_NOTE))
            stream.skip(-size % BLOCK)
            continue
        if b"size" in notes:
            size = _decimal(notes[b"size"])
        if kind == OLD_SPARSE and header[482]:
            while stream.exactly(BLOCK, BLOCK)[504]:
                pass
        is_sparse = kind == OLD_SPARSE or any(key.startswith(b"GNU.sparse.") for key in notes)
        name = notes.get(b"path") or _plain_name(header)
        end = stream.unpacked + size + -size % BLOCK
        if kind in REGULAR and name.endswith(b"/"):
            kind = FOLDER
        yield _Entry(index, name.decode("utf-8", "surrogateescape"), kind, size, is_sparse)
        stream.skip(end - stream.unpacked)
        index += 1
        notes = {}


def _take_note(notes: dict[bytes, bytes], kind: bytes, data: bytes) -> None:
    """Keep what is said about the next entry; what is said about all of them is passed over."""
    if kind == LONG_NAME:
        notes[b"path"] = data.rstrip(b"\0")
    elif kind == NOTE:
        while data.strip(b"\0"):
            length, _, _ = data.partition(b" ")
            if not 0 < _decimal(length) <= len(data):
                raise ArchiveError("damaged: a note about a member has no sense")
            key, _, value = data[len(length) + 1 : int(length)].partition(b"=")
            notes[key] = value.removesuffix(b"\n")
            data = data[int(length) :]
    if len(notes.get(b"path", b"")) > MAX_NAME:
        raise ArchiveError(f"damaged: a name of over {MAX_NAME} bytes")


def _plain_name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _number(field: bytes) -> int:
    """A number of a header: octal digits, or in base 256 where the first bit is set."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise ArchiveError("damaged: a size is not a number")
    return int(digits or b"0", 8)


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 18:
        raise ArchiveError("damaged: a size is not a number")
    return int(digits)


def _refusal(entry: _Entry) -> tuple[str, str] | None:
    if entry.kind not in REGULAR and entry.kind != OLD_SPARSE:
        return "not_music", "a link or a device in an archive"
    return ("bad_archive", "the member is a sparse file") if entry.is_sparse else None


class _Stream:
    """The unpacked bytes of a tar, forwards only, checked against the limits as they come."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file, self._limits = file, limits
        self._bytes = _unpacking(file)
        self.unpacked = 0

    def read(self, size: int) -> bytes:
        """So many bytes, fewer only at the end."""
        pieces = []
        while size > 0 and (piece := self._bytes.read(min(size, CHUNK))):
            pieces.append(piece)
            size -= len(piece)
            self.unpacked += len(piece)
            self._limits.check(0, 0, self.unpacked, self._file.tell())
        return b"".join(pieces)

    def exactly(self, size: int, most: int) -> bytes:
        """So many bytes, no fewer. Raises ArchiveError where there are fewer, or more are asked for than `most`."""
        if size > most:
            raise ArchiveError(f"damaged: {size} bytes are said about one member")
        data = self.read(size)
        if len(data) < size:
            raise ArchiveError("cut short: fetch it again")
        return data

    def skip(self, size: int) -> None:
        """Leave out so many bytes. Raises ArchiveError where there are fewer."""
        while size > 0:
            size -= len(self.exactly(min(size, CHUNK), CHUNK))

    def header(self) -> bytes | None:
        """The next header; None at the end, which is a block of zeros or no block. Raises ArchiveError."""
        start = self.unpacked
        block = self.read(BLOCK)
        if not block.strip(b"\0"):
            return None
        sound = len(block) == BLOCK and _number(block[148:156]) == sum(block[:148]) + 8 * 32 + sum(block[156:])
        if not sound:
            raise ArchiveError("damaged: fetch it again" if start else "this is not a tar archive")
        return block


def _unpacking(file: IO[bytes]) -> gzip.GzipFile | bz2.BZ2File | _Xz | IO[bytes]:
    """A file's bytes unpacked, by what its first bytes say it is packed with."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    return _Xz(file) if start == b"\xfd7zXZ\0" else file


class _Xz:
    """The unpacked bytes of an xz file; unlike lzma's own, with a limit on the memory that the file may ask for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpack = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """Some of the next `size` bytes, none at the end. Raises lzma.LZMAError or EOFError for damage."""
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
