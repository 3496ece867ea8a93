"""The WebSocket on which a page is built."""

import asyncio
import json
from fractions import Fraction

import pytest

from ritornello.live.dials import Dials
from ritornello.live.stage.broadcast import Broadcast
from ritornello.live.values import LineNote, Shown, State, Timing

client = pytest.importorskip("websockets.asyncio.client", reason="needs websockets")
NOTE = Shown(LineNote(Fraction(1, 4), Fraction(1, 2), 60, 80, 1.5), "committed")
STATE = State(0.0, 1.5, 1, 90.0, "4/4", "G", True, "own tempo", "duet", "both", (NOTE,), vars(Dials()), 1.0)


@pytest.fixture
def broadcast():
    events = []
    opened = Broadcast(0, events.append, lambda: 3.0)
    yield opened, events
    opened.close()


def test_a_page_sees_the_state_and_turns_a_dial(broadcast):
    opened, events = broadcast
    opened.show(STATE, Timing(5, 0.1, 0.4), ["hello"])

    async def talk():
        async with client.connect(opened.address) as page:
            seen = json.loads(await asyncio.wait_for(page.recv(), 20))
            await page.send(json.dumps({"address": "/ritornello/dial/density", "values": [2]}))
            await page.send("nonsense")
            await page.send(json.dumps([1]))
            for _ in range(400):
                if len(events) == 3:
                    break
                await asyncio.sleep(0.05)
            opened.show(STATE._replace(bar=9), Timing())
            return seen, json.loads(await asyncio.wait_for(page.recv(), 20))

    first, second = asyncio.run(talk())
    assert first["notes"] == [[0.25, 0.5, 60, 80, 1.5, "committed"]]
    assert first["notices"] == ["hello"]
    assert first["timing"]["jitter_ms"] == pytest.approx(0.3)
    assert second["bar"] == 9
    assert [(e.kind, e.name, e.value) for e in events[:1]] == [("dial", "density", 2)]
    no_message = 'a page sent what is no message; one is {"address": "/ritornello/turn", "values": []}'
    assert [(e.kind, e.name) for e in events[1:]] == [("notice", no_message), ("notice", no_message)]


@pytest.mark.parametrize("token", ["", "?token=wrong", "?token="])
def test_without_the_token_nobody_gets_in(broadcast, token):
    opened, _ = broadcast

    async def knock():
        async with client.connect(f"ws://127.0.0.1:{opened.port}/{token}"):
            pass

    with pytest.raises(Exception, match="403"):
        asyncio.run(knock())


def test_a_port_that_is_taken_is_named(broadcast):
    with pytest.raises(OSError, match=f"no WebSocket can listen at 127.0.0.1:{broadcast[0].port}"):
        Broadcast(broadcast[0].port, lambda event: None, lambda: 0.0)
