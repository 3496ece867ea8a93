"""Run a function on other people's bytes in a process of its own, with limits on time and memory.

The parsers of MIDI and scores are native code, which a damaged or hostile file can bring down or set spinning.
Here that costs one clear line, not the program: a process that crashes, hangs or swells is ended and replaced.
As it may have been harmed by an earlier file, the file at which it died is given once more to a fresh one: each
file is judged by itself. One that takes too long by the clock, but did not have the processor meanwhile (the machine
slept, or had too much to do), is given once more by itself, and judged by processor time where the system tells it.

What is limited where:

    system              clock    processor time    memory    size of the answer
    Linux (also WSL 2)  yes      yes               yes       yes
    macOS, Windows ...  yes      no                no        yes

On Linux the process limits its own address space (RLIMIT_AS), and its processor time should the program that watches
the clock be gone. macOS knows the call but does not heed it, and Windows has none: there a file that swells may use
as much memory as the system gives it until its time is over. The process is no sandbox anywhere: it may open files.

Every message is led by its length in four bytes. The process says READY; then a batch is a JSON pair, options and a
list of [name, size], and a message of the contents end to end. Each file is answered as soon as it is done: ANSWER
and what the function gave, or FAILED and a JSON pair, code and detail, after which the process ends. Nothing that it
says is executed.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from ritornello.music.errors import MusicFileError, WorkerError, one_line, with_path
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.files import Repeats, file_content, scan_content
from ritornello.music.values import Piece

File = tuple[str, bytes]  # name and content

COMMAND = (sys.executable, "-P", "-m", "ritornello.music.worker")
READY, ANSWER, FAILED = b"ready", b"\0", b"\1"
START_SECONDS = 60.0  # for a cold interpreter on a busy machine
MAX_MESSAGE = 256 * 2**20
MAX_PIECES = 32 * 2**20
"""Bytes of JSON about one file: a million notes. As values of this program they take about ten times as much."""
OUT_OF_MEMORY = -9  # SIGKILL, as the kernel sends it

LIFETIME_FILES = 5000
"""A process that has read so many files is replaced, whatever its parsers may have leaked."""
WATCH_SECONDS = 0.1
BUSY = 0.5
"""A file that had the processor for this share of its time has had its chance."""
PATIENCE = 4
"""So many times the allowed seconds a file may take by the clock when it is tried again by itself."""
MOST_DEATHS = 8
"""Processes that die in a row without an answer; then one is tried on a file that cannot hurt."""
REMEDY = "see that this program is installed whole, and that there is memory for it"


class Failure(NamedTuple):
    """No answer about a file. code: too_slow, parser_died or unreadable. detail: what happened, in words."""

    code: str
    detail: str


INVALID = Failure("parser_died", "its reader gave no valid answer")
REMEDIES = {
    "too_slow": ": the file is damaged, or give it more time",
    "parser_died": ": the file is damaged, export or fetch it again",
    "unreadable": "",
}


class Worker:
    """Runs a function on file after file in a process that is replaced where it dies, hangs or swells.

    Use it as a context manager, from one thread; `stop` may be called from another.
    function: "module:name" of a function of content (bytes), name (str) and options (dict) that returns bytes.
    timeout_seconds: for each file. memory_mb: for the process. max_answer: bytes of an answer.
    command: what to run as the process. clock: seconds from some moment on.
    """

    def __init__(
        self,
        function: str,
        timeout_seconds: float = 10,
        memory_mb: int = 1024,
        max_answer: int = MAX_MESSAGE,
        command: Sequence[str] = COMMAND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if timeout_seconds <= 0 or memory_mb <= 0:
            raise ValueError(f"limits must be more than 0, not {timeout_seconds} s and {memory_mb} MB")
        self.timeout_seconds, self.memory_mb, self.max_answer = timeout_seconds, memory_mb, max_answer
        self.command = [*command, function, f"{timeout_seconds}", f"{memory_mb}"]
        self.clock = clock
        self._process: _Process | None = None
        self._deaths = 0
        self._stopped = False

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; files that it has not answered stay without an answer."""
        self._stopped = True
        self.end()

    def end(self) -> None:
        """End the process, if there is one; the next file starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def answers(self, files: Iterable[File], options: Mapping[str, Any] = {}) -> Iterator[bytes | Failure]:
        """Give what the function gives for each file, one by one; fewer where `stop` was called.

        files: name and content of each. Raises WorkerError where no process can be started.
        """
        waiting = deque(files)
        try:
            while waiting and not self._stopped:
                if self._process is not None and self._process.answered >= LIFETIME_FILES:
                    self.end()
                process = self._process or self._start()
                process.ask(waiting, options)
                while waiting and (answer := process.answer()) is not None:
                    self._deaths = 0
                    waiting.popleft()
                    yield answer
                if waiting and not self._stopped:
                    failure = self._judge(process, waiting[0], options)
                    if failure is not None and not self._stopped:
                        waiting.popleft()
                        yield failure
        finally:
            if waiting:  # after an interrupt: its answers would be taken for those to other files
                self.end()

    def _judge(self, process: _Process, file: File, options: Mapping[str, Any]) -> bytes | Failure | None:
        """Judge the file at which a process ended; None where the next process is to tell."""
        if process.is_late and not process.was_busy:
            self.end()
            return self._alone(file, options)
        failure = process.failure() if process.is_late or not process.answered else None
        self.end()
        self._deaths += 1
        if self._deaths >= MOST_DEATHS:
            self._prove(options)
        return failure

    def _alone(self, file: File, options: Mapping[str, Any]) -> bytes | Failure:
        """Answer a file for which there was no time, by a process of its own that is given more."""
        process = self._start(is_patient=True)
        process.ask([file], options)
        answer = process.answer()
        judged = process.failure() if answer is None else answer
        self.end()
        return judged

    def _prove(self, options: Mapping[str, Any]) -> None:
        """Raise WorkerError unless a fresh process answers an empty file."""
        process = self._start()
        process.ask([("empty.mid", b"")], options)
        if process.answer() is None and not self._stopped:
            cause = process.failure().detail
            self.end()
            raise WorkerError(f"the process that reads files ends on any file ({cause}); {REMEDY}")
        self._deaths = 0

    def _start(self, is_patient: bool = False) -> _Process:
        process = self._process = _Process(self, is_patient)
        if self._stopped:  # while it started
            self.end()
        return process


class _Process:
    """One process, and the thread that watches its clock (pipes have no timeout on every system).

    is_patient: whether it goes by processor time, where that is known, and by the clock only after PATIENCE times as
    long. is_late: it was ended for want of time; was_busy: and had the processor meanwhile.
    Raises WorkerError where the process does not start.
    """

    def __init__(self, worker: Worker, is_patient: bool) -> None:
        self._worker, self._is_patient = worker, is_patient
        self.answered = 0
        self.is_late = self.was_busy = False
        self._failure: Failure | None = None
        self._ended = threading.Event()
        self._deadline = worker.clock() + START_SECONDS
        # this very package, and one thread for numeric libraries, each of which takes memory
        path = [str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            self.process = subprocess.Popen(
                worker.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **threads},
            )
        except OSError as error:
            reason = error.strerror or error
            raise WorkerError(f"no process can be started to read files ({reason}); {REMEDY}") from None
        threading.Thread(target=self._watch, daemon=True).start()
        if self._receive() != READY:
            cause = f"not within {START_SECONDS:g} s" if self.is_late else self.failure().detail
            self.end()
            raise WorkerError(f"the process that reads files did not start ({cause}); {REMEDY}")

    def ask(self, files: Iterable[File], options: Mapping[str, Any]) -> None:
        """Send a batch. A process that is dead shows it by its answer."""
        batch = list(files)
        self._deadline = self._worker.clock() + self._worker.timeout_seconds
        header = json.dumps([options, [(name, len(content)) for name, content in batch]]).encode("ascii")
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):
            send(self.process.stdin, header)
            send(self.process.stdin, b"".join(content for _, content in batch))

    def answer(self) -> bytes | None:
        """Wait for the answer to the next file; None where the process died, hung or failed on it."""
        self._deadline = self._worker.clock() + self._worker.timeout_seconds
        message = self._receive()
        self._deadline = float("inf")
        if message and message[:1] == ANSWER:
            self.answered += 1
            return message[1:]
        if message:
            self._failure = _failure(message)
        return None

    def failure(self) -> Failure:
        """Say why it gave no answer."""
        if self.is_late:
            return Failure("too_slow", f"gave up reading it after {self._worker.timeout_seconds:g} s")
        if self._failure is not None:
            return self._failure
        try:
            status = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return INVALID
        if status == OUT_OF_MEMORY:
            limit = f"limit {self._worker.memory_mb} MB"
            return Failure("parser_died", f"its reader was stopped for want of memory ({limit})")
        return Failure("parser_died", f"its reader crashed (status {status})")

    def end(self) -> None:
        """End the process and leave nothing of it behind."""
        self._ended.set()
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _receive(self) -> bytes | None:
        assert self.process.stdout is not None
        try:
            return receive(self.process.stdout, self._worker.max_answer)
        except (OSError, ValueError):  # the pipe was closed, or the message is longer than any of ours
            return None

    def _watch(self) -> None:
        deadline, began = -1.0, None
        while not self._ended.wait(WATCH_SECONDS):
            if deadline != self._deadline:  # another file
                deadline, began = self._deadline, _processor_seconds(self.process.pid)
            if self._worker.clock() > deadline and self._is_over(deadline, began):
                self.is_late = True
                self.process.kill()
                return

    def _is_over(self, deadline: float, began: float | None) -> bool:
        """Decide whether a file that is late by the clock had its time.

        began: processor time used before it.
        """
        now, allowed = _processor_seconds(self.process.pid), self._worker.timeout_seconds
        used = None if began is None or now is None else now - began
        self.was_busy = used is not None and used >= BUSY * allowed
        if not self._is_patient or used is None or used >= allowed:
            return True
        return self._worker.clock() > deadline + (PATIENCE - 1) * allowed


def _failure(message: bytes) -> Failure:
    """Rebuild the failure that a process names."""
    try:
        code, detail = json.loads(message[1:])
    except (ValueError, TypeError, RecursionError):
        return INVALID
    return Failure(code, one_line(detail)) if message[:1] == FAILED and code == "unreadable" else INVALID


def _processor_seconds(process: int) -> float | None:
    """Read the processor time that a process has used; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, see proc(5)
    except (OSError, AttributeError, IndexError, ValueError):
        return None


