"""Places in the bar that few training tunes have shown are the ones at which a tune's notes begin."""

from fractions import Fraction
from typing import Any

import pytest
from networks import Indifferent

from ritornello.encoding import make_encoding
from ritornello.generate.choice.like import compose_like
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.generate.rewrite import rewrite
from ritornello.model.players import Players
from ritornello.training.memory import Memory

FOUR = "C4:1/2 D4:1/2 E4 C4 G4 | E4 D4 C4:2 | D4 E4 F4 D4 | C4:4"  # in quarters 0, 1/2, 1, 2 and 3
TWO = "C4:1 E4:1/2 D4:1/2 | G4:2"  # in 2/4: 0, 1 and 3/2


TUNES = ((FOUR, "4/4"), (TWO, "2/4"))


def remembering() -> tuple[Indifferent, Any]:
    """A network that finds all but ties alike, and remembers two tunes; and its encoding."""
    encoding = make_encoding("interval", memory=("corpus",))
    tunes = [encoding.encode(parse_notes(notes.replace("|", ""), metre)).tokens for notes, metre in TUNES]
    network = Indifferent(make_encoding("interval"), {encoding.ids.tie: -30})
    network.counts = Memory(encoding, tunes, [0, 1]).counts
    return network, make_encoding("interval")


def places(network, encoding, metre: str, n: int = 40, **options) -> set[Fraction]:
    """The places in the bar, in quarters, at which notes of composed tunes begin."""
    asked = GenerateOptions(metre=metre, bars=6, **options)
    found = set()
    for one in compose(network, encoding, asked, 1, range(n)):
        timeline, size = one.melody.timeline, one.melody.timeline.ticks_per_quarter
        bar = timeline.bar_ticks(timeline.metre)
        found |= {Fraction((note.start - timeline.pickup) % bar, size) for note in one.melody.notes}
    return found


@pytest.mark.parametrize(("metre", "shown"), [("4/4", {0, Fraction(1, 2), 1, 2, 3}), ("2/4", {0, 1, Fraction(3, 2)})])
def test_notes_begin_where_those_of_few_training_tunes_did(metre, shown):
    found = places(*remembering(), metre)
    assert found == shown


LIKE = parse_notes("C4:1 E4 G4:2 E4:1 D4 C4 D4 E4:2 F4 D4:4")


def test_new_bars_and_a_tune_like_another_have_their_notes_at_these_places_too():
    network, encoding = remembering()
    shown = {0, Fraction(1, 2), 1, 2, 3}
    rewritten = rewrite(network, encoding, LIKE, (2, 3), GenerateOptions(), seed=1, n=3)
    contoured = compose_like(network, encoding, LIKE, "contour", GenerateOptions(), seed=1, index=0)
    assert len(rewritten) == 3
    for version in (*rewritten, *contoured):
        size = version.melody.timeline.ticks_per_quarter
        assert {Fraction(note.start % (4 * size), size) for note in version.notes} <= shown


def test_a_kept_rhythm_comes_before_the_places_of_few_training_tunes():
    network, encoding = remembering()
    tune = parse_notes("C4:1 E4 G4:2 E4:3/4 D4:1/4 C4 D4 E4 F4:3/4 D4:1/4 C4 D4 E4 C4:4")
    [version] = rewrite(network, encoding, tune, (2, 3), GenerateOptions(), seed=1, keep="rhythm")
    size = version.melody.timeline.ticks_per_quarter
    assert [Fraction(note.start, size) for note in version.notes] == [
        *(Fraction(n, 4) for n in (16, 19, 20, 24, 28, 32, 35, 36, 40, 44)),
    ]


@pytest.mark.parametrize(("metre", "options"), [("3/4", {}), ("4/4", {"unguarded": True})])
def test_in_a_metre_never_seen_and_without_guards_they_begin_anywhere(metre, options):
    assert len(places(*remembering(), metre, **options)) > 12


def test_a_network_that_learned_so_much_that_rare_things_were_left_out_begins_anywhere():
    network, encoding = remembering()
    network.counts = network.counts._replace(least=2)
    assert len(places(network, encoding, "4/4")) > 12


def test_counted_endings_of_few_tunes_weigh_more_than_those_of_many(monkeypatch):
    weights = []

    def spy(network, encoding, n, with_rules, memory, quote, ending):
        weights.append(ending)
        return Players(network, encoding, n, with_rules, memory, quote, ending)

    monkeypatch.setattr("ritornello.generate.compose.Players", spy)
    network, encoding = remembering()
    counts = network.counts
    for least in (1, 2):
        network.counts = counts._replace(least=least)
        compose(network, encoding, GenerateOptions(bars=2), 1, range(1))
        rewrite(network, encoding, LIKE, (2, 3), GenerateOptions(), seed=1)
        compose_like(network, encoding, LIKE, "rhythm", GenerateOptions(), seed=1, index=0)
    assert len(weights) >= 2 * 3
    few, many = set(weights[: len(weights) // 2]), set(weights[len(weights) // 2 :])
    assert few == {4.0}
    assert many == {2.0}


def test_a_pickup_is_never_a_128th_note_too_long():
    network, encoding = remembering()
    likely = Indifferent(encoding, {encoding.ids.tie: 9, encoding.ids.pickup: 9})
    likely.counts = network.counts
    asked = GenerateOptions(metre="4/4", bars=2)
    tunes = [one.melody for one in compose(likely, encoding, asked, 1, range(40))]
    pickups = [Fraction(tune.timeline.pickup, tune.timeline.ticks_per_quarter) for tune in tunes]
    assert len({*pickups}) > 3
    assert not [pickup for pickup in pickups if pickup.denominator == 32]
