"""note: a tune as pitches and exact lengths, written out by hand."""

import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from walks import legal_of

from ritornello.corpus.exact import reproduced_exactly
from ritornello.encoding import NoteEncoding, make_encoding
from ritornello.encoding.durations import DURATIONS
from ritornello.music.values import Melody, Metre, Note, Timeline

NOTE = NoteEncoding()
REST, TIE, BEGIN_3_4, BEGIN_4_4, BEGIN_6_8, BEGIN_OTHER, END, NONE = 128, 129, 131, 132, 140, 143, 144, 145


def lasts(quarters: str) -> int:
    """Id of a length in quarters: the table follows "none"."""
    return 146 + DURATIONS.index(Fraction(quarters))


def tokens_of(notes, timeline=Timeline()) -> list[int]:
    return NOTE.encode(Melody(tuple(Note(*n) for n in notes), timeline)).tokens.tolist()


def quarters(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    per = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, per), Fraction(n.duration, per), n.pitch) for n in melody.notes]


def test_the_table():
    table = NOTE.vocabulary
    assert table.size == 214 == sum(NOTE.parts)
    assert NOTE.parts == (145, 69)
    assert table.spell([60, REST, TIE, BEGIN_3_4, END, NONE]) == "pitch 60 | rest | tie | begin_3/4 | end | none"
    assert table.name_of(lasts("1/2")) == "quarters_1/2"
    assert table.name_of(213) == "quarters_12"
    assert NOTE.end == END
    assert NOTE.begin("6/8") == BEGIN_6_8
    with pytest.raises(ValueError, match="no such metre: '7/8'"):
        NOTE.begin("7/8")


def test_notes_and_rests_in_common_time():
    notes = [(0, 480, 60), (480, 240, 62), (960, 160, 64), (1120, 160, 64), (1280, 160, 67)]
    pairs = [(BEGIN_4_4, NONE), (60, lasts("1")), (62, lasts("1/2")), (REST, lasts("1/2"))]
    pairs += [(64, lasts("1/3")), (64, lasts("1/3")), (67, lasts("1/3"))]
    assert tokens_of(notes) == [*(token for pair in pairs for token in pair), END]


def test_a_pickup_stands_in_the_header_and_an_opening_rest_is_a_rest():
    timeline = Timeline(480, 1920, (Metre(0, 3, 4), Metre(480, 3, 4)))
    notes = [(240, 240, 67), (480, 1440, 72)]
    expected = [BEGIN_3_4, lasts("1"), REST, lasts("1/2"), 67, lasts("1/2"), 72, lasts("3"), END]
    assert tokens_of(notes, timeline) == expected
    again = NOTE.decode(expected)
    assert again.timeline.metres == (Metre(0, 3, 4), Metre(480, 3, 4))
    assert again.notes == (Note(240, 240, 67), Note(480, 1440, 72))
    tracker = NOTE.tracker()
    for token in expected[:2]:
        tracker.advance(int(token))
    assert tracker.time == 2 * 3360  # of a bar of three quarters, two are over before the pick-up


def test_a_pickup_without_a_length_of_its_own_is_tied():
    timeline = Timeline(480, 6000, (Metre(0, 4, 2), Metre(2040, 4, 2)))  # 4 1/4 quarters
    tokens = tokens_of([(0, 2040, 60), (2040, 3840, 62)], timeline)
    assert tokens[:4] == [135, lasts("4"), TIE, lasts("1/4")]
    assert tokens[4:8] == [60, lasts("4"), TIE, lasts("1/4")]
    assert NOTE.decode(tokens).timeline.pickup == 2040


def losses_with(name: str, pickup: int, metre: tuple[int, int], *notes: tuple[int, int, int]) -> tuple[Counter, bool]:
    """What an encoding loses of these notes, and whether they come back exactly."""
    timeline = Timeline(480, 0, (Metre(0, *metre), Metre(pickup, *metre)))
    melody, encoding = Melody(tuple(Note(*n) for n in notes), timeline), make_encoding(name)
    return +encoding.encode(melody).losses, reproduced_exactly(encoding, melody)


