"""Write files whole or not at all, and replace none that this program did not make.

Beside the files that it makes lies RECORD, with the name and the SHA-256 of each. A file that is not in it, or that
has changed since, is the user's; marks inside files say nothing about that.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ritornello.wording import option

RECORD = ".ritornello.json"
ABOUT = "Files that ritornello made in this folder. It replaces none that is not listed or has changed."

Content = bytes | Iterable[bytes]


class FileKeptError(FileExistsError):
    """A file that must not be replaced: it is the user's, or holds something else that this program made."""


class _Staged(NamedTuple):
    """A file that is written beside its place, and not renamed yet."""

    path: Path
    temporary: Path
    digest: str


def write_files(files: Iterable[tuple[str | Path, Content]], maker: str = "", replace: bool = False) -> None:
    """Write a batch of files, all of them or none, and record them as made by this program.

    files: each path with its bytes, whole or in pieces. maker: what makes them, and from what (see `maker_of`): it
    may replace its own files that are unchanged; "" replaces nothing. replace: replace any file. A file that holds
    the same bytes already is left as it is.
    Raises FileKeptError for a file that must be kept, OSError naming the path that cannot be written.
    """
    staged: list[_Staged] = []
    made: list[Path] = []
    try:
        for name, content in files:
            path = Path(name)
            made += _make_folder_of(path)
            staged.append(_stage(path, content))
            if replace or _digest(path) != staged[-1].digest:
                check_files([path], maker, replace)
        _publish(staged, maker, replace)
    except BaseException:
        for item in staged:
            with suppress(OSError):
                item.temporary.unlink()
        for folder in made:
            with suppress(OSError):  # it holds something, which stays
                folder.rmdir()
        raise


def write_bytes(path: str | Path, content: bytes, maker: str = "", replace: bool = False) -> None:
    """Write `content` to `path`. See `write_files`."""
    write_files([(path, content)], maker, replace)


def write_text(path: str | Path, content: str, maker: str = "", replace: bool = False) -> None:
    """Write `content` as UTF-8 to `path`. See `write_files`."""
    write_bytes(path, to_utf8(content), maker, replace)


def to_utf8(text: str) -> bytes:
    r"""Encode text that may hold a file name; bytes of it that are no text become "\udce9"."""
    return text.encode("utf-8", "backslashreplace")


def rewrite(path: str | Path, content: bytes) -> None:
    """Write a file that the caller owns and has read, whole or not at all, without a record.

    Raises OSError naming `path`.
    """
    path = Path(path)
    staged = _stage(path, content)
    try:
        os.replace(staged.temporary, path)
        _flush_names(path.parent)
    except OSError as error:
        raise not_written(path, error) from None
    finally:
        with suppress(OSError):
            staged.temporary.unlink()


def check_files(paths: Iterable[str | Path], maker: str = "", replace: bool = False) -> None:
    """Check that files may be written, before work that takes long.

    maker, replace: as of `write_files`. Raises FileKeptError naming the first that must be kept, IsADirectoryError
    for a folder in the place of a file.
    """
    for path in map(Path, paths):
        if path.is_dir():
            raise not_written(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
        if not replace and (why := _why_kept(path, maker)):
            raise FileKeptError(
                errno.EEXIST,
                f"{why}, so it is kept: name another place, or replace it ({option('replace', True)})",
                str(path),
            )


def check_ahead(paths: Iterable[str | Path], maker: str = "", replace: bool = False) -> None:
    """Check that files may be written, and can be, before work that takes long.

    Options as of `write_files`. Raises as `check_files`, and OSError naming a file whose folder takes none.
    """
    places = [Path(path) for path in paths]
    check_files(places, maker, replace)
    for path in {path.parent: path for path in places}.values():
        check_place(path.parent, path)


def remove_made(folder: Path, pattern: str, maker: str) -> None:
    """Remove files of a folder that `maker` made and nobody changed.

    A record of nothing else goes with them. pattern: which names to look at ("*.mid"). Raises OSError naming a file
    that stays.
    """
    if not (folder / RECORD).is_file():
        return
    with _locked(str(folder)):
        for path in folder.glob(pattern):
            if not _why_kept(path, maker):
                remove(path)
        if not any((folder / name).exists() for name in _read_record(folder)):
            remove(folder / RECORD)


def remove(path: Path) -> None:
    """Remove a file, if it is there. Raises OSError naming it."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error) from None


def maker_of(verb: str, source: str | Path) -> str:
    """Name what makes a file, and from what.

    source: a file or folder, which counts by its place, or the name of something else. It is hashed, so that a record
    that goes with a shared folder names no private places.
    """
    known = os.path.realpath(source) if os.path.exists(source) else str(source)
    return f"{verb} {hashlib.sha256(os.fsencode(known)).hexdigest()[:16]}"


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


def check_place(folder: str | Path, name: str | Path | None = None) -> None:
    """Raise OSError now if files cannot be written to `folder` later; leave nothing behind.

    For work that takes long before it writes. The folder is not made: its nearest existing ancestor is tried.
    name: what the error names, the folder without it.
    """
    folder = Path(folder)
    here = next(p for p in (folder, *folder.absolute().parents) if os.path.lexists(p))
    try:
        if not here.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=here):
            pass
    except OSError as error:
        raise not_written(name or folder, error) from None


def umask() -> int:
    """Read the permissions that new files do without."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _make_folder_of(path: Path) -> list[Path]:
    """Make the folder of a file; return the folders that were made, the innermost first.

    Raises OSError naming the file.
    """
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from None
    return made


def _stage(path: Path, content: Content) -> _Staged:
    """Write and flush the content to a temporary file beside `path`.

    Raises OSError naming `path`.
    """
    digest, temporary = hashlib.sha256(), None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            for piece in [content] if isinstance(content, bytes) else content:
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~umask())
    except BaseException as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):
            raise not_written(path, error) from None
        raise
    return _Staged(path, temporary, digest.hexdigest())


