"""note: a tune as pitches and exact lengths, written out by hand."""

import json
import re
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
REST, TIE, PICKUP, END = 128, 129, 147, 148
OVER_2, OVER_4, OVER_8 = 150, 151, 152
IN_3_4, IN_4_4, IN_OTHER = (132, OVER_4), (133, OVER_4), (146, OVER_4)  # metre_1 is 130, metre_other 146


def lasts(quarters: str) -> int:
    """Id of a length in quarters: the table follows the lower figures."""
    return 154 + DURATIONS.index(Fraction(quarters))


def tokens_of(notes, timeline=Timeline()) -> list[int]:
    return NOTE.encode(Melody(tuple(Note(*n) for n in notes), timeline)).tokens.tolist()


def quarters(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    per = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, per), Fraction(n.duration, per), n.pitch) for n in melody.notes]


def test_the_table():
    table = NOTE.vocabulary
    assert table.size == 222 == sum(NOTE.parts)
    assert NOTE.parts == (149, 73)
    spelled = "pitch 60 | rest | tie | metre_3 | over_4 | pickup | end"
    assert table.spell([60, REST, TIE, *IN_3_4, PICKUP, END]) == spelled
    assert table.name_of(lasts("1/2")) == "quarters_1/2"
    assert table.name_of(221) == "quarters_12"
    assert NOTE.end == END
    assert NOTE.begin("6/8") == (135, OVER_8)
    assert NOTE.begin("7/8") == (136, OVER_8)
    for name in ("17/8", "4/32", "4", "3+/8"):
        with pytest.raises(
            ValueError, match=f"no such metre: '{re.escape(name)}'; choose 1 to 16 over 1, 2, 4, 8 or 16"
        ):
            NOTE.begin(name)


def test_notes_and_rests_in_common_time():
    notes = [(0, 480, 60), (480, 240, 62), (960, 160, 64), (1120, 160, 64), (1280, 160, 67)]
    pairs = [IN_4_4, (60, lasts("1")), (62, lasts("1/2")), (REST, lasts("1/2"))]
    pairs += [(64, lasts("1/3")), (64, lasts("1/3")), (67, lasts("1/3"))]
    assert tokens_of(notes) == [*(token for pair in pairs for token in pair), END]


def test_a_pickup_stands_in_the_header_and_an_opening_rest_is_a_rest():
    timeline = Timeline(480, 1920, (Metre(0, 3, 4), Metre(480, 3, 4)))
    notes = [(240, 240, 67), (480, 1440, 72)]
    expected = [*IN_3_4, PICKUP, lasts("1"), REST, lasts("1/2"), 67, lasts("1/2"), 72, lasts("3"), END]
    assert tokens_of(notes, timeline) == expected
    again = NOTE.decode(expected)
    assert again.timeline.metres == (Metre(0, 3, 4), Metre(480, 3, 4))
    assert again.notes == (Note(240, 240, 67), Note(480, 1440, 72))
    tracker = NOTE.tracker()
    for token in expected[:4]:
        tracker.advance(int(token))
    assert tracker.time == 2 * 3360  # of a bar of three quarters, two are over before the pick-up


def test_a_pickup_without_a_length_of_its_own_is_tied():
    timeline = Timeline(480, 6000, (Metre(0, 4, 2), Metre(2040, 4, 2)))  # 4 1/4 quarters
    tokens = tokens_of([(0, 2040, 60), (2040, 3840, 62)], timeline)
    assert tokens[:6] == [133, OVER_2, PICKUP, lasts("4"), TIE, lasts("1/4")]
    assert tokens[6:10] == [60, lasts("4"), TIE, lasts("1/4")]
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
    # Five quarters would fill the bar of 4/4 that 17/4 is read as.
    assert losses_with(name, 2400, (17, 4), (0, 2400, 60), (2400, 480, 62)) == (Counter(moved=2, metres=1), False)


