"""The default executor: worker processes on this machine, a thread with each, rows into the journal as they come."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Iterator, Sequence

from ritornello.corpus.build.journal import Journal, key_of
from ritornello.corpus.build.lane import BATCH_FILES, MAX_CONTENT, Job, Lane, batches
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.find.sources import Source, SourceError
from ritornello.corpus.options import BuildOptions

TURNS = 4
"""So many batches at least for each worker, so that none is idle while another has much to do."""


def convert_here(
    sources: Sequence[Source], options: BuildOptions, journal: Journal, timeout_seconds: float = 10
) -> Generator[int, None, None]:
    """Convert every source that the journal has no rows of; yields the place of each file as it is done.

    Closing the iterator, or an interrupt while it runs, ends the workers; what is in the journal stays.
    """
    done: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()
    workers = workers_of(options, len(sources))
    fair = -(-len(sources) // (workers * TURNS))
    work = _Work(batches(_jobs(sources, journal, done), min(fair, BATCH_FILES)))
    lanes = [Lane(options, timeout_seconds) for _ in range(workers)]
    threads = [threading.Thread(target=_run, args=(lane, work, journal, done), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        running = len(threads)
        while running:
            message = done.get()
            if isinstance(message, BaseException):
                raise message
            if message is None:
                running -= 1
            else:
                yield message
    finally:
        work.stop()
        for lane in lanes:
            lane.stop()
        for thread in threads:
            thread.join()


def workers_of(options: BuildOptions, files: int) -> int:
    """How many workers: as asked for, else one for each processor that this program may use."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(options.workers or processors, files))


def content_of(source: Source, room: int = MAX_CONTENT) -> bytes | FileRows:
    """The bytes of a source, or the rows that say why there are none. room: bytes that a worker can be sent."""
    try:
        content = source.read()
    except SourceError as error:
        return FileRows.refused(error.reason, error.detail)
    if len(content) > room:
        return FileRows.refused("too_large", f"over {room // 2**20} MB")
    return content


class _Work:
    """Batches that several threads take turns to fetch."""

    def __init__(self, batches: Iterator[list[Job]]) -> None:
        self._batches = batches
        self._lock = threading.Lock()
        self._stopped = False

    def next(self) -> list[Job] | None:
        """The next batch, None where there is no more."""
        with self._lock:
            return None if self._stopped else next(self._batches, None)

    def stop(self) -> None:
        """Give out no more."""
        self._stopped = True


def _jobs(sources: Sequence[Source], journal: Journal, done: queue.SimpleQueue) -> Iterator[Job]:
    """What there is to convert; what needs no worker goes into the journal at once."""
    for index, source in enumerate(sources):
        content = content_of(source)
        key = key_of(source.name, content)
        if journal.take_up(index, key):
            done.put(index)
        elif isinstance(content, FileRows):
            journal.put(index, key, content.to_bytes())
            done.put(index)
        else:
            yield Job(index, key, source.name, content)


def _run(lane: Lane, work: _Work, journal: Journal, done: queue.SimpleQueue) -> None:
    """Convert batch after batch in a thread of its own; says None when there is no more, or the error it met."""
    try:
        while (batch := work.next()) is not None:
            for job, rows in lane.convert(batch):
                journal.put(job.place, job.key, rows)
                done.put(job.place)
        done.put(None)
    except BaseException as error:
        done.put(error)
