"""Read other people's files in a process of their own, with limits on time and memory.

The parsers of MIDI and scores are native code, which a damaged or hostile file can bring down or set spinning.
Here that costs one clear line, not the program. Parent and worker speak JSON, each message led by its length in
four bytes; nothing that the worker says is executed, and every value is checked when it is rebuilt.

A worker that crashes, hangs or swells is ended and replaced. What is limited where:

    system              clock    processor time    memory    size of the answer
    Linux (also WSL 2)  yes      yes               yes       yes
    macOS, Windows ...  yes      no                no        yes

On Linux the worker limits its own address space (RLIMIT_AS), and its processor time should the program that watches
the clock be gone. macOS knows the call but does not heed it, and Windows has none: there a file that swells may use
as much memory as the system gives it until its time is over. The worker is no sandbox anywhere: it may open files.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ritornello.music.errors import MusicFileError, one_line, with_path
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.files import Repeats, read
from ritornello.music.values import Piece

START_SECONDS = 60.0  # for a cold interpreter on a busy machine
MAX_MESSAGE = 256 * 2**20
MAX_ANSWER = 32 * 2**20
"""Bytes of JSON about one file: a million notes. As values of this program they take about ten times as much."""
MEMORY_IS_LIMITED = sys.platform == "linux"
OUT_OF_MEMORY = -9  # SIGKILL, as the kernel sends it


def read_untrusted(
    path: str | Path, repeats: Repeats = "unfold", timeout_seconds: float = 10, memory_mb: int = 1024
) -> list[Piece]:
    """Read a music file as `files.read` does, in a worker process that ends with it.

    For many files keep one UntrustedReader, which does not start a process for each.
    Raises MusicFileError as `files.read` does, and where the reader crashes, takes longer than `timeout_seconds`
    or needs more than `memory_mb` MB.
    """
    with UntrustedReader(timeout_seconds, memory_mb) as reader:
        return reader.read(path, repeats)


class UntrustedReader:
    """A worker process that reads file after file; one that dies, hangs or swells is replaced.

    Use it as a context manager, from one thread. timeout_seconds: for each file. memory_mb: for the worker.
    command: what to run as the worker.
    """

    def __init__(
        self, timeout_seconds: float = 10, memory_mb: int = 1024, command: Sequence[str] | None = None
    ) -> None:
        if timeout_seconds <= 0 or memory_mb <= 0:
            raise ValueError(f"limits must be more than 0, not {timeout_seconds} s and {memory_mb} MB")
        self.timeout_seconds = timeout_seconds
        self.memory_mb = memory_mb
        self._command = list(command or (sys.executable, "-P", "-m", "ritornello.music.worker"))
        self._worker: _Worker | None = None

    def __enter__(self) -> UntrustedReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, if there is one; the next `read` starts another."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def read(self, path: str | Path, repeats: Repeats = "unfold") -> list[Piece]:
        """The pieces of a file, as `files.read` gives them. Raises MusicFileError; the reader stays usable.

        A worker may have been harmed by an earlier file: where it dies on a later one, that one is given once more
        to a fresh worker, so that each file is judged by itself.
        """
        request = {"path": os.fspath(path), "repeats": repeats, "folder": os.getcwd()}
        try:
            answer = self._answer(request)
        except _WorkerError as error:
            raise MusicFileError(f"{path}: {error}") from None
        if answer.get("ends"):
            self.close()
        if "error" in answer:
            raise MusicFileError(with_path(path, answer["error"]))
        try:
            return pieces_from_json(answer.get("pieces"))
        except ValueError as error:
            self.close()
            raise MusicFileError(f"{path}: its reader gave an impossible answer ({one_line(error)})") from None

    def _answer(self, request: dict) -> dict:
        """The answer to a request, asked twice where the worker that died is not known to be sound."""
        try:
            return self._asked(request)
        except _WorkerError as error:
            if not error.is_doubtful:
                raise
            return self._asked(request)

    def _asked(self, request: dict) -> dict:
        if self._worker is None or not self._worker.is_alive():
            self.close()
            self._worker = _Worker(self._command, self.timeout_seconds, self.memory_mb)
        try:
            return self._worker.ask(request)
        except BaseException:  # an interrupt too: the worker's answer would be taken for that to the next file
            self.close()
            raise


class _WorkerError(Exception):
    """The worker gave no answer; the message says why and what to do.

    is_doubtful: it died, and had read other files before.
    """

    def __init__(self, message: str, is_doubtful: bool = False) -> None:
        super().__init__(message)
        self.is_doubtful = is_doubtful


class _Worker:
    """One process, and the thread that waits for its answers (pipes have no timeout on every system)."""

    def __init__(self, command: Sequence[str], timeout_seconds: float, memory_mb: int) -> None:
        self.timeout_seconds = timeout_seconds
        self.memory_mb = memory_mb
        self.answered = 0
        limits = [f"{timeout_seconds}", f"{memory_mb}"]
        try:
            self.process = subprocess.Popen(
                [*command, *limits],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=worker_environment(),
            )
        except OSError as error:
            raise _WorkerError(f"no process can be started to read it: {error.strerror or error}") from None
        self.answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def ask(self, request: dict) -> dict:
        """Send a request and wait for its answer. Raises _WorkerError where none comes in time."""
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):  # a dead worker says so by its answer
            send(self.process.stdin, json.dumps(request).encode("ascii"))
        if self._next(START_SECONDS) != b"ready":
            raise _WorkerError("the process to read it did not start: see that this program is installed whole")
        message = self._next(self.timeout_seconds)
        try:
            answer = json.loads(message)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise _WorkerError("its reader gave no valid answer: the file is damaged, export it again")
        self.answered += 1
        return answer

    def end(self) -> None:
        """End the process, kindly where it is idle, and leave nothing of it behind."""
        self.process.kill()
        self.process.wait()
        self.thread.join(timeout=5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with suppress(OSError, ValueError):
            while (message := receive(self.process.stdout, MAX_ANSWER)) is not None:
                self.answers.put(message)
        self.answers.put(None)

    def _next(self, seconds: float) -> bytes:
        try:
            message = self.answers.get(timeout=seconds)
        except queue.Empty:
            raise _WorkerError(
                f"gave up reading it after {seconds:g} s: the file is damaged, or give it more time"
            ) from None
        if message is None:
            raise _WorkerError(self._cause_of_death(), is_doubtful=self.answered > 0)
        return message

    def _cause_of_death(self) -> str:
        try:
            status = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "its reader gave no valid answer: the file is damaged, export it again"
        if status == OUT_OF_MEMORY:
            return f"its reader was stopped for want of memory (limit {self.memory_mb} MB): the file is damaged"
        return f"its reader crashed (status {status}): the file is damaged, export or fetch it again"


def send(pipe: IO[bytes], message: bytes) -> None:
    """Write a message to a pipe, its length first."""
    pipe.write(struct.pack(">I", len(message)) + message)
    pipe.flush()


def receive(pipe: IO[bytes], most: int = MAX_MESSAGE) -> bytes | None:
    """The next message from a pipe; None at its end. Raises ValueError where it would be over `most` bytes."""
    head = pipe.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">I", head)
    if size > most:
        raise ValueError(f"a message of {size} bytes is too long")
    message = pipe.read(size)
    return message if len(message) == size else None


def main(arguments: Sequence[str]) -> None:
    """Answer requests from standard input until it ends. arguments: seconds for each file, MB of memory."""
    timeout_seconds, memory_mb = float(arguments[0]), int(arguments[1])
    requests, answers = sys.stdin.buffer, private_output()
    ignore_interrupts()
    limit_memory(memory_mb)
    while (request := receive(requests)) is not None:
        send(answers, b"ready")
        limit_seconds(timeout_seconds)
        answer = _answered(json.loads(request), memory_mb)
        message = json.dumps(answer).encode("ascii")
        if len(message) > MAX_ANSWER:
            message = json.dumps({"error": "it holds more notes than are read of one file: split it"}).encode("ascii")
        send(answers, message)
        if answer.get("ends"):
            break


def _answered(request: dict, memory_mb: int) -> dict:
    """Read the file of a request; a worker that ran out of memory or depth ends, what it holds being uncertain."""
    path = request["path"]
    try:
        with suppress(OSError):
            os.chdir(request["folder"])
        return {"pieces": pieces_to_json(read(path, request["repeats"]))}
    except MusicFileError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"needs more than {memory_mb} MB to read: the file is damaged", "ends": True}
    except RecursionError:
        return {"error": "nested too deeply: the file is damaged, export it again", "ends": True}
    except Exception as error:
        return {"error": f"cannot be read ({type(error).__name__}: {error}): export it again", "ends": True}


def worker_environment() -> dict[str, str]:
    """The worker's environment: this very package, and one thread for numeric libraries (each reserves memory)."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def private_output() -> IO[bytes]:
    """Standard output for answers alone: what native code prints goes nowhere instead."""
    private = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return os.fdopen(private, "wb")


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which ends the worker."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def limit_memory(memory_mb: int) -> None:
    """Let this process have so much address space and no more, or less where it was given less."""
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = memory_mb * 2**20
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


def limit_seconds(timeout_seconds: float) -> None:
    """Allow so much processor time from now on, should the parent not be there any more to watch the clock."""
    if sys.platform == "linux":
        import resource

        allowed = int(time.process_time() + timeout_seconds) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))


def processor_seconds(process: int) -> float | None:
    """Processor time that a running process has used, None where the system does not tell (Linux does)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, see proc(5)
    except (OSError, AttributeError, IndexError, ValueError):
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
