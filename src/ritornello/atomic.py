"""Write files whole or not at all: beside the target, flushed, then renamed over it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path next to `path`; on success flush it and rename it over `path`.

    On any error the temporary file is removed and what stood at `path` stays as it was.
    Raises OSError, naming `path`, where the folder cannot be written or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise not_written(path, error) from None
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, path)
        with suppress(OSError):  # flush the names too, to survive a power cut in order; Windows opens no folders
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise not_written(path, error) from None
        raise


def not_written(path: str | Path, error: OSError) -> OSError:
    """Name `path` in an error instead of a temporary file, and say what to do about it."""
    remedies = {
        errno.ENOSPC: "free some space or choose another place",
        errno.EDQUOT: "free some space or choose another place",
        errno.EFBIG: "choose a place that takes files of this size",
        errno.EEXIST: "a file stands where a folder is needed; choose another place",
        errno.ENOTDIR: "a file stands where a folder is needed; choose another place",
        errno.EISDIR: "a folder of this name is in the way; choose another name",
    }
    remedy = remedies.get(error.errno or 0, "choose a place that can be written to")
    return OSError(error.errno, f"cannot be written ({error.strerror or error}); {remedy}", str(path))


def check_place(folder: str | Path) -> None:
    """Raise OSError now if files cannot be written to `folder` later; leave nothing behind.

    For work that takes long before it writes. The folder is not made: its nearest existing ancestor is tried.
    """
    folder = Path(folder)
    here = next(p for p in (folder, *folder.absolute().parents) if os.path.lexists(p))
    try:
        if not here.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=here):
            pass
    except OSError as error:
        raise not_written(folder, error) from None


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all. Raises OSError naming `path`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, content: str) -> None:
    """Write `content` as UTF-8 to `path`, whole or not at all. Raises OSError naming `path`."""
    with replacing(path) as temporary:
        temporary.write_text(content, "utf-8", newline="")


def umask() -> int:
    """Read the permissions that new files do without."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
