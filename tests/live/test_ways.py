"""Ways of playing on the virtual clock: what is played, and when. At 60 qpm a quarter lasts a second."""

from fractions import Fraction

import pytest
from tests.support.scripted_line import ScriptedLine
from tests.support.virtual_stage import keys, played, sounded

from ritornello.api.live import jam
from ritornello.generate.primer import parse_notes
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


def test_an_answer_has_the_bars_that_are_asked_for():
    out = sounded(played(engine("call-response", answer_bars=0.5), keys(*BAR), 20))
    assert out == [(4, 5, 72), (5, 6, 74)]


def test_a_phrase_without_a_rest_on_a_barline_is_not_answered():
    notes = [(bar * 4 + beat, 1, 60 + beat) for bar in range(4) for beat in range(4)]
    assert sounded(played(engine("call-response"), keys(*notes), 16)) == []


def test_a_pedal_gives_the_turn():
    out = sounded(played(engine("call-response"), [*keys(*BAR[:2]), Event(2.5, "control", 67, 127)], 20))
    assert out[0] == (3, 4, 77)


def test_nothing_is_answered_twice():
    out = sounded(played(engine("call-response"), keys(*BAR), 60))
    assert len(out) == 4


def test_it_is_silent_at_the_player_s_note_and_comes_back():
    out = played(engine("continue", give_back=1.0), keys(*BAR, (6.25, 0.5, 60)), 9)
    assert sounded(out) == [(4, 5, 72), (5, 6, 74), (6, 6.25, 76), (7.75, 9, 72), (9, 10, 74)]


@pytest.mark.parametrize("give_back", [0.1, 0.35, 0.6, 0.7, 0.85, 1.1])
def test_it_goes_on_at_the_time_that_is_set_from_the_place_of_an_eighth(give_back):
    line = ScriptedLine(figure=((0, "1/2", 72), ("1/2", "1/2", 74)), period=1)
    alone = Engine(line, Dials(mode="continue", qpm=60, give_back=give_back), seed=1)
    notes = sounded(played(alone, keys((0, 1, 60)), 4))
    assert line.proposals[0][0] % Fraction(1, 2) == 0
    assert notes[0][0] == pytest.approx(1 + give_back)
    assert all(off - on >= 0.37 for on, off, _ in notes[:-1])  # an eighth, at most a 32nd cut off


def test_it_goes_on_without_a_splinter_before_the_beat():
    for seed in range(1, 6):
        made = jam(play=parse_notes("C4 D4 E4 G4", "4/4"), mode="continue", seed=seed, qpm=104)
        first = made.piece.parts[1].notes[0]
        assert first.duration >= 960 * 3 / 8


def test_the_hit_rate_lies_between_0_and_1_from_the_first_moment_on():
    alone = Engine(ScriptedLine(), Dials(mode="continue", qpm=60), seed=1)
    alone.hear(Event(alone.next_moment(), "skipped"))
    alone.advance(0.1)
    assert alone.state(0.1).hit_rate == 1  # nothing was to be planned
    for _ in range(20):
        alone.hear(Event(alone.next_moment(), "skipped"))
        alone.advance(alone.next_moment())
    assert 0 <= alone.state(9.0).hit_rate <= 1


def test_a_second_line_moves_on_the_beat_and_against_a_long_note():
    out = sounded(played(engine("duet"), keys((0, 0.5, 60), (0.5, 0.5, 62), (1, 1, 64), (2, 2, 65)), 10))
    assert out == [(0, 1, 56), (1, 2, 60), (2, 3.5, 61), (3.5, 4, 61)]


def test_a_second_line_ends_with_the_beat_in_which_the_player_stops():
    assert sounded(played(engine("duet"), keys((0, 0.3, 60)), 10)) == [(0, 1, 56)]


def test_notes_come_in_turn():
    out = sounded(played(engine("interleave"), keys((0, 0.5, 60), (1, 0.5, 62), (2, 0.5, 64)), 10))
    assert [on for on, _, _ in out] == [0.5, 1.5, 2.5]


