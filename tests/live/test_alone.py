"""A machine that plays alone: its phrases are melodies in every register to which it wanders, for days."""

import gc
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.virtual_stage import counted

from ritornello.api.live import jam
from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.line import Line
from ritornello.live.values import LineNote
from ritornello.model.file import find_model, load_model
from ritornello.music.beats import metre_named

HOUR = 3600.0
PEOPLE = 0.57, 1.88  # notes per quarter: 5 and 95 of a hundred of the songs that the program comes with


def slow_line(make_line, seed):
    """A line on which the machine has played whole notes for 24 bars."""
    line = make_line(seed, mode="autonomous")
    line.accept([LineNote(Fraction(4 * n), Fraction(4), (60, 62, 64, 67, 65)[n % 5]) for n in range(24)])
    return line


def notes_per_quarter(line, begin, end):
    """Let a line go on by itself, quarter by quarter; return its notes per quarter."""
    count = 0
    for place in range(begin, end):
        notes = line.propose(Fraction(place), Fraction(place + 1), line.dials, Fraction(end))
        line.accept(notes)
        count += len(notes)
    return count / (end - begin)


def test_a_tune_is_as_lively_as_people_s_after_slow_ones_too(make_line):
    begun, going_on = [], []
    for seed in range(4):
        line = slow_line(make_line, seed)
        line.begin_tune(Fraction(96))
        begun.append(notes_per_quarter(line, 96, 128))
        going_on.append(notes_per_quarter(slow_line(make_line, seed), 96, 128))
    assert PEOPLE[0] <= sum(begun) / 4 <= PEOPLE[1]
    assert sum(going_on) / 4 < PEOPLE[0]  # what one endless melody does: it copies its own whole notes


def test_a_tune_goes_on_from_a_player_who_has_just_played_and_from_nobody_else(make_line):
    line = slow_line(make_line, 1)
    line.begin_tune(Fraction(96))
    assert line._history.begin(Fraction(96), metre_named("4/4"), line.key) == 96
    line.accept([LineNote(Fraction(96), Fraction(4), 60)])
    line.heard([LineNote(Fraction(n), Fraction(1), 62 + n % 3) for n in range(101, 108)])
    line.begin_tune(Fraction(108))
    assert line._history.begin(Fraction(108), metre_named("4/4"), line.key) == 100
    assert {group.is_own for group in line._history.groups if group.is_counted} == {False}


@pytest.mark.slow
def test_an_hour_alone_ends_as_lively_as_it_began():
    dials = Dials(mode="autonomous")
    engine = Engine(Line.of(load_model(find_model("songs")), 1, dials), dials, seed=1)
    notes = [counted(engine, tenth * 600)[0] for tenth in range(1, 7)]
    assert all(PEOPLE[0] * 600 <= each <= PEOPLE[1] * 1000 for each in notes)  # 1,000 quarters, 600 without silences


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_an_installation_plays_melodies_not_one_pitch_over_and_over(seed):
    made = jam(preset="installation", seconds=60, seed=seed)
    pitches = [note.pitch for note in made.piece.parts[1].notes]
    repeated = sum(before == after for before, after in pairwise(pitches))
    assert len(pitches) >= 12
    assert len({*pitches}) >= 6
    assert repeated <= 0.5 * len(pitches)  # nearly all, where the header named an octave above the register


def resident():
    """Memory of this process in pages, garbage left out."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_day_alone_needs_no_more_memory_than_its_first_hours():
    dials = Dials(mode="autonomous", qpm=60, taboo=8, half_life=600)
    model = load_model(find_model("grid"))  # the one that computes least
    engine = Engine(Line.of(model, 1, dials), dials, seed=1)
    ons, offs, pages = 0, 0, []
    for hour in range(1, 25):
        played = counted(engine, hour * HOUR)
        ons, offs = ons + played[0], offs + played[1]
        pages.append(resident())
    engine.play.dials = Dials(mode="follow")  # it begins nothing more, and plays what it has begun
    played = counted(engine, 24 * HOUR + 60)
    assert ons + played[0] == offs + played[1] > 24 * 500
    assert max(pages[4:]) <= 1.01 * pages[3]
