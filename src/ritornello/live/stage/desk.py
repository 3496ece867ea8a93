"""The ports of the process that plays: opened by name, watched, opened again when they come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from ritornello.live.stage.backends import Backend, Sender
from ritornello.live.stage.messages import PANIC, Parser, bytes_of
from ritornello.live.stage.ports import PortOptions, device_name, find_port, read_offsets
from ritornello.live.values import Event


class PlayOptions(NamedTuple):
    """What the process opens.

    kind: of the backend, as of `backends.open_backend`; "" for none. thru: pairs of names, from an input to an
    output, as in the options of both. origin: of the engine's clock, in seconds of `time.perf_counter`. sound: a
    device's name or "", to sound notes by the sample bank; None for no sound. program: General MIDI, of the sound.
    is_restart: whether the player knows already what is missing.
    """

    kind: str
    inputs: tuple[PortOptions, ...] = ()
    outputs: tuple[PortOptions, ...] = ()
    thru: tuple[tuple[str, str], ...] = ()
    origin: float = 0.0
    sound: str | None = None
    program: int = 0
    is_restart: bool = False


def ports_of(options: PlayOptions) -> list[tuple[str, PortOptions]]:
    """List what is to be opened, each with "in" or "out"."""
    return [*(("in", port) for port in options.inputs), *(("out", port) for port in options.outputs)]


class Desk:
    """The ports of the process: opened by name, watched, opened again when they come back.

    make: opens a backend of a kind, and may raise OSError. notify: takes a line for the player. receive: takes
    events.
    """

    def __init__(
        self,
        make: Callable[[str], Backend],
        options: PlayOptions,
        receive: Callable[[list[Event]], None],
        notify: Callable[[str], None],
    ):
        self._make, self._options = make, options
        self.origin = options.origin
        self._backend: Backend | None = None
        self._receive, self._notify = receive, notify
        self._senders: dict[str, Sender] = {}  # by the name in the options
        self._listeners: dict[str, Callable[[], None]] = {}
        self._names: dict[tuple[str, str], str] = {}  # way and name in the options -> the port's own name
        self._held: dict[str, set[tuple[int, int]]] = {}  # input -> channel and pitch of keys that are down
        self._sending = threading.Lock()  # keys that are passed through come on a thread of the driver
        self._missing: set[tuple[str, str]] = set()
        self._offsets: dict[str, float] = {}  # output -> seconds
        self._program: Event | None = None  # the instrument that was asked for last, for outputs opened later
        self.heard_at: float | None = None  # when the last note came, until one is played

    def open(self) -> None:
        """Open all ports. A port that is not there is awaited, and the player is told."""
        if self._options.sound is not None:
            self._open_sound(self._options.sound)
        self._open_all(ports_of(self._options))

    def _open_all(self, ports: list[tuple[str, PortOptions]]) -> None:
        is_restart = self._options.is_restart
        self._offsets |= {port.name: (port.offset_ms or 0.0) / 1000 for way, port in ports if way == "out"}
        for _, port in ports:
            if port.is_osc:
                from ritornello.live.stage.osc import OscSender

                try:
                    self._senders[port.name] = OscSender(port.name[len("osc ") :])
                except (ValueError, ImportError) as error:
                    self._notify(str(error))
        wanted = [(way, port) for way, port in ports if not port.is_osc]
        self._missing |= {(way, port.name) for way, port in wanted}
        try:
            if wanted and self._backend is None:
                self._backend = self._make(self._options.kind)
        except (OSError, ImportError) as error:
            if not is_restart:
                self._notify(f"{error} (see `ritornello ports`; waiting for it)")
            return
        for way, port in wanted:
            try:
                self._open(way, port)
                if is_restart:
                    self._notify(f"the port {port.name!r} is back")
            except (OSError, ValueError) as error:
                if not is_restart:
                    self._notify(f"{error} (waiting for it)")

    def connect(self, options: PlayOptions) -> None:
        """Change the ports while playing: those of a name that was there stay open.

        The notes of an output that `leaving` names must have ended before; keys that are down on an input which is
        changed are released.
        """
        before = {(way, port.name): port for way, port in ports_of(self._options)}
        after = {(way, port.name): port for way, port in ports_of(options)}
        changed = [key for key, port in before.items() if after.get(key) != port]
        released = [name for way, name in changed if way == "in"]
        for name in {here for here, _ in {*self._options.thru} - {*options.thru}}.union(released):
            self._pass_on(name, [bytes_of(end) for end in self._ends(name)])
        for name in released:
            self._receive(self._ends(name))
            self._held.pop(name, None)
        self._options = options._replace(is_restart=False)
        for way, name in changed:
            if (way, name) not in after:
                self._close_port(way, name)
                self._missing.discard((way, name))
            elif way == "out" and name in self._senders:
                self._calibrate(name, self._names.get((way, name), name), after[way, name].offset_ms)
        self._open_all([(way, port) for (way, name), port in after.items() if (way, name) not in before])

    def leaving(self, options: PlayOptions) -> list[str]:
        """Name the outputs that other options close, or play otherwise."""
        return [port.name for port in self._options.outputs if port not in options.outputs]

    @property
    def _ports(self) -> list[tuple[str, PortOptions]]:
        return [(way, port) for way, port in ports_of(self._options) if not port.is_osc]

    def _open_sound(self, device: str) -> None:
        from ritornello.live.stage.sound import SoundPort

        try:
            self._senders["sound"] = SoundPort(device or None, self._options.program)
        except (OSError, ValueError, ImportError) as error:
            self._notify(str(error))
        else:
            self._calibrate("sound", "sound", None)

    def _calibrate(self, name: str, device: str, offset_ms: float | None) -> None:
        """Take the offset that is asked for, else the one that was measured for the device."""
        measured = read_offsets(self._notify).get(device_name(device), 0.0) if offset_ms is None else 0.0
        if measured and self._offsets.get(name) != measured / 1000:
            self._notify(f"{device_name(device)}: notes go out {measured:g} ms earlier, as calibrated")
        self._offsets[name] = (measured if offset_ms is None else offset_ms) / 1000

    def _open(self, way: str, port: PortOptions) -> None:
        assert self._backend is not None
        if port.is_virtual:
            name = port.name[len("virtual") :].strip() or f"ritornello {way}"
        else:
            name = find_port(port.name, self._backend.inputs() if way == "in" else self._backend.outputs())
        if way == "in":
            parser = Parser(port.name)
            self._listeners[port.name] = self._backend.open_input(
                name, lambda message, at: self._hear(port.name, parser, message, at), port.is_virtual
            )
        else:
            sender = self._backend.open_output(name, port.is_virtual)
            if not port.is_virtual:  # what a process that died here left sounding
                for message in PANIC:
                    sender.send(message)
            self._senders[port.name] = sender
            if self._program:
                self.send(self._program._replace(port=port.name))
            self._calibrate(port.name, name, port.offset_ms)
        self._names[way, port.name] = name
        self._missing.discard((way, port.name))

    def look(self) -> None:
        """Look which ports are there: close those that are gone, open those that came back.

        Raises OSError where the MIDI system itself is gone.
        """
        if self._backend is None:
            if not self._missing:
                return
            try:
                self._backend = self._make(self._options.kind)
            except (OSError, ImportError):
                if "sound" not in self._senders:
                    raise OSError("still no MIDI") from None  # libjack finds a new server in a new process only
                return
        there = {"in": self._backend.inputs(), "out": self._backend.outputs()}
        for way, port in self._ports:
            is_open = (way, port.name) not in self._missing
            if is_open and not port.is_virtual and self._names[way, port.name] not in there[way]:
                self.lose(way, port.name)
            elif not is_open:
                with suppress(OSError, ValueError):
                    self._open(way, port)
                    self._notify(f"the port {port.name!r} is back")

    def lose(self, way: str, name: str) -> None:
        """Give a port up until it comes back; keys that were down on it are released."""
        if (way, name) in self._missing:
            return
        self._missing.add((way, name))
        self._notify(f"the port {name!r} is lost; waiting for it to come back")
        self._close_port(way, name)
        if way == "in":
            ends = self._ends(name)
            self._held.pop(name, None)
            self._pass_on(name, [bytes_of(end) for end in ends])
            self._receive(ends)

    def _close_port(self, way: str, name: str) -> None:
        close = (
            self._listeners.pop(name, None) if way == "in" else getattr(self._senders.pop(name, None), "close", None)
        )
        if close is not None:
            threading.Thread(target=close, daemon=True).start()  # a driver may hang here

    def _ends(self, name: str) -> list[Event]:
        """Make the ends of the keys that are down on an input."""
        now = time.perf_counter() - self.origin
        return [Event(now, "note_off", pitch, 0, channel, name) for channel, pitch in self._held.get(name, ())]

    def _hear(self, name: str, parser: Parser, message: bytes, at: float) -> None:
        """Take a message from an input: filter its channel, transpose, pass it through, hand it on."""
        port = next((port for port in self._options.inputs if port.name == name), None)
        if port is None:  # no longer asked for, but not closed yet
            return
        events = []
        for event in parser.feed(message, at - self.origin):
            if event.kind in ("note_on", "note_off", "control"):
                if not port.takes(event.channel):
                    continue
                if event.kind != "control":
                    pitch = port.shifted(event.number)
                    if pitch is None:
                        continue
                    event = event._replace(number=pitch)
                    keys = self._held.setdefault(port.name, set())
                    (keys.add if event.kind == "note_on" else keys.discard)((event.channel, pitch))
                    if event.kind == "note_on":
                        self.heard_at = at
            events.append(event)
        if events:
            self._pass_on(port.name, [bytes_of(event) for event in events])
            self._receive(events)

    def _pass_on(self, source: str, messages: list[bytes]) -> None:
        """Send messages of an input to the outputs that it is wired to."""
        for name in [to for here, to in self._options.thru if here == source]:
            for message in messages:
                self._send(name, message)

    @property
    def targets(self) -> list[str]:
        """The outputs by their names in the options, and "sound"."""
        sound = ["sound"] if "sound" in self._senders else []
        return [port.name for port in self._options.outputs] + sound

    def split(self, event: Event) -> list[Event]:
        """Make an event for all outputs one for each: they have offsets of their own."""
        return [event] if event.port else [event._replace(port=name) for name in self.targets] or [event]

    def offset_of(self, name: str) -> float:
        """Return how much earlier notes go to an output, in seconds."""
        return self._offsets.get(name, 0.0)

    def send(self, event: Event) -> None:
        """Play an event at its port, "" for all that are open."""
        if event.kind == "program":
            self._program = event
        for port in self._options.outputs:
            if event.port in ("", port.name):
                pitch = port.shifted(event.number) if event.kind in ("note_on", "note_off") else event.number
                if pitch is not None:
                    channel = port.channels[0] if port.channels else event.channel
                    self._send(port.name, bytes_of(event._replace(number=pitch, channel=channel)))
        if "sound" in self._senders and event.port in ("", "sound"):
            self._send("sound", bytes_of(event))

    def _send(self, name: str, message: bytes) -> None:
        with self._sending:
            sender = self._senders.get(name)
            try:
                if sender is not None and message:
                    sender.send(message)
                return
            except OSError:
                pass
        self.lose("out", name)

    def panic(self) -> None:
        """Tell every output to end all notes, whoever began them.

        Keys that were passed through are ended one by one: not every synthesiser knows "all notes off".
        """
        for name in list(self._held):
            self._pass_on(name, [bytes_of(end) for end in self._ends(name)])
        for name in list(self._senders):
            for message in PANIC:
                self._send(name, message)

    @property
    def is_open(self) -> bool:
        """Whether the MIDI system was found."""
        return self._backend is not None

    @property
    def sound_ms(self) -> float | None:
        """Delay of the sample bank's sound, None without it."""
        return getattr(self._senders.get("sound"), "delay_ms", None)

    def close(self) -> None:
        """Close all ports; a driver may hang here."""
        for close in self._listeners.values():
            close()
        for sender in self._senders.values():
            sender.close()
        if self._backend is not None:
            self._backend.close()
