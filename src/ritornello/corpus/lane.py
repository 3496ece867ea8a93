"""A lane to one untrusted worker process: files go in, rows come out, and a worker that dies or hangs is replaced.

A worker that is brought down may have been harmed by an earlier file, so the file at which it died is given once
more to a fresh one: each file is judged by itself, and the same files give the same rows however they are batched.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import NamedTuple

from ritornello.corpus.lane_worker import ENDS, READY
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.rows import FileRows
from ritornello.music import worker as reading
from ritornello.music.worker import MAX_MESSAGE, START_SECONDS, receive, send

WORKER = (sys.executable, "-P", "-m", "ritornello.corpus.lane_worker")

BATCH_FILES = 128
BATCH_BYTES = 256 * 1024
"""A batch ends with the file that reaches one of these: large files travel alone. Small batches leave a worker idle
while the program, busy with what came before, does not fetch the next one."""

LIFETIME_FILES = 5000
"""A worker that has read so many is replaced, whatever its parsers may have leaked."""

WATCH_SECONDS = 0.1


class Job(NamedTuple):
    """One file to be converted: its place in the order of sources, its key in the journal, name and content."""

    place: int
    key: bytes
    name: str
    content: bytes


def batches(jobs: Iterable[Job], files: int = BATCH_FILES) -> Iterator[list[Job]]:
    """Jobs in batches that are worth a message, of `files` at most."""
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


class Lane:
    """One worker at a time. Use it as a context manager, from one thread; `stop` may be called from another.

    timeout_seconds: for each file. memory_mb: for the worker (where the system can limit it, see music.worker).
    command: what to run as the worker.
    """

    def __init__(
        self,
        options: BuildOptions,
        timeout_seconds: float = 10,
        memory_mb: int = 1024,
        command: Sequence[str] = WORKER,
    ) -> None:
        self.options, self.command = options, command
        self.timeout_seconds, self.memory_mb = timeout_seconds, memory_mb
        self._worker: _Worker | None = None
        self._stopped = False

    def __enter__(self) -> Lane:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the worker; what it has not answered is not converted."""
        self._stopped = True
        self._end()

    def convert(self, batch: Sequence[Job]) -> Iterator[tuple[Job, bytes]]:
        """Each job of a batch with its rows as bytes, one by one; fewer where `stop` was called."""
        waiting = deque(batch)
        while waiting and not self._stopped:
            worker = self._ready()
            worker.ask(waiting)
            while waiting and (answer := worker.answer()) is not None:
                yield waiting.popleft(), answer
            if not waiting or self._stopped:
                return
            is_culprit = worker.is_late or not worker.answered
            verdict = worker.last_words() if is_culprit else b""
            self._end()
            if is_culprit:
                yield waiting.popleft(), verdict

    def _ready(self) -> _Worker:
        if self._worker is not None and self._worker.answered >= LIFETIME_FILES:
            self._end()
        if self._worker is None:
            self._worker = _Worker(self.command, self.options, self.timeout_seconds, self.memory_mb)
        return self._worker

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


class _Worker:
    """One process, and the thread that watches its clock (pipes have no timeout on every system)."""

    def __init__(self, command: Sequence[str], options: BuildOptions, timeout_seconds: float, memory_mb: int) -> None:
        self.timeout_seconds, self.memory_mb = timeout_seconds, memory_mb
        self.answered = 0
        self.is_late = False
        self._left_with: bytes | None = None
        self._ended = threading.Event()
        self._deadline = time.monotonic() + START_SECONDS
        self.process = subprocess.Popen(
            [*command, f"{timeout_seconds}", f"{memory_mb}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=reading.worker_environment(),
        )
        threading.Thread(target=self._watch, daemon=True).start()
        self._send(json.dumps(asdict(options)).encode("ascii"))
        if self._receive() != READY:
            self.end()
            raise OSError("the process that reads files did not start: see that this program is installed whole")

    def ask(self, jobs: Iterable[Job]) -> None:
        """Send a batch. A dead worker says so by its answer."""
        batch = list(jobs)
        self._deadline = time.monotonic() + self.timeout_seconds
        self._send(json.dumps([(job.name, len(job.content)) for job in batch]).encode("ascii"))
        self._send(b"".join(job.content for job in batch))

    def answer(self) -> bytes | None:
        """The rows of the next file; None where the worker died, hung or ended itself on it."""
        self._deadline = time.monotonic() + self.timeout_seconds
        message = self._receive()
        self._deadline = float("inf")
        if not message:
            return None
        if message[:1] == ENDS:
            self._left_with = message[1:]
            return None
        self.answered += 1
        return message[1:]

    def last_words(self) -> bytes:
        """The rows of the file on which the worker ended: its own, or what became of it."""
        return self._left_with or FileRows.refused(*self._cause()).to_bytes()

    def end(self) -> None:
        """End the process and leave nothing of it behind."""
        self._ended.set()
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _cause(self) -> tuple[str, str]:
        if self.is_late:
            return "too_slow", f"gave up reading it after {self.timeout_seconds:g} s"
        try:
            status = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "parser_died", "its reader gave no valid answer"
        if status == reading.OUT_OF_MEMORY:
            return "parser_died", f"its reader was stopped for want of memory (limit {self.memory_mb} MB)"
        return "parser_died", f"its reader crashed (status {status})"

    def _send(self, message: bytes) -> None:
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):
            send(self.process.stdin, message)

    def _receive(self) -> bytes | None:
        assert self.process.stdout is not None
        try:
            return receive(self.process.stdout)
        except (OSError, ValueError):  # the pipe was closed, or the message is longer than any of ours
            return None

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            if time.monotonic() > self._deadline:
                self.is_late = True
                self.process.kill()
                return


MAX_CONTENT = MAX_MESSAGE
"""Bytes of the largest file that fits a message."""
