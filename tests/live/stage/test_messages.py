"""MIDI messages: bytes to events and back, as the MIDI 1.0 specification has them."""

import pytest

from ritornello.live.stage.messages import PANIC, Parser, bytes_of
from ritornello.live.values import Event


def events(*content: int) -> list[tuple]:
    return [(e.kind, e.number, e.value, e.channel) for e in Parser().feed(content, 0.0)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ((0x90, 60, 100), [("note_on", 60, 100, 0)]),
        ((0x9F, 0, 1, 0x9F, 127, 127), [("note_on", 0, 1, 15), ("note_on", 127, 127, 15)]),
        ((0x90, 60, 0), [("note_off", 60, 0, 0)]),
        ((0x80, 60, 64), [("note_off", 60, 0, 0)]),
        ((0xB2, 64, 127), [("control", 64, 127, 2)]),
        ((0xF8,), [("clock", 0, 0, 0)]),
        ((0xFA, 0xFB, 0xFC), [("start", 0, 0, 0), ("continue", 0, 0, 0), ("stop", 0, 0, 0)]),
        ((0xF2, 3, 1), [("position", 0, 131, 0)]),
    ],
)
def test_messages_become_events(content, found):
    assert events(*content) == found


def test_running_status_and_a_clock_inside_a_message():
    assert events(0x91, 60, 0xF8, 100, 62, 90, 60, 0) == [
        ("clock", 0, 0, 0),
        ("note_on", 60, 100, 1),
        ("note_on", 62, 90, 1),
        ("note_off", 60, 0, 1),
    ]


def test_a_message_may_come_in_pieces():
    parser = Parser("keys")
    assert parser.feed([0x90], 1.0) == []
    assert parser.feed([60], 2.0) == []
    assert parser.feed([100], 3.0) == [Event(3.0, "note_on", 60, 100, port="keys")]


def test_system_exclusive_is_skipped_and_ends_running_status():
    flood = [0xF0, *([0x42, 60, 100] * 10000), 0xF7]
    assert events(0x90, 60, 100, *flood, 61, 100, 0x90, 62, 1) == [("note_on", 60, 100, 0), ("note_on", 62, 1, 0)]


def test_a_clock_inside_system_exclusive_is_heard_and_a_status_ends_it():
    assert events(0xF0, 1, 0xF8, 2, 0x90, 60, 100) == [("clock", 0, 0, 0), ("note_on", 60, 100, 0)]


def test_what_the_instrument_does_not_use_makes_no_event():
    assert events(0xE0, 1, 2, 3, 4, 0xC0, 5, 6, 0xD0, 7, 0xA0, 60, 1, 0xFE, 0xF6, 0xF3, 1, 60, 100) == []


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event(0, "note_on", 60, 100, 3), b"\x93\x3c\x64"),
        (Event(0, "note_on", 60, 0), b"\x90\x3c\x01"),  # velocity 0 would be a note_off
        (Event(0, "note_on", 200, 300), b"\x90\x7f\x7f"),
        (Event(0, "note_off", 60, channel=15), b"\x8f\x3c\x00"),
        (Event(0, "control", 7, 100), b"\xb0\x07\x64"),
        (Event(0, "clock"), b"\xf8"),
        (Event(0, "position", value=131), b"\xf2\x03\x01"),
        (Event(0, "silence"), b""),
    ],
)
def test_events_become_messages(event, message):
    assert bytes_of(event) == message


def test_panic_reaches_all_channels():
    assert len(PANIC) == 48
    assert {message[0] for message in PANIC} == set(range(0xB0, 0xC0))
