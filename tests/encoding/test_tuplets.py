"""Tuplets of composed tunes: begun where they can be completed, and completed before anything else comes."""

from fractions import Fraction

import numpy as np
import pytest
from networks import Indifferent

from ritornello.encoding import make_encoding
from ritornello.encoding.durations import DURATIONS
from ritornello.evaluate.endings import is_readable
from ritornello.evaluate.form import faults
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes

QUARTER = 3360
NOTE = make_encoding("note")
GRIDS = (32, 24, 20, 28)  # of a quarter: what can be read


def lengths_after(notes: str, metre: str = "4/4", bars: int = 4, least: int = QUARTER) -> set[str]:
    """The lengths, in quarters, that a note may have after these notes, in a tune of so many bars."""
    place = NOTE.tracker()
    for token in NOTE.encode(parse_notes(notes, metre)).tokens[:-1].tolist():
        place.advance(token)
    end = bars * place.bar
    assert place.finishable(end - place.bar, end, least)[60] or not notes
    place.advance(60)
    mask = place.finishable(end - place.bar, end, least)[NOTE.ids.length - NOTE.ids.second :][: len(DURATIONS)]
    return {str(DURATIONS[n]) for n in np.flatnonzero(mask)}


def kinds_after(notes: str, bars: int, metre: str = "4/4", least: int = QUARTER) -> set[str]:
    """What may come after these notes: a note, a rest, a tie, the end."""
    place = NOTE.tracker()
    for token in NOTE.encode(parse_notes(notes, metre)).tokens[:-1].tolist():
        place.advance(token)
    mask, ids = place.finishable((bars - 1) * place.bar, bars * place.bar, least), NOTE.ids
    return {name for name, id_ in (("note", 60), ("rest", ids.rest), ("tie", ids.tie), ("end", ids.end)) if mask[id_]}


PLAIN = {str(d) for d in DURATIONS if 16 % d.denominator == 0}  # 64th notes


@pytest.mark.parametrize(
    ("notes", "lengths"),
    [
        ("C4 D4:1/3 E4:1/3", "1/6 1/3 2/3 1 4/3"),  # the last third, or half of it; or two beats are in three
        ("C4 D4:1/3", "1/12 1/6 1/3 1/2 2/3 1 4/3 5/3"),  # half a beat in three, a whole one, or two
        ("C4 D4:1/6 E4:1/6", "1/12 1/6 1/3 1/2 2/3"),
        ("C4:2 D4:2/3 E4:2/3", "1/3 2/3"),
        ("C4 D4:1/5", "1/20 1/10 3/20 1/5 1/4 3/10 2/5 1/2 3/5 4/5"),
        ("C4 D4:4/7", "1/14 1/7 3/14 2/7 3/7 4/7"),
    ],
)
def test_a_tuplet_is_completed(notes, lengths):
    assert lengths_after(notes) == set(lengths.split())


def test_after_a_tuplet_everything_is_possible_again():
    found = lengths_after("C4 D4:1/3 E4:1/3 F4:1/3")
    assert found > PLAIN
    assert {"1/3", "1/5", "2/3"} <= found


def test_none_begins_that_the_bar_or_the_tune_cannot_complete():
    assert "4/3" in lengths_after("C4")  # a whole bar in three would cross the barline, a half one does not
    assert not {"2/3", "4/3"} & (lengths_after("C4:7/2", bars=4) - {"1/3"})
    assert "1/3" in lengths_after("C4:3", bars=2)
    assert "1/3" not in lengths_after("C4:3", bars=1)  # no room for a last note after it


def test_neither_the_end_nor_another_length_comes_inside_a_tuplet():
    assert "end" in kinds_after("C4:4 D4", 2)
    assert kinds_after("C4:4 D4:4/3", 2) == {"note"}  # a rest is no ending, and a third cannot be tied


@pytest.mark.parametrize(
    ("notes", "last", "is_tied"),
    [
        ("C4:2 D4:2/3 E4:2/3", "2/3", False),  # two beats in three
        ("C4:2 D4:2/3", "4/3", False),
        ("C4:4/3 D4:4/3", "4/3", False),  # a bar in three
        ("C4:3 D4:1/3 E4:1/3", "1/3", True),  # one beat in three
        ("C4:2 D4:2/3 E4:1/3", "1", True),
    ],
)
def test_what_completes_a_tuplet_of_several_beats_is_not_tied_into_another_metre(notes, last, is_tied):
    place, ids = NOTE.tracker(), NOTE.ids
    for token in NOTE.encode(parse_notes(notes, "4/4")).tokens[:-1].tolist():
        place.advance(token)
    for token in (60, ids.length + DURATIONS.index(Fraction(last)), *NOTE.metre_tokens(NOTE.metres.named("3/4"))):
        place.advance(token)
    mask = place.finishable(28 * QUARTER, 32 * QUARTER, QUARTER)
    assert (mask[60], mask[ids.rest], mask[ids.tie]) == (True, True, is_tied)


@pytest.mark.parametrize("event", [60, NOTE.ids.rest])
def test_what_goes_on_from_inside_a_tuplet_into_another_metre_begins_no_other_tuplet(event):
    place, lengths = NOTE.tracker(), NOTE.ids.length
    for token in NOTE.encode(parse_notes("C4:3 D4:1/3", "4/4")).tokens[:-1].tolist():
        place.advance(token)
    metre = NOTE.metre_tokens(NOTE.metres.named("2/2"))
    for token in (event, lengths + DURATIONS.index(Fraction(2, 3)), *metre, NOTE.ids.tie):
        place.advance(token)
    mask = place.finishable(28 * QUARTER, 32 * QUARTER, QUARTER)[lengths - NOTE.ids.second :][: len(DURATIONS)]
    found = {str(DURATIONS[n]) for n in np.flatnonzero(mask)}
    assert found
    assert found <= PLAIN


