"""The computer's keyboard as a piano."""

import pytest

from ritornello.live.stage.keyboard import KeyReader
from ritornello.live.stage.presets import nudged


def short(events):
    return [(e.kind, e.number) if e.kind.startswith("note") else (e.kind, e.value or e.name or 0) for e in events]


def typed(*pairs):
    reader, events = KeyReader(0.5), []
    for time, text in pairs:
        events += reader.pass_time(time) + (reader.feed(text, time) if text else [])
    return short(events)


def test_the_layout_is_ableton_live_s():
    reader = KeyReader()
    pitches = [reader.feed(key, i)[-1].number for i, key in enumerate("awsedftgyhujkolp;'")]
    assert pitches == list(range(60, 78))


def test_a_note_lasts_until_the_next_key():
    assert typed((0, "a"), (0.2, "s")) == [("note_on", 60), ("note_off", 60), ("note_on", 62)]


def test_a_note_lasts_no_longer_than_the_key_length():
    reader = KeyReader(0.5)
    reader.feed("a", 0.0)
    assert reader.pass_time(0.4) == []
    (end,) = reader.pass_time(0.7)
    assert (end.kind, end.number, end.time) == ("note_off", 60, 0.5)


def test_the_octave_and_the_loudness_are_changed():
    assert typed((0, "xa")) == [("note_on", 72)]
    assert typed((0, "zzzzzzzzza")) == [("note_on", 12)]
    reader = KeyReader()
    assert reader.feed("vca", 0)[0].value == 90
    assert reader.feed("vvvvvs", 1)[-1].value == 122


def test_a_key_that_is_held_down_and_repeated_is_one_note():
    assert typed((0, "a"), (0.3, "a"), (0.33, "a"), (0.36, "a")) == [
        ("note_on", 60),
        ("note_off", 60),
        ("note_on", 60),
    ]


def test_capital_letters_play_too():
    assert typed((0, "A")) == [("note_on", 60)]


@pytest.mark.parametrize(
    ("key", "event"),
    [
        (" ", ("turn", 0)),
        ("\r", ("tap", 0)),
        ("\x7f", ("reset", 0)),
        ("3", ("dial", "duet")),
        ("\x03", ("quit", 0)),
        ("q", ("snapshot", "keys")),
        ("r", ("recall", "keys")),
    ],
)
def test_the_other_keys(key, event):
    assert typed((0, key)) == [event]


def test_a_dial_is_chosen_and_turned_by_keys_and_another_model_plays_on():
    assert typed((0, "=")) == [("nudge", 1)]
    chosen = KeyReader().feed(".=-", 0)
    assert [(e.kind, e.name, e.value) for e in chosen] == [
        ("nudge", "phrase", 0),
        ("nudge", "phrase", 1),
        ("nudge", "phrase", -1),
    ]
    assert [e.name for e in KeyReader().feed(",,,,", 0)] == ["metre", "scale", "mode", "program"]
    assert KeyReader().feed(",.", 0)[-1].name == "temperature"
    assert [(e.kind, e.name) for e in KeyReader().feed("bb", 0)] == [("change", "grid"), ("change", "hymns")]


@pytest.mark.parametrize(
    ("name", "value", "steps", "after"),
    [
        ("temperature", 1.0, 1, 1.1),
        ("temperature", 3.0, 1, 3.0),
        ("low", 48, -1, 43),
        ("taboo", 0, 1, 1),
        ("is_random", False, 1, True),
        ("qpm", 100.0, -1, 90.0),
        ("half_life", 0.0, 1, 100.0),
        ("density", 1.0, 0, 1.0),
        ("mode", "autonomous", 1, "autonomous"),
        ("mode", "continue", -1, "call-response"),
        ("scale", "", 1, "C"),
        ("scale", "D dorian", 0, "D dorian"),
        ("metre", "4/4", -1, "3/4"),
    ],
)
def test_a_step_of_a_dial_is_a_round_number_or_the_next_name_within_its_range(name, value, steps, after):
    found = nudged(name, value, steps)
    assert (found, type(found)) == (after, type(after))


def test_escape_alone_is_panic_and_an_arrow_is_nothing():
    assert typed((0, "a"), (0.1, "\x1b"), (0.2, "")) == [("note_on", 60), ("note_off", 60), ("panic", 0)]
    assert typed((0, "\x1b[A"), (0.2, "\x1bOP"), (0.3, "\x1b[1;5C"), (0.5, "")) == []


def test_a_sequence_in_pieces_is_no_escape():
    assert typed((0, "\x1b"), (0.01, "[A"), (0.2, "")) == []


def test_two_escapes_are_two_panics():
    assert typed((0, "\x1b\x1b"), (0.2, "")) == [("panic", 0), ("panic", 0)]


def test_real_releases_where_the_terminal_reports_them():
    reader = KeyReader(0.5)
    assert reader.feed("\x1b[?11u", 0) == []
    assert reader.has_releases
    events = reader.feed("\x1b[97;1:1u\x1b[115;1:1u\x1b[97;1:2u", 0) + reader.pass_time(9)
    assert short(events) == [("note_on", 60), ("note_on", 62)]
    assert short(reader.feed("\x1b[97;1:3u\x1b[120u\x1b[115;1:3u", 10)) == [("note_off", 60), ("note_off", 62)]
    assert short(reader.feed("\x1b[99;5:1u", 11)) == [("quit", 0)]
    assert short(reader.feed("\x1b[27u", 11)) == [("panic", 0)]


def test_presets_and_dials_for_midi_learn_come_one_after_the_other():
    assert typed((0, "nn")) == [("preset", "class"), ("preset", "conductor")]
    assert typed((0, "mmM")) == [("learn", "temperature"), ("learn", "phrase"), ("learn", "own")]
