"""Nothing sticks, whatever comes: note-ons equal note-offs, and nothing sounds at the end."""

import tracemalloc
from random import Random

import pytest
from tests.support.scripted_line import ScriptedLine
from tests.support.virtual_stage import keys, played, sounded

from ritornello.live.dials import WAYS, Dials
from ritornello.live.engine import Engine
from ritornello.live.values import HEARD, Event

TURNS = (
    *(("qpm", 10), ("qpm", 60), ("qpm", 180), ("qpm", 400), ("metre", "6/8"), ("metre", "5/8"), ("metre", "0/0")),
    *(("commit", 0), ("commit", 8), ("split", 50), ("split", 0), ("length", 1.5), ("swing", 1), ("give_back", 0.1)),
    *(("look_ahead", 1), ("nonsense", 3), ("temperature", "hot"), ("low", 125), ("mode", "solo"), ("split", None)),
)


class ForgetfulLine(ScriptedLine):
    """A line that keeps nothing, so that hours of playing show the engine's memory alone."""

    def heard(self, notes):
        pass

    def accept(self, notes):
        pass

    def take_back(self, start):
        pass

    def chord(self, pitches):
        pass

    def propose(self, start, until, dials, ends=None):
        self.proposals.clear()
        self.calls.clear()
        return super().propose(start, until, dials, ends)


def random_event(random, time):
    kind = random.choice((*HEARD, "note_on", "note_on", "note_off", "clock", "dial"))
    value: object = random.choice((0, 1, 64, 127))
    name = ""
    if kind in ("note_on", "note_off"):
        return Event(time, kind, random.choice((0, 36, 60, 61, 62, 64, 67, 127)), value, random.choice((0, 9)))
    if kind == "dial":
        name, value = random.choice([*TURNS, ("mode", random.choice(WAYS)), ("ratio", random.random())])
    if kind == "prime":
        value = random.choice(([(0, 24, 60, 80)], [(0, 0, 60, 80)], "no", None, [3]))
    if kind == "link":
        value = random.choice([(120, 3.5), (9999, 1), "no", (60, float("nan"))])
    return Event(time, kind, random.choice((64, 66, 67)), value, name=name)


class Output:
    """What an output sounds, counted as events come."""

    def __init__(self):
        self.waiting, self.ons, self.offs, self.silenced = [], 0, 0, 0

    def take(self, events):
        for event in events:
            if event.kind == "note_on":
                self.ons += 1
                self.waiting.append(event.number)
            elif event.kind == "note_off":
                self.offs += 1
                self.waiting.remove(event.number)
            elif event.kind == "silence":
                self.silenced += len(self.waiting)
                self.waiting.clear()


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_random_events_leave_nothing_sounding(count):
    random, output = Random(4), Output()
    engine = Engine(ForgetfulLine(), Dials(mode="continue"), seed=1)
    time = 0.0
    sizes = []
    for n in range(count):
        time += random.choice((0, 0.001, 0.01, 0.1, 0.3))
        engine.hear(random_event(random, time - random.choice((0, 0, 0.005))))
        if random.random() < 0.5:
            output.take(engine.advance(time))
        if n == count // 2:
            tracemalloc.start()
        if n in (count * 3 // 4, count - 1):
            sizes.append(tracemalloc.get_traced_memory()[0])
    output.take(engine.advance(time))
    engine.hear(Event(time, "stop"))
    output.take(engine.advance(time + 20))
    tracemalloc.stop()
    assert output.waiting == []
    assert output.ons == output.offs + output.silenced > 1000
    assert sizes[1] - sizes[0] < 100_000  # bytes


WRONG = (
    Event(0, "dial", name="scale", value="nonsense"),
    Event(0, "dial", name="scale", value=5),
    Event(0, "dial", name="metre", value="17/0"),
    Event(0, "dial", name="metre", value=""),
    Event(0, "dial", name="temperature", value="hot"),
    Event(0, "dial", name="temperature", value=float("nan")),
    Event(0, "dial", name="temperature", value=[1]),
    Event(0, "dial", name="temperature", value=None),
    Event(0, "dial", name="nonsense", value=1),
    Event(0, "recall", name="never kept"),
)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda event: f"{event.name} {event.value}")
def test_what_a_model_s_line_cannot_do_is_said_and_the_playing_goes_on(make_line, wrong):
    engine, said = Engine(make_line(), Dials(mode="continue"), seed=1), []
    engine.notify = said.append
    engine.hear(Event(0.0, "note_on", 60, 80))
    engine.hear(Event(0.4, "note_off", 60))
    engine.hear(wrong._replace(time=0.5))
    assert len(said) == 1
    assert wrong.name in said[0] or str(wrong.value) in said[0]
    assert any(event.kind == "note_on" for event in engine.advance(5))


