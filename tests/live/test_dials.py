"""Dials: one table, ranges named in messages."""

import pytest
from tests.support.scripted_line import ScriptedLine
from tests.support.virtual_stage import keys, played

from ritornello.live.dials import KEYS, Dials, named_scale
from ritornello.live.engine import Engine
from ritornello.live.stage.messages import bytes_of
from ritornello.live.values import Event
from ritornello.music.keys import key_name


def test_turning_a_dial_leaves_the_others():
    dials = Dials(temperature=0.5).turned("density", 2)
    assert (dials.temperature, dials.density, dials.mode) == (0.5, 2.0, "call-response")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 4, "temperature must be 0 to 3, not 4"),
        ("mode", "solo", "mode must be one of call-response, continue"),
        ("speed", 1, "no such dial: 'speed'; there are mode, temperature"),
        ("low", 124, "low must be 0 to 123, not 124"),
        ("low", "far", "low must be 0 to 123, not far"),
        ("qpm", float("nan"), "qpm must be 10 to 400, not nan"),
        ("temperature", None, "temperature must be 0 to 3, not None"),
        ("metre", "0/4", "not a metre: '0/4'"),
        ("metre", 4, "metre is written as text, not 4"),
        ("scale", "H dorian", "no such key: 'H dorian'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_range(name, value, message):
    with pytest.raises(ValueError, match=message):
        Dials().turned(name, value)


@pytest.mark.parametrize("name", [name for name in KEYS if name])
def test_every_key_that_a_controller_turns_to_is_one(name):
    key, pitch_classes = named_scale(Dials().turned("scale", name).scale)
    assert (key_name(key), key.tonic in pitch_classes) == (name if " " in name else f"{name} major", True)


def test_a_range_of_pitches_leaves_room():
    with pytest.raises(ValueError, match="4 semitones or more apart, not 60 and 62"):
        Dials(low=60, high=62)


def test_the_instrument_is_told_at_the_start_and_when_it_is_turned():
    kept = []
    dials = Dials(mode="follow", program=71)
    engine = Engine(ScriptedLine(), dials, 1, lambda source, event, beat, qpm: kept.append((source, event.kind)))
    out = played(engine, [Event(1.0, "dial", value=73, name="program"), *keys((2, 1, 60))], 4)
    assert [(e.time, e.number) for e in out if e.kind == "program"] == [(0.0, 71), (1.0, 73)]
    assert [bytes_of(e).hex() for e in out if e.kind == "program"] == ["c047", "c049"]
    assert ("played", "program") not in kept  # a session computes it from the dial
    silent = Engine(ScriptedLine(), Dials(mode="follow"), 1)
    told = {event.kind for event in played(silent, keys((2, 1, 60)), 4)}
    assert "program" not in told  # a synthesiser keeps its sound
