"""One program at a time in a run's folder.

The folder itself is locked, so that nothing is left in it, and the lock goes with the process that holds it, however
that ends. Where the system knows no such lock (Windows, some network drives) there is none.
"""

from __future__ import annotations

import os
from pathlib import Path

from ritornello.atomic import not_written


def lock(folder: Path) -> int | None:
    """Keep other programs from training in `folder`, which is made where there is none, until `unlock`.

    Returns what `unlock` takes. Raises ValueError where another program trains there now, OSError naming the folder
    where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from None
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise ValueError(
                f"{folder}: another program is training in this folder now; wait for it, or choose another folder"
            ) from None
        return None
    return handle


def unlock(handle: int | None) -> None:
    """Let others in again."""
    if handle is not None:
        os.close(handle)
