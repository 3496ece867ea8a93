"""Archives as folders that nobody unpacks: members are listed, and read into memory one at a time.

Nothing is written to disk, so no member can land outside a folder; still, one whose name leads upwards is refused,
for other programs may write by that name. Links, devices and sparse files are named and never followed. Archives
within archives are not opened. An archive that holds more than the LIMITS is refused whole.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ritornello.corpus.archive_limits import LIMITS, ArchiveError, Limits, Member
from ritornello.corpus.archive_tar import TarMembers
from ritornello.corpus.archive_zip import ZipMembers

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")

NONSENSE = (None, errno.EINVAL, errno.EOVERFLOW)
"""Of errors in reading: an unpacker's own, and those of a damaged directory that names impossible places."""

_last = threading.local()  # the archive that was read from last: its state and itself


def is_archive(name: str) -> bool:
    """Whether a name ends as those of archives do. `.mxl`, `.mscz` and `.npz` are files, not archives."""
    return name.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES)


def list_members(path: str, limits: Limits = LIMITS) -> Iterator[Member]:
    """The files in an archive, in its order; folders and hidden files are passed over.

    Raises ArchiveError where the archive breaks a limit (before the first member) or is damaged (a tar's sound
    beginning is given first), OSError where it cannot be read.
    """
    with _told_alike():
        archive = _open(path, limits)
        try:
            yield from archive.members()
        finally:
            archive.close()


def read_member(path: str, index: int, limit: int) -> bytes:
    """Up to `limit` + 1 bytes of a member. The archive stays open for the next one, per thread and process.

    A tar is read forwards: reading its members in order costs one pass, going back starts it anew.
    Raises ArchiveError where the archive is damaged or has no such file, OSError where it cannot be read.
    """
    with _told_alike():
        return _kept_open(path).read(index, limit)


def forget() -> None:
    """Close the archive that `read_member` keeps open in this thread."""
    if getattr(_last, "archive", None) is not None:
        _last.archive.close()
    _last.state = _last.archive = None


def _kept_open(path: str) -> ZipMembers | TarMembers:
    """The archive at a path, opened anew where it changed or another process opened it (they share its place)."""
    now = os.stat(path)
    state = (os.getpid(), path, now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
    if getattr(_last, "state", None) != state:
        forget()
        _last.archive = _open(path, LIMITS)
        _last.state = state
    return _last.archive


def _open(path: str, limits: Limits) -> ZipMembers | TarMembers:
    return (ZipMembers if path.lower().endswith(ZIP_SUFFIXES) else TarMembers)(path, limits)


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
