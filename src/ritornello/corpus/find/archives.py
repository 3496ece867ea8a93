"""Archives as folders that nobody unpacks: members are listed, and read into memory one at a time.

Nothing is written to disk, so no member can land outside a folder; still, one whose name leads upwards is refused,
for other programs may write by that name. Links, devices and sparse files are named and never followed. An archive
within an archive is opened as well, one deep, and what it holds counts as the outer one's. An archive that holds more
than the LIMITS is refused whole. One that is damaged has a line in the report; of a tar the sound beginning is read.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

from ritornello.corpus.find.archive_limits import (
    ARCHIVE_SUFFIXES,
    LIMITS,
    ZIP_SUFFIXES,
    ArchiveError,
    LimitError,
    Limits,
    Member,
)
from ritornello.corpus.find.archive_tar import TarMembers
from ritornello.corpus.find.archive_zip import ZipMembers

TOO_DEEP = ("nested_archive", "an archive two deep in others is not opened")
NONSENSE = (None, errno.EINVAL, errno.EOVERFLOW)
"""Of errors in reading: an unpacker's own, and those of a damaged directory that names impossible places."""

MAX_INNER = 2**26
"""Bytes of an archive within another; it is held in memory."""

INNER = 2**32
"""The place of a member of an archive within is (that one's place + 1) times this, and its place there."""

_last = threading.local()  # the archives that were read from last: the outer one, its state, the one within

Opened = ZipMembers | TarMembers


def list_members(path: str, limits: Limits = LIMITS) -> Iterator[Member]:
    """List the files in an archive and in archives within it, without folders and hidden files.

    An archive within is itself a member only where it has a problem: it stands behind its members.
    Raises ArchiveError where the archive breaks a limit (before the first member) or is damaged (behind the sound
    beginning of a tar), OSError where it cannot be read.
    """
    archive = _open(path, limits)
    try:
        found, damage = _listed(archive)
        # archives within may hold together no more than this one might hold itself
        most = min(limits.total_bytes, max(limits.free_bytes, limits.ratio * os.path.getsize(path)))
        left = replace(limits, total_bytes=most)
        for member in found:
            if member.name.lower().endswith(ARCHIVE_SUFFIXES) and member.problem is None:
                left = yield from _members_within(archive, member, left)
            else:
                yield member
    finally:
        archive.close()
    if damage:
        raise ArchiveError(damage)


def read_member(path: str, index: int, limit: int) -> bytes:
    """Read up to `limit` + 1 bytes of a member.

    The archive stays open for the next one, per thread and process.
    A tar is read forwards: reading its members in order costs one pass, going back starts it anew.
    Raises ArchiveError where the archive is damaged or has no such file, OSError where it cannot be read.
    """
    with _alike():
        archive = _kept_open(path)
        if index < INNER:
            return archive.read(index, limit)
        return _kept_open_within(archive, index // INNER - 1).read(index % INNER, limit)


def forget() -> None:
    """Close the archives that `read_member` keeps open in this thread."""
    for name in ("inner", "archive"):
        if getattr(_last, name, None) is not None:
            getattr(_last, name).close()
        setattr(_last, name, None)
    _last.state = _last.place = None


def _members_within(outer: Opened, inner: Member, left: Limits) -> Generator[Member, None, Limits]:
    """List the members of an archive within, then itself where something is wrong with it.

    left: what it may hold. Returns what is left for those behind it.
    """
    try:
        with _alike():
            archive = _open_within(outer, inner.index, left)
            found, damage = _listed(archive)
            members, unpacked = left.members - len(found), left.total_bytes - archive.unpacked
            if members < 0 or unpacked < 0:
                raise LimitError
            left = replace(left, members=members, total_bytes=unpacked)
            archive.close()
        for member in found:
            place = (inner.index + 1) * INNER + member.index
            is_archive = member.name.lower().endswith(ARCHIVE_SUFFIXES)
            problem = member.problem or (TOO_DEEP if is_archive else None)
            yield Member(place, f"{inner.name}/{member.name}", problem)
        fault = damage or ("" if found else "it holds no files")
    except LimitError:
        fault = "with what lies in it, the archive around it holds too much: unpack it and name the folder"
    except ArchiveError as error:
        fault = str(error)
    if fault:
        yield replace(inner, problem=("bad_archive", fault))
    return left


def _listed(archive: Opened) -> tuple[list[Member], str]:
    """List the members of an archive as far as it is sound, and say what is wrong with it.

    Raises LimitError.
    """
    found: list[Member] = []
    try:
        with _alike():
            found.extend(archive.members())
    except LimitError:
        raise
    except ArchiveError as error:
        return found, str(error)
    return found, ""


def _open_within(outer: Opened, place: int, limits: Limits) -> Opened:
    """Open the archive that a member of another one is; its first bytes say of what kind."""
    content = outer.read(place, MAX_INNER)
    if len(content) > MAX_INNER:
        raise ArchiveError(f"over {MAX_INNER >> 20} MB within another archive: unpack it and name the folder")
    return _opened(io.BytesIO(content), content.startswith(b"PK"), limits)


def _kept_open(path: str) -> Opened:
    """Open the archive at a path, unless it is open and unchanged.

    A fork opens it anew: processes would share the place in the file.
    """
    now = os.stat(path)
    state = (os.getpid(), path, now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
    if getattr(_last, "state", None) != state:
        forget()
        _last.archive = _open(path, LIMITS)
        _last.state = state
    return _last.archive


def _kept_open_within(outer: Opened, place: int) -> Opened:
    """Open the archive at a place of the one that is kept open."""
    if _last.place != place:
        _last.inner = _last.place = None
        _last.inner = _open_within(outer, place, LIMITS)
        _last.place = place
    return _last.inner


def _open(path: str, limits: Limits) -> Opened:
    return _opened(open(path, "rb"), path.lower().endswith(ZIP_SUFFIXES), limits)


def _opened(file: IO[bytes], is_zip: bool, limits: Limits) -> Opened:
    """Open the archive that a file holds; the file is closed where it is none."""
    try:
        with _alike():
            return ZipMembers(file, limits) if is_zip else TarMembers(file, limits)
    except BaseException:
        file.close()
        raise


@contextmanager
def _alike() -> Iterator[None]:
    """Turn whatever the unpackers raise for a damaged archive into ArchiveError."""
    try:
        yield
    except (ArchiveError, MemoryError):
        raise
    except Exception as error:  # zipfile and the unpackers have a dozen ways to say it
        if isinstance(error, OSError) and error.errno not in NONSENSE:  # the disk's
            raise
        raise ArchiveError(f"damaged ({' '.join(str(error).split()) or type(error).__name__})") from None
