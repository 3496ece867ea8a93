"""Where MIDI ports come from: rtmidi2, python-rtmidi, or ports in memory and on file for tests.

`python -m ritornello.live.stage.backends KIND` tries one and prints what it finds, as JSON: rtmidi can abort the
whole process where there is no sequencer, so nothing is opened before a child process has opened it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

CLIENT = "ritornello"
MODULES = ("rtmidi2", "rtmidi")  # the second is python-rtmidi, which has no wheels after Python 3.12
KINDS = tuple(f"{module}{api}" for module in MODULES for api in ("", "-jack"))
PROBE_SECONDS = 10.0
BURST, BURST_SECONDS = 12, 0.0015  # JACK's buffer of a short period holds some twenty messages, and drops the rest
NO_RTMIDI = "MIDI ports need rtmidi2: pip install rtmidi2"

Received = Callable[[bytes, float], None]  # a message, and the time at which it came, of `time.perf_counter`


class Sender(Protocol):
    """An open output."""

    def send(self, message: bytes) -> None:
        """Send one whole message. Raises OSError where the port is gone."""

    def close(self) -> None:
        """Close the port."""


class Backend(Protocol):
    """A way to MIDI ports."""

    has_virtual: bool

    def inputs(self) -> list[str]:
        """List the ports that can be listened to."""

    def outputs(self) -> list[str]:
        """List the ports that can be played to."""

    def open_input(self, name: str, received: Received, is_virtual: bool) -> Callable[[], None]:
        """Listen to a port; returns a function that closes it.

        Raises OSError where it cannot be opened.
        """

    def open_output(self, name: str, is_virtual: bool) -> Sender:
        """Open a port to play to. Raises OSError where it cannot be opened."""

    def close(self) -> None:
        """Leave the MIDI system, once all ports are closed."""


class Probe(NamedTuple):
    """What a backend found, or `fault`, why it found nothing."""

    kind: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    has_virtual: bool = False
    fault: str = ""


def probe(kind: str) -> Probe:
    """Try a backend in a process of its own, where it may abort."""
    environment = os.environ | {"JACK_NO_START_SERVER": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", __name__, kind]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, env=environment, check=False)
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Probe(kind, fault="does not answer")
    except (OSError, ValueError):
        return Probe(kind, fault="cannot be opened here")
    return Probe(kind, tuple(found["inputs"]), tuple(found["outputs"]), found["has_virtual"], found["fault"])


def installed() -> list[str]:
    """List the kinds of backend whose package is installed, the preferred ones first."""
    from importlib.util import find_spec

    jack = sys.platform.startswith("linux")  # elsewhere the system's own MIDI is always there
    modules = [module for module in MODULES if find_spec(module) is not None]
    has_sequencer = not jack or Path("/dev/snd/seq").exists()
    return [
        kind
        for kind in KINDS
        if kind.split("-")[0] in modules and (jack if kind.endswith("-jack") else has_sequencer)
    ]


def open_backend(kind: str) -> Backend:
    """Open a backend by its kind.

    kind: one of KINDS, "memory", or "file:PATH", which writes what it is sent.

    Raises OSError where there is no MIDI here, ImportError where the package is missing.
    """
    if kind == "memory":
        return MemoryBackend()
    if kind.startswith("file:"):
        return FileBackend(Path(kind.removeprefix("file:")))
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    module, _, api = kind.partition("-")
    if api and (library := ctypes.util.find_library("jack")):
        # The wheel carries a JACK client of its own, whose protocol may be older than the server's: the system's,
        # loaded before it and for all, takes its place.
        with suppress(OSError):
            ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
    return RtmidiBackend(module, is_jack=bool(api))


class RtmidiBackend:
    """Ports of the system, through rtmidi2 or python-rtmidi."""

    def __init__(self, module: str, is_jack: bool):
        try:
            self._module: Any = import_module(module)
        except ImportError:
            raise ImportError(NO_RTMIDI) from None
        self._is_new = module == "rtmidi2"
        self._api = self._module.API_UNIX_JACK if is_jack else self._module.API_UNSPECIFIED
        self.has_virtual = sys.platform != "win32"
        self._jack = _Jack() if is_jack else None
        self._lists = {} if is_jack else {way: self._make(way) for way in ("in", "out")}  # they are never opened
        self._own: dict[str, str] = {}  # ports that this process made -> "in" or "out", the list that shows them

    def _make(self, way: str) -> Any:
        """Make a port object. Raises OSError where there is no MIDI."""
        made = self._module.MidiIn if way == "in" else self._module.MidiOut
        try:
            if self._is_new:
                return made(CLIENT, api=self._api)
            return made(self._api, CLIENT)
        except Exception as error:
            raise OSError(str(error)) from None

    def _names(self, port: Any) -> list[str]:
        return list(port.ports if self._is_new else port.get_ports())

    def inputs(self) -> list[str]:
        """List the ports that can be listened to, this process's own left out.

        Raises OSError where MIDI is gone.
        """
        return self._foreign("in")

    def outputs(self) -> list[str]:
        """List the ports that can be played to, this process's own left out.

        Raises OSError where MIDI is gone.
        """
        return self._foreign("out")

    def _foreign(self, way: str) -> list[str]:
        names = self._all(way)
        lost = [name for name, shown in self._own.items() if shown == way and name not in names]
        if lost and self._jack:  # it drops those that are late once too often
            raise OSError(f"the JACK server has dropped {', '.join(lost)}")
        return [name for name in names if name not in self._own]

    def _all(self, way: str) -> list[str]:
        return self._jack.names(way == "out") if self._jack else self._names(self._lists[way])

    def open_input(self, name: str, received: Received, is_virtual: bool) -> Callable[[], None]:
        """Listen to a port; returns a function that closes it.

        Raises OSError where it cannot be opened.
        """
        port = self._make("in")
        if self._is_new:
            port.ignore_types(True, False, True)
            port.callback = lambda message, _: received(bytes(message), time.perf_counter())
        else:
            port.ignore_types(sysex=True, timing=False, active_sense=True)
            port.set_callback(lambda timed, _: received(bytes(timed[0]), time.perf_counter()))
        own = self._open(port, name, is_virtual)

        def close() -> None:
            self._release(own)
            if self._is_new:
                port.callback = None
            else:
                port.cancel_callback()
            port.close_port()

        return close

    def open_output(self, name: str, is_virtual: bool) -> Sender:
        """Open a port to play to. Raises OSError where it cannot be opened."""
        port = self._make("out")
        own = self._open(port, name, is_virtual)
        return _RtmidiSender(port, self._is_new, lambda: self._release(own))

    def _open(self, port: Any, name: str, is_virtual: bool) -> set[str]:
        """Open a port; returns the names under which others see it."""
        before = {(known, way) for way in ("in", "out") for known in self._all(way)}
        try:
            if is_virtual:
                port.open_virtual_port(name)
            else:
                port.open_port(self._names(port).index(name))
        except Exception as error:
            raise OSError(f"the port {name!r} cannot be opened ({error})") from None
        new = {(known, way) for way in ("in", "out") for known in self._all(way)} - before
        own = {known: way for known, way in new if CLIENT in known.lower()}
        self._own |= own
        return {*own}

    def _release(self, names: set[str]) -> None:
        for name in names:
            self._own.pop(name, None)

    def close(self) -> None:
        """Leave the MIDI system, once all ports are closed."""
        if self._jack:
            self._jack.close()


class _Jack:
    """A client of the JACK server of our own, beside rtmidi's: it lists ports, and knows whether the server stopped.

    rtmidi says neither that the server has stopped, after which closing a port brings the process down, nor that it
    has dropped a client.
    """

    MIDI_TYPE = b"8 bit raw midi"

    def __init__(self) -> None:
        library = ctypes.util.find_library("jack")
        if library is None:
            raise OSError("the JACK library is not installed")
        self._jack = jack = ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
        jack.jack_client_open.restype = ctypes.c_void_p
        jack.jack_get_ports.restype = ctypes.POINTER(ctypes.c_char_p)
        no_start_server = 1
        self._client = ctypes.c_void_p(jack.jack_client_open(f"{CLIENT} watch".encode(), no_start_server, None))
        if not self._client:
            raise OSError("no JACK server is running")
        self.has_stopped = False
        self._callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._stop)  # kept, or it would be collected
        jack.jack_on_shutdown(self._client, self._callback, None)
        jack.jack_activate(self._client)

    def _stop(self, _: Any) -> None:
        self.has_stopped = True

    def names(self, is_input: bool) -> list[str]:
        """List MIDI ports: those that can be played to where is_input, else the others."""
        if self.has_stopped:
            raise OSError("the JACK server has stopped")
        found = self._jack.jack_get_ports(self._client, None, self.MIDI_TYPE, ctypes.c_ulong(1 if is_input else 2))
        names: list[str] = []
        while found and found[len(names)]:
            names.append(found[len(names)].decode("utf-8", "replace"))
        if found:
            self._jack.jack_free(found)
        return names

    def close(self) -> None:
        """Leave the server."""
        if not self.has_stopped:
            self._jack.jack_client_close(self._client)


class _RtmidiSender:
    def __init__(self, port: Any, is_new: bool, release: Callable[[], None]):
        self._port, self._is_new, self._release = port, is_new, release
        self._recent: deque[float] = deque(maxlen=BURST)

    def send(self, message: bytes) -> None:
        now = time.perf_counter()
        if len(self._recent) == BURST and now - self._recent[0] < BURST_SECONDS:
            time.sleep(BURST_SECONDS)
        self._recent.append(now)
        try:
            if self._is_new:
                self._port.send_raw(*message)
            else:
                self._port.send_message(list(message))
        except Exception as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        self._release()
        self._port.close_port()


class MemoryBackend:
    """Ports inside this process, for tests: what is played is kept, and what is given is received.

    names: of the ports, each both an input and an output. They can be unplugged by taking them out of `names`.
    """

    has_virtual = True

    def __init__(self, *names: str):
        self.names = list(names)
        self.played: dict[str, list[tuple[float, bytes]]] = {}
        self._receivers: dict[str, Received] = {}

    def inputs(self) -> list[str]:
        """List the ports."""
        return list(self.names)

    def outputs(self) -> list[str]:
        """List the ports."""
        return list(self.names)

    def open_input(self, name: str, received: Received, is_virtual: bool) -> Callable[[], None]:
        """Listen to a port; returns a function that closes it.

        Raises OSError for one in use, or not there.
        """
        if name in self._receivers or (not is_virtual and name not in self.names):
            raise OSError(f"the port {name!r} cannot be opened")
        self._receivers[name] = received
        return lambda: self._receivers.pop(name, None) and None

    def open_output(self, name: str, is_virtual: bool) -> Sender:
        """Open a port to play to. Raises OSError for one that is not there."""
        if not is_virtual and name not in self.names:
            raise OSError(f"the port {name!r} cannot be opened")
        return _MemorySender(self, name, is_virtual)

    def close(self) -> None:
        """Do nothing."""

    def give(self, name: str, message: bytes) -> None:
        """Let a message come in at a port."""
        self._receivers[name](message, time.perf_counter())


class _MemorySender:
    def __init__(self, backend: MemoryBackend, name: str, is_virtual: bool):
        self._backend, self._name, self._is_virtual = backend, name, is_virtual

    def send(self, message: bytes) -> None:
        if not self._is_virtual and self._name not in self._backend.names:
            raise OSError(f"the port {self._name!r} is gone")
        self._backend.played.setdefault(self._name, []).append((time.perf_counter(), message))

    def close(self) -> None:
        pass


class FileBackend(MemoryBackend):
    """An output that writes each message on a line of a file, time and bytes, for tests of the process that plays."""

    def __init__(self, path: Path):
        super().__init__("file")
        self._path = path

    def open_output(self, name: str, is_virtual: bool) -> Sender:
        """Open the file; the name does not matter."""
        return _FileSender(self._path)


class _FileSender:
    def __init__(self, path: Path):
        self._file = path.open("a", encoding="ascii", buffering=1)

    def send(self, message: bytes) -> None:
        self._file.write(f"{time.perf_counter():.6f} {message.hex()}\n")

    def close(self) -> None:
        self._file.close()


def main(kind: str) -> None:
    """Try a backend, virtual ports too, and print the result as JSON.

    It leaves at once, since closing may hang.
    """
    found: dict[str, Any] = {"inputs": [], "outputs": [], "has_virtual": False, "fault": ""}
    try:
        backend = open_backend(kind)
        found |= {"inputs": backend.inputs(), "outputs": backend.outputs()}
        found["has_virtual"] = backend.has_virtual
        if backend.has_virtual:
            backend.open_output("probe", True).close()
        backend.close()
    except (OSError, ImportError) as error:
        found["fault"] = str(error)
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
