"""Ableton Link: the beat of the programs in the network. The session's tempo is followed, never changed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from ritornello.live.values import Event

SETTLE_SECONDS = 0.5  # a peer that is enabled at once may change the session's tempo, about one time in ten
ASK_SECONDS = 0.1
NO_LINK = "Ableton Link needs aalink: pip install aalink"


class LinkSource:
    """Joins a Link session on a thread of its own, and reports its tempo and beat ten times a second.

    put: takes events of the kind "link", whose value is (quarters per minute, beat). now: tells the engine's time.
    qpm: of a session that has nobody else in it. Raises ImportError without the package aalink.
    """

    def __init__(self, put: Callable[[Event], None], now: Callable[[], float], qpm: float = 120.0):
        try:
            from aalink import Link
        except ImportError:
            raise ImportError(NO_LINK) from None
        self._make: Any = Link
        self._put, self._now, self._qpm = put, now, qpm
        self.peers = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._following = asyncio.run_coroutine_threadsafe(self._follow(), self._loop)

    async def _follow(self) -> None:
        link = self._make(self._qpm)
        await asyncio.sleep(SETTLE_SECONDS)
        link.enabled = True
        try:
            while True:
                self.peers = link.num_peers
                if self.peers:  # alone, the own tempo holds
                    self._put(Event(self._now(), "link", value=(link.tempo, link.beat), port="link"))
                await asyncio.sleep(ASK_SECONDS)
        finally:
            link.enabled = False

    def close(self) -> None:
        """Leave the session."""
        self._following.cancel()
        self._loop.call_soon_threadsafe(lambda: self._loop.call_later(0.05, self._loop.stop))
        self._thread.join(1)
