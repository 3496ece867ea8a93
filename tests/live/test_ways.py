"""Ways of playing on the virtual clock: what is played, and when. At 60 qpm a quarter lasts a second."""

import pytest
from tests.support.scripted_line import ScriptedLine
from tests.support.virtual_stage import keys, played, sounded

from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.values import Event

BAR = ((0, 1, 60), (1, 1, 62), (2, 1, 64))  # and a quarter of rest


def engine(mode, **dials):
    return Engine(ScriptedLine(), Dials(mode=mode, qpm=60, **dials), seed=1)


def test_an_answer_comes_on_the_barline_after_a_rest_as_long_as_the_phrase():
    out = sounded(played(engine("call-response"), keys(*BAR), 20))
    assert out == [(4, 5, 72), (5, 6, 74), (6, 7, 76), (7, 8, 77)]


def test_an_answer_after_a_full_bar_waits_for_a_beat_of_rest_and_keeps_to_the_bars():
    out = sounded(played(engine("call-response"), keys(*BAR, (3, 1, 65)), 20))
    assert out == [(5, 6, 74), (6, 7, 76), (7, 8, 77)]


def test_an_answer_comes_at_the_turn_on_the_next_beat():
    out = sounded(played(engine("call-response"), [*keys(*BAR[:2]), Event(2.5, "turn")], 20))
    assert out == [(3, 4, 77), (4, 5, 72), (5, 6, 74), (6, 7, 76)]


def test_an_answer_is_silent_at_the_player_s_note():
    out = played(engine("call-response"), keys(*BAR, (5.5, 1, 67)), 7)
    assert sounded(out) == [(4, 5, 72), (5, 5.5, 74)]
    assert [event.time for event in out if event.kind == "silence"] == [5.5]


def test_the_machine_goes_on_after_the_silence_that_is_set():
    out = sounded(played(engine("continue", give_back=0.7), keys(*BAR), 8))
    assert out == [(3.7, 5, 72), (5, 6, 74), (6, 7, 76), (7, 8, 77), (8, 9, 72)]


def test_a_second_note_sounds_with_the_player_s():
    assert sounded(played(engine("follow"), keys(*BAR), 8)) == [(0, 1, 56), (1, 2, 58), (2, 3, 60)]


@pytest.mark.parametrize("mode", ["call-response", "continue", "follow"])
def test_the_same_notes_come_however_late_the_engine_is_called(mode):
    events = keys(*BAR, (9.3, 0.4, 60))
    one, other = engine(mode), engine(mode)
    steady = played(one, events, 30)
    late = []
    for event in events:
        other.hear(event)
    late += other.advance(30)
    assert sounded(steady) == sounded(late)