@pytest.mark.parametrize("name", ["note", "interval"])
def test_notes_that_lose_their_place_with_the_pickup_count_as_moved(name):
    # 53/480 of a quarter have no spelling and become 60: 3/24.
    assert losses_with(name, 53, (4, 4), (0, 480, 60), (480, 480, 62)) == (Counter(moved=2), False)
    # The first note begins 7 ticks earlier and lasts as much longer; the second is on the barline before and after.
    assert losses_with(name, 53, (4, 4), (0, 53, 60), (53, 480, 62)) == (Counter(moved=1, resized=1), False)
    assert losses_with(name, 53, (4, 4), (53, 480, 62)) == (Counter(), True)
    # Five quarters would fill the bar of 4/4 that 7/4 is read as.
    assert losses_with(name, 2400, (7, 4), (0, 2400, 60), (2400, 480, 62)) == (Counter(moved=2), False)


def test_a_long_note_is_tied_over_any_number_of_barlines():
    expected = [BEGIN_4_4, NONE, 60, lasts("12"), TIE, lasts("8"), TIE, lasts("1/2"), REST, lasts("12"), TIE]
    assert tokens_of([(0, 9840, 60), (15840, 480, 62)]) == [*expected, lasts("1/2"), 62, lasts("1"), END]


def test_thirty_seconds_sextuplets_quintuplets_and_septuplets_are_exact():
    parts = [Fraction(1, 8)] * 4 + [Fraction(1, 6)] * 6 + [Fraction(1, 5)] * 5 + [Fraction(1, 7)] * 7
    notes, at = [], Fraction(0)
    for part in parts:
        notes.append((at * 3360, part * 3360, 60))
        at += part
    melody = Melody(tuple(Note(int(s), int(d), p) for s, d, p in notes), Timeline(3360))
    encoded = NOTE.encode(melody)
    assert not encoded.losses
    again = NOTE.decode(encoded.tokens)
    assert quarters(again) == quarters(melody)
    assert again.timeline.ticks_per_quarter == 3360
    assert NOTE.decode(NOTE.encode(Melody(melody.notes[:2], Timeline(3360))).tokens).timeline.ticks_per_quarter == 480


def test_a_tune_with_a_length_without_spelling_is_rounded_to_24ths_and_what_that_costs_is_counted():
    ninth = 1120 // 3
    melody = Melody((Note(0, ninth, 60), Note(ninth, 3360 - ninth, 62), Note(3360, 3360, 64)), Timeline(3360))
    encoded = NOTE.encode(melody)
    assert +encoded.losses == {"moved": 1, "resized": 2}
    third = Fraction(1, 8)  # 373 ticks of 3360 are 2.66 steps of 140
    assert quarters(NOTE.decode(encoded.tokens)) == [(0, third, 60), (third, 1 - third, 62), (1, 1, 64)]


def test_a_metre_without_a_token_is_other_and_read_as_common_time_with_every_note_in_place():
    timeline = Timeline(480, 4800, (Metre(0, 7, 4), Metre(2400, 7, 4)))  # a pick-up longer than a bar of 4/4
    tokens = tokens_of([(0, 2400, 60), (2400, 480, 62)], timeline)
    assert tokens == [BEGIN_OTHER, NONE, 60, lasts("5"), 62, lasts("1"), END]
    assert NOTE.decode(tokens).timeline.metres == (Metre(0, 4, 4),)
    assert NOTE.metre_of(tokens) == (4, 4)


def test_a_melody_without_notes_and_a_closing_rest():
    assert tokens_of([]) == [BEGIN_4_4, NONE, END]
    assert NOTE.decode([BEGIN_4_4, NONE, END]).notes == ()
    assert NOTE.decode([]).notes == ()
    assert tokens_of([(0, 480, 60)], Timeline(480, 1920)) == [BEGIN_4_4, NONE, 60, lasts("1"), END]