@pytest.mark.parametrize("way", WAYS)
def test_a_thousand_notes_a_second_are_survived(way):
    engine = Engine(ForgetfulLine(), Dials(mode=way), seed=1)
    output = Output()
    for n in range(2000):
        engine.hear(Event(n / 1000, "note_on", n % 128, 100))
        engine.hear(Event(n / 1000, "note_off", n % 128))
        output.take(engine.advance(n / 1000))
    engine.hear(Event(2.0, "stop"))
    output.take(engine.advance(30))
    assert output.waiting == []


def test_a_key_whose_end_was_lost_is_dropped_after_thirty_seconds():
    engine = Engine(ScriptedLine(), Dials(mode="follow"), seed=1)
    out = sounded(played(engine, [Event(0, "note_on", 60, 80)], 40))
    assert out == [(0, 10, 56)]  # the second note is cut at the longest note
    assert engine.play.keys.is_resting


@pytest.mark.parametrize("number", [120, 123])
def test_all_notes_off_lets_go_of_the_keys_of_its_port_and_channel(number):
    engine = Engine(ScriptedLine(), Dials(mode="follow", qpm=60), seed=1)
    events = [Event(0, "note_on", 60, 80), Event(0, "note_on", 64, 80, channel=1), Event(1, "control", number)]
    out = sounded(played(engine, [*events, Event(2, "note_off", 64, channel=1)], 5))
    assert out == [(0, 1, 56), (0, 2, 60)]


def test_own_notes_are_not_heard_and_others_are():
    engine = Engine(ScriptedLine(), Dials(mode="continue", qpm=60, give_back=0.5), seed=1)
    echo = [Event(1.02, "note_on", 74, 80, port="a"), Event(1.9, "note_off", 74, port="a")]
    events = [*keys((0, 0.5, 60)), *echo]
    assert sounded(played(engine, events, 3))[0] == (1, 2, 74)
    engine = Engine(ScriptedLine(), Dials(mode="continue", qpm=60, give_back=0.5), seed=1)
    events = [*keys((0, 0.5, 60)), *(event._replace(time=event.time + 0.03) for event in echo)]
    assert sounded(played(engine, events, 2))[0] == (1, 1.05, 74)


def test_a_file_s_note_at_the_moment_of_an_own_one_is_no_echo():
    engine = Engine(ScriptedLine(), Dials(mode="continue", qpm=60, give_back=0.5), seed=1)
    events = [*keys((0, 0.5, 60)), Event(1.02, "note_on", 74, 80), Event(1.9, "note_off", 74)]
    assert sounded(played(engine, events, 2))[0] == (1, 1.02, 74)  # silent at once


def test_velocity_0_ends_a_note():
    engine = Engine(ScriptedLine(), Dials(mode="follow", qpm=60), seed=1)
    assert sounded(played(engine, [Event(0, "note_on", 60, 80), Event(1, "note_on", 60, 0)], 5)) == [(0, 1, 56)]


def test_the_lowest_and_the_highest_pitch_are_heard():
    engine = Engine(ScriptedLine(interval=0), Dials(mode="follow", qpm=60), seed=1)
    assert sounded(played(engine, keys((0, 1, 0), (1, 1, 127)), 5)) == [(0, 1, 0), (1, 2, 127)]


def test_a_long_note_of_the_plan_is_cut():
    line = ScriptedLine(figure=((0, 4, 72),))
    engine = Engine(line, Dials(mode="call-response", qpm=10), seed=1)
    out = sounded(played(engine, [*keys((0, 1, 60), qpm=10), Event(7, "turn")], 60))
    assert out == [(12, 22, 72)]
