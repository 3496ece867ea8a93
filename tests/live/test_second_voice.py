"""The second voice: the table of intervals, its register, and how seldom it clashes on beats."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ritornello.live.dials import Dials
from ritornello.live.line import Line
from ritornello.live.line.intervals import (
    BARLINE,
    BEAT,
    BETWEEN,
    DISSONANT,
    SHAPE,
    Table,
    interval,
    place_strength,
    shipped_table,
    step_class,
)
from ritornello.live.line.second import register
from ritornello.live.values import LineNote
from ritornello.music.abc.reader import decode_abc, read_abc
from ritornello.music.beats import metre_named
from ritornello.music.keys import parse_key, scale_pitch_classes
from ritornello.music.values import Piece

HYMNS = 30
MOST = 1.5  # times the hymns' share of dissonances


def test_steps_and_places_are_classed_by_hand():
    assert [step_class(None, 60), *(step_class(60, pitch) for pitch in (53, 58, 60, 61, 63))] == [0, 1, 2, 3, 4, 5]
    four, six = metre_named("4/4"), metre_named("6/8")
    assert [place_strength(Fraction(n, 2), four) for n in range(-1, 3)] == [BETWEEN, BARLINE, BETWEEN, BEAT]
    assert [place_strength(Fraction(n, 2), six) for n in (0, 1, 3, 6)] == [BARLINE, BETWEEN, BEAT, BARLINE]
    assert interval(60, 57) == 3
    assert interval(60, 43) == 5


def test_a_place_that_hymns_have_often_speaks_for_itself_and_a_rare_one_asks_its_neighbours():
    counts = np.zeros(SHAPE, np.uint16)
    counts[0, BEAT, 4, 4, 3] = 1000
    counts[0, BEAT, 2, 1, 9] = 1000
    table = Table(counts)
    assert table.chances(0, BEAT, 4, 3)[3] > 0.99
    # no such interval before: 1000 of the step, and 8 of both kinds alike, of which half are of each
    assert table.chances(0, BEAT, 4, 7)[3] == pytest.approx((1000 + 4) / 1008)
    assert table.chances(0, BEAT, 5, 7)[[3, 9]].tolist() == [0.5, 0.5]


def test_the_shipped_table_prefers_thirds_and_sixths_for_the_alto():
    chances = shipped_table().chances(0, BEAT, 3, 4)
    assert chances.sum() == pytest.approx(1)
    assert chances[[3, 4, 8, 9]].sum() > 0.6
    assert chances[list(DISSONANT)].sum() < 0.1


@pytest.mark.parametrize(
    ("low", "high", "found"), [(0, 127, (56, 71)), (48, 60, (48, 60)), (48, 127, (48, 72)), (0, 60, (36, 60))]
)
def test_the_register_is_the_dials_or_a_little_below_the_melody(low, high, found):
    assert register(72, Dials(low=low, high=high)) == found


@pytest.mark.parametrize("mode", ["follow", "duet"])
def test_each_note_gets_a_companion_in_the_register_and_the_scale_at_once(make_line, mode):
    line = make_line(mode=mode, low=48, high=64, scale="D")
    scale = scale_pitch_classes(parse_key("D"))
    for n, pitch in enumerate((74, 76, 78, 79, 81, 78, 76, 74)):
        note = LineNote(Fraction(n, 2), Fraction(1, 2), pitch, 100, push=0.02)
        second = line.companion(note, line.dials)
        assert second is not None
        assert (second.start, second.duration, second.push) == (note.start, note.duration, 0.02)
        assert 48 <= second.pitch <= 64
        assert second.pitch % 12 in scale
        line.heard([note])


def test_a_companion_is_as_loud_as_its_note_as_far_as_the_dial_says(make_line):
    def velocity(follow: float, given: int) -> int:
        line = make_line(mode="follow", velocity_follow=follow)
        return line.companion(LineNote(Fraction(0), Fraction(1), 72, given), line.dials).velocity

    assert [velocity(1, given) for given in (1, 50, 127)] == [1, 50, 127]
    assert velocity(0, 20) == velocity(0, 120) == 86


def test_a_register_of_the_one_pitch_that_sounds_has_no_room(make_line):
    line = make_line(mode="follow", scale="C")
    assert line.companion(LineNote(Fraction(0), Fraction(1), 0), line.dials) is None


@pytest.mark.parametrize("mode", ["follow", "duet"])
def test_companions_follow_from_what_was_played_seed_and_number(make_line, mode):
    def played(seed: int) -> list[int]:
        line = make_line(seed, mode=mode)
        found = []
        for n in range(16):
            note = LineNote(Fraction(n), Fraction(1), (60, 64, 67, 72)[n % 4])
            found.append(line.companion(note, line.dials).pitch)
            line.heard([note])
        return found

    assert played(1) == played(1)
    assert played(1) != played(2)


def test_a_held_chord_draws_the_second_voice(make_line):
    def share(harmony: float) -> float:
        line = make_line(mode="follow", harmony=harmony)
        found = [
            line.companion(LineNote(Fraction(n), Fraction(1), 72), line.dials, held=[41, 45, 48]).pitch
            for n in range(60)
        ]
        return sum(pitch % 12 in (5, 9, 0) for pitch in found) / len(found)

    assert share(0) + 0.1 < share(2)
    assert share(2) > 0.9


def hymns(folder: Path) -> list[Piece]:
    """Every eighth hymn in four voices."""
    pieces = [
        piece
        for path in sorted(folder.glob("*.abc"))[::8]
        for piece in read_abc(decode_abc(path.read_bytes()), path.name, "written")
        if len(piece.parts) == 4 and not piece.timeline.pickup
    ]
    return pieces[:HYMNS]


def melody_of(piece: Piece) -> list[LineNote]:
    """The soprano as notes of a line."""
    per = piece.timeline.ticks_per_quarter
    return [LineNote(Fraction(n.start, per), Fraction(n.duration, per), n.pitch) for n in piece.parts[0].notes]


def clash_rate(pairs) -> float:
    """Share of dissonant intervals among pairs of pitches."""
    found = [interval(upper, lower) in DISSONANT for upper, lower in pairs]
    return sum(found) / len(found)


def clashes_of_people(piece: Piece):
    """Pitches of soprano and alto on beats."""
    metre, per = piece.timeline.metre, piece.timeline.ticks_per_quarter
    for note in piece.parts[0].notes:
        if place_strength(Fraction(note.start, per), metre) < BETWEEN:
            for other in piece.parts[1].notes:
                if other.start <= note.start < other.end and other.pitch <= note.pitch:
                    yield note.pitch, other.pitch


def test_companions_clash_on_beats_at_most_half_as_often_again_as_in_hymns(make_line, shared_data):
    people, follow, duet = [], [], []
    for piece in hymns(shared_data("hymns")):
        people += clashes_of_people(piece)
        for mode, pairs in (("follow", follow), ("duet", duet)):
            line = make_line(mode=mode, metre=piece.timeline.metre.name)
            for note in melody_of(piece):
                second = line.companion(note, line.dials)
                if place_strength(note.start, piece.timeline.metre) < BETWEEN:
                    pairs.append((note.pitch, second.pitch))
                line.heard([note])
    print(f"hymns {clash_rate(people):.3f}, follow {clash_rate(follow):.3f}, duet {clash_rate(duet):.3f}")
    assert len(people) > 800
    assert clash_rate(follow) <= MOST * clash_rate(people)
    assert clash_rate(duet) <= MOST * clash_rate(people)


def test_a_duet_that_proposes_its_own_rhythm_clashes_no_more(make_line, shared_data):
    people, pairs = [], []
    for piece in hymns(shared_data("hymns"))[:30]:
        people += clashes_of_people(piece)
        metre = piece.timeline.metre
        line = make_line(mode="duet", metre=metre.name, low=48, high=67)
        for note in melody_of(piece):
            line.heard([note])
            own = line.propose(note.start, note.end, line.dials)
            line.accept(own)
            pairs += [
                (note.pitch, each.pitch)
                for each in own
                if place_strength(each.start, metre) < BETWEEN and note.start <= each.start < note.end
            ]
    print(f"hymns {clash_rate(people):.3f}, duet {clash_rate(pairs):.3f} of {len(pairs)}")
    assert len(pairs) > 100
    assert clash_rate(pairs) <= MOST * clash_rate(people)


AUGUSTIN = (79, 81, 79, 77, 76, 72, 72, 74, 67, 67, 76, 72, 72)  # of "Ach, du lieber Augustin", in C
LENGTHS = (3, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2)  # eighths


def under_augustin(line: Line) -> list[int]:
    """The second voice to twice the tune."""
    at, found = Fraction(0), []
    for pitch, eighths in [*zip(AUGUSTIN, LENGTHS, strict=True)] * 2:
        note = LineNote(at, Fraction(eighths, 2), pitch)
        found.append(line.companion(note, line.dials).pitch)
        line.heard([note])
        at += note.duration
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("window", [{}, {"low": 55, "high": 71}])
def test_a_duet_beneath_a_tune_is_not_at_the_semitone(make_line, seed, window):
    second = under_augustin(make_line(seed, mode="duet", metre="3/4", **window))
    found = [interval(*pair) for pair in zip(AUGUSTIN * 2, second, strict=True)]
    assert (
        sum(each in (1, 11) for each in found) <= 1
    )  # of 26; every fifth one where only B and F sharp were in reach
    assert len({*found}) >= 4


@pytest.mark.parametrize(("mode", "most"), [("duet", 5), ("follow", 12)])
def test_a_second_voice_seldom_leaps_farther_than_a_fifth(make_line, mode, most):
    voices = [under_augustin(make_line(seed, mode=mode, metre="3/4")) for seed in (1, 2, 3)]
    steps = [abs(after - before) for voice in voices for before, after in pairwise(voice)]
    assert sum(step > 7 for step in steps) <= most  # of 75