def test_header_and_end_may_be_missing_and_half_a_group_is_left_out():
    assert NOTE.decode([60, lasts("1"), 62]).notes == (Note(0, 480, 60),)
    assert NOTE.decode([BEGIN_3_4, NONE]).timeline.metre.name == "3/4"
    assert NOTE.decode([60, NONE, 62, lasts("1"), END, 64, lasts("1")]).notes == (Note(0, 480, 62),)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [([60, 214], "token 214 is outside this vocabulary"), ([-1, 146], "token -1 is outside"),
     ([60, 62], "token 1 is pitch 62 where a length is due"),
     ([60, 146, 146, 146], "token 2 is quarters_1/32 where a note, a rest or what begins a tune is due")],
)  # fmt: skip
def test_a_token_out_of_place_is_named(tokens, message):
    with pytest.raises(ValueError, match=message):
        NOTE.decode(tokens)


def test_transposing_moves_the_pitches_alone():
    tokens = np.array(
        [BEGIN_4_4, lasts("1"), 60, lasts("12"), TIE, lasts("1"), REST, lasts("1"), 127, lasts("2"), END]
    )
    moved = NOTE.transpose(tokens.astype(np.int16), -2)
    assert (moved - tokens).tolist() == [0, 0, -2, 0, 0, 0, 0, 0, -2, 0, 0]
    assert moved.dtype == np.int16
    with pytest.raises(ValueError, match="1 semitones take a pitch out of 0-127"):
        NOTE.transpose(tokens, 1)


def test_counting_what_tokens_spell():
    tokens = np.array(
        [BEGIN_3_4, lasts("1"), 60, lasts("12"), TIE, lasts("1"), REST, lasts("1/3"), 62, lasts("2"), END]
    )
    assert NOTE.pitches(tokens).tolist() == [60, 62]
    assert NOTE.onsets(tokens).tolist() == [2, 8]
    assert NOTE.metre_of(tokens) == (3, 4)
    assert NOTE.metre_of(tokens[2:]) == (4, 4)


def test_an_encoding_is_built_again_from_its_options_written_as_json():
    for options in ({}, {"inputs": ["metre", "bar_ago"]}):
        encoding = make_encoding("note", **options)
        assert make_encoding(**json.loads(json.dumps(encoding.to_dict()))) == encoding
    with pytest.raises(ValueError, match="no such side input: 'beat'; there are position, strength"):
        make_encoding("note", inputs=("beat",))
    with pytest.raises(ValueError, match="encoding 'note' has no option plain; it has echoes"):
        make_encoding("note", plain=True)


def allowed(tokens: list[int]) -> list[str]:
    """Rows of the table of which something is legal after these tokens."""
    tracker = NOTE.tracker()
    for token in tokens:
        assert legal_of(NOTE, tracker)[token]
        tracker.advance(int(token))
    return sorted(
        {NOTE.vocabulary.name_of(int(t)).split()[0].split("_")[0] for t in np.flatnonzero(legal_of(NOTE, tracker))}
    )


def test_what_may_follow():
    start = [BEGIN_4_4, NONE]
    assert allowed([]) == ["begin"]
    assert allowed([BEGIN_4_4]) == ["none", "quarters"]
    assert allowed(start) == ["pitch", "rest"]
    assert allowed([BEGIN_4_4, lasts("1")]) == ["pitch", "rest", "tie"]
    assert allowed([*start, 60]) == ["quarters"]
    assert allowed([*start, 60, lasts("1/3")]) == ["end", "pitch", "rest"]
    assert allowed([*start, 60, lasts("1")]) == ["end", "pitch", "rest", "tie"]
    assert allowed([*start, REST, lasts("1")]) == ["pitch", "tie"]
    assert allowed([*start, REST, lasts("1/3")]) == ["pitch"]
    assert allowed([*start, 60, lasts("1"), REST, lasts("1"), TIE, lasts("1/24")]) == ["pitch"]
    assert allowed([*start, 60, lasts("1/3"), END]) == []


def test_a_pickup_is_shorter_than_its_bar():
    tracker = NOTE.tracker()
    tracker.advance(int(NOTE.begin("3/8")))
    found = np.flatnonzero(legal_of(NOTE, tracker))
    assert found.min() == NONE
    assert found.max() == lasts("4/3")  # the longest in the table below 3/2
    tracker.advance(int(lasts("5/4")))
    tracker.advance(int(TIE))
    assert np.flatnonzero(legal_of(NOTE, tracker)).max() < lasts("1/4")