def _publish(staged: list[_Staged], maker: str, replace: bool) -> None:
    """Record staged files and rename them into place, while no other program writes there.

    The record comes first and keeps the sum before: at whatever moment the program ends, each file is known as made.
    """
    folders = {item.path: os.path.realpath(item.path.parent) for item in staged}
    with ExitStack() as locks:
        for folder in sorted({*folders.values()}):
            locks.enter_context(_locked(folder))
        new = [item for item in staged if replace or _digest(item.path) != item.digest]
        check_files((item.path for item in new), maker, replace)
        for folder in {folders[item.path] for item in new}:
            _enter(Path(folder), {i.path.name: i.digest for i in new if folders[i.path] == folder}, maker)
        for item in new:
            try:
                os.replace(item.temporary, item.path)
            except OSError as error:
                raise not_written(item.path, error) from None
    for item in staged:
        if item not in new:
            item.temporary.unlink()
    for folder in {*folders.values()}:
        _flush_names(folder)


def _enter(folder: Path, digests: dict[str, str], maker: str) -> None:
    """Enter new sums of files into the record of a folder, each with the one before."""
    record = _read_record(folder)
    known = dict(record)
    for name, digest in digests.items():
        old = record.get(name, {})
        before = old.get("before") if old.get("sha256") == digest else old.get("sha256")
        record[name] = {"sha256": digest, "maker": maker} | ({"before": before} if before else {})
    if record != known:
        values = {"about": ABOUT, "files": dict(sorted(record.items()))}
        rewrite(folder / RECORD, (json.dumps(values, indent=1) + "\n").encode())


def _read_record(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what is known of each file by its name: nothing where the record is damaged."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        files = json.loads((folder / RECORD).read_bytes())["files"].items()
        return {name: values for name, values in files if isinstance(values, dict)}
    return {}


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Wait until no other program writes in a folder, and hold it.

    Where the system has no such lock (Windows, some network drives) there is none. The record is locked; as it is
    replaced by renaming, a lock on one that is gone counts for nothing.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = os.path.join(folder, RECORD)
    while True:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise not_written(path, error) from None
        with suppress(OSError):  # some network drives have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                break
        os.close(handle)
    try:
        yield
    finally:
        with suppress(OSError):
            if not os.stat(path).st_size:  # made for the lock alone
                os.unlink(path)
        os.close(handle)


def _why_kept(path: Path, maker: str) -> str:
    """Say why a file must not be replaced; "" where it may be, or is not there."""
    if not os.path.lexists(path):
        return ""
    if path.is_symlink():
        return "is a link, whose file may be yours"
    known = _read_record(path.parent).get(path.name)
    if known is None:
        return "was not made by ritornello"
    if _digest(path) not in (known.get("sha256"), known.get("before")):
        return "has changed since ritornello made it"
    return "" if maker and known.get("maker") == maker else "holds something else that ritornello made"


def _digest(path: Path) -> str | None:
    """Compute the SHA-256 of a file; None where there is no file that can be read."""
    with suppress(OSError):
        if stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait for ever
            with open(path, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return None


def _flush_names(folder: str | Path) -> None:
    """Flush the names in a folder, so that they survive a power cut in the order of writing."""
    with suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