def send(pipe: IO[bytes], message: bytes) -> None:
    """Write a message to a pipe, its length first."""
    pipe.write(struct.pack(">I", len(message)) + message)
    pipe.flush()


def receive(pipe: IO[bytes], most: int = MAX_MESSAGE) -> bytes | None:
    """Read the next message; None at the end. Raises ValueError for one over `most` bytes."""
    head = pipe.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">I", head)
    if size > most:
        raise ValueError(f"a message of {size} bytes is too long")
    message = pipe.read(size)
    return message if len(message) == size else None


# In the process itself.


def main(arguments: Sequence[str]) -> None:
    """Answer batches from standard input until it ends.

    arguments: function, seconds for each file, MB of memory.
    """
    timeout_seconds, memory_mb = float(arguments[1]), int(arguments[2])
    requests, answers = sys.stdin.buffer, _confine(memory_mb)
    module, _, name = arguments[0].partition(":")
    function = getattr(importlib.import_module(module), name)
    send(answers, READY)
    while (header := receive(requests)) is not None:
        options, files = json.loads(header)
        contents, start = receive(requests) or b"", 0
        for name, size in files:
            if sys.platform == "linux":  # should the parent that watches the clock be gone
                import resource

                allowed = int(time.process_time() + timeout_seconds) + 2
                resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
            answer = _answer(function, contents[start : start + size], name, options, memory_mb)
            send(answers, answer)
            if answer[:1] == FAILED:
                return
            start += size


