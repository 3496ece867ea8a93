"""The process at the other end of a lane: batches of files in, the rows of each file out, nothing else.

A batch is two messages: a JSON list of [name, size] and the contents end to end. Each file is answered by one
message as soon as it is done: a byte that says whether the worker goes on, then the rows (`FileRows.to_bytes`).
The program may go on with what it has if the worker dies on a file. The worker opens no file of the user's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

from ritornello.corpus.build.convert import convert
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.options import BuildOptions
from ritornello.music import worker
from ritornello.music.worker import receive, send

READY, GOES_ON, ENDS = b"ready", b"\0", b"\1"


def main(arguments: Sequence[str]) -> None:
    """Answer batches from standard input until it ends. arguments: seconds for each file, MB of memory."""
    timeout_seconds, memory_mb = float(arguments[0]), int(arguments[1])
    requests, answers = sys.stdin.buffer, worker.private_output()
    worker.ignore_interrupts()
    worker.limit_memory(memory_mb)
    options = BuildOptions(**json.loads(receive(requests) or b"{}"))
    send(answers, READY)
    while (header := receive(requests)) is not None:
        for name, content in _batch(json.loads(header), receive(requests) or b""):
            worker.limit_seconds(timeout_seconds)
            verdict, rows = _answer(content, name, options, memory_mb)
            send(answers, verdict + rows.to_bytes())
            if verdict == ENDS:
                return


def _batch(header: Sequence[tuple[str, int]], contents: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of a batch."""
    start = 0
    for name, size in header:
        yield name, contents[start : start + size]
        start += size


def _answer(content: bytes, name: str, options: BuildOptions, memory_mb: int) -> tuple[bytes, FileRows]:
    """The rows of a file; after an error that nobody foresaw the worker ends, what it holds being uncertain."""
    try:
        return GOES_ON, convert(content, name, options)
    except MemoryError:
        detail = f"needs more than {memory_mb} MB to read: the file is damaged"
    except RecursionError:
        detail = "nested too deeply: the file is damaged, export it again"
    except Exception as error:
        detail = " ".join(f"cannot be read ({type(error).__name__}: {error}): export it again".split())
    return ENDS, FileRows.refused("unreadable", detail)


if __name__ == "__main__":
    main(sys.argv[1:])