def test_a_metre_that_begins_stands_in_its_place_and_what_sounds_is_tied_after_it():
    timeline = Timeline(480, 8 * 480, (Metre(0, 4, 4), Metre(4 * 480, 3, 4), Metre(7 * 480, 7, 8)))
    notes = [(0, 1440, 60), (1440, 960, 62), (2400, 960, 64), (3360, 1680, 65)]
    expected = [*IN_4_4, 60, lasts("3"), 62, lasts("1"), *IN_3_4, TIE, lasts("1"), 64, lasts("2"), 136, OVER_8, 65]
    tokens = tokens_of(notes, timeline)
    assert tokens == [*expected, lasts("7/2"), END]
    again = NOTE.decode(tokens)
    assert again.timeline.metres == timeline.metres
    assert again.notes == tuple(Note(*n) for n in notes)
    tracker = NOTE.tracker()
    for token in tokens[:-1]:
        tracker.advance(token)
    assert (tracker.since, tracker.bars_before, tracker.bar, tracker.notes) == (7 * 3360, 2, 7 * 1680, 4)


def test_a_metre_may_begin_under_a_rest_off_the_barline_and_after_a_pickup():
    timeline = Timeline(480, 0, (Metre(0, 4, 4), Metre(480, 3, 4), Metre(1920, 3, 4), Metre(2400, 3, 4)))
    notes = [(0, 480, 60), (480, 960, 62), (2400, 480, 64)]
    tokens = tokens_of(notes, timeline)
    header = [*IN_4_4, PICKUP, lasts("1")]
    body = [60, lasts("1"), *IN_3_4, 62, lasts("2"), REST, lasts("2"), *IN_3_4, 64, lasts("1")]
    assert tokens == [*header, *body, END]  # the one at 1920 goes on as before from a barline
    assert NOTE.decode(tokens).timeline.metres == (Metre(0, 4, 4), Metre(480, 3, 4), Metre(2400, 3, 4))


@pytest.mark.parametrize("denominator", [1, 2, 4, 8, 16])
def test_every_metre_up_to_sixteen_beats_comes_back(denominator):
    for encoding in (NOTE, make_encoding("interval"), make_encoding("grid"), make_encoding("lookback")):
        for numerator in range(1, 17):
            melody = Melody(
                (Note(0, 480, 60), Note(480, 480, 62)), Timeline(metres=(Metre(0, numerator, denominator),))
            )
            tokens = encoding.encode(melody).tokens
            assert encoding.decode(tokens).timeline.metre == Metre(0, numerator, denominator)
            assert tokens[:2].tolist() == list(encoding.begin(f"{numerator}/{denominator}"))


def test_an_additive_metre_is_read_as_its_sum():
    timeline = Timeline(metres=(Metre(0, 7, 8, (3, 2, 2)),))
    assert NOTE.decode(tokens_of([(0, 480, 60)], timeline)).timeline.metres == (Metre(0, 7, 8),)


def test_a_long_note_is_tied_over_any_number_of_barlines():
    expected = [*IN_4_4, 60, lasts("12"), TIE, lasts("8"), TIE, lasts("1/2"), REST, lasts("12"), TIE]
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
    timeline = Timeline(480, 4800, (Metre(0, 17, 4), Metre(2400, 17, 4)))  # a pick-up longer than a bar of 4/4
    tokens = tokens_of([(0, 2400, 60), (2400, 480, 62)], timeline)
    assert tokens == [*IN_OTHER, 60, lasts("5"), 62, lasts("1"), END]
    assert NOTE.decode(tokens).timeline.metres == (Metre(0, 4, 4),)
    assert NOTE.metre_of(tokens) == (4, 4)


def test_a_melody_without_notes_and_a_closing_rest():
    assert tokens_of([]) == [*IN_4_4, END]
    assert NOTE.decode([*IN_4_4, END]).notes == ()
    assert NOTE.decode([]).notes == ()
    assert tokens_of([(0, 480, 60)], Timeline(480, 1920)) == [*IN_4_4, 60, lasts("1"), END]


def test_header_and_end_may_be_missing_and_half_a_group_is_left_out():
    assert NOTE.decode([60, lasts("1"), 62]).notes == (Note(0, 480, 60),)
    assert NOTE.decode([*IN_3_4]).timeline.metre.name == "3/4"
    assert NOTE.decode([60, OVER_4, 62, lasts("1"), END, 64, lasts("1")]).notes == (Note(0, 480, 62),)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [([60, 222], "token 222 is outside this vocabulary"), ([-1, 154], "token -1 is outside"),
     ([60, 62], "token 1 is pitch 62 where a length is due"),
     ([60, 154, 154, 154], "token 2 is quarters_1/32 where a note, a rest or what begins a tune is due")],
)  # fmt: skip
def test_a_token_out_of_place_is_named(tokens, message):
    with pytest.raises(ValueError, match=message):
        NOTE.decode(tokens)