def test_off_every_grid_the_next_note_leads_back():
    found = lengths_after("C4 D4:1/3 E4:1/5")  # 8/15 of a beat
    assert found  # given notes may be anything
    assert kinds_after("C4 D4:1/3 E4:1/5", 4) >= {"note"}


def times_of(tune) -> list[Fraction]:
    """Start and end of every note in quarters from a barline."""
    timeline = tune.melody.timeline
    per, bar = timeline.ticks_per_quarter, Fraction(4 * timeline.metre.numerator, timeline.metre.denominator)
    late = (bar - Fraction(timeline.pickup, per)) % bar if timeline.pickup else Fraction(0)
    return [late + Fraction(tick, per) for note in tune.melody.notes for tick in (note.start, note.end)]


@pytest.mark.parametrize("spelled", [{"name": "note"}, {"name": "interval"}, {"name": "note", "version": 1}])
@pytest.mark.parametrize("temperature", [0.5, 1.5])
def test_whatever_a_network_likes_its_tunes_can_be_read(spelled, temperature):
    encoding = make_encoding(**spelled)
    thirds = {encoding.ids.length + n: 2 for n, d in enumerate(DURATIONS) if d.denominator % 3 == 0}
    for leaning in ({}, thirds):
        network = Indifferent(encoding, leaning)
        options = GenerateOptions(bars=4, temperature=temperature, top_p=1.0)
        for tune in compose(network, encoding, options, 3, range(60), None, (50, 76)):
            assert faults(tune.tokens, encoding, 4, (50, 76)) == []
            for time in times_of(tune):
                assert any((time * grid).denominator == 1 for grid in GRIDS), f"{time} of {tune.melody.timeline}"


@pytest.mark.parametrize("metre", ["4/4", "6/8", "9/8", "3/2", "7/8", "5/4", "2/2"])
def test_a_copyist_can_write_them_in_every_metre(metre):
    thirds = {NOTE.ids.length + n: 2 for n, d in enumerate(DURATIONS) if d.denominator % 3 == 0}
    options = GenerateOptions(bars=6, temperature=1.5, top_p=1.0, metre=metre)
    for tune in compose(Indifferent(NOTE, thirds), NOTE, options, 5, range(60), None, (50, 76)):
        assert is_readable(tune.melody), tune.melody


def test_a_copyist_can_write_them_where_metres_change():
    leaning = {NOTE.ids.length + n: 2.0 for n, d in enumerate(DURATIONS) if d.denominator % 3 == 0}
    leaning |= dict.fromkeys(range(NOTE.ids.begin, NOTE.ids.pickup), 6.0)
    options = GenerateOptions(bars=6, temperature=1.5, top_p=1.0)
    tunes = compose(Indifferent(NOTE, leaning), NOTE, options, 5, range(200), None, (50, 76))
    assert sum(len(tune.melody.timeline.metres) > 2 for tune in tunes) > 20
    for tune in tunes:
        assert is_readable(tune.melody), tune.melody


def test_a_tuplet_lies_inside_one_beat_or_takes_up_whole_beats():
    assert "2/3" not in lengths_after("C4:3/2")  # of a beat in three from the middle of one to that of the next
    assert "1/6" in lengths_after("C4:3/2")  # half a beat in three
    assert {"1/2", "1/6"} <= lengths_after("C4:1", "6/8")


@pytest.mark.parametrize("spelled", [{"name": "note"}, {"name": "note", "version": 1}])
def test_no_pickup_with_a_128th_note_is_composed(spelled):
    encoding = make_encoding(**spelled)
    place, ids = encoding.tracker(), encoding.ids
    metre = encoding.metres.named("4/4")
    begin = [ids.begin + metre] if encoding.metres.is_listed else [*encoding.metre_tokens(metre), ids.pickup]
    for token in begin:
        place.advance(token)
    mask = place.finishable(3 * place.bar, 4 * place.bar, QUARTER)[ids.length - ids.second :][: len(DURATIONS)]
    found = {str(DURATIONS[n]) for n in np.flatnonzero(mask)}
    assert {"1/16", "3/16", "1/4", "1/3", "1/5"} <= found
    assert not {"1/32", "3/32"} & found


def test_a_pickup_that_begins_inside_a_tuplet_completes_it_in_its_beat():
    place, ids = NOTE.tracker(), NOTE.ids
    upbeat = ids.length + DURATIONS.index(Fraction(5, 3))  # from a sixth before the fourth beat
    for token in (*NOTE.metre_tokens(NOTE.metres.named("12/8")), ids.pickup, upbeat, 60):
        place.advance(token)
    mask = place.finishable(3 * place.bar, 4 * place.bar, QUARTER)[ids.length - ids.second :][: len(DURATIONS)]
    assert {str(DURATIONS[n]) for n in np.flatnonzero(mask)} == {"1/24", "1/12", "1/8", "1/6"}


def test_nothing_shorter_than_a_64th_is_composed():
    assert "1/32" not in lengths_after("C4")
    assert "3/32" not in lengths_after("C4")
    assert "1/32" in lengths_after("C4:1/32")  # given notes may be: it leads back


def test_a_primer_that_breaks_a_tuplet_off_is_gone_on_from():
    encoding = make_encoding("note")
    for tune in compose(
        Indifferent(encoding), encoding, GenerateOptions(bars=2), 1, range(20), parse_notes("C4 D4:1/3 E4:1/5")
    ):
        assert faults(tune.tokens, encoding, 2) == []
        assert [note.pitch for note in tune.melody.notes[:3]] == [60, 62, 64]
