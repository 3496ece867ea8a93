"""A performance in real time: from what is heard to what is played, whatever goes wrong."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ritornello.live.dials import Dials
from ritornello.live.stage.backends import Probe
from ritornello.live.stage.ports import PortOptions
from ritornello.live.stage.presets import Preset, playable_models, read_preset
from ritornello.live.stage.runner import Inbox, Performance, StageOptions, perform
from ritornello.live.values import Event, State

PATIENCE = 30.0
VIRTUAL = (PortOptions("virtual f"),)


class Follower:
    """An instrument that plays a fifth above what it hears, and ends each note with the player's."""

    def __init__(self):
        self.heard, self.states, self.next, self.skips = [], 0, None, 0
        self._events = []
        self.dials = Dials()

    def hear(self, event):
        self.heard.append(event)
        if event.kind == "dial":
            self.dials = self.dials.turned(event.name, event.value)
        if event.kind == "skipped":
            self.skips += 1
            self.next = None
        if event.kind in ("note_on", "note_off"):
            self._events.append(event._replace(number=event.number + 7, port=""))

    def advance(self, now):
        events, self._events = self._events, []
        return events

    def next_moment(self):
        return self.next

    is_active = False

    def state(self, now):
        self.states += 1
        return State(now, 0, 1, 100, "4/4", "", True, "own tempo", "follow", "both", (), vars(self.dials), 1.0)


def played(path):
    pairs = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [content for _, content in pairs if content[0] in "89"]


SCRIPT = (Event(0.3, "note_on", 60, 80), Event(0.4, "note_off", 60), Event(0.5, "note_on", 62, 80))


def test_what_is_heard_is_answered_and_what_sounds_at_the_end_is_ended(tmp_path):
    engine, ticks = Follower(), []
    options = StageOptions(kind=f"file:{tmp_path / 'played'}", outputs=VIRTUAL, script=SCRIPT, seconds=2.0)
    performed = perform(engine, options, tick=ticks.append)
    assert played(tmp_path / "played") == ["904350", "804300", "904550", "804500"]
    assert [event.kind for event in engine.heard] == ["note_on", "note_off", "note_on", "stop"]
    assert performed.timing.notes == 2
    assert performed.end >= 2
    assert ticks


def test_controllers_turn_dials_and_a_preset_is_recalled_while_playing(tmp_path):
    preset = tmp_path / "p.toml"
    preset.write_text('[dials]\ntemperature = 0.5\nmode = "duet"\n[controllers]\n2 = "density"')
    script = (
        Event(0.1, "control", 1, 127),
        Event(0.2, "preset", name=str(preset)),
        Event(0.3, "control", 2, 127),
        Event(0.4, "learn", name="qpm"),
        Event(0.5, "control", 3, 127),
        Event(0.6, "preset", name="no-such-preset"),
        Event(0.7, "control", 9, 5),
        Event(0.75, "nudge", name="density", value=-1),
        Event(0.8, "quit"),
    )
    engine, notices = Follower(), []
    performed = perform(engine, StageOptions(controllers={1: "temperature"}, script=script), notices.append)
    assert performed.controllers == {1: "temperature", 2: "density", 3: "qpm"}
    assert [(e.kind, e.name or e.number, e.value) for e in engine.heard] == [
        ("dial", "temperature", 3),
        ("dial", "temperature", 0.5),
        ("dial", "mode", "duet"),
        ("dial", "density", 4),
        ("dial", "qpm", 400),
        ("control", 9, 5),
        ("dial", "density", 3.9),
        ("stop", 0, 0),
    ]
    assert notices[:3] == [
        f"preset {preset}: without a title",
        "move the controller that is to be qpm",
        "controller 3 is qpm now",
    ]
    assert "no preset 'no-such-preset'" in notices[3]


