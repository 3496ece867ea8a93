"""The own beat as a MIDI clock: 24 ticks to a quarter, in time, whatever the tempo does."""

from itertools import pairwise

import pytest
from tests.support.scripted_line import ScriptedLine
from tests.support.virtual_stage import played

from ritornello.live.beat import Beat
from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.values import Event


def sent(*events, until, qpm=120.0):
    """What an output sends of an instrument's clock: (time, kind, value); a stop drops the ticks after it."""
    engine = Engine(ScriptedLine(), Dials(mode="call-response", qpm=qpm), sends_clock=True)
    out = []
    for event in played(engine, events, until):
        if event.kind == "stop":
            out = [before for before in out if before.kind != "clock" or before.time < event.time]
        if event.kind in ("clock", "start", "stop", "continue", "position"):
            out.append(event)
    return [(round(e.time, 6), e.kind, e.value) for e in sorted(out, key=lambda e: e.time)]


def ticks(events):
    return [time for time, kind, _ in events if kind == "clock"]


def test_it_begins_with_start_and_has_24_ticks_to_a_quarter():
    events = sent(until=10)
    assert events[0] == (0, "start", 0)
    assert ticks(events)[: 24 * 20] == pytest.approx([n / 48 for n in range(24 * 20)], abs=1e-5)


def test_a_new_tempo_is_in_the_ticks_within_a_tenth_of_a_second_and_none_is_lost():
    for before, after in ((60, 200), (200, 60), (100, 101)):
        events = sent(Event(2.0, "dial", value=float(after), name="qpm"), until=12.0, qpm=float(before))
        times = ticks(events)
        late = [b - a for a, b in pairwise(times) if a > 2.15]
        assert late == pytest.approx([60 / after / 24] * len(late), abs=1e-5)
        whole = [time for time in times if time <= 11.9]
        assert abs(len(whole) - (2 * before + 9.9 * after) / 60 * 24) <= 1
        assert [kind for _, kind, _ in events if kind != "clock"] == ["start"]


def test_who_follows_it_has_the_same_beat():
    events = sent(Event(3.0, "dial", value=90.0, name="qpm"), until=20.0)
    follower = Beat()
    for time, kind, _ in events:
        if kind == "start":
            follower.start(time)
        elif kind == "clock":
            follower.clock(time)
    assert follower.qpm == pytest.approx(90, abs=0.01)
    assert follower.beat_at(19.0) % 4 == pytest.approx((3 * 2 + 16 * 1.5) % 4, abs=0.01)


def test_it_stops_and_goes_on_where_it_stopped():
    events = sent(Event(2.0, "stop"), Event(5.0, "continue"), until=6.0)
    others = [event for event in events if event[1] != "clock"]
    assert others[:2] == [(0, "start", 0), (2.0, "stop", 0)]
    assert [(kind, value) for _, kind, value in others[2:]] == [("position", 16), ("continue", 0)]
    assert not [time for time in ticks(events) if 2.06 < time < 4.9]
    assert [time for time in ticks(events) if time > 2.06][:3] == pytest.approx([5, 5 + 1 / 48, 5 + 2 / 48], abs=1e-5)


def test_a_beat_that_jumps_gives_its_place():
    events = sent(Event(1.0, "position", value=32), Event(1.0, "tap"), until=3.0)
    others = [(kind, value) for _, kind, value in events if kind != "clock"]
    assert others == [("start", 0), ("stop", 0), ("position", 16), ("continue", 0)]  # the next barline
    assert min(b - a for a, b in pairwise(ticks(events))) > 0.01


def test_without_being_asked_it_sends_nothing():
    engine = Engine(ScriptedLine(), Dials(), seed=1)
    assert played(engine, [Event(1, "stop"), Event(2, "continue")], 5) == []
