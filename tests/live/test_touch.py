"""The touch: how loud, and how far from the beat, the machine answers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ritornello.encoding import make_encoding
from ritornello.live.dials import Dials
from ritornello.live.line import Line
from ritornello.live.line.intervals import BARLINE, BEAT, BETWEEN
from ritornello.live.line.touch import USUAL, Touch
from ritornello.live.values import LineNote
from ritornello.music.beats import metre_named

FOUR = metre_named("4/4")


def eighths(velocities, pushes=(0.0,)) -> list[LineNote]:
    """Notes of an eighth each, with these velocities, and these pushes over and over."""
    return [
        LineNote(Fraction(n, 2), Fraction(1, 2), 60, velocity, push=pushes[n % len(pushes)])
        for n, velocity in enumerate(velocities)
    ]


def test_without_a_player_the_usual_accents_are_played():
    touch = Touch()
    places = (Fraction(4), Fraction(5), Fraction(11, 2))
    assert [touch.velocity(p, FOUR, 1.0) for p in places] == [USUAL[s] for s in (BARLINE, BEAT, BETWEEN)]
    assert touch.push(Fraction(1, 2)) == 0


@pytest.mark.parametrize("level", [20, 60, 110])
def test_the_level_is_the_players_as_far_as_the_dial_says(level):
    touch = Touch()
    touch.add(eighths([level] * 16), FOUR)
    assert touch.velocity(Fraction(5), FOUR, 0.0) == USUAL[BEAT]
    assert touch.velocity(Fraction(5), FOUR, 1.0) == pytest.approx(level, abs=3)
    half = (USUAL[BEAT] + touch.velocity(Fraction(5), FOUR, 1.0)) / 2
    assert touch.velocity(Fraction(5), FOUR, 0.5) == pytest.approx(half, abs=1)


def test_accents_are_the_players():
    touch = Touch()
    touch.add(eighths([40, 100] * 8), FOUR)  # loud between the beats
    assert touch.velocity(Fraction(1, 2), FOUR, 1.0) > touch.velocity(Fraction(1), FOUR, 1.0) + 25


def test_velocities_stay_within_midi():
    touch = Touch()
    touch.add(eighths([127] * 16), FOUR)
    assert all(1 <= touch.velocity(Fraction(n, 2), FOUR, 1.0) <= 127 for n in range(8))


def test_swing_and_push_are_kept_by_their_place_in_the_beat():
    touch = Touch()
    touch.add(eighths([80] * 16, (-0.02, 0.15)), FOUR)
    assert touch.push(Fraction(7)) == pytest.approx(-0.02, abs=0.005)
    assert touch.push(Fraction(15, 2)) == pytest.approx(0.15, abs=0.02)
    assert touch.push(Fraction(29, 4)) == 0


def test_the_dial_s_swing_is_not_added_to_the_player_s():
    touch = Touch()
    touch.add(eighths([80] * 16, (0.0, 0.15)), FOUR)
    assert touch.push(Fraction(1, 2), swing=1.0) == 0
    assert touch.push(Fraction(1, 2), swing=0.6) == pytest.approx(touch.push(Fraction(1, 2)) - 0.1)
    straight = Touch()
    straight.add(eighths([80] * 16), FOUR)
    assert straight.push(Fraction(1, 2), swing=1.0) == 0


def test_answers_are_as_loud_and_as_late_as_what_they_answer():
    from networks import Indifferent

    encoding = make_encoding("interval")
    given, answered = [], []
    for n, level in enumerate(np.linspace(30, 110, 12)):
        line = Line(Indifferent(encoding), encoding, n, Dials())  # type: ignore[arg-type]
        line.heard(eighths([int(level)] * 8, (0.0, 0.1)))
        notes = line.propose(Fraction(4), Fraction(12), line.dials)
        given += [level] * len(notes)
        answered += [note.velocity for note in notes]
        assert all(note.push > 0.05 for note in notes if note.start % 1 == Fraction(1, 2))
        assert all(note.push == 0 for note in notes if note.start % 1 == 0)
    assert np.corrcoef(given, answered)[0, 1] > 0.9
