"""The terminal's picture of a state."""

import io
import time
from fractions import Fraction

import pytest
from rich.console import Console

from ritornello.live.dials import Dials
from ritornello.live.stage.screen import Screen, colour_of, picture, roll
from ritornello.live.values import LineNote, Shown, State, Timing


def shown(start, pitch, standing, bits=None, duration=1):
    return Shown(LineNote(Fraction(start), Fraction(duration), pitch, 80, bits), standing)


def state(*notes, beat=8.0, dials=None):
    return State(
        1.0, beat, 3, 100.0, "4/4", "G major", True, "own tempo", "duet", "both", notes, vars(dials or Dials()), 0.999
    )


NOTES = (
    shown(5, 60, "heard"),
    shown(7, 64, "played"),
    shown(8, 62, "committed", 0.5),
    shown(9, 67, "tentative", 3.0),
)


def test_heard_played_committed_and_tentative_stand_where_they_belong():
    lines = [line.plain for line in roll(state(*NOTES))]
    by_name = {line[:4].strip(): line[5:] for line in lines if line[:4].strip()}
    assert by_name["C4"] == "      " + "██████" + " " * 12 + "│" + " " * 23
    assert by_name["G4"] == " " * 24 + "│" + " " * 5 + "░" * 6 + " " * 12
    committed = next(line for line in lines if line[5:].startswith(" " * 24 + "█"))
    assert committed[5:] == " " * 24 + "█" * 6 + " " * 18


def test_the_shade_is_of_the_bits_and_pale_means_tentative():
    assert colour_of(shown(0, 60, "committed", 0.5)) == "bold bright_green"
    assert colour_of(shown(0, 60, "committed", 5.0)) == "bold red"
    assert colour_of(shown(0, 60, "tentative", 1.0)) == "dim green"
    assert colour_of(shown(0, 60, "heard")) == "cyan"


def test_notes_outside_the_picture_do_no_harm():
    far = (
        shown(0, 0, "heard", duration=100),
        shown(8, 127, "played"),
        shown(100, 60, "tentative"),
        shown(-9, 60, "heard"),
    )
    assert 12 <= len(roll(state(*far))) <= 24
    assert len(roll(state())) == 13


def test_one_screen_has_all_that_a_player_looks_for():
    console = Console(file=io.StringIO(), width=100)
    timing = Timing(12, 0.1, 0.9, 0, 3.0, 5.0, 21.0)
    console.print(picture(state(*NOTES, dials=Dials(temperature=0.5)), timing, ["a port is lost"]))
    text = console.file.getvalue()
    for part in (
        "bar 3",
        "100.0 qpm",
        "4/4",
        "G major",
        "duet",
        "temperature 0.5",
        "plans in time 99.9 %",
        "p99 0.90",
        "jitter 0.80",
        "sound 21 ms",
        "a port is lost",
    ):
        assert part in text


def test_a_plain_terminal_gets_plain_signs():
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(state(*NOTES), Timing(1), (), is_plain=True))
    assert console.file.getvalue().isascii()


@pytest.mark.parametrize("beat", [0.0, 123456.7])
def test_the_screen_draws_the_latest_state(beat):
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    screen = Screen(console)
    screen.show(state(*NOTES, beat=beat), Timing())
    until = time.monotonic() + 20
    while f"beat {beat:.1f}" not in console.file.getvalue():
        assert time.monotonic() < until
        time.sleep(0.01)
    screen.close()
