"""The floor changes hands at once: silent at the player's first note, back when it is set."""

from random import Random

from tests.support.scripted_line import ScriptedLine
from tests.support.virtual_stage import played, sounded

from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.values import Event

HAND_OVERS = 1000
MOST = 0.01  # seconds


def test_a_thousand_hand_overs_both_ways():
    random = Random(7)
    events, silent_from, back_at = [], [], []
    time = 0.5
    for _ in range(HAND_OVERS):
        give_back = round(random.uniform(0.1, 2), 3)
        events.append(Event(time - 0.05, "dial", value=give_back, name="give_back"))
        events.append(Event(time - 0.05, "dial", value=random.choice((40, 100, 333)), name="qpm"))
        silent_from.append(time)
        for _ in range(random.randint(1, 4)):
            events.append(Event(time, "note_on", 40, 80))
            time += random.uniform(0.05, 0.5)
            events.append(Event(time, "note_off", 40))
            last = time
            time += random.uniform(0.01, 0.09)
        back_at.append(last + give_back)
        time = last + give_back + random.uniform(0.2, 4)
    engine = Engine(ScriptedLine(), Dials(mode="continue"), seed=1)
    notes = sounded(played(engine, events, time))
    turns = list(zip(silent_from, back_at, strict=True))
    for on, off, _ in notes:
        between = [(begin, end) for begin, end in turns if on < end - MOST and off > begin + MOST]
        assert not between, (on, off, between)
    starts = {round(on, 3) for on, _, _ in notes}
    for _, back in turns[:-1]:
        assert any(abs(on - back) <= MOST for on in starts), back


def test_notes_that_were_not_played_are_taken_back():
    line = ScriptedLine()
    engine = Engine(line, Dials(mode="continue", qpm=60, give_back=0.5), seed=1)
    played(engine, [Event(0, "note_on", 60, 80), Event(0.5, "note_off", 60), Event(3.2, "note_on", 60, 80)], 4)
    assert [note.start for note in line.accepted] == [1, 2, 3]
