"""The process that plays: punctual, silent whatever becomes of the rest."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ritornello.live.stage.backends import MemoryBackend
from ritornello.live.stage.desk import Desk, PlayOptions
from ritornello.live.stage.messages import PANIC
from ritornello.live.stage.output import Output
from ritornello.live.stage.ports import PortOptions
from ritornello.live.stage.schedule import Schedule
from ritornello.live.values import Event, Timing, percentiles

PATIENCE = 90.0  # seconds, on a machine that is busy


def note(time, pitch=60, port=""):
    return Event(time, "note_on", pitch, 80, port=port)


def end(time, pitch=60, port=""):
    return Event(time, "note_off", pitch, port=port)


class Sent(list):
    """What a schedule sent, in short: "+60" and "-60"."""

    def __call__(self, event):
        sign = {"note_on": "+", "note_off": "-"}
        self.append(f"{sign[event.kind]}{event.number}" if event.kind in sign else event.kind)


def scheduled(*events):
    sent = Sent()
    schedule = Schedule(sent)
    for event in events:
        schedule.put(event)
    return schedule, sent


def test_events_are_played_in_the_order_of_time():
    schedule, sent = scheduled(end(2), note(1), note(3, 62))
    assert schedule.next_due == 1
    schedule.play(2.5)
    assert sent == ["+60", "-60"]
    assert schedule.next_due == 3


def test_a_note_ends_before_the_next_begins():
    schedule, sent = scheduled(note(0), note(1, 62), end(1))
    schedule.play(1)
    assert sent == ["+60", "-60", "+62"]


def test_a_note_of_no_length_does_not_stick():
    schedule, sent = scheduled(note(1), end(1))
    schedule.play(1)
    assert sent == ["+60", "-60"]


def test_a_note_struck_while_it_sounds_ends_with_the_last():
    schedule, sent = scheduled(note(0), note(1), end(2), end(3))
    schedule.play(2)
    assert sent == ["+60", "-60", "+60"]
    schedule.play(3)
    assert sent == ["+60", "-60", "+60", "-60"]


def test_silence_ends_what_sounds_and_drops_what_follows():
    schedule, sent = scheduled(note(0), end(4), note(1, 62), end(3, 62), note(2, 64), end(5, 64), Event(2.5, "clock"))
    schedule.play(1)
    schedule.put(Event(1.5, "silence"))
    schedule.put(note(2, 70))  # after it: is played
    schedule.play(9)
    assert sent == ["+60", "+62", "-60", "-62", "+70", "clock"]
    schedule.clear()
    assert sent[-1] == "-70"
    assert schedule.sounding == 0


def test_silence_of_one_port_leaves_the_others():
    schedule, sent = scheduled(note(0, 60, "a"), note(0, 61, "b"), note(2, 62, "a"), note(2, 63, "b"))
    schedule.play(0)
    schedule.put(Event(1, "silence", port="a"))
    schedule.play(3)
    assert sent == ["+60", "+61", "-60", "+63"]


def test_a_clock_that_stops_has_no_more_ticks_and_stops_in_the_end():
    schedule, sent = scheduled(Event(0, "start"), Event(0, "clock"), Event(1, "clock"), Event(0.5, "stop"))
    schedule.play(2)
    assert sent == ["start", "clock", "stop"]
    schedule.clear()
    assert len(sent) == 3
    schedule.put(Event(3, "continue"))
    schedule.play(3)
    schedule.clear()
    assert sent[3:] == ["continue", "stop"]


def test_an_end_without_a_note_is_not_sent():
    schedule, sent = scheduled(end(0))
    schedule.play(1)
    assert sent == []


def test_a_note_that_lasts_too_long_is_ended():
    schedule, sent = scheduled(note(0), note(50, 62))
    schedule.play(0)
    schedule.play(50)
    schedule.end_long(20)
    assert sent == ["+60", "+62", "-60"]


def test_an_offset_brings_a_port_s_notes_forward():
    schedule = Schedule(Sent(), lambda port: 0.25 if port == "far" else 0.0)
    schedule.put(note(1, port="far"))
    assert schedule.next_due == 0.75


def test_as_many_ends_as_notes_whatever_comes():
    dice = random.Random(1)
    balance: dict[int, int] = {}

    def send(event):
        if event.kind in ("note_on", "note_off"):
            balance[event.number] = balance.get(event.number, 0) + (1 if event.kind == "note_on" else -1)
            assert balance[event.number] in (0, 1)

    schedule = Schedule(send)
    for i in range(50000):
        kind = dice.choices(("note_on", "note_off", "silence", "clock"), (5, 4, 1, 1))[0]
        schedule.put(Event(i + dice.uniform(-1, 20), kind, dice.randrange(128), 64))
        schedule.play(i)
    schedule.clear()
    assert set(balance.values()) == {0}
    assert schedule.sounding == 0


def desk(backend, notices=None, received=None, **options):
    opened = Desk(
        lambda kind: backend,
        PlayOptions("memory", **options),
        ([] if received is None else received).extend,
        ([] if notices is None else notices).append,
    )
    opened.open()
    return opened


def played(backend, port):
    return [message for _, message in backend.played.get(port, []) if message not in PANIC]


def test_a_hardware_port_is_silenced_at_the_start():
    backend = MemoryBackend("synth")
    desk(backend, outputs=(PortOptions("synth"), PortOptions("virtual v")))
    assert [message for _, message in backend.played["synth"]] == list(PANIC)
    assert "v" not in backend.played


def test_of_two_instances_at_one_port_the_second_says_so_waits_and_gets_it_when_the_first_has_gone():
    backend, lines, received = MemoryBackend("keys"), [], []
    first = desk(backend, inputs=(PortOptions("keys"),))
    second = desk(backend, lines, received, inputs=(PortOptions("keys"),))
    assert lines == ["the port 'keys' cannot be opened (waiting for it)"]
    second.look()
    assert len(lines) == 1  # it is said once
    first.close()
    second.look()
    backend.give("keys", b"\x90\x3c\x40")
    assert lines[1:] == ["the port 'keys' is back"]
    assert [event.number for event in received] == [60]


def test_channels_are_filtered_and_pitches_transposed_on_the_way_in():
    backend, received = MemoryBackend("keys"), []
    desk(backend, received=received, inputs=(PortOptions("keys", channels=(1,), transpose=-12),))
    for message in (b"\x90\x3c\x40", b"\x91\x3c\x40", b"\x91\x05\x40", b"\x81\x3c\x00", b"\xf8"):
        backend.give("keys", message)
    assert [(e.kind, e.number) for e in received] == [("note_on", 48), ("note_off", 48), ("clock", 0)]


def test_several_ports_each_with_its_channel_and_pitch():
    backend = MemoryBackend("a", "b")
    out = desk(backend, outputs=(PortOptions("a", (2,)), PortOptions("b", transpose=12)))
    out.send(Event(0, "note_on", 60, 80))
    out.send(Event(0, "note_on", 62, 80, port="b"))
    assert played(backend, "a") == [b"\x92\x3c\x50"]
    assert played(backend, "b") == [b"\x90\x48\x50", b"\x90\x4a\x50"]


def test_keys_are_passed_through_to_the_ports_they_are_wired_to():
    backend = MemoryBackend("keys", "a", "b")
    desk(
        backend,
        inputs=(PortOptions("keys", transpose=1),),
        outputs=(PortOptions("a"), PortOptions("b")),
        thru=(("keys", "b"),),
    )
    backend.give("keys", b"\x90\x3c\x40")
    assert played(backend, "a") == []
    assert played(backend, "b") == [b"\x90\x3d\x40"]


def test_panic_ends_keys_that_were_passed_through_by_their_own_ends():
    backend = MemoryBackend("keys", "a")
    opened = desk(backend, inputs=(PortOptions("keys"),), outputs=(PortOptions("a"),), thru=(("keys", "a"),))
    for message in (b"\x90\x3c\x40", b"\x91\x3e\x40", b"\x90\x40\x40", b"\x80\x40\x00"):
        backend.give("keys", message)
    opened.panic()
    assert sorted(played(backend, "a")[4:]) == [b"\x80\x3c\x00", b"\x81\x3e\x00"]
    assert [message for _, message in backend.played["a"]][-len(PANIC) :] == list(PANIC)


def test_a_keyboard_unplugged_while_a_key_is_down_releases_it_and_comes_back():
    backend, notices, received = MemoryBackend("keys"), [], []
    watched = desk(backend, notices, received, inputs=(PortOptions("keys"),))
    backend.give("keys", b"\x90\x3c\x40")
    backend.names.clear()
    backend._receivers.clear()
    watched.look()
    watched.look()
    assert [e.kind for e in received] == ["note_on", "note_off"]
    assert notices == ["the port 'keys' is lost; waiting for it to come back"]
    backend.names.append("keys")
    watched.look()
    assert notices[1:] == ["the port 'keys' is back"]
    backend.give("keys", b"\x90\x3e\x40")
    assert received[-1].number == 62


def test_an_output_unplugged_while_sounding_is_named_once_and_silenced_when_it_is_back():
    backend, notices = MemoryBackend("synth"), []
    watched = desk(backend, notices, outputs=(PortOptions("synth"),))
    backend.names.clear()
    for _ in range(3):
        watched.send(note(0))
    assert notices == ["the port 'synth' is lost; waiting for it to come back"]
    backend.names.append("synth")
    backend.played.clear()
    watched.look()
    assert notices[1:] == ["the port 'synth' is back"]
    assert [message for _, message in backend.played["synth"]] == list(PANIC)


def test_ports_change_while_playing_and_those_that_stay_are_left_alone():
    backend, notices, received = MemoryBackend("keys", "pads", "a", "b"), [], []
    playing = desk(
        backend, notices, received, inputs=(PortOptions("keys"),), outputs=(PortOptions("a"),), thru=(("keys", "a"),)
    )
    playing.send(Event(0, "program", 73))
    backend.give("keys", b"\x90\x3c\x40")
    after = PlayOptions("memory", (PortOptions("pads"),), (PortOptions("a"), PortOptions("b")), (("pads", "b"),))
    assert playing.leaving(after) == []
    playing.connect(after)
    assert [(e.kind, e.number, e.port) for e in received] == [("note_on", 60, "keys"), ("note_off", 60, "keys")]
    assert played(backend, "a") == [b"\xc0\x49", b"\x90\x3c\x40", b"\x80\x3c\x00"]  # it was opened once
    assert [content for _, content in backend.played["b"]] == [*PANIC, b"\xc0\x49"]  # as a new port, with the program
    backend.give("pads", b"\x90\x3e\x40")
    assert received[-1].number == 62
    assert played(backend, "b")[1:] == [b"\x90\x3e\x40"]
    wait_for(lambda: "keys" not in backend._receivers)
    assert notices == []


def test_an_input_and_an_output_take_another_channel_and_transposition_while_playing():
    backend, received = MemoryBackend("keys", "a"), []
    playing = desk(backend, received=received, inputs=(PortOptions("keys"),), outputs=(PortOptions("a"),))
    backend.give("keys", b"\x90\x3c\x40")
    after = PlayOptions("memory", (PortOptions("keys", transpose=12),), (PortOptions("a", (3,), offset_ms=5),))
    assert playing.leaving(after) == ["a"]
    playing.connect(after)
    backend.give("keys", b"\x80\x3c\x00")
    backend.give("keys", b"\x90\x3c\x40")
    assert [(e.kind, e.number) for e in received] == [
        ("note_on", 60),
        ("note_off", 60),  # else nothing would end it
        ("note_off", 72),
        ("note_on", 72),
    ]
    playing.send(note(0))
    assert played(backend, "a") == [b"\x93\x3c\x50"]
    assert playing.offset_of("a") == 0.005


def test_a_new_port_that_is_not_there_is_awaited_and_the_others_play_on():
    backend, notices = MemoryBackend("a"), []
    playing = desk(backend, notices, outputs=(PortOptions("a"),))
    playing.connect(PlayOptions("memory", outputs=(PortOptions("a"), PortOptions("b"))))
    playing.send(note(0))
    assert played(backend, "a") == [b"\x90\x3c\x50"]
    assert notices == ["there is no MIDI port 'b'; there is 0 'a' (waiting for it)"]
    backend.names.append("b")
    playing.look()
    assert notices[1:] == ["the port 'b' is back"]


def test_ports_are_opened_while_playing_where_there_were_none():
    backend, received = MemoryBackend("keys"), []
    playing = desk(backend, received=received)
    playing.connect(PlayOptions("memory", (PortOptions("keys"),)))
    backend.give("keys", b"\x90\x3c\x40")
    assert [event.number for event in received] == [60]


def test_a_port_that_comes_back_plays_with_the_program_that_was_asked_for():
    backend = MemoryBackend("synth")
    watched = desk(backend, outputs=(PortOptions("synth"),))
    watched.send(Event(0, "program", 40))
    backend.names.clear()
    watched.look()
    backend.names.append("synth")
    backend.played.clear()
    watched.look()
    assert played(backend, "synth") == [b"\xc0\x28"]


def test_what_is_pending_goes_to_new_ports_and_no_longer_to_those_that_go():
    sent = Sent()
    schedule = Schedule(sent)
    for port in ("old", "stays"):
        schedule.put(note(0, port=port))
        schedule.put(end(1, port=port))
        schedule.put(note(1, 62, port=port))
        schedule.put(end(2, 62, port=port))
    schedule.play(0)
    schedule.silence("old")
    sent.clear()
    schedule.redirect(["old", "stays"], ["stays", "new"])
    schedule.play(2)
    assert sorted(sent) == sorted(["-60", "+62", "+62", "-62", "-62"])
    assert schedule.sounding == 0


def test_a_port_in_use_is_awaited_and_said_so():
    backend, notices = MemoryBackend("keys"), []
    close = backend.open_input("keys", lambda *_: None, False)
    second = desk(backend, notices, inputs=(PortOptions("keys"),))
    assert notices == ["the port 'keys' cannot be opened (waiting for it)"]
    close()
    second.look()
    assert notices[1:] == ["the port 'keys' is back"]


def test_a_port_that_is_not_there_lists_the_others():
    notices = []
    desk(MemoryBackend("synth"), notices, outputs=(PortOptions("piano"),))
    assert notices == ["there is no MIDI port 'piano'; there is 0 'synth' (waiting for it)"]


def test_without_midi_the_desk_waits_for_it():
    notices, backends = [], []

    def make(kind):
        if not backends:
            raise OSError("no JACK server is running")
        return backends[0]

    waiting = Desk(make, PlayOptions("x", outputs=(PortOptions("a"),)), [].extend, notices.append)
    waiting.open()
    with pytest.raises(OSError, match="still no MIDI"):  # the process ends, and is started anew
        waiting.look()
    backends.append(MemoryBackend("a"))
    waiting.look()
    assert notices == [
        "no JACK server is running (see `ritornello ports`; waiting for it)",
        "the port 'a' is back",
    ]


def lines(path: Path) -> list[tuple[float, bytes]]:
    if not path.exists():
        return []
    pairs = [line.split() for line in path.read_text().splitlines()]
    return [(float(at), bytes.fromhex(content)) for at, content in pairs if bytes.fromhex(content) not in PANIC]


def wait_for(condition, seconds=PATIENCE):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)


@pytest.fixture
def on_file(tmp_path):
    path, origin = tmp_path / "played", time.perf_counter()
    output = Output(PlayOptions(f"file:{path}", outputs=(PortOptions("virtual f"),), origin=origin))
    assert output.wait_ready(PATIENCE) == [("ready", None)]
    yield output, path, origin
    output.close()


def timing_of(output, notes):
    last, until = Timing(), time.monotonic() + PATIENCE
    while last.notes < notes and time.monotonic() < until:
        if output.pipe.poll(0.2):
            last = [value for kind, value in output.receive() if kind == "timing"][-1]
    return last


def test_a_thousand_notes_a_second_come_all_and_in_order(on_file):
    output, path, origin = on_file
    start = time.perf_counter() - origin + 0.3
    ends = [end(start + (i + 0.5) / 1000, i % 100) for i in range(1000)]
    output.send([*ends, *(note(start + i / 1000, i % 100) for i in range(1000))])
    timing = timing_of(output, 1000)
    assert timing.notes == 1000
    wait_for(lambda: len(lines(path)) == 2000)
    messages = [content for _, content in lines(path)]
    assert messages[:3] == [b"\x90\x00\x50", b"\x80\x00\x00", b"\x90\x01\x50"]
    assert all(at >= origin + start + i / 2000 - 1e-4 for i, (at, _) in enumerate(lines(path)))  # none too early


def test_notes_go_on_in_time_while_ports_change(on_file):
    output, path, origin = on_file
    start = time.perf_counter() - origin + 0.3
    ends = [end(start + (i + 0.5) / 50, i) for i in range(20)]
    output.send([*ends, *(note(start + i / 50, i) for i in range(20))])
    wait_for(lambda: len(lines(path)) >= 10)
    output.connect(output.options._replace(outputs=(PortOptions("virtual other", (1,)),)))
    wait_for(lambda: len(lines(path)) == 40)
    messages = [content for _, content in lines(path)]
    channels = [content[0] & 0x0F for content in messages if content[0] & 0xF0 == 0x90]
    assert [content[1] for content in messages if content[0] & 0xF0 == 0x90] == [*range(20)]
    assert channels == sorted(channels)
    assert {*channels} == {0, 1}
    for channel in (0, 1):
        mine = [content for content in messages if content[0] & 0x0F == channel]
        assert sum(1 if content[0] & 0xF0 == 0x90 else -1 for content in mine) == 0


def test_silence_ends_at_once_what_sounds(on_file):
    output, path, origin = on_file
    output.send([note(0), end(1000), note(900)])
    wait_for(lambda: len(lines(path)) == 1)
    output.send([Event(time.perf_counter() - origin, "silence")])
    wait_for(lambda: len(lines(path)) == 2)
    assert lines(path)[1][1] == b"\x80\x3c\x00"


def test_closing_ends_what_sounds_and_takes_no_longer_than_allowed(on_file):
    output, path, _ = on_file
    output.send([note(0)])
    wait_for(lambda: len(lines(path)) == 1)
    output.close()
    assert lines(path)[-1][1] == b"\x80\x3c\x00"
    assert not multiprocessing.active_children()


UNGUARDED = """
import sys
from ritornello.live.stage.desk import PlayOptions
from ritornello.live.stage.output import Output
print("begun", flush=True)
output = Output(PlayOptions(""))
print(output.wait_ready(20))
output.close()
"""


@pytest.mark.parametrize("from_file", [True, False])
def test_a_program_without_a_main_guard_is_not_run_again(tmp_path, from_file):
    script = tmp_path / "play.py"
    script.write_text(UNGUARDED)
    words, given = ([str(script)], None) if from_file else (["-"], UNGUARDED)
    done = subprocess.run(
        [sys.executable, *words], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("begun\n[('ready', None)]\n", "")


def test_panic_reaches_every_channel(on_file):
    output, path, _ = on_file
    output.send([note(0)])
    wait_for(lambda: lines(path))  # it sounds: what comes at once with the panic is dropped
    output.panic()
    wait_for(lambda: len(path.read_text().splitlines()) == 50)


KILLED = """
import sys, time
from ritornello.live.stage.desk import PlayOptions
from ritornello.live.stage.output import Output
from ritornello.live.stage.ports import PortOptions
from ritornello.live.values import Event
if __name__ == "__main__":
    output = Output(PlayOptions("file:" + sys.argv[1], outputs=(PortOptions("virtual f"),)))
    output.wait_ready(20)
    output.send([Event(0.0, "note_on", 60, 80), Event(1e9, "note_off", 60)])
    print(output.process_id, flush=True)
    time.sleep(100)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_after_a_kill_of_the_other_side_it_ends_the_notes_and_leaves(tmp_path):
    script, path = tmp_path / "play.py", tmp_path / "played"
    script.write_text(KILLED)
    player = subprocess.Popen([sys.executable, str(script), str(path)], stdout=subprocess.PIPE, text=True)
    process_id = int(player.stdout.readline())
    wait_for(lambda: len(lines(path)) == 1)
    player.send_signal(signal.SIGKILL)
    player.wait()
    wait_for(lambda: len(lines(path)) == 2)
    assert lines(path)[1][1] == b"\x80\x3c\x00"

    def is_gone():
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{process_id}/stat").exists() and ") Z" in Path(f"/proc/{process_id}/stat").read_text()

    wait_for(is_gone)


def test_a_process_that_dies_is_noticed_and_started_anew(on_file):
    output, path, _ = on_file
    os.kill(output.process_id, signal.SIGTERM)
    wait_for(lambda: output.pipe.poll(0.1))
    assert output.receive()[-1][0] == "gone"
    output.restart()
    output.wait_ready(PATIENCE)
    output.send([note(0)])
    wait_for(lambda: len(lines(path)) == 1)


@pytest.mark.parametrize(
    ("values", "found"), [((), (0, 0)), ((3.0,), (3.0, 3.0)), (range(1, 101), (51, 100)), (range(1, 201), (101, 199))]
)
def test_percentiles(values, found):
    assert percentiles(values) == found
