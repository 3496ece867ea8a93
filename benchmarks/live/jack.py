"""A JACK server with no sound hardware, for real MIDI ports between processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import glob
from importlib.util import find_spec

COMMAND = ("-r", "-t", "2000", "-d", "dummy", "-r", "48000")
PERIOD = 64  # frames, at 48,000 a second
START_SECONDS = 30.0
MOST_SERVERS = 3  # of one name, at a time


def missing() -> str:
    """Say in one line what real ports need and is not here; empty where all is here."""
    if shutil.which("jackd") is None:
        return "real MIDI ports need the program jackd (Debian: apt install jackd2)"
    if find_spec("rtmidi2") is None and find_spec("rtmidi") is None:
        return "real MIDI ports need rtmidi2: pip install rtmidi2"
    return ""


def start_jack(name: str, *options: str, period: int = PERIOD) -> subprocess.Popen:
    """Start a server of its own name, and wait until it answers. Raises OSError where it does not.

    options: of jackd, besides COMMAND. period: frames in which the server calls its clients once.
    """
    begun = time.time()
    server = subprocess.Popen(
        ["jackd", *options, "-n", name, *COMMAND, "-p", str(period)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        if any(os.stat(socket).st_mtime >= begun for socket in glob(f"/dev/shm/jack_{name}_*")):
            time.sleep(0.3)
            return server
        time.sleep(0.05)
    server.kill()
    server.wait()
    raise OSError("the JACK server did not start: jackd " + " ".join(COMMAND))


def start_first(name: str, *options: str, period: int = PERIOD) -> tuple[str, subprocess.Popen]:
    """Start a server whose name ends in the first number that is free.

    JACK keeps eight names, and that of a server which was killed is free for the same name only. Raises OSError where
    none starts.
    """
    for number in range(MOST_SERVERS - 1):
        with suppress(OSError):
            return f"{name}{number}", start_jack(f"{name}{number}", *options, period=period)
    return f"{name}{MOST_SERVERS - 1}", start_jack(f"{name}{MOST_SERVERS - 1}", *options, period=period)


@contextmanager
def jack_server(name: str = "ritornello", *options: str, period: int = PERIOD) -> Iterator[subprocess.Popen]:
    """Run a server, to which this process and its children connect; stop it in the end."""
    before = os.environ.get("JACK_DEFAULT_SERVER")
    os.environ["JACK_DEFAULT_SERVER"], server = start_first(name, *options, period=period)
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if before is None:
            del os.environ["JACK_DEFAULT_SERVER"]
        else:
            os.environ["JACK_DEFAULT_SERVER"] = before