def _answer(function: Callable[..., bytes], content: bytes, name: str, options: dict, memory_mb: int) -> bytes:
    """Run the function; after an error that it does not handle the process is to end."""
    try:
        return ANSWER + function(content, name, options)
    except MemoryError:
        detail = f"needs more than {memory_mb} MB to read: the file is damaged"
    except RecursionError:
        detail = "nested too deeply: the file is damaged, export it again"
    except Exception as error:
        detail = f"cannot be read ({type(error).__name__}: {error}): export it again"
    return FAILED + json.dumps(["unreadable", detail]).encode("ascii")


def _confine(memory_mb: int) -> IO[bytes]:
    """Limit memory, leave Ctrl-C to the parent and keep standard output for answers.

    Returns the pipe for answers: what native code prints goes nowhere instead.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    private, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = memory_mb * 2**20
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    return os.fdopen(private, "wb")


# Reading pieces.


class UntrustedReader:
    """Reads file after file in a process that is replaced where it dies, hangs or swells.

    Use it as a context manager, from one thread. timeout_seconds: for each file. memory_mb: for the process.
    command: what to run as the process.
    """

    def __init__(self, timeout_seconds: float = 10, memory_mb: int = 1024, command: Sequence[str] = COMMAND) -> None:
        function = "ritornello.music.worker:pieces_as_json"
        self._worker = Worker(function, timeout_seconds, memory_mb, MAX_PIECES + 1, command)

    def __enter__(self) -> UntrustedReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if there is one; the next `read` starts another."""
        self._worker.end()

    def read(self, path: str | Path, repeats: Repeats = "unfold") -> list[Piece]:
        """Read the pieces of a file as `files.read` does. Raises MusicFileError."""
        content = file_content(Path(path))
        try:
            (answer,) = self._worker.answers([(os.fspath(path), content)], {"repeats": repeats})
        except WorkerError as error:
            raise MusicFileError(f"{path}: {error}") from None
        if isinstance(answer, Failure):
            raise MusicFileError(f"{path}: {answer.detail}{REMEDIES[answer.code]}")
        try:
            data = json.loads(answer)
            if isinstance(data, dict) and "error" in data:
                raise MusicFileError(with_path(path, data["error"]))
            return pieces_from_json(data)
        except MusicFileError:
            raise
        except (ValueError, RecursionError) as error:
            self.close()
            raise MusicFileError(f"{path}: its reader gave an impossible answer ({one_line(error)})") from None


def read_untrusted(
    path: str | Path, repeats: Repeats = "unfold", timeout_seconds: float = 10, memory_mb: int = 1024
) -> list[Piece]:
    """Read a music file as `files.read` does, in a process that ends with it.

    For many files keep one UntrustedReader, which does not start a process for each.
    Raises MusicFileError as `files.read` does, and where the reader crashes, takes longer than `timeout_seconds`
    or needs more than `memory_mb` MB.
    """
    with UntrustedReader(timeout_seconds, memory_mb) as reader:
        return reader.read(path, repeats)


def pieces_as_json(content: bytes, name: str, options: dict) -> bytes:
    """Read the pieces in a file's bytes: a JSON list, or an object with an "error"."""
    try:
        pieces, _ = scan_content(content, name, options["repeats"])
    except MusicFileError as error:
        return json.dumps({"error": str(error)}).encode("ascii")
    data = json.dumps(pieces_to_json(pieces)).encode("ascii")
    if len(data) > MAX_PIECES:
        return b'{"error": "it holds more notes than are read of one file: split it"}'
    return data


if __name__ == "__main__":
    main(sys.argv[1:])
