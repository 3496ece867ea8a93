"""The state over a local WebSocket, for a page; only who knows the token may connect."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ritornello.live.stage.osc import event_of
from ritornello.live.values import Event, State, Timing

LOOPBACK = "127.0.0.1"
START_SECONDS = 5.0
LONGEST_MESSAGE = 4096  # bytes
NO_WEBSOCKETS = "the WebSocket needs websockets: pip install websockets"


def state_json(state: State, timing: Timing, notices: Sequence[str] = ()) -> str:
    """Write a state as JSON.

    Its fields are those of `State`; each note is [start, duration, pitch, velocity, bits, standing], in quarters.
    """
    notes = [
        [float(note.start), float(note.duration), note.pitch, note.velocity, note.bits, standing]
        for note, standing in state.notes
    ]
    timed = timing._asdict() | {"jitter_ms": timing.jitter_ms}
    return json.dumps(state._asdict() | {"notes": notes, "timing": timed, "notices": list(notices)})


class Broadcast:
    """Sends states to all pages that are connected, and takes their messages: {"address": ..., "values": [...]}.

    The messages are those of OSC. port: 0 for any. Raises OSError where the port is taken, ImportError without the
    package websockets. A page that is too slow misses states.
    """

    def __init__(self, port: int, put: Callable[[Event], None], now: Callable[[], float]):
        try:
            from websockets.asyncio.server import serve
        except ImportError:
            raise ImportError(NO_WEBSOCKETS) from None
        self._serve: Any = serve
        self._put, self._now = put, now
        self.token = secrets.token_urlsafe(16)
        self._latest = ""
        self._changed = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opening = asyncio.run_coroutine_threadsafe(self._open(port), self._loop)
        try:
            self.port = opening.result(START_SECONDS)
        except OSError as error:
            self._loop.call_soon_threadsafe(self._loop.stop)
            raise OSError(f"no WebSocket can listen at {LOOPBACK}:{port} ({error.strerror or error})") from None

    async def _open(self, port: int) -> int:
        self._server = await self._serve(
            self._talk, LOOPBACK, port, process_request=self._admit, compression=None, max_size=LONGEST_MESSAGE
        )
        return self._server.sockets[0].getsockname()[1]

    @property
    def address(self) -> str:
        """Where a page connects, token included."""
        return f"ws://{LOOPBACK}:{self.port}/?token={self.token}"

    def _admit(self, connection: Any, request: Any) -> Any:
        """Refuse who does not know the token.

        Any page of a browser can reach a port of this machine.
        """
        token = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return connection.respond(403, "the token is missing or wrong\n")
        return None

    async def _talk(self, connection: Any) -> None:
        sending = asyncio.ensure_future(self._send(connection))
        try:
            async for message in connection:
                self._take(message)
        finally:
            sending.cancel()

    async def _send(self, connection: Any) -> None:
        while True:
            if self._latest:
                await connection.send(self._latest)
            await self._changed.wait()

    def _take(self, message: str | bytes) -> None:
        now = self._now()
        try:
            content = json.loads(message)
            address, values = str(content["address"]), list(content.get("values", ()))
        except (ValueError, KeyError, TypeError, AttributeError):
            example = '{"address": "/ritornello/turn", "values": []}'
            self._put(Event(now, "notice", name=f"a page sent what is no message; one is {example}"))
            return
        try:
            self._put(event_of(address, values, now))
        except ValueError as error:
            self._put(Event(now, "notice", name=f"a page sent: {error}"))

    def show(self, state: State, timing: Timing, notices: Sequence[str] = ()) -> None:
        """Send a state to all pages."""
        text = state_json(state, timing, notices)
        self._loop.call_soon_threadsafe(self._publish, text)

    def _publish(self, text: str) -> None:
        self._latest = text
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """Close the connections of all pages."""
        with_all_closed = asyncio.run_coroutine_threadsafe(self._stop(), self._loop)
        try:
            with_all_closed.result(1)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()
