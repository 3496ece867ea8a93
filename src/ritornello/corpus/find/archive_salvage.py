"""What can be had of a zip archive without its directory, which lies at the end and is lost where that is.

Each member also has a header of its own before its data. Source: PKWARE, "APPNOTE.TXT - .ZIP File Format
Specification", 4.3.7 (local file header) and 4.4.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from ritornello.corpus.find.archive_limits import ArchiveError, Limits, Member, is_hidden, name_refusal

HEADER = struct.Struct("<4s5H3I2H")
MAGIC = b"PK\x03\x04"
STORED, DEFLATED = 0, 8
ENCRYPTED, STREAMED, UTF8 = 1, 8, 0x800  # of the flag bits; of a streamed member the sizes stand behind its data
CHUNK = 2**16
CUT_SHORT = ("bad_archive", "cut short: fetch it again")


@dataclass(slots=True)
class _Entry:
    """A member as its own header has it; `check` is None where the header does not know the sum."""

    name: str
    method: int
    place: int
    packed: int
    check: int | None
    problem: tuple[str, str] | None


class SalvagedZip:
    """A zip archive whose directory cannot be read. Raises LimitError for one over its limits.

    file: its bytes, closed with it.
    unpacked: bytes of all members, as far as that is known.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file, self._limits = file, limits
        self._size = file.seek(0, 2)
        self.unpacked = 0
        self._entries = list(self._found())

    def __len__(self) -> int:
        """Number of members, folders and hidden ones too."""
        return len(self._entries)

    def members(self) -> Iterator[Member]:
        """The files that were found, in order; then ArchiveError, for there may have been more."""
        for index, entry in enumerate(self._entries):
            if not entry.name.endswith("/") and not is_hidden(entry.name):
                yield Member(index, entry.name, name_refusal(entry.name) or entry.problem)
        count = f"{len(self)} member{'s were' if len(self) != 1 else ' was'} found"
        raise ArchiveError(f"damaged: its directory cannot be read, {count} without it; fetch it again")

    def read(self, index: int, limit: int) -> bytes:
        """Up to `limit` + 1 bytes of a member. Raises ArchiveError where it is damaged."""
        if index >= len(self._entries) or self._entries[index].problem:
            raise ArchiveError("its members are not what they were: it was changed meanwhile")
        entry = self._entries[index]
        content = b"".join(self._unpacked(entry, limit + 1))
        if len(content) <= limit and entry.check is not None and zlib.crc32(content) != entry.check:
            raise ArchiveError("damaged (the sum of its bytes is wrong): fetch it again")
        return content

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _found(self) -> Iterator[_Entry]:
        """The entries one behind the other, as far as they lie without a gap."""
        place, names, count = 0, 0, 0
        while (entry := self._entry(place)) is not None:
            count, names = count + 1, names + len(entry.name)
            self._limits.check(count, names, self.unpacked, entry.place + entry.packed)
            yield entry
            is_whole = entry.place + entry.packed <= self._size
            place = self._next(entry.place + entry.packed if is_whole else entry.place)

    def _entry(self, place: int) -> _Entry | None:
        """The entry whose header is at a place; None where there is none."""
        self._file.seek(place)
        head = self._file.read(HEADER.size)
        if len(head) < HEADER.size or not head.startswith(MAGIC):
            return None
        _, _, flags, method, _, _, check, packed, size, name_size, more = HEADER.unpack(head)
        raw = self._file.read(name_size)
        name = raw.decode("utf-8" if flags & UTF8 else "cp437", "replace")
        entry = _Entry(name, method, place + HEADER.size + name_size + more, packed, check, None)
        if flags & STREAMED and not packed:
            entry.check = None
            entry.packed, size = self._measured(entry)
        self.unpacked += size
        if flags & ENCRYPTED:
            entry.problem = ("bad_archive", "the member is locked with a password")
        elif method not in (STORED, DEFLATED):
            entry.problem = ("bad_archive", f"the member is packed in a way that is not read (method {method})")
        elif entry.place + entry.packed > self._size:
            entry.problem = CUT_SHORT
        return entry

    def _measured(self, entry: _Entry) -> tuple[int, int]:
        """Bytes packed and unpacked of a member whose header does not say them; beyond the end where it is cut."""
        if entry.method != DEFLATED:
            return self._next(entry.place) - entry.place, 0
        self._file.seek(entry.place)
        unpacker, size, packed = zlib.decompressobj(-15), 0, 0
        try:
            while not unpacker.eof and (chunk := unpacker.unconsumed_tail or self._file.read(CHUNK)):
                packed += 0 if unpacker.unconsumed_tail else len(chunk)
                size += len(unpacker.decompress(chunk, CHUNK))
                self._limits.check(0, 0, self.unpacked + size, entry.place + packed)
        except zlib.error:
            return self._next(entry.place) - entry.place, size
        return (packed - len(unpacker.unused_data) if unpacker.eof else self._size), size

    def _next(self, place: int) -> int:
        """Where the next header is from a place on; the end of the file where there is none."""
        while place < self._size:
            self._file.seek(place)
            window = self._file.read(CHUNK + len(MAGIC) - 1)
            if (at := window.find(MAGIC)) >= 0:
                return place + at
            place += CHUNK
        return self._size

    def _unpacked(self, entry: _Entry, most: int) -> Iterator[bytes]:
        """The bytes of a member in pieces, `most` in all. Raises ArchiveError for damage."""
        self._file.seek(entry.place)
        if entry.method == STORED:
            yield self._file.read(min(entry.packed, most))
            return
        unpacker = zlib.decompressobj(-15)
        try:
            data = unpacker.decompress(self._file.read(min(entry.packed, most + CHUNK)), most)
        except zlib.error:
            raise ArchiveError("damaged (it cannot be unpacked): fetch it again") from None
        if not unpacker.eof and len(data) < most:
            raise ArchiveError(CUT_SHORT[1])
        yield data