def test_a_preset_s_ports_are_opened_while_playing_and_those_of_the_one_before_are_closed(tmp_path):
    for name, channel in (("one", 2), ("two", 3)):
        Path(tmp_path, f"{name}.toml").write_text(f'[ports]\nout = ["virtual {name}, channel {channel}"]')
    path, notices = tmp_path / "played", []
    options = StageOptions(kind=f"file:{path}", outputs=VIRTUAL)
    performance = Performance(Follower(), options, notices.append, lambda now: None)
    performance.open()
    thread = threading.Thread(target=performance.run)
    thread.start()
    pitches = iter(range(110))

    def put(kind, *values, name=""):
        performance._inbox.put(Event(performance._inbox.now(), kind, *values, name=name))

    def play_until_on(*channels):
        until, found = time.monotonic() + PATIENCE, set()
        while found != {*channels}:
            assert time.monotonic() < until, found
            pitch = next(pitches)
            put("note_on", pitch, 80)
            put("note_off", pitch)
            time.sleep(0.3)
            found = {int(message[1], 16) for message in played(path) if int(message[2:4], 16) == pitch + 7}

    try:
        play_until_on(0)
        put("preset", name=str(tmp_path / "one.toml"))
        play_until_on(0, 1)
        put("preset", name=str(tmp_path / "two.toml"))
        play_until_on(0, 2)  # what was asked for at the start stays
    finally:
        put("quit")
        thread.join(PATIENCE)
        performance.close()
    assert notices == [f"preset {tmp_path / name}.toml: without a title" for name in ("one", "two")]
    pitches_played = {int(message[2:4], 16) for message in played(path) if message[:2] == "90"}
    assert pitches_played == {*range(7, next(pitches) + 7)}  # none was left out
    ons, offs = (sum(message[0] == sign for message in played(path)) for sign in "98")
    assert ons == offs > 0


def test_a_preset_plays_to_its_ports_from_the_start_where_none_are_asked_for(tmp_path):
    preset = Preset(outputs=(PortOptions("virtual p", (4,)),))
    for asked, channel in (((), "4"), (VIRTUAL, "0")):
        path = tmp_path / f"played{channel}"
        options = StageOptions(kind=f"file:{path}", outputs=asked, preset=preset, script=SCRIPT, seconds=0.6)
        perform(Follower(), options)
        assert played(path)[0] == f"9{channel}4350"


def test_a_line_from_an_input_to_an_output_that_nobody_asked_for_is_named(tmp_path):
    Path(tmp_path, "p.toml").write_text('[ports]\nin = ["virtual pads"]\nthru = [["pads", "virtual f"]]')
    script = (Event(0.1, "preset", name=str(tmp_path / "p.toml")), Event(1.0, "quit"))
    options = StageOptions(
        kind=f"file:{tmp_path / 'played'}", outputs=VIRTUAL, thru=(("keys", "virtual f"),), script=script
    )
    notices = []
    perform(Follower(), options, notices.append)
    assert notices == [
        "thru keys > virtual f: 'keys' is no MIDI in that was asked for; there is none",
        f"preset {tmp_path / 'p.toml'}: without a title",
        "thru keys > virtual f: 'keys' is no MIDI in that was asked for; there is 'virtual pads'",
        "thru pads > virtual f: 'pads' is no MIDI in that was asked for; there is 'virtual pads'",
    ]


def test_where_there_is_no_midi_a_preset_with_ports_says_so_and_plays_on(tmp_path, monkeypatch):
    monkeypatch.setattr("ritornello.live.stage.runner.find_backend", lambda: Probe("", fault="no MIDI here"))
    Path(tmp_path, "p.toml").write_text('[dials]\nqpm = 90\n[ports]\nin = ["virtual a"]')
    engine, notices = Follower(), []
    script = (Event(0.1, "preset", name=str(tmp_path / "p.toml")), Event(1.0, "quit"))
    perform(engine, StageOptions(script=script), notices.append)
    assert notices == [f"preset {tmp_path / 'p.toml'}: without a title", "no MIDI here"]
    assert engine.dials.qpm == 90


def test_what_was_learned_is_saved_as_a_preset_and_saved_again(tmp_path):
    path = tmp_path / "mine.toml"
    script = (
        Event(0.1, "learn", name="density"),
        Event(0.2, "control", 21, 127),
        Event(0.3, "save", name=str(path)),
        Event(0.4, "dial", name="temperature", value=0.5),
        Event(0.5, "save", name=str(path)),
        Event(0.6, "quit"),
    )
    notices = []
    perform(Follower(), StageOptions(script=script), notices.append)
    assert read_preset(path) == Preset(dials={"density": 4.0, "temperature": 0.5}, controllers={21: "density"})
    assert notices[-1] == f"saved in {path}: dials as they stand, and 1 controllers"


def test_a_preset_s_primer_and_a_new_model_come_as_events(tmp_path):
    preset = tmp_path / "p.toml"
    preset.write_text('primer = "C4 E4"')
    script = (
        Event(0.1, "preset", name=str(preset)),
        Event(0.2, "change", name="other"),
        Event(0.3, "change", name="none"),
        Event(1.2, "quit"),
    )

    def load(name):
        if name == "none":
            raise ValueError("there is no such model")
        return "abc"

    engine, notices = Follower(), []
    options = StageOptions(script=script, prime=lambda text, metre: (text, metre), load=load)
    perform(engine, options, notices.append)
    assert [(e.kind, e.name, e.value) for e in engine.heard] == [
        ("prime", "C4 E4", ("C4 E4", "4/4")),
        ("model", "other", "abc"),
        ("stop", "", 0),
    ]
    assert notices[-1] == "there is no such model"


