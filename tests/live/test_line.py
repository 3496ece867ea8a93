"""The line by two: what is fed, what is proposed, and where it ends."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from networks import Indifferent

from ritornello.encoding import make_encoding
from ritornello.live.dials import Dials
from ritornello.live.line import Line
from ritornello.live.values import LineNote
from ritornello.model.file import DEFAULT, find_model, load_model
from ritornello.music.keys import parse_key

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def quarters(pitches, start=0, length=Fraction(1)) -> list[LineNote]:
    """Notes one after the other."""
    return [LineNote(Fraction(start) + n * length, length, pitch) for n, pitch in enumerate(pitches)]


def plain(notes: list[LineNote]) -> list[tuple]:
    """Starts, durations and pitches."""
    return [note[:3] for note in notes]


@pytest.fixture(scope="module")
def make_line() -> Callable[..., Line]:
    """A function from a shipped model, seed and dials to a line."""
    kept: dict[str, tuple] = {}

    def make(name: str = DEFAULT, seed: int = 0, **dials) -> Line:
        if name not in kept:
            model = load_model(find_model(name))
            kept[name] = model.build(), model.encoding
        return Line(*kept[name], seed, Dials(**dials), (44, 87))

    return make


MODELS = pytest.mark.parametrize("name", [DEFAULT, "grid"])


@MODELS
def test_proposed_notes_begin_in_the_stretch_asked_for_and_none_overlaps_the_next(make_line, name):
    line = make_line(name, metre="3/4")
    line.heard(quarters(SCALE[:6]))
    for _ in range(10):
        notes = line.propose(Fraction(6), Fraction(12), line.dials)
        assert notes
        assert all(6 <= note.start < 12 and note.duration > 0 for note in notes)
        assert all(note.end <= after.start for note, after in zip(notes, notes[1:], strict=False))
        assert all(note.bits > 0 for note in notes)


@MODELS
@pytest.mark.parametrize(("metre", "bar"), [("4/4", 4), ("3/4", 3), ("6/8", 3), ("5/4", 5)])
def test_a_phrase_that_is_to_end_ends_in_its_last_bar_with_a_whole_note(make_line, name, metre, bar):
    line = make_line(name, metre=metre)
    line.heard(quarters(SCALE, length=Fraction(1, 2)))
    start = Fraction(-(-4 // bar) * bar)
    ends = start + 2 * bar
    for _ in range(10):
        notes = line.propose(start, ends, line.dials, ends)
        assert ends - bar < notes[-1].end <= ends
        assert notes[-1].duration >= 1 or notes[-1].start < ends - bar


@MODELS
def test_proposals_follow_from_what_was_fed_the_seed_and_their_number(make_line, name):
    def proposals(seed: int, heard=SCALE) -> list[list[LineNote]]:
        line = make_line(name, seed)
        line.heard(quarters(heard))
        found = [line.propose(Fraction(8), Fraction(16), line.dials) for _ in range(3)]
        line.accept(found[-1])
        return [*found, line.propose(Fraction(16), Fraction(20), line.dials)]

    first = proposals(1)
    assert first == proposals(1)
    assert first != proposals(2)
    assert first[0] != first[1]
    assert first != proposals(1, SCALE[::-1])


@MODELS
def test_proposing_feeds_nothing_for_good(make_line, name):
    once, twice = make_line(name), make_line(name)
    for line in (once, twice):
        line.heard(quarters(SCALE))
    for _ in range(4):
        twice.propose(Fraction(8), Fraction(16), twice.dials, Fraction(16))
    twice.count = 0
    assert once.propose(Fraction(8), Fraction(16), once.dials) == twice.propose(
        Fraction(8), Fraction(16), twice.dials
    )


@MODELS
def test_notes_given_in_portions_are_as_all_at_once(make_line, name):
    once, bitwise = make_line(name), make_line(name)
    notes = quarters([*SCALE, *SCALE[::-1]], length=Fraction(1, 2))
    once.heard(notes)
    for n, note in enumerate(notes):
        bitwise.heard([note])
        if n % 3 == 0:
            bitwise.propose(note.end, note.end + 1, bitwise.dials)
    bitwise.count = 0
    assert once.propose(Fraction(8), Fraction(16), once.dials) == bitwise.propose(
        Fraction(8), Fraction(16), bitwise.dials
    )


def test_the_key_is_the_one_that_is_heard_until_another_is_clear(make_line):
    line = make_line()
    line.heard(quarters(SCALE))
    line.propose(Fraction(8), Fraction(12), line.dials)
    assert line.key == parse_key("C")
    line.heard(quarters([60, 67], start=80))
    line.propose(Fraction(84), Fraction(88), line.dials)
    assert line.key == parse_key("C")
    line.heard(quarters([pitch + 6 for pitch in SCALE * 2], start=160))
    line.propose(Fraction(176), Fraction(180), line.dials)
    assert line.key == parse_key("Gb")


@MODELS
def test_a_locked_scale_and_a_register_hold(make_line, name):
    line = make_line(name, low=48, high=60, scale="C D E G A")
    line.heard(quarters([72, 74, 76, 79, 81, 76, 74, 72]))
    found = [note for _ in range(8) for note in line.propose(Fraction(8), Fraction(16), line.dials)]
    assert found
    assert {note.pitch % 12 for note in found} <= {0, 2, 4, 7, 9}
    assert all(48 <= note.pitch <= 60 for note in found)


def test_a_phrase_is_read_in_the_octave_of_the_register(make_line):
    high, low = make_line(low=60, high=84), make_line(low=60, high=84)
    high.heard(quarters(SCALE))
    low.heard(quarters([pitch - 36 for pitch in SCALE]))
    assert high.propose(Fraction(8), Fraction(16), high.dials) == low.propose(Fraction(8), Fraction(16), low.dials)


def test_the_machines_own_last_note_is_not_cut_short(make_line):
    line = make_line()
    line.accept(quarters([67], length=Fraction(6)))
    assert line.propose(Fraction(4), Fraction(6), line.dials) == []
    assert all(note.start >= 6 for note in line.propose(Fraction(4), Fraction(8), line.dials))


@pytest.mark.parametrize("name", ["interval", "grid"])
def test_hours_of_playing_keep_the_history_bounded(name):
    encoding = make_encoding(name)
    line = Line(Indifferent(encoding), encoding)  # type: ignore[arg-type]
    sizes = []
    for bar in range(300):
        line.heard(quarters([60 + (bar + n) % 12 for n in range(4)], start=4 * bar))
        line.propose(Fraction(4 * bar + 4), Fraction(4 * bar + 5), line.dials)
        sizes.append(len(line._history._fed))
    assert max(sizes[100:]) <= max(sizes[:100])
    assert len(line._history.entries) <= 640


def test_a_metre_that_does_not_exist_is_refused(make_line):
    with pytest.raises(ValueError, match="not a metre"):
        make_line(metre="waltz")


def test_an_encoding_without_bars_is_refused_in_one_line():
    encoding = make_encoding("miditok")
    with pytest.raises(ValueError, match="plays live only with note, interval, grid or lookback"):
        Line(Indifferent(encoding), encoding)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["note", "interval", "grid", "lookback"])
def test_every_encoding_with_bars_plays(name):
    encoding = make_encoding(name)
    line = Line(Indifferent(encoding), encoding)  # type: ignore[arg-type]
    line.heard(quarters(SCALE))
    assert line.propose(Fraction(8), Fraction(12), line.dials)
