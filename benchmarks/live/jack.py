"""A JACK server with no sound hardware, for real MIDI ports between processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

COMMAND = ("-r", "-t", "2000", "-d", "dummy", "-r", "48000", "-p", "64")
START_SECONDS = 10.0


def missing() -> str:
    """Say in one line what real ports need and is not here; empty where all is here."""
    if shutil.which("jackd") is None:
        return "real MIDI ports need the program jackd (Debian: apt install jackd2)"
    if find_spec("rtmidi2") is None and find_spec("rtmidi") is None:
        return 'real MIDI ports need rtmidi2: pip install "ritornello[live]"'
    return ""


def start_jack(name: str) -> subprocess.Popen:
    """Start a server of its own name, and wait until it answers. Raises OSError where it does not."""
    server = subprocess.Popen(
        ["jackd", "-n", name, *COMMAND], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        if any(os.path.exists(f"/dev/shm/{entry}") for entry in _entries(name)):
            time.sleep(0.3)
            return server
        time.sleep(0.05)
    server.kill()
    raise OSError("the JACK server did not start: jackd " + " ".join(COMMAND))


def _entries(name: str) -> list[str]:
    """List the sockets of a server in shared memory."""
    return [entry for entry in os.listdir("/dev/shm") if entry.startswith(f"jack_{name}_")]


@contextmanager
def jack_server(name: str = "") -> Iterator[subprocess.Popen]:
    """Run a server, to which this process and its children connect; stop it in the end."""
    name = name or f"ritornello{os.getpid()}"
    before = os.environ.get("JACK_DEFAULT_SERVER")
    os.environ["JACK_DEFAULT_SERVER"] = name
    server = start_jack(name)
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