def test_of_two_models_the_one_asked_for_last_plays_on_however_long_the_other_takes():
    slow = threading.Event()

    def load(name):
        if name == "slow":
            slow.wait(PATIENCE)
        else:
            threading.Timer(0.3, slow.set).start()
        return name

    engine = Follower()
    script = (Event(0.1, "change", name="slow"), Event(0.2, "change", name="quick"), Event(1.5, "quit"))
    perform(engine, StageOptions(script=script, load=load))
    assert [event.name for event in engine.heard if event.kind == "model"] == ["quick"]


def test_a_knob_that_was_learned_for_it_lets_another_model_play_on():
    script = (
        Event(0.1, "learn", name="model"),
        Event(0.2, "control", 5, 127),
        Event(1.0, "quit"),
    )
    engine, notices = Follower(), []
    perform(engine, StageOptions(script=script, load=lambda name: name.upper()), notices.append)
    assert (engine.heard[0].kind, engine.heard[0].value) == ("model", playable_models()[-1].upper())
    assert notices[1:3] == ["controller 5 is model now", f"{playable_models()[-1]} plays on as soon as it is loaded"]


def test_it_ends_when_the_machine_is_silent_after_the_player():
    engine = Follower()
    script = (Event(0.1, "note_on", 60, 80), Event(0.2, "note_off", 60))
    performed = perform(engine, StageOptions(script=script, quiet_after=0.2, seconds=20.0))
    assert performed.end < 15


def test_a_plan_that_is_too_late_is_left_out():
    engine = Follower()
    engine.next = -1.0
    perform(engine, StageOptions(seconds=0.3))
    assert engine.skips == 1
    assert engine.heard[0].time == -1.0


def test_the_process_that_plays_is_started_again_when_it_dies(tmp_path):
    engine, path = Follower(), tmp_path / "played"
    options = StageOptions(kind=f"file:{path}", outputs=VIRTUAL)
    performance = Performance(engine, options, lambda line: None, lambda now: None)
    performance.open()
    thread = threading.Thread(target=performance.run)
    thread.start()
    try:
        os.kill(performance._output.first.process_id, signal.SIGTERM)
        until, i = time.monotonic() + PATIENCE, 0
        while not played(path):
            assert time.monotonic() < until
            performance._inbox.put(Event(performance._inbox.now(), "note_on", 60 + i % 12, 80))
            i += 1
            time.sleep(0.2)
    finally:
        performance._inbox.put(Event(0, "quit"))
        thread.join(PATIENCE)
        performance.close()
    ons, offs = (sum(message[0] == sign for message in played(path)) for sign in "98")
    assert ons == offs > 0


def test_without_anything_it_plays_on(monkeypatch):
    monkeypatch.setattr("ritornello.live.stage.runner.find_backend", lambda: Probe("", fault="no MIDI here"))
    notices = []
    options = StageOptions(
        inputs=(PortOptions("0"),),
        outputs=(PortOptions("0"),),
        sound="no such device",
        osc="x",
        keys=True,
        seconds=0.3,
    )
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        perform(Follower(), options, notices.append)
    text = "\n".join(notices)
    for part in ("no MIDI here", "no sound device", "'x' is no address", "keys= needs a terminal"):
        assert text.count(part) == 1


def test_events_of_other_threads_arrive():
    inbox = Inbox(0.0)
    threads = [threading.Thread(target=lambda: [inbox.put(Event(0, "tap")) for _ in range(100)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inbox.pipe.poll()
    assert len(inbox.take()) == 300
    assert not inbox.pipe.poll()


INTERRUPTED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_runner import Follower, VIRTUAL
from ritornello.live.stage.runner import StageOptions, perform
from ritornello.live.values import Event
if __name__ == "__main__":
    options = StageOptions(kind="file:" + sys.argv[1], outputs=VIRTUAL, script=(Event(0.0, "note_on", 60, 80),))
    perform(Follower(), options)
    print("over", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise on Windows")
def test_ctrl_c_ends_the_notes(tmp_path):
    script, path = tmp_path / "play.py", tmp_path / "played"
    script.write_text(INTERRUPTED)
    player = subprocess.Popen(
        [sys.executable, str(script), str(path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + PATIENCE
    while not played(path):
        assert time.monotonic() < until
        time.sleep(0.02)
    os.killpg(player.pid, signal.SIGINT)
    out, err = player.communicate(timeout=PATIENCE)
    assert (out, err, player.returncode) == ("over\n", "", 0)
    assert played(path) == ["904350", "804300"]
