"""Devices whose delay is measured: by a loop, by taps; and notes that go out so much earlier from then on."""

import json

import pytest
from benchmarks.live.jack import jack_server, missing

from ritornello.live.stage import ports
from ritornello.live.stage.backends import MemoryBackend, Probe
from ritornello.live.stage.calibrate import calibrate, nearest_delays
from ritornello.live.stage.desk import Desk, PlayOptions
from ritornello.live.stage.output import Output
from ritornello.live.stage.ports import PortOptions, describe_ports, read_offsets
from ritornello.live.stage.schedule import Schedule
from ritornello.live.values import Event


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of settings of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    return tmp_path


class Clock:
    """A clock that goes on where somebody sleeps."""

    def __init__(self):
        self.now, self.coming = 100.0, []

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        due = [item for item in self.coming if item[0] <= self.now]
        self.coming = [item for item in self.coming if item[0] > self.now]
        for at, work in due:
            work(at)


class Loop(MemoryBackend):
    """A device whose output comes back at its input, each time after the next of some delays."""

    def __init__(self, clock, delays):
        super().__init__("Synth 20:0", "Elsewhere")
        self.clock, self.delays, self.count = clock, delays, 0

    def open_output(self, name, is_virtual):
        sender, loop = super().open_output(name, is_virtual), self

        class Looped:
            def send(self, message):
                sender.send(message)
                if name == "Synth 20:0" and message[0] == 0x90:
                    delay = loop.delays[loop.count % len(loop.delays)]
                    loop.count += 1

                    def come(at):
                        if "Synth 20:0" in loop._receivers:
                            loop._receivers["Synth 20:0"](message, at)

                    loop.clock.coming.append((loop.clock.now + delay, come))

            def close(self):
                sender.close()

        return Looped()


def nobody():
    return list, lambda: None


def measured(delays, port="Synth", back="Synth"):
    clock = Clock()
    return calibrate(port, back, nobody, clock.time, clock.sleep, Loop(clock, delays))


def test_a_loop_gives_the_delay_of_most_notes_and_keeps_it_by_the_device_s_name():
    found = measured([0.012, 0.0125, 0.013, 0.012, 0.012, 0.2])
    assert (found.port, found.offset_ms, found.notes) == ("Synth", pytest.approx(12, abs=0.3), 24)
    assert "nothing can make up for that" in found.line  # one in six comes after 200 ms
    assert read_offsets() == {"Synth": pytest.approx(12, abs=0.3)}
    assert measured([0.004]).offset_ms == pytest.approx(4)
    assert read_offsets() == {"Synth": pytest.approx(4)}


def test_notes_that_do_not_come_back_say_what_to_connect():
    with pytest.raises(ValueError, match=r"nothing came back at 'Synth 20:0': connect the output to it"):
        measured([0.01], port="Elsewhere")
    assert read_offsets() == {}
    with pytest.raises(ValueError, match="there is no MIDI port 'piano'"):
        measured([0.01], port="piano")


def tapping(clock, backend, late):
    """A person who taps so much after each note, as the device played it."""

    def taps():
        read = [0]

        def new():
            notes = [n for n, (_, message) in enumerate(backend.played.get("Elsewhere", [])) if message[0] == 0x90]
            first, read[0] = read[0], len(notes)
            return [clock.now - 0.1 + late(n) for n in range(first, len(notes))]

        return new, lambda: None

    return taps


def test_taps_give_the_delay_that_is_heard():
    clock = Clock()
    backend = Loop(clock, [0])
    person = tapping(clock, backend, lambda n: 0.035 + 0.004 * (n % 3 - 1))
    found = calibrate("Elsewhere", None, person, clock.time, clock.sleep, backend)
    assert (found.offset_ms, found.way) == (pytest.approx(35, abs=1), "taps")
    assert read_offsets() == {"Elsewhere": pytest.approx(35, abs=1)}


def test_too_few_taps_measure_nothing():
    clock = Clock()
    with pytest.raises(ValueError, match="only 0 taps came near a note"):
        calibrate("Elsewhere", None, nobody, clock.time, clock.sleep, Loop(clock, [0]))
    assert read_offsets() == {}


def test_taps_between_two_notes_belong_to_none():
    assert nearest_delays([1.0, 1.6], [0.99, 1.3, 1.65, 2.5]) == pytest.approx([-0.01, 0.05])


def desk_of(*outputs, sound=None):
    lines = []
    desk = Desk(
        lambda kind: MemoryBackend("Synth 20:0", "Elsewhere"),
        PlayOptions("memory", outputs=outputs, sound=sound),
        lambda events: None,
        lines.append,
    )
    desk.open()
    return desk, lines


def test_each_output_plays_earlier_by_its_own_delay():
    ports.keep_offset("Synth 20:0", 12.5)
    desk, lines = desk_of(PortOptions("Synth"), PortOptions(["Elsewhere", " offset 5"][0], offset_ms=5.0))
    assert lines == ["Synth: notes go out 12.5 ms earlier, as calibrated"]
    sent = []
    schedule = Schedule(lambda event: sent.append(event.port), desk.offset_of)
    for event in desk.split(Event(1.0, "note_on", 60, 80)):
        schedule.put(event)
    assert [port for port, at in ((e.port, at) for e, at in schedule.play(2)) if at == 0.9875] == ["Synth"]
    assert sent == ["Synth", "Elsewhere"]


def test_an_offset_on_the_command_line_stands_above_the_measured_one():
    ports.keep_offset("Synth", 12.5)
    desk, lines = desk_of(PortOptions("Synth", offset_ms=0.0))
    assert (desk.offset_of("Synth"), lines) == (0.0, [])


def test_the_list_of_ports_shows_what_was_calibrated():
    ports.keep_offset("Synth", 12.5)
    shown = describe_ports(Probe("memory", ("Synth 20:0",), ("Synth 24:0", "Piano"), True))
    assert shown.count("12.5 ms earlier, as calibrated") == 1
    assert "  0  Synth 24:0  (12.5 ms earlier, as calibrated)" in shown


def test_a_broken_file_of_offsets_is_said_and_is_as_if_there_were_none(folder):
    (folder / "ritornello").mkdir()
    (folder / "ritornello" / "offsets.json").write_text("[1")
    desk, lines = desk_of(PortOptions("Synth"))
    assert desk.offset_of("Synth") == 0.0
    assert len(lines) == 1
    assert "cannot be read: offsets are 0; calibrate again" in lines[0]


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.xdist_group("jack")
def test_a_loop_between_two_programs_is_measured_by_the_command(command, folder):
    with jack_server("calibrate", "--sync", period=1024):
        peer = Output(
            PlayOptions(
                "rtmidi2-jack",
                (PortOptions("virtual loop in"),),
                (PortOptions("virtual loop out"),),
                (("virtual loop in", "virtual loop out"),),
            )
        )
        try:
            assert ("ready", None) in peer.wait_ready(90)
            status, out, err = command("ports", "--calibrate", "loop in", "--listen", "loop out", "--json")
        finally:
            peer.close()
    assert status == 0, err
    found = json.loads(out)
    assert found["notes"] >= 12
    assert found["offset_ms"] > 0
    assert [*json.loads((folder / "ritornello" / "offsets.json").read_text()).values()] == [
        pytest.approx(found["offset_ms"], abs=0.01)
    ]
