"""The default executor: worker processes on this machine, a thread with each, rows into the journal as they come."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

from ritornello.corpus.build.rows import FileRows, Journal, content_key
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find.find import Source
from ritornello.corpus.options import BuildOptions
from ritornello.music.worker import MAX_MESSAGE, Failure, Worker

CONVERT = "ritornello.corpus.build.convert:rows_bytes"

BATCH_FILES = 128
BATCH_BYTES = 256 * 1024
"""A batch ends with the file that reaches one of these: large files travel alone. Small batches leave a worker idle
while the program, busy with what came before, does not fetch the next one."""

TURNS = 4
"""So many batches at least for each worker, so that none is idle while another has much to do."""


class Job(NamedTuple):
    """One file to be converted: its place in the order of sources, its key in the journal, name and content."""

    place: int
    key: bytes
    name: str
    content: bytes


def convert_here(
    sources: Sequence[Source], options: BuildOptions, journal: Journal, timeout_seconds: float = 10
) -> Generator[int, None, None]:
    """Convert the sources without rows in the journal; yields the place of each file when done.

    Closing the iterator, or an interrupt while it runs, ends the workers; what is in the journal stays.
    """
    done: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = max(1, min(options.workers or processors, len(sources)))
    fair = -(-len(sources) // (count * TURNS))
    work = batches(_jobs(sources, journal, done), min(fair, BATCH_FILES))
    lock, stopped = threading.Lock(), threading.Event()
    workers = [Worker(CONVERT, timeout_seconds) for _ in range(count)]

    def run(worker: Worker) -> None:
        """Convert batch after batch; put None after the last one, or the error that was met."""
        try:
            while True:
                with lock:  # threads take turns
                    batch = None if stopped.is_set() else next(work, None)
                if batch is None:
                    break
                for job, rows in converted(worker, batch, options):
                    journal.put(job.place, job.key, rows)
                    done.put(job.place)
            done.put(None)
        except BaseException as error:
            done.put(error)

    threads = [threading.Thread(target=run, args=(worker,), daemon=True) for worker in workers]
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
        stopped.set()
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join()


def content_of(source: Source, room: int = MAX_MESSAGE) -> bytes | FileRows:
    """Read the bytes of a source, or make the rows that say why there are none.

    room: bytes that a worker can be sent.
    """
    try:
        content = source.read()
    except CorpusError as error:
        return FileRows.refused(error.reason, str(error))
    if len(content) > room:
        return FileRows.refused("too_large", f"over {room // 2**20} MB")
    return content


def batches(jobs: Iterable[Job], files: int = BATCH_FILES) -> Iterator[list[Job]]:
    """Group jobs into batches that are worth a message, of `files` at most."""
    batch: list[Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += len(job.content)
        if len(batch) >= files or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def converted(worker: Worker, jobs: Sequence[Job], options: BuildOptions) -> Iterator[tuple[Job, bytes]]:
    """Convert a batch; yields each job with its rows as bytes, fewer after `Worker.stop`."""
    answers = worker.answers([(job.name, job.content) for job in jobs], asdict(options))
    for job, answer in zip(jobs, answers, strict=False):
        yield job, FileRows.refused(*answer).to_bytes() if isinstance(answer, Failure) else answer


def _jobs(sources: Sequence[Source], journal: Journal, done: queue.SimpleQueue) -> Iterator[Job]:
    """List the files to convert; what needs no worker goes into the journal at once."""
    for index, source in enumerate(sources):
        content = content_of(source)
        key = content_key(source.name, content)
        if journal.take_up(index, key):
            done.put(index)
        elif isinstance(content, FileRows):
            journal.put(index, key, content.to_bytes())
            done.put(index)
        else:
            yield Job(index, key, source.name, content)
