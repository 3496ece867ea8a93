"""Presets and MIDI learn: what they change, and what is said of a broken one."""

import pytest

from ritornello.live.dials import Dials
from ritornello.live.stage.messages import PANIC
from ritornello.live.stage.ports import PortOptions
from ritornello.live.stage.presets import (
    Controllers,
    Preset,
    changed_dials,
    dial_value,
    playable_models,
    preset_names,
    read_preset,
    save_preset,
)
from ritornello.live.values import Event

WHOLE = """
title = "Left hand"
primer = "C4 E4 G4"
[dials]
temperature = 0.8
mode = "duet"
[controllers]
1 = "temperature"
[ports]
in = ["Keystation, channel 1"]
out = ["virtual"]
thru = [["Keystation", "virtual"]]
"""


def preset(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_a_preset_is_read(tmp_path):
    found = read_preset(preset(tmp_path, WHOLE))
    assert found == Preset(
        "Left hand",
        "C4 E4 G4",
        {"temperature": 0.8, "mode": "duet"},
        {1: "temperature"},
        (PortOptions("Keystation", (0,)),),
        (PortOptions("virtual"),),
        (("Keystation", "virtual"),),
    )
    assert [(e.time, e.name, e.value) for e in found.events(2.0)] == [
        (2.0, "temperature", 0.8),
        (2.0, "mode", "duet"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[dials]\ntemperature = 9", "temperature must be 0 to 3, not 9"),
        ("[dials]\nspeed = 1", "no such dial: 'speed'"),
        ('[dials]\nmode = "solo"', "mode must be one of"),
        ('[controllers]\n128 = "qpm"', "controllers are 0 to 127, not 128"),
        ('[controllers]\n1 = "speed"', "no such dial: 'speed'"),
        ('[ports]\nin = ["a, channel 20"]', "is not understood at 'channel 20'"),
        ('[ports]\nthru = ["a"]', "ports.thru is a list of pairs"),
        ("dial = 1", "there is no entry dial; there are title, primer, dials, controllers, ports"),
        ("dials = 3", "dials is a table: [dials]"),
        ("controllers = 3", "controllers is a table: [controllers]"),
        ("ports = [1]", "ports is a table: [ports]"),
        ("title = 3", "title is text"),
        ('primer = ["C4"]', "primer is text"),
        ("[controllers]\n1 = 3", 'controllers.1 is the name of a dial, such as "temperature", not 3'),
        ('[ports]\nin = "virtual a"', 'ports.in is a list of names, such as ["Keystation, channel 1"]'),
        ("[ports]\nout = [3]", "ports.out is a list of names"),
        ("[ports]\nthru = 3", "ports.thru is a list of pairs"),
        ('[ports]\nthru = [["a", 3]]', "ports.thru is a list of pairs"),
        ('[dials]\nscale = "nonsense"', "not a scale: 'nonsense'"),
        ('[dials]\nmetre = "4/0"', "not a metre: '4/0'"),
        ("[dials", "mine.toml"),
    ],
)
def test_a_broken_preset_names_the_file_and_the_entry(tmp_path, text, message):
    with pytest.raises(ValueError, match=r"mine\.toml") as caught:
        read_preset(preset(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_preset_that_is_not_there_lists_those_that_are():
    with pytest.raises(OSError, match=r"no preset 'nothing'.*installation"):
        read_preset("nothing")


@pytest.mark.parametrize("name", preset_names())
def test_the_shipped_presets_are_whole_and_hold_differences_only(name):
    found = read_preset(name)
    usual = vars(Dials())
    assert found.title
    assert found.dials
    assert all(usual[dial] != value for dial, value in found.dials.items() if dial != "mode")
    Dials(**found.dials)


def test_a_preset_is_saved_as_it_is_read(tmp_path):
    path = tmp_path / "p.toml"
    mine = Preset('a "b"\n', "C4", {"temperature": 0.5, "is_random": True, "scale": "D dorian"}, {7: "density"})
    save_preset(path, mine)
    assert read_preset(path) == mine


def test_only_dials_that_were_turned_are_kept():
    assert changed_dials(vars(Dials(temperature=0.5))) == {"temperature": 0.5}


def control(number, value):
    return Event(1.0, "control", number, value)


def test_a_controller_turns_its_dial():
    controllers = Controllers({1: "temperature"})
    assert controllers.turned(control(1, 127)) == Event(1.0, "dial", name="temperature", value=3)
    assert controllers.turned(control(2, 0)) is None


def test_what_a_program_sends_to_all_where_it_begins_is_not_learned():
    controllers = Controllers()
    controllers.learn("temperature")
    for message in PANIC:
        event = Event(0, "control", message[1], message[2])
        assert controllers.turned(event) is None
    assert controllers.turned(Event(0, "control", 123, 127)) is None
    assert (controllers.numbers, controllers.learning) == ({}, "temperature")
    assert controllers.turned(Event(0, "control", 20, 1)).name == "temperature"
    assert controllers.turned(Event(0, "control", 20, 0)).value == 0  # once it is learned, 0 is a place like others


def test_a_controller_that_is_moved_becomes_the_dial_s():
    controllers = Controllers({1: "density", 2: "temperature"})
    controllers.learn("density")
    assert controllers.turned(control(2, 5)).name == "density"
    assert controllers.numbers == {2: "density"}
    assert controllers.turned(control(1, 0)) is None
    with pytest.raises(ValueError, match="no such dial"):
        controllers.learn("speed")


def test_a_controller_chooses_a_model_once_for_each_place(tmp_path):
    controllers = Controllers(read_preset(preset(tmp_path, '[controllers]\n5 = "model"')).controllers)
    chosen = [turned for value in range(128) if (turned := controllers.turned(control(5, value)))]
    assert [(event.kind, event.name) for event in chosen] == [("change", name) for name in playable_models()]
    controllers.learn("model")
    assert controllers.turned(control(6, 1)).name == playable_models()[0]
    assert controllers.numbers == {6: "model"}


@pytest.mark.parametrize(
    ("name", "position", "value"),
    [
        ("temperature", 0, 0),
        ("taboo", 127, 16),
        ("qpm", 0, 10),
        ("mode", 0, "call-response"),
        ("mode", 127, "autonomous"),
        ("is_random", 63, False),
        ("is_random", 64, True),
        ("low", 64, 62),
        ("scale", 5, ""),
        ("scale", 6, "C"),
        ("scale", 127, "D minor"),
        ("metre", 0, "2/4"),
        ("metre", 127, "12/8"),
    ],
)
def test_a_position_is_spread_over_the_range(name, position, value):
    assert dial_value(name, position) == value
    Dials().turned(name, value)
