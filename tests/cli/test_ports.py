"""The list of MIDI ports."""

import json

import pytest

from ritornello.live.stage import ports
from ritornello.live.stage.backends import Probe


@pytest.fixture
def found(monkeypatch):
    return lambda probe: monkeypatch.setattr(ports, "find_backend", lambda: probe)


def test_the_ports_are_listed_with_their_numbers(command, found):
    found(Probe("rtmidi2", ("Keystation",), ("Synth", "Piano"), True))
    status, out, _ = command("ports")
    assert status == 0
    assert "  0  Keystation\n" in out
    assert "  1  Piano\n" in out
    assert json.loads(command("ports", "--json")[1])["outputs"] == ["Synth", "Piano"]


def test_without_midi_one_line_says_what_to_do(command, found):
    found(Probe("", fault=ports.advice("linux")))
    status, out, err = command("ports")
    assert (status, out) == (1, "")
    assert "jackd -r -d dummy" in err
    assert err.count("\n") == 1
