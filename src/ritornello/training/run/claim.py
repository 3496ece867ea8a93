"""Who may write in a run's folder: one program at a time, and none over what it must not replace.

The folder itself is locked, so that nothing is left in it, and the lock goes with the process that holds it, however
that ends. Where the system has no such lock (Windows, some network drives) there is none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path

from ritornello.atomic import check_files, not_written
from ritornello.corpus.store import is_corpus
from ritornello.training.plan import DEFAULTS, TrainOptions
from ritornello.training.run.finetune import check_kept
from ritornello.training.run.folder import (
    DEMO,
    LAST_NAME,
    REPORT,
    REPORTS,
    STATE,
    Checkpoint,
    CheckpointError,
    RunMetadata,
    job,
    load_checkpoint,
    read_metadata,
)
from ritornello.training.run.ranks import ALONE, Ranks
from ritornello.training.run.request import Request
from ritornello.wording import as_argument, by_face, option


@contextmanager
def claimed(
    folder: str | Path, request: Request, resume: bool = False, may_replace: bool = False, ranks: Ranks = ALONE
) -> Iterator[Checkpoint | None]:
    """Keep other programs out of a run's folder; yield the checkpoint to resume from, if any.

    may_replace: whether a run in the folder may be replaced. A folder that was made for a run that did not begin is
    removed again. Raises ValueError where another program trains there, or where the folder holds a corpus, the tunes
    to learn from, the base or a run; CheckpointError where there is no run to resume or it was planned with other
    options; OSError naming the folder where it cannot be made.
    """
    folder = Path(folder)
    handle, made = ranks.first(lambda: _lock(folder))
    try:
        yield ranks.first(lambda: _examine(folder, request, resume, may_replace))
    finally:
        if ranks.is_first:
            if handle is not None:
                os.close(handle)
            for path in made:
                with suppress(OSError):  # it holds something, which stays
                    path.rmdir()


def _lock(folder: Path) -> tuple[int | None, list[Path]]:
    """Make and lock a folder; return a handle that holds the lock, and the folders made.

    The innermost folder comes first.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from None
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None, made
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise ValueError(
                f"{folder}: another program is training in this folder now; wait for it, or choose another folder"
            ) from None
        return None, made
    return handle, made


def _examine(folder: Path, request: Request, resume: bool, may_replace: bool) -> Checkpoint | None:
    """Find the checkpoint to resume from, or make sure that a new run may be written."""
    is_restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0  # by `torchrun --max-restarts`
    if resume or (is_restarted and is_under_way(folder, may_replace)):
        saved = load_checkpoint(folder)
        check_options(saved.metadata, request)
        return saved
    check_free(folder, request.source, may_replace, request.is_demo)
    if request.base:
        check_kept(request.base, folder)
    return None


def check_options(metadata: RunMetadata, request: Request) -> None:
    """Raise CheckpointError, naming the option, where the run was planned with another."""
    remedy = "leave it out to follow the stored plan, or begin a new run in another folder"
    for field in fields(TrainOptions):
        asked, stored = getattr(request.options, field.name), metadata.options.get(field.name)
        stored = DEFAULTS.get(field.name) if stored is None else stored
        if field.name == "save_seconds" or (field.name == "minutes" and request.options.more_seconds):
            continue
        if asked not in (None, stored):
            planned = "without it" if stored is None else f"with {stored}"
            raise CheckpointError(f"{option(field.name)} is {asked} now, but the run was planned {planned}: {remedy}")
    network = metadata.network
    if request.network and replace(request.network, dropout=network.dropout) != network:
        raise CheckpointError(f"{option('preset')} is another network than the run's ({asdict(network)}): {remedy}")
    if request.encoding and request.encoding.to_dict() != metadata.encoding:
        raise CheckpointError(f"the encoding is another one than the run's ({metadata.encoding}): {remedy}")


def check_free(folder: Path, source: str = "", may_replace: bool = False, is_demo: bool = False) -> None:
    """Check that a new run in the folder replaces nothing that it must not.

    Raises ValueError, FileKeptError for a file that is no run's.
    source: where the corpus is read from. may_replace: whether a run in the folder, and files of its names, may be
    replaced. is_demo: a demo may replace a demo that nobody changed.
    """
    if is_corpus(folder):
        raise ValueError(f"{folder} is a corpus: choose another folder for the run")
    if source and folder.is_dir() and Path(source).is_dir() and folder.samefile(source):
        raise ValueError(f"{folder} holds the tunes to learn from: choose another folder for the run")
    begun = [(folder / name).exists() for name in STATE]
    if (begun[0] or all(begun[1:])) and not (may_replace or is_demo):
        on = by_face(f"ritornello train --resume {as_argument(folder)}", f'rito.train(out="{folder}", resume=True)')
        raise ValueError(
            f"{folder} holds a run already: resume it (`{on}`), replace it ({option('replace', True)}) or choose "
            "another folder"
        )
    check_files((folder / name for name in STATE), DEMO if is_demo else "", may_replace)
    check_files((folder / name for name in REPORTS), REPORT, may_replace)


def is_under_way(folder: Path, may_replace: bool = False) -> bool:
    """Tell whether processes that `torchrun` restarted find their own run in the folder.

    may_replace: whether a run of another job may be there, which they were started to replace.
    """
    if not may_replace:
        return (folder / LAST_NAME).exists()
    with suppress(CheckpointError):
        return bool(job()) and read_metadata(folder).job == job()
    return False
