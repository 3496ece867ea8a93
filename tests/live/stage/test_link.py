"""Ableton Link between two processes: the session's tempo is followed, and never changed."""

import subprocess
import sys
import time

import pytest

pytest.importorskip("aalink", reason="needs aalink: pip install aalink")
from ritornello.live.stage.link import LinkSource

pytestmark = pytest.mark.xdist_group("link")  # all Link programs of a machine are in one session
PATIENCE = 30.0
OLDER = 12  # tenths of a second: of two sessions that began within half a second Link may keep either
PEER = """
import asyncio, sys
from aalink import Link
async def main():
    link = Link(133.0, asyncio.get_running_loop())
    link.enabled = True
    for _ in range(900):
        print(link.tempo, flush=True)
        await asyncio.sleep(0.1)
        if link.num_peers and "--turn" in sys.argv:
            link.tempo = 90.0
asyncio.run(main())
"""


@pytest.mark.parametrize(("arguments", "tempo"), [((), 133.0), (("--turn",), 90.0)])
def test_the_tempo_of_another_program_is_followed(arguments, tempo):
    peer = subprocess.Popen([sys.executable, "-c", PEER, *arguments], stdout=subprocess.PIPE, text=True)
    for _ in range(OLDER):  # it is there first
        assert float(peer.stdout.readline()) == pytest.approx(133, abs=0.01)
    events, begin = [], time.monotonic()
    source = LinkSource(events.append, lambda: time.monotonic() - begin)
    try:
        while not any(abs(event.value[0] - tempo) < 0.01 for event in events):
            if time.monotonic() - begin > PATIENCE and not events:
                pytest.skip("multicast, by which Link's programs find one another, does not work here")
            assert time.monotonic() - begin < 2 * PATIENCE
            time.sleep(0.05)
        before = len(events)
        while len(events) < before + 4:
            time.sleep(0.05)
    finally:
        source.close()
        peer.kill()
        tempos = {float(line) for line in peer.stdout.read().split()}
        peer.wait()
    assert all(min(abs(seen - 133.0), abs(seen - tempo)) < 0.01 for seen in tempos)
    (qpm, beat), (_, later) = events[-4].value, events[-1].value
    seconds = events[-1].time - events[-4].time
    assert later - beat == pytest.approx(seconds * qpm / 60, abs=0.5)
