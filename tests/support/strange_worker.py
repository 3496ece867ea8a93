"""Functions for worker processes, which do what the content of a file asks for: answer, die, hang, spin, swell ...

While one hangs it moves the clock that the tests hand to the worker: no test waits for a real second to pass, and
none depends on how fast the machine is. The clock is a file, in the folder STRANGE_FOLDER, of one byte a tick.
"""

import os
import time
from pathlib import Path

TICK = 0.05  # seconds of the tests' clock
poisoned = []


def now(folder: Path) -> float:
    """Seconds of the tests' clock."""
    clock = folder / "clock"
    return clock.stat().st_size * TICK if clock.exists() else 0.0


def begun(folder: Path, what: str) -> int:
    """How often a file of that kind was begun."""
    marks = folder / what
    return marks.stat().st_size if marks.exists() else 0


def act(content: bytes, name: str, options: dict) -> bytes:
    """Answer with the name and the content, unless the content is an order."""
    what, _, rest = content.partition(b" ")
    if what == b"die":
        os._exit(7)
    if what == b"hang":
        _hang()
    if what == b"spin":
        _mark("spin")
        time.sleep(0.5)  # the watching thread has noted by now how much processor time was used before
        _spin()
    if what == b"nap":  # as if the machine slept, once
        if _mark("nap") == 1:
            _hang()
        return rest
    if what == b"swell":
        raise MemoryError
    if what == b"dive":
        return act(content, name, options)
    if what == b"odd":
        raise KeyError("\x1b[2J")
    if what == b"poison":  # harms the process, so that the next file brings it down
        poisoned.append(name)
    elif poisoned:
        os._exit(8)
    if what == b"noise":
        os.write(1, b"noise" * 100)
    if what == b"options":
        return repr(options).encode()
    return name.encode() + b" " + content


def die(content: bytes, name: str, options: dict) -> bytes:
    """Die on any file."""
    os._exit(7)


def _mark(what: str) -> int:
    """Note that a file of a kind is begun; how often that was."""
    with open(Path(os.environ["STRANGE_FOLDER"], what), "ab") as marks:
        marks.write(b".")
        marks.flush()
        return marks.tell()


def _hang() -> None:
    while True:
        _mark("clock")
        time.sleep(0.005)


def _spin() -> None:
    while True:
        before = time.process_time()
        while time.process_time() < before + TICK:
            pass
        _mark("clock")
