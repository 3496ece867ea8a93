"""Tunes of a network that learned from few end where theirs do, by a rule that is drawn beforehand."""

from collections import Counter
from fractions import Fraction

import pytest
from networks import Indifferent

from ritornello.encoding import make_encoding
from ritornello.generate.compose import compose
from ritornello.generate.headings import FEW, Counts
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.music.values import Melody

ENDINGS = {"4/4": {"0 4": 2, "2 1": 1, "3 1": 1}}
INTERVAL, GRID = make_encoding("interval"), make_encoding("grid")


def ends(encoding, metre: str = "4/4", endings=ENDINGS, n: int = 40, primer=None, **options) -> Counter:
    """Compose three bars; count where in the third the last note begins, and how long it lasts, in quarters."""
    asked = GenerateOptions(**{"bars": 3, "metre": metre} | options)
    tunes = compose(
        Indifferent(encoding), encoding, asked, 1, range(n), primer, (50, 76), counts=Counts(last_notes=endings)
    )
    return Counter(_last(tune.melody) for tune in tunes)


def _last(melody: Melody) -> tuple[Fraction, Fraction]:
    """Place and length of the last note; the place counts from the third bar, below 0 in an earlier one."""
    timeline, last = melody.timeline, melody.notes[-1]
    size, third = timeline.ticks_per_quarter, timeline.pickup + 2 * timeline.bar_ticks(timeline.metre)
    return Fraction(last.start - third, 1) / size, Fraction(last.duration, size)


@pytest.mark.parametrize("encoding", [INTERVAL, GRID], ids=["interval", "grid"])
def test_last_notes_begin_and_last_as_they_are_counted(encoding):
    found = ends(encoding, n=200)
    assert set(found) == {(0, 4), (2, 1), (3, 1)}
    assert 80 <= found[0, 4] <= 120
    assert set(ends(encoding, "6/8", {"6/8": {"3/2 3/2": 4}})) == {(Fraction(3, 2), Fraction(3, 2))}
    assert (Fraction(3, 2), Fraction(5, 2)) in ends(encoding, "4/4", {"4/4": {"3/2 5/2": 4}})


def test_where_a_metre_was_never_seen_they_end_as_in_others():
    assert set(ends(INTERVAL, "3/4", {"4/4": {"0 4": 1, "2 2": 1}})) == {(0, 3), (1, 2)}


def test_a_primer_goes_on_to_such_an_ending():
    assert set(ends(INTERVAL, "4/4", {"4/4": {"2 2": 1}}, primer=parse_notes("C4 E4 G4", "4/4"))) == {(2, 2)}


def test_temperature_zero_takes_the_commonest():
    assert set(ends(INTERVAL, n=4, temperature=0)) == {(0, 4)}


def test_without_guards_from_many_tunes_and_in_a_single_bar_nothing_is_drawn():
    by_itself = ends(INTERVAL, endings={})
    assert len(by_itself) > 4
    assert ends(INTERVAL, endings={"4/4": {"0 4": FEW}}) == by_itself
    assert len(ends(INTERVAL, unguarded=True)) > 4
    asked = GenerateOptions(bars=1, metre="4/4")
    tunes = compose(Indifferent(INTERVAL), INTERVAL, asked, 1, range(20), counts=Counts(last_notes=ENDINGS))
    assert max(len(tune.melody.notes) for tune in tunes) > 3
