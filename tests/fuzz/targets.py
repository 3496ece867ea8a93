"""What is thrown at each reader, and what it may do with it: give values in range, or refuse in its own words.

Every target takes any bytes. It returns whether something was read, raises nothing for a refusal that is allowed,
and lets everything else through: that is a fault of ours.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

from ritornello.corpus.find.archive_limits import ArchiveError, Limits
from ritornello.corpus.find.archives import forget, list_members, read_member
from ritornello.encoding.arrays.exercise import read_step_arrays
from ritornello.music.abc.reader import AbcError, scan_abc
from ritornello.music.errors import decode_text
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.musescore.reader import scan_musescore
from ritornello.music.values import Piece

SMALL = Limits(members=100, directory_bytes=2**16, total_bytes=2**22, ratio=100, free_bytes=2**20)
MOST_MEMBER = 2**20


def abc(data: bytes) -> bool:
    """A tune book: each tune is a Piece or an AbcError with its line."""
    results = scan_abc(decode_text(data), "book.abc")
    for error in (r for r in results if isinstance(r, AbcError)):
        assert error.line >= 1
        assert "\n" not in error.reason
    return _exchanged([r for r in results if isinstance(r, Piece)])


def musescore(data: bytes) -> bool:
    """A MuseScore file, plain or packed, repeats played and as written."""
    try:
        pieces = scan_musescore(data, "song.mscx")[0] + scan_musescore(data, "song.mscx", "written")[0]
    except ValueError:
        return False
    return _exchanged(pieces)


def arrays(data: bytes) -> bool:
    """Token arrays, plain, zipped or pickled."""
    try:
        found = read_step_arrays(data, "tokens.npz")
    except ValueError:
        return False
    for array in found.arrays:
        assert array.ndim == 1
        assert array.size == 0 or 0 <= array.min() <= array.max() <= 129
    return True


def archives(data: bytes) -> bool:
    """A zip or a tar; every member is read, and none gives more than was asked for."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder, "in.zip" if b"PK" in data[:4] else "in.tar.gz")
        path.write_bytes(data)
        read = 0
        try:
            for member in list_members(str(path), SMALL):
                assert ".." not in member.name.split("/") or member.problem
                if member.problem is None:
                    assert len(read_member(str(path), member.index, MOST_MEMBER)) <= MOST_MEMBER + 1
                    read += 1
        except ArchiveError:
            pass
        finally:
            forget()
    return read > 0


GUIDED: dict[str, Callable[[bytes], bool]] = {
    "abc": abc,
    "musescore": musescore,
    "arrays": arrays,
    "archives": archives,
}
"""Our own readers, to be fuzzed with coverage as the guide."""


def with_checksums(data: bytes) -> bytes:
    """The same tar with sound checksums, so that a change of a header is not refused for them alone."""
    blocks = bytearray(data)
    for start in range(0, len(blocks) - 511, 512):
        block = blocks[start : start + 512]
        if block[257:262] == b"ustar":
            total = sum(block[:148]) + 8 * 32 + sum(block[156:])
            blocks[start + 148 : start + 156] = b"%06o\0 " % total
    return bytes(blocks)


def with_directory(data: bytes) -> bytes:
    """The same zip with its directory where its end says that it is.

    Only the offset of the directory and its size are set right, where the two signatures can be found.
    """
    blocks = bytearray(data)
    directory, end = data.find(b"PK\1\2"), data.rfind(b"PK\5\6")
    if 0 <= directory < end and end + 22 <= len(data):
        struct.pack_into("<II", blocks, end + 12, end - directory, directory)
    return bytes(blocks)


def _exchanged(pieces: list[Piece]) -> bool:
    """What was read has to be fit to pass between processes, or be refused there."""
    try:
        return bool(pieces_from_json(pieces_to_json(pieces)))
    except ValueError:
        return False
