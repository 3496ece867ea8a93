"""OSC in and out: every dial and every event by an address; on loopback unless asked otherwise.

IN is the table of addresses that are understood, OUT of those that are sent; `docs/osc.md` prints both.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from ritornello.live.stage.messages import Parser
from ritornello.live.values import Event, State, Timing

LOOPBACK = "127.0.0.1"
PORT = "osc"
NO_OSC = "OSC needs python-osc: pip install python-osc"
START_SECONDS = 5.0
IN = {
    "/ritornello/note": "pitch velocity [channel]: a key goes down; velocity 0: it goes up",
    "/ritornello/control": "number value: a MIDI controller, 0-127",
    "/ritornello/dial/NAME": "value: turn a dial",
    "/ritornello/mode": "name: way of playing",
    "/ritornello/turn": "your turn",
    "/ritornello/tap": "tap the tempo",
    "/ritornello/start": "from the beginning",
    "/ritornello/stop": "stop the beat",
    "/ritornello/continue": "go on from where it stopped",
    "/ritornello/reset": "forget what was learned on the spot",
    "/ritornello/snapshot": "name: keep what was learned",
    "/ritornello/recall": "name: return to what was kept",
    "/ritornello/preset": "name: of a preset or its file",
    "/ritornello/learn": "name: of the dial that the controller moved next turns",
    "/ritornello/save": "name: of a preset file; dials and learned controllers are kept in it",
    "/ritornello/model": "name: of a model, which plays on without a gap",
    "/ritornello/panic": "end all notes",
}
OUT = {
    "/ritornello/beat": "quarters from the first barline",
    "/ritornello/bar": "number of the bar",
    "/ritornello/qpm": "tempo",
    "/ritornello/mode": "way of playing",
    "/ritornello/whose": "player, machine or both",
    "/ritornello/key": "key that is heard",
    "/ritornello/clock": "who gives the beat",
    "/ritornello/hit_rate": "share of plans that were ready in time",
    "/ritornello/late_ms": "lateness of notes, median and 99th percentile",
    "/ritornello/dial/NAME": "a dial, when it has changed",
    "/ritornello/note": 'pitch velocity channel: a note is played (from the output "osc HOST:PORT")',
}
BARE = ("turn", "tap", "start", "stop", "continue", "reset", "panic")
NAMED = {name: name for name in ("snapshot", "recall", "preset", "learn", "save")} | {"model": "change"}


def event_of(address: str, values: Sequence[Any], time: float) -> Event:
    """Make an event of an OSC message.

    Raises ValueError, naming the address, for one that is not understood.
    """
    parts = address.strip("/").split("/")
    if parts[0] == "ritornello" and 2 <= len(parts) <= 3:
        try:
            return _event(parts[1], parts[2:], values, time)
        except (IndexError, TypeError, KeyError, ValueError):
            wanted = IN.get("/".join(["", *parts[:2], *(["NAME"] if len(parts) > 2 else [])]))
            if wanted:
                raise ValueError(f"{address} takes {wanted}; not {' '.join(map(str, values)) or 'nothing'}") from None
    raise ValueError(f"there is no OSC address {address}; see docs/osc.md")


def _event(word: str, rest: Sequence[str], values: Sequence[Any], time: float) -> Event:
    if word == "note" and not rest:
        pitch, velocity = int(values[0]), int(values[1])
        channel = int(values[2]) if len(values) > 2 else 0
        if not (0 <= pitch <= 127 and 0 <= velocity <= 127 and 0 <= channel <= 15):
            raise ValueError
        return Event(time, "note_on" if velocity else "note_off", pitch, velocity, channel, PORT)
    if word == "control" and not rest:
        number, value = int(values[0]), int(values[1])
        if not (0 <= number <= 127 and 0 <= value <= 127):
            raise ValueError
        return Event(time, "control", number, value, port=PORT)
    if word == "dial" and rest:
        return Event(time, "dial", name=rest[0], value=values[0], port=PORT)
    if word == "mode" and not rest:
        return Event(time, "dial", name="mode", value=str(values[0]), port=PORT)
    if word in NAMED and not rest:
        return Event(time, NAMED[word], name=str(values[0]), port=PORT)
    if word in BARE and not rest:
        return Event(time, word, port=PORT)
    raise KeyError(word)


def read_address(text: str) -> tuple[str, int]:
    """Read HOST:PORT, or PORT alone, which is on loopback.

    Raises ValueError for what is neither.
    """
    host, _, port = text.strip().rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text!r} is no address: write HOST:PORT, or a port alone for this machine")
    return host or LOOPBACK, int(port)


class OscIn:
    """Receives OSC on a thread of its own. Raises OSError where the port is taken, ImportError without python-osc.

    address: as of `read_address`; port 0 takes any. put: takes events. now: tells the engine's time.
    """

    def __init__(self, address: str, put: Callable[[Event], None], now: Callable[[], float]):
        try:
            from pythonosc import dispatcher, osc_server
        except ImportError:
            raise ImportError(NO_OSC) from None
        self._put, self._now = put, now
        where = read_address(address)
        table = dispatcher.Dispatcher()
        table.set_default_handler(self._handle)
        self._loop = asyncio.new_event_loop()
        self._server = osc_server.AsyncIOOSCUDPServer(where, table, cast(Any, self._loop))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opening = asyncio.run_coroutine_threadsafe(self._server.create_serve_endpoint(), self._loop)
        try:
            self._transport, _ = opening.result(START_SECONDS)
        except OSError as error:
            self._loop.call_soon_threadsafe(self._loop.stop)
            raise OSError(f"OSC cannot listen at {where[0]}:{where[1]} ({error.strerror or error})") from None
        self.port: int = self._transport.get_extra_info("sockname")[1]

    def _handle(self, address: str, *values: Any) -> None:
        # python-osc sends back what a handler returns, so nothing is returned
        now = self._now()
        try:
            self._put(event_of(address, values, now))
        except ValueError as error:
            self._put(Event(now, "notice", name=str(error)))

    def close(self) -> None:
        """Stop listening."""
        self._loop.call_soon_threadsafe(self._transport.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1)


def _client(address: str) -> Any:
    try:
        from pythonosc.udp_client import SimpleUDPClient
    except ImportError:
        raise ImportError(NO_OSC) from None
    return SimpleUDPClient(*read_address(address))


class OscOut:
    """Sends states by OSC: see OUT. A dial is sent when it has changed."""

    def __init__(self, address: str):
        self._client = _client(address)
        self._dials: dict[str, Any] = {}

    def show(self, state: State, timing: Timing, notices: Sequence[str] = ()) -> None:
        """Send a state."""
        values = {
            "beat": float(state.beat),
            "bar": state.bar,
            "qpm": float(state.qpm),
            "mode": state.way,
            "whose": state.turn,
            "key": state.key,
            "clock": state.clock,
            "hit_rate": float(state.hit_rate),
            "late_ms": [timing.p50_ms, timing.p99_ms],
        }
        values |= {f"dial/{name}": value for name, value in state.dials.items() if self._dials.get(name) != value}
        self._dials = dict(state.dials)
        for name, value in values.items():
            try:
                self._client.send_message(f"/ritornello/{name}", int(value) if isinstance(value, bool) else value)
            except OSError:  # nobody listens there
                return

    def close(self) -> None:
        """Do nothing."""


class OscSender:
    """An output of the process that plays: its notes by OSC. Pd's MIDI is unsteady, its OSC is not."""

    def __init__(self, address: str):
        self._client, self._parser = _client(address), Parser()

    def send(self, message: bytes) -> None:
        """Send a note's beginning or end; other messages have no address."""
        for event in self._parser.feed(message, 0.0):
            if event.kind in ("note_on", "note_off"):
                with suppress(OSError):  # nobody listens there
                    self._client.send_message("/ritornello/note", [event.number, int(event.value), event.channel])

    def close(self) -> None:
        """Do nothing."""
