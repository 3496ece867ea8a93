"""A lane to one untrusted worker process: files go in, rows come out, and a worker that dies or hangs is replaced.

A worker that is brought down may have been harmed by an earlier file, so the file at which it died is given once
more to a fresh one: each file is judged by itself, and the same files give the same rows however they are batched.

A file that takes too long by the clock, but did not have the processor meanwhile (the machine slept, or had too much
to do), is given once more by itself to a fresh worker, and judged by processor time where the system tells it.
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

from ritornello.corpus.build.lane_worker import ENDS, READY
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.errors import WorkerError
from ritornello.corpus.options import BuildOptions
from ritornello.music import worker as reading
from ritornello.music.worker import MAX_MESSAGE, START_SECONDS, receive, send

WORKER = (sys.executable, "-P", "-m", "ritornello.corpus.build.lane_worker")

BATCH_FILES = 128
BATCH_BYTES = 256 * 1024
"""A batch ends with the file that reaches one of these: large files travel alone. Small batches leave a worker idle
while the program, busy with what came before, does not fetch the next one."""

LIFETIME_FILES = 5000
"""A worker that has read so many is replaced, whatever its parsers may have leaked."""

WATCH_SECONDS = 0.1

BUSY = 0.5
"""A file that had the processor for this share of its time has had its chance."""

PATIENCE = 4
"""So many times the allowed seconds a file may take by the clock when it is tried again by itself."""

MOST_DEATHS = 8
"""Workers that die in a row without an answer; then one is tried on a file that cannot hurt."""


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
        self._deaths = 0
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
        """Each job of a batch with its rows as bytes, one by one; fewer where `stop` was called.

        Raises WorkerError where no worker can be started.
        """
        waiting = deque(batch)
        while waiting and not self._stopped:
            worker = self._ready()
            worker.ask(waiting)
            while waiting and (answer := worker.answer()) is not None:
                self._deaths = 0
                yield waiting.popleft(), answer
            if not waiting or self._stopped:
                return
            verdict = self._verdict(worker, waiting[0])
            if verdict and not self._stopped:
                yield waiting.popleft(), verdict

    def _verdict(self, worker: _Worker, job: Job) -> bytes:
        """The rows of the file at which a worker ended; nothing where the next worker is to tell."""
        if worker.is_late and not worker.was_busy:
            self._end()
            return self._alone(job)
        verdict = worker.last_words() if worker.is_late or not worker.answered else b""
        self._end()
        self._deaths += 1
        if self._deaths >= MOST_DEATHS:
            self._prove()
        return verdict

    def _alone(self, job: Job) -> bytes:
        """The rows of a file for which there was no time, from a worker of its own that is given more."""
        worker = self._started(is_patient=True)
        worker.ask([job])
        answer = worker.answer()
        verdict = worker.last_words() if answer is None else answer
        self._end()
        return verdict

    def _prove(self) -> None:
        """Raise WorkerError unless a fresh worker answers an empty file: then it is the files that bring it down."""
        worker = self._started()
        worker.ask([Job(0, b"", "empty.mid", b"")])
        if worker.answer() is None and not self._stopped:
            cause = worker.cause()[1]
            self._end()
            raise WorkerError(f"the process that reads files ends on any file ({cause}); {REMEDY}")
        self._deaths = 0

    def _ready(self) -> _Worker:
        if self._worker is not None and self._worker.answered >= LIFETIME_FILES:
            self._end()
        return self._worker or self._started()

    def _started(self, is_patient: bool = False) -> _Worker:
        worker = _Worker(self.command, self.options, self.timeout_seconds, self.memory_mb, is_patient)
        self._worker = worker
        if self._stopped:  # while it started
            self._end()
        return worker

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


REMEDY = "see that this program is installed whole, and that there is memory for it"


class _Worker:
    """One process, and the thread that watches its clock (pipes have no timeout on every system).

    is_patient: whether it goes by processor time, where that is told, and by the clock only after PATIENCE times as
    long. is_late: it was ended for want of time; was_busy: and had the processor meanwhile.
    Raises WorkerError where the process does not start.
    """

    def __init__(
        self,
        command: Sequence[str],
        options: BuildOptions,
        timeout_seconds: float,
        memory_mb: int,
        is_patient: bool = False,
    ) -> None:
        self.timeout_seconds, self.memory_mb, self._is_patient = timeout_seconds, memory_mb, is_patient
        self.answered = 0
        self.is_late = self.was_busy = False
        self._left_with: bytes | None = None
        self._ended = threading.Event()
        self._deadline = time.monotonic() + START_SECONDS
        self.process = _process([*command, f"{timeout_seconds}", f"{memory_mb}"])
        threading.Thread(target=self._watch, daemon=True).start()
        self._send(json.dumps(asdict(options)).encode("ascii"))
        if self._receive() != READY:
            cause = f"not within {START_SECONDS:g} s" if self.is_late else self.cause()[1]
            self.end()
            raise WorkerError(f"the process that reads files did not start ({cause}); {REMEDY}")

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
        return self._left_with or FileRows.refused(*self.cause()).to_bytes()

    def end(self) -> None:
        """End the process and leave nothing of it behind."""
        self._ended.set()
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def cause(self) -> tuple[str, str]:
        """Why it gave no answer: the reason code and the detail for the file."""
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
        deadline, began = -1.0, None
        while not self._ended.wait(WATCH_SECONDS):
            if deadline != self._deadline:  # another file
                deadline, began = self._deadline, reading.processor_seconds(self.process.pid)
            if time.monotonic() > deadline and self._is_over(deadline, began):
                self.is_late = True
                self.process.kill()
                return

    def _is_over(self, deadline: float, began: float | None) -> bool:
        """Whether a file that is late by the clock had its time. began: processor time used before it."""
        now = reading.processor_seconds(self.process.pid)
        used = None if began is None or now is None else now - began
        self.was_busy = used is not None and used >= BUSY * self.timeout_seconds
        if not self._is_patient or used is None or used >= self.timeout_seconds:
            return True
        return time.monotonic() > deadline + (PATIENCE - 1) * self.timeout_seconds


def _process(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The worker's process. Raises WorkerError."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=reading.worker_environment(),
        )
    except OSError as error:
        raise WorkerError(f"no process can be started to read files ({error.strerror or error}); {REMEDY}") from None


MAX_CONTENT = MAX_MESSAGE
"""Bytes of the largest file that fits a message."""
