"""Archives as folders that nobody unpacks: members are listed, and read into memory one at a time.

Nothing is written to disk, so no member can land outside a folder; still, one whose name leads upwards is refused,
for other programs may write by that name. Links, devices and sparse files are named and never followed. An archive
within an archive is opened as well, one deep, and what it holds counts as the outer one's. An archive that holds more
than the LIMITS is refused whole. Of one that is damaged the members that can be found are given.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

from ritornello.corpus.find.archive_limits import LIMITS, ArchiveError, LimitError, Limits, Member
from ritornello.corpus.find.archive_salvage import SalvagedZip
from ritornello.corpus.find.archive_tar import TarMembers
from ritornello.corpus.find.archive_zip import ZipMembers

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")

NONSENSE = (None, errno.EINVAL, errno.EOVERFLOW)
"""Of errors in reading: an unpacker's own, and those of a damaged directory that names impossible places."""

MAX_INNER = 2**26
"""Bytes of an archive within another; it is held in memory."""

INNER = 2**32
"""The place of a member of an archive within is (that one's place + 1) times this, and its place there."""

_last = threading.local()  # the archives that were read from last: the outer one, its state, the one within

Opened = ZipMembers | TarMembers | SalvagedZip


def is_archive(name: str) -> bool:
    """Whether a name ends as those of archives do. `.mxl`, `.mscz` and `.npz` are files, not archives."""
    return name.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES)


def list_members(path: str, limits: Limits = LIMITS) -> Iterator[Member]:
    """The files in an archive and in archives within it, in order; folders and hidden files are passed over.

    An archive within is itself a member only where it has a problem: it stands behind what could be had of it.
    Raises ArchiveError where the archive breaks a limit (before the first member) or is damaged (what could be
    found of it is given first), OSError where it cannot be read.
    """
    with _told_alike():
        archive = _open(path, limits)
        try:
            budget = _Budget(limits, os.path.getsize(path))
            for member in archive.members():
                is_inner = is_archive(member.name) and member.problem is None
                yield from _members_within(archive, member, budget) if is_inner else [member]
        finally:
            archive.close()


def read_member(path: str, index: int, limit: int) -> bytes:
    """Up to `limit` + 1 bytes of a member. The archive stays open for the next one, per thread and process.

    A tar is read forwards: reading its members in order costs one pass, going back starts it anew.
    Raises ArchiveError where the archive is damaged or has no such file, OSError where it cannot be read.
    """
    with _told_alike():
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


class _Budget:
    """What archives within one archive may hold together: no more than that might hold itself."""

    def __init__(self, limits: Limits, packed: int) -> None:
        most = min(limits.total_bytes, max(limits.free_bytes, limits.ratio * packed))
        self.left = replace(limits, total_bytes=most)

    def take(self, members: int, unpacked: int) -> None:
        """Count what an archive held. Raises LimitError where that is more than is left."""
        left = replace(self.left, members=self.left.members - members, total_bytes=self.left.total_bytes - unpacked)
        if left.members < 0 or left.total_bytes < 0:
            raise LimitError
        self.left = left


def _members_within(outer: Opened, inner: Member, budget: _Budget) -> Iterator[Member]:
    """The members of an archive within, then itself where something is wrong with it."""
    try:
        with _told_alike():
            archive = _open_within(outer, inner.index, budget.left)
            found, damage = _listed(archive)
            budget.take(len(found), archive.unpacked)
            archive.close()
        for member in found:
            place = (inner.index + 1) * INNER + member.index
            yield Member(place, f"{inner.name}/{member.name}", member.problem or _too_deep(member.name))
        problem = damage or ("" if found else "it holds no files")
    except LimitError:
        problem = "with what lies in it, the archive around it holds too much: unpack it and name the folder"
    except ArchiveError as error:
        problem = str(error)
    if problem:
        yield replace(inner, problem=("bad_archive", problem))


def _listed(archive: Opened) -> tuple[list[Member], str]:
    """The members of an archive as far as they can be had, and what is wrong with it, if anything is."""
    found: list[Member] = []
    try:
        with _told_alike():
            found.extend(archive.members())
    except LimitError:
        raise
    except ArchiveError as error:
        return found, str(error)
    return found, ""


def _too_deep(name: str) -> tuple[str, str] | None:
    return ("nested_archive", "an archive two deep in others is not opened") if is_archive(name) else None


def _open_within(outer: Opened, place: int, limits: Limits) -> Opened:
    """The archive that a member of another one is; its first bytes say of what kind."""
    content = outer.read(place, MAX_INNER)
    if len(content) > MAX_INNER:
        raise ArchiveError(f"over {MAX_INNER >> 20} MB within another archive: unpack it and name the folder")
    return _opened(io.BytesIO(content), content.startswith(b"PK"), limits)


def _kept_open(path: str) -> Opened:
    """The archive at a path, opened anew where it changed or another process opened it (they share its place)."""
    now = os.stat(path)
    state = (os.getpid(), path, now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
    if getattr(_last, "state", None) != state:
        forget()
        _last.archive = _open(path, LIMITS)
        _last.state = state
    return _last.archive


def _kept_open_within(outer: Opened, place: int) -> Opened:
    """The archive at a place of the one that is kept open."""
    if _last.place != place:
        _last.inner = _last.place = None
        _last.inner = _open_within(outer, place, LIMITS)
        _last.place = place
    return _last.inner


def _open(path: str, limits: Limits) -> Opened:
    return _opened(open(path, "rb"), path.lower().endswith(ZIP_SUFFIXES), limits)


def _opened(file: IO[bytes], is_zip: bool, limits: Limits) -> Opened:
    """The archive that a file holds; the file is closed where it is none."""
    try:
        if not is_zip:
            return TarMembers(file, limits)
        try:
            with _told_alike():
                return ZipMembers(file, limits)
        except LimitError:
            raise
        except ArchiveError:
            if salvaged := SalvagedZip(file, limits):
                return salvaged
            raise
    except BaseException:
        file.close()
        raise


@contextmanager
def _told_alike() -> Iterator[None]:
    """Turn what damaged archives make the unpackers raise into ArchiveError."""
    try:
        yield
    except (ArchiveError, MemoryError):
        raise
    except OSError as error:
        if error.errno not in NONSENSE:  # the disk's
            raise
        raise ArchiveError(_damaged(error)) from None
    except Exception as error:  # zipfile and the unpackers have a dozen ways to say it
        raise ArchiveError(_damaged(error)) from None


def _damaged(error: Exception) -> str:
    return f"damaged ({' '.join(str(error).split()) or type(error).__name__}): fetch it again"
