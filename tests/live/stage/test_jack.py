"""Real MIDI ports between processes, over a JACK server with no sound hardware."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from benchmarks.live.jack import jack_server, missing, start_jack
from tests.support.scripted_line import ScriptedLine

from ritornello.api.live import replay
from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.session import read_session
from ritornello.live.stage.backends import probe
from ritornello.live.stage.desk import PlayOptions
from ritornello.live.stage.output import Output
from ritornello.live.stage.ports import PortOptions, find_backend
from ritornello.live.stage.runner import Performance, StageOptions
from ritornello.live.values import Event
from ritornello.music.files import write
from ritornello.music.values import Melody, Note, Timeline

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.xdist_group("jack"),
]
PATIENCE = 90.0
SLACK = 1.0  # seconds, in which a busy machine may let nobody play
KIND = "rtmidi2-jack"
PERIOD = 1024  # frames: a busy machine keeps 47 calls a second, not 750


@pytest.fixture(scope="module")
def jack():
    with jack_server(period=PERIOD) as server:
        yield server


@pytest.fixture
def steady_jack():
    """A server that waits for its clients: on a busy machine others lose what is due while a client is late."""
    with jack_server("steady", "--sync", period=PERIOD) as server:
        yield server


class Side:
    """One program with ports: what it heard and was told."""

    def __init__(self, **ports):
        self.output = Output(PlayOptions(KIND, **ports))
        self.heard, self.notices = [], []
        self.take(self.output.wait_ready(PATIENCE))

    def take(self, came):
        for kind, value in came:
            if kind == "events":
                self.heard += value
            elif kind == "notice":
                self.notices.append(value)
            elif kind == "gone":
                self.output.restart()

    def wait(self, condition):
        until = time.monotonic() + PATIENCE
        while not condition(self):
            assert time.monotonic() < until, (self.heard, self.notices)
            if self.output.pipe.poll(0.05):
                self.take(self.output.receive())

    def note(self, pitch):
        self.output.send([Event(0.0, "note_on", pitch, 80), Event(0.0, "note_off", pitch)])


@pytest.fixture
def sides():
    opened = []

    def open_side(**ports):
        opened.append(Side(**ports))
        return opened[-1]

    yield open_side
    for side in opened:
        side.output.close()


def peer_ports():
    return {"inputs": (PortOptions("virtual peer in"),), "outputs": (PortOptions("virtual peer out"),)}


OURS = {"inputs": (PortOptions("peer out"),), "outputs": (PortOptions("peer in"),)}


def test_the_probe_finds_jack(jack):
    found = find_backend()
    assert (found.kind, found.has_virtual, found.fault) == (KIND, True, "")


def test_notes_go_both_ways_between_two_programs(steady_jack, sides):
    peer = sides(**peer_ports())
    ours = sides(**OURS)
    assert ours.notices == peer.notices == []
    peer.note(60)
    ours.wait(lambda side: [(e.kind, e.number) for e in side.heard] == [("note_on", 60), ("note_off", 60)])
    ours.note(62)
    peer.wait(lambda side: ("note_on", 62) in [(e.kind, e.number) for e in side.heard])


def test_another_program_hears_our_clock_and_that_it_stops(steady_jack, sides):
    ours = sides(outputs=(PortOptions("virtual clock out"),))
    peer = sides(inputs=(PortOptions("clock out"),))
    now = time.perf_counter()
    beat = [Event(now + 0.5 + n / 48, "clock") for n in range(12)]
    ours.output.send([Event(now + 0.5, "start"), *beat])
    peer.wait(lambda side: [event.kind for event in side.heard] == ["start"] + 12 * ["clock"])
    times = [event.time for event in peer.heard if event.kind == "clock"]
    assert times[-1] - times[0] == pytest.approx(11 / 48, abs=0.05)
    ours.output.send([Event(now, "stop")])
    peer.wait(lambda side: [event.kind for event in side.heard][-1] == "stop")


def test_a_knob_is_learned_and_a_preset_s_ports_are_opened_while_playing(steady_jack, sides, tmp_path):
    (tmp_path / "pads.toml").write_text('[ports]\nin = ["virtual pads in"]')
    engine, notices = Engine(ScriptedLine(), Dials(mode="follow"), 1), []
    options = StageOptions(
        kind=KIND, inputs=(PortOptions("virtual keys in"),), outputs=(PortOptions("virtual second out"),)
    )
    performance = Performance(engine, options, notices.append, lambda now: None)
    performance.open()
    thread = threading.Thread(target=performance.run)
    thread.start()

    def put(kind, name=""):
        performance._inbox.put(Event(performance._inbox.now(), kind, name=name))

    try:
        peer = sides(inputs=(PortOptions("second out"),), outputs=(PortOptions("keys in"),))
        put("learn", "density")
        peer.wait(lambda side: engine.play.dials.density == 4 or side.output.send([Event(0.0, "control", 21, 127)]))
        assert performance.controllers == {21: "density"}
        put("preset", str(tmp_path / "pads.toml"))
        pads = sides(outputs=(PortOptions("pads in"),))
        peer.wait(lambda side: any(e.kind == "note_on" for e in side.heard) or pads.note(67))
        peer.heard.clear()
        peer.wait(lambda side: any(e.kind == "note_on" for e in side.heard) or side.note(60))  # and the keys still
    finally:
        put("quit")
        thread.join(PATIENCE)
        performance.close()
    assert "controller 21 is density now" in notices


def test_a_port_whose_program_is_killed_is_lost_and_comes_back(jack, sides):
    peer = sides(**peer_ports())
    ours = sides(**OURS)
    ours.wait(lambda side: any(side.heard) or peer.output.send([Event(0.0, "note_on", 60, 80)]))
    os.kill(peer.output.process_id, signal.SIGKILL)
    ours.wait(lambda side: len(side.notices) == 2)
    assert {*ours.notices} == {f"the port 'peer {w}' is lost; waiting for it to come back" for w in ("in", "out")}
    ours.wait(lambda side: side.heard[-1].kind == "note_off")
    assert {e.kind for e in ours.heard[:-1]} == {"note_on"}
    peer.wait(lambda side: side.output.process_id is not None)
    peer.output.restart()
    ours.wait(
        lambda side: "the port 'peer in' is back" in side.notices and "the port 'peer out' is back" in side.notices
    )
    peer.wait(lambda side: note_arrives(ours, side, 64))


def note_arrives(sender, side, pitch):
    """Play a note once more unless the side heard it: a busy JACK server drops single messages."""
    if any((e.kind, e.number) == ("note_on", pitch) for e in side.heard):
        return True
    sender.note(pitch)
    return False


def test_a_performance_that_is_killed_keeps_its_session_and_leaves_no_port(jack, tmp_path):
    session, notes = tmp_path / "evening.session", tmp_path / "notes.mid"
    write(Melody(tuple(Note(240 * n, 120, 60 + n % 12) for n in range(2000)), Timeline(480)), notes)
    words = ("grid", "--mode", "follow", "--play", notes, "--midi-out", "virtual killed", "--session", session)
    process = subprocess.Popen([sys.executable, "-m", "ritornello", "jam", *words], stdout=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE
    while not (session.is_file() and session.read_bytes().count(b"played") > 8):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert any("killed" in name for name in probe(KIND).inputs)
    process.kill()
    killed = time.time()
    process.wait()
    assert killed - session.stat().st_mtime < 1.0 + SLACK
    kept = read_session(session)
    assert kept.end is None
    assert len(kept.heard) > 8
    assert replay(session).differences == ()
    until = time.monotonic() + PATIENCE
    while any("killed" in name for name in probe(KIND).inputs):
        assert time.monotonic() < until


def test_two_instances_with_the_same_names_both_play(jack, sides):
    first, second = sides(**peer_ports()), sides(**peer_ports())
    assert first.notices == second.notices == []


def test_a_jack_server_that_stops_brings_nobody_down_and_is_found_again(sides):
    with jack_server("second", period=PERIOD) as server:
        ours = sides(outputs=(PortOptions("virtual out"),))
        server.terminate()
        server.wait()
        ours.wait(lambda side: any("JACK" in notice for notice in side.notices))
        again = start_jack(os.environ["JACK_DEFAULT_SERVER"], period=PERIOD)
        try:
            ours.wait(lambda side: "the port 'virtual out' is back" in side.notices)
        finally:
            ours.output.close()
            again.terminate()
            again.wait()


def test_without_a_server_the_probe_says_so(monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nosuchserver")
    assert probe(KIND).fault == "no JACK server is running"
