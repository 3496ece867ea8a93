"""Ports: found by name, by number, by part; what is said where there are none."""

import sys

import pytest

from ritornello.live.stage import ports
from ritornello.live.stage.backends import Probe, probe
from ritornello.live.stage.ports import PortOptions, advice, describe_ports, find_backend, find_port, read_port

NAMES = ["Midi Through:Midi Through Port-0 14:0", "Keystation 49:Keystation 49 MIDI 1 20:0", "nanoKONTROL2 24:0"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Keystation", PortOptions("Keystation")),
        ("Keystation, channel 1 16", PortOptions("Keystation", (0, 15))),
        ("0, transpose -12, offset 5.5", PortOptions("0", transpose=-12, offset_ms=5.5)),
        ("virtual My piano, offset 5ms", PortOptions("virtual My piano", offset_ms=5.0)),
    ],
)
def test_a_port_is_written_in_words(text, options):
    assert read_port(text) == options


@pytest.mark.parametrize(
    "text", ["a, channel 17", "a, channel", "a, transpose x", "a, pan 3", "a, offset", ", channel 1"]
)
def test_a_port_that_is_not_understood_names_the_rules(text):
    with pytest.raises(ValueError, match="write NAME, part of it, its number"):
        read_port(text)


@pytest.mark.parametrize(
    ("name", "index"),
    [("1", 1), ("keystation", 1), ("nanoKONTROL2 24:0", 2), ("nanokontrol2 28:0", 2), ("through port", 0)],
)
def test_a_port_is_found(name, index):
    assert find_port(name, NAMES) == NAMES[index]


def test_a_port_that_is_not_there_lists_those_that_are():
    with pytest.raises(
        ValueError, match=r"there is no MIDI port 'piano'; there is 0 'Midi Through.*, 2 'nanoKONTROL2"
    ):
        find_port("piano", NAMES)
    with pytest.raises(ValueError, match="there is no MIDI port '3'; there is none"):
        find_port("3", [])


def test_a_name_of_two_ports_is_refused():
    with pytest.raises(ValueError, match=r"may be 'Midi Through.*' or 'Keystation"):
        find_port("MIDI", NAMES)


def test_transposition_leaves_no_midi_note_outside():
    assert [PortOptions("", transpose=12).shifted(pitch) for pitch in (0, 115, 116)] == [12, 127, None]


@pytest.mark.parametrize(
    ("platform", "text"),
    [("linux", "jackd -r -d dummy"), ("darwin", "IAC"), ("win32", "loopMIDI"), ("freebsd", "JACK")],
)
def test_without_midi_one_line_says_what_to_do(platform, text):
    assert text in advice(platform)
    assert "\n" not in advice(platform)


def test_the_list_of_ports():
    found = Probe("rtmidi2", ("a piano",), (), True)
    assert describe_ports(found).splitlines() == [
        "listen to (--midi-in):",
        "  0  a piano",
        "play to (--midi-out): none",
        'other programs can connect to a port of ours: --midi-in virtual, --midi-out "virtual NAME"',
    ]
    assert "loopMIDI" in describe_ports(Probe("rtmidi2"), "win32")
    assert "no device is connected" in describe_ports(Probe("rtmidi2"), "win32")


def test_a_backend_that_aborts_brings_nobody_down(monkeypatch):
    monkeypatch.setattr(ports, "installed", lambda: ["rtmidi2-jack"])
    monkeypatch.setattr(ports, "probe", lambda kind: Probe(kind, fault="cannot be opened here"))
    assert find_backend().fault == advice(sys.platform)


def test_a_probe_runs_in_a_process_of_its_own():
    assert probe("memory") == Probe("memory", has_virtual=True)
    assert probe("no-such-backend").fault == "MIDI ports need rtmidi2: pip install rtmidi2"