def test_transposing_moves_the_pitches_alone():
    tokens = np.array(
        [*IN_4_4, PICKUP, lasts("1"), 60, lasts("12"), TIE, lasts("1"), REST, lasts("1"), 127, lasts("2"), END]
    )
    moved = NOTE.transpose(tokens.astype(np.int16), -2)
    assert (moved - tokens).tolist() == [0, 0, 0, 0, -2, 0, 0, 0, 0, 0, -2, 0, 0]
    assert moved.dtype == np.int16
    with pytest.raises(ValueError, match="1 semitones take a pitch out of 0-127"):
        NOTE.transpose(tokens, 1)


def test_counting_what_tokens_spell():
    tokens = np.array(
        [*IN_3_4, PICKUP, lasts("1"), 60, lasts("12"), TIE, lasts("1"), REST, lasts("1/3"), 62, lasts("2"), END]
    )
    assert NOTE.pitches(tokens).tolist() == [60, 62]
    assert NOTE.onsets(tokens).tolist() == [4, 10]
    assert NOTE.metre_of(tokens) == (3, 4)
    assert NOTE.metre_of(tokens[2:]) == (4, 4)


def test_an_encoding_is_built_again_from_its_options_written_as_json():
    for options in ({}, {"inputs": ["metre", "bar_ago"]}):
        encoding = make_encoding("note", **options)
        assert make_encoding(**json.loads(json.dumps(encoding.to_dict()))) == encoding
    with pytest.raises(ValueError, match="no such side input: 'beat'; there are position, strength"):
        make_encoding("note", inputs=("beat",))
    with pytest.raises(ValueError, match="encoding 'note' has no option plain; it has version"):
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
    start = [*IN_4_4]
    assert allowed([]) == ["metre"]
    assert allowed(start[:1]) == ["over"]
    assert allowed(start) == ["pickup", "pitch", "rest"]
    assert allowed([*start, PICKUP, lasts("1")]) == ["pitch", "rest", "tie"]
    assert allowed([*start, 60]) == ["quarters"]
    assert allowed([*start, 60, lasts("1/3")]) == ["end", "pitch", "rest"]  # no metre: it would make a pick-up
    assert allowed([*start, 60, lasts("4"), 62, lasts("1/3")]) == ["end", "metre", "pitch", "rest"]
    assert allowed([*start, 60, lasts("1")]) == ["end", "pitch", "rest", "tie"]
    assert allowed([*start, 60, lasts("4"), 132]) == ["over"]
    assert allowed([*start, 60, lasts("4"), *IN_3_4]) == ["pitch", "rest", "tie"]
    assert allowed([*start, 60, lasts("4"), 62, lasts("1/3"), *IN_3_4]) == ["pitch", "rest", "tie"]  # any length
    assert allowed([*start, REST, lasts("4"), *IN_3_4]) == ["pitch", "tie"]
    assert allowed([*start, REST, lasts("1")]) == ["pitch", "tie"]
    assert allowed([*start, REST, lasts("1/3")]) == ["pitch"]
    assert allowed([*start, 60, lasts("1"), REST, lasts("1"), TIE, lasts("1/24")]) == ["pitch"]
    assert allowed([*start, 60, lasts("1/3"), END]) == []


def test_a_pickup_is_shorter_than_its_bar():
    tracker = NOTE.tracker()
    for token in (*NOTE.begin("3/8"), PICKUP):
        tracker.advance(token)
    found = np.flatnonzero(legal_of(NOTE, tracker))
    assert found.min() == lasts("1/32")
    assert found.max() == lasts("4/3")  # the longest in the table below 3/2
    tracker.advance(int(lasts("5/4")))
    tracker.advance(int(TIE))
    assert np.flatnonzero(legal_of(NOTE, tracker)).max() < lasts("1/4")