@pytest.mark.parametrize(("ratio", "count"), [(0, 0), (0.25, 4), (0.5, 12), (0.75, 36)])
def test_the_machine_plays_the_share_of_notes_that_is_set(ratio, count):
    notes = [(5 * n, 0.5, 60) for n in range(12)]
    assert len(sounded(played(engine("interleave", ratio=ratio), keys(*notes), 70))) == count


def test_turns_can_be_drawn():
    notes = [(5 * n, 0.5, 60) for n in range(100)]
    out = sounded(played(engine("interleave", is_random=True), keys(*notes), 510))
    assert 70 < len(out) < 140
    assert len({on for on, _, _ in out} & {n * 5 + 0.5 for n in range(100)}) < 80


def test_rests_are_filled_and_nothing_else():
    out = sounded(played(engine("fill"), keys((0, 1, 60), (1, 1, 62), (4, 1, 64), (5, 2.75, 65)), 8))
    assert out == [(3, 4, 77)]


def test_a_fill_ends_at_the_player_s_note():
    out = sounded(played(engine("fill"), keys((0, 1, 60), (3.5, 0.5, 62)), 4))
    assert out == [(2, 3, 76), (3, 3.5, 77)]


def test_a_fill_is_as_long_as_the_phrase():
    out = sounded(played(engine("fill"), keys((0, 1, 60), (1, 1, 62)), 40))
    assert (out[0], out[-1][1]) == ((3, 4, 77), 4)


def test_it_plays_alone_with_silences_and_wanders():
    line = ScriptedLine()
    alone = Engine(line, Dials(mode="autonomous", qpm=240, low=50, high=80), seed=3)
    out = sounded(played(alone, [], 600))
    assert out[0][0] == 0
    assert any(later[0] - note[1] >= 1 for note, later in zip(out, out[1:], strict=False))
    dials = [each[3] for each in line.proposals]
    assert min(d.low for d in dials) >= 50
    assert max(d.high for d in dials) <= 80
    for name, least in (("low", 5), ("density", 5), ("temperature", 5), ("scale", 3)):
        assert len({getattr(d, name) for d in dials}) >= least


def test_the_way_changes_without_a_gap():
    events = [*keys(*BAR), Event(5.5, "dial", value="continue", name="mode")]
    out = sounded(played(engine("call-response"), events, 10))
    assert out == [(4 + n, 5 + n, (72, 74, 76, 77)[n % 4]) for n in range(7)]


def test_a_dial_acts_on_what_is_not_yet_committed():
    line = ScriptedLine()
    alone = Engine(line, Dials(mode="continue", qpm=60, give_back=1.0), seed=1)
    played(alone, [*keys(*BAR), Event(5.1, "dial", value=0.4, name="temperature")], 6)
    changed = [start for start, _, _, dials in line.proposals if dials.temperature == 0.4]
    assert min(changed) == 7  # 5.1 and the beat that is committed, to the end of its note


def test_a_plan_that_was_skipped_is_missed_and_counted():
    line = ScriptedLine()
    alone = Engine(line, Dials(mode="continue", qpm=60, give_back=1.0), seed=1)
    played(alone, keys(*BAR), 4.9)
    count = len(line.proposals)
    for _ in range(8):
        alone.hear(Event(alone.next_moment(), "skipped"))
        alone.advance(alone.next_moment())
    assert len(line.proposals) == count
    assert alone.state(7.0).hit_rate < 1


def test_swing_and_length_shape_the_time_of_a_note():
    line = ScriptedLine(figure=((0, "1/2", 72), ("1/2", "1/2", 74)), period=1)
    swung = Engine(line, Dials(mode="call-response", qpm=60, swing=1, length=0.5), seed=1)
    out = sounded(played(swung, keys(*BAR), 6))
    assert out[:2] == [(4, 4.3333, 72), (4.6667, 4.8333, 74)]


def test_it_is_silent_while_the_clock_is_stopped():
    events = [*keys((0, 1, 60)), Event(3, "stop"), Event(10, "continue")]
    out = played(engine("continue", give_back=0.5), events, 12)
    assert all(off <= 3 for _, off, _ in sounded(out))
