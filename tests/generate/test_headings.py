"""Metre and key of a tune for which none is asked: as the training corpus has them."""

from collections import Counter

import pytest
from networks import Indifferent

from ritornello.encoding import make_encoding
from ritornello.generate.compose import compose
from ritornello.generate.headings import Counts, draw_headings
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.music.keys import key_name

COUNTS = Counts({"7/8": 3, "4/4": 1, "19/8": 4}, {"D dorian": 2, "G major": 2, "C# minor": 0})
KEYED = make_encoding("interval")
GRID = make_encoding("grid")


def composed(encoding, n=40, counts=COUNTS, primer=None, **options):
    asked = GenerateOptions(**{"bars": 2} | options)
    return compose(Indifferent(encoding), encoding, asked, 1, range(n), primer, (50, 76), counts=counts)


def names(tunes) -> Counter:
    return Counter(key_name(tune.melody.timeline.key) for tune in tunes)


def test_metres_and_keys_come_as_they_are_counted():
    tunes = composed(KEYED, 400)
    metres = Counter(tune.melody.timeline.metre.name for tune in tunes)
    assert set(metres) == {"7/8", "4/4"}  # no tune can begin in nineteen eighths
    assert 270 < metres["7/8"] < 330
    assert set(names(tunes)) == {"D dorian", "G major"}
    assert 160 < names(tunes)["D dorian"] < 240


def test_what_is_asked_for_is_not_drawn():
    assert set(names(composed(KEYED, key="Bb"))) == {"Bb major"}
    assert {tune.melody.timeline.metre.name for tune in composed(KEYED, metre="3/4")} == {"3/4"}
    locked = composed(KEYED, scale_lock=True)
    assert {note.pitch % 12 for tune in locked for note in tune.melody.notes} <= {0, 2, 4, 5, 7, 9, 11}


def test_a_primer_says_its_own():
    primer = parse_notes("C4 E4 G4", "3/4")
    tunes = composed(KEYED, 12, primer=primer)
    assert {tune.melody.timeline.metre.name for tune in tunes} == {"3/4"}
    assert [note.pitch for note in tunes[0].melody.notes[:3]] == [60, 64, 67]


def test_a_corpus_that_was_not_counted_changes_nothing():
    plain = compose(Indifferent(KEYED), KEYED, GenerateOptions(bars=2), 1, range(8), None, (50, 76))
    assert [t.tokens.tolist() for t in composed(KEYED, 8, Counts())] == [t.tokens.tolist() for t in plain]


def test_a_tune_draws_for_itself_alone_or_in_a_batch():
    together = composed(KEYED, 12)
    for index in (0, 5, 11):
        options = GenerateOptions(bars=2)
        [alone] = compose(Indifferent(KEYED), KEYED, options, 1, [index], None, (50, 76), counts=COUNTS)
        assert alone.tokens.tolist() == together[index].tokens.tolist()
        assert alone.melody == together[index].melody


def test_the_dice_of_headings_are_specified():
    headings = draw_headings(KEYED, GenerateOptions(), COUNTS, 1, [0, 1, 2, 3])
    rolls = [_roll(1, index + (1 << 30), 1) for index in range(4)]
    assert [h.metre for h in headings] == ["7/8" if roll * 4 >> 24 < 3 else "4/4" for roll in rolls]
    assert [h.key_roll for h in headings] == [_roll(1, index + (1 << 30), 2) for index in range(4)]


def _roll(seed: int, melody: int, count: int) -> int:
    """Roll a die as the docstring of `Dice` says, in plain integers."""
    golden, mask = 0x9E3779B9, 0xFFFFFFFF

    def mix(value: int) -> int:
        value = (value ^ value >> 16) * 0x85EBCA6B & mask
        value = (value ^ value >> 13) * 0xC2B2AE35 & mask
        return value ^ value >> 16

    key = mix(mix(mix(seed + golden & mask) ^ 0) + melody * golden & mask)
    return mix(mix(key + count * golden & mask) ^ key) >> 8


def test_temperature_zero_takes_the_commonest():
    tunes = composed(KEYED, 5, temperature=0)
    assert {tune.melody.timeline.metre.name for tune in tunes} == {"7/8"}
    assert set(names(tunes)) == {"D dorian"}  # of equals the first by name
    assert len({tuple(tune.tokens) for tune in tunes}) == 1


def test_where_tokens_name_no_key_the_tune_is_moved_into_one_of_its_mode():
    low = Indifferent(GRID, {**dict.fromkeys(range(55, 64), 9), 128: 9})  # an octave of room for shifts
    counts = Counts(keys={"D dorian": 1, "Bb major": 1})
    tunes = compose(low, GRID, GenerateOptions(bars=2), 1, range(40), None, (50, 76), counts=counts)
    assert {tune.melody.timeline.key.tonic for tune in tunes} == {2, 10}
    assert {(tune.melody.timeline.key.tonic, tune.melody.timeline.key.mode) for tune in tunes} == {
        (2, "minor"), (10, "major"),
    }  # fmt: skip
    for tune in tunes:
        assert all(50 <= note.pitch <= 76 for note in tune.melody.notes)


def test_where_the_range_leaves_no_room_the_tune_stays():
    wide = Indifferent(GRID, {50: 9, 76: 9, 128: 9})
    options = GenerateOptions(bars=2)
    as_drawn = compose(wide, GRID, options, 1, range(6), None, (50, 76))
    moved = compose(wide, GRID, options, 1, range(6), None, (50, 76), counts=Counts(keys={"Eb minor": 1, "Eb": 1}))
    assert [tune.melody for tune in moved] == [tune.melody for tune in as_drawn]


@pytest.mark.parametrize("encoding", [KEYED, GRID], ids=["interval", "grid"])
def test_tunes_are_drawn_once_unless_their_mode_is_another(encoding):
    assert {tune.draws for tune in composed(encoding)} == {1}
    again = [tune.draws for tune in composed(encoding, key="A minor")]
    assert (max(again) > 1) == (encoding is GRID)
