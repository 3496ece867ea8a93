"""What holds for every encoding and its tracker."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from walks import CASES, assert_a_copy_goes_on_by_itself, exact, legal_of, pitches_of, walked

from ritornello.encoding import ENCODINGS, make_encoding
from ritornello.encoding.durations import DURATIONS
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
SEEDS = st.integers(0, 1 << 30)


def test_every_encoding_is_tested():
    tested = {case["name"] for case in CASES.values()}
    assert tested >= set(ENCODINGS) - {"miditok", "text", "events", "events-beats", "chorale"}  # see their own tests


def test_parts_follow_one_another_and_the_options_are_json(options):
    encoding = make_encoding(**options, inputs=("bar_ago", "metre"))
    assert sum(encoding.parts) == encoding.vocabulary.size
    assert encoding.end is None or encoding.end < encoding.parts[0]
    assert [column.name for column in encoding.features] == ["numerator", "denominator", "bar_ago", "bar_ago_length"]
    assert make_encoding(**json.loads(json.dumps(encoding.to_dict()))) == encoding
    assert make_encoding(**options, inputs=()).features == ()


def test_every_token_is_legal_somewhere(options):
    encoding = make_encoding(**options)
    random = np.random.default_rng(1)
    seen = np.zeros(encoding.vocabulary.size, bool)
    for _ in range(1920):
        tracker = encoding.tracker()
        for _ in range(16):
            legal = legal_of(encoding, tracker)
            seen |= legal
            if not legal.any():
                break
            tracker.advance(int(random.choice(np.flatnonzero(legal))))
        if seen.all():
            return
    missing = [encoding.vocabulary.name_of(int(token)) for token in np.flatnonzero(~seen)]
    assert not missing


@EXAMPLES
@given(seed=SEEDS)
def test_the_tracker_counts_what_the_tokens_spell(options, seed):
    encoding = make_encoding(**options)
    tokens, tracker = walked(encoding, seed, 60)
    melody = encoding.decode(tokens)
    whole = np.array(tokens[: len(tokens) - tracker.part], np.int64)
    assert len(melody.notes) == tracker.notes == len(encoding.pitches(whole)) == len(encoding.onsets(whole))
    assert encoding.pitches(whole).tolist() == [n.pitch for n in melody.notes]
    assert tracker.done == (encoding.end is not None and encoding.end in tokens)
    if melody.notes:
        per = melody.timeline.ticks_per_quarter
        opening = melody.notes[0].start * encoding.ticks_per_quarter // per
        first, last = tracker.opening, tracker.onset
        assert last - first == melody.notes[-1].start * encoding.ticks_per_quarter // per - opening
        pickup = melody.timeline.pickup * encoding.ticks_per_quarter // per
        before = encoding.ticks_per_quarter * Fraction(melody.timeline.bar_ticks(melody.timeline.metre), per)
        assert (first - opening + pickup) % max(1, round(before)) == 0  # the first bar's own length
        assert tracker.sounding in (-1, melody.notes[-1].pitch)


@EXAMPLES
@given(seed=SEEDS)
def test_pitches_are_those_that_the_tokens_then_start(options, seed):
    encoding = make_encoding(**options)
    tokens, _ = walked(encoding, seed, 40)
    tracker, starts = encoding.tracker(), []
    for token in tokens:
        pitch = int(pitches_of(encoding, tracker)[token])
        starts += [pitch] if pitch >= 0 else []
        tracker.advance(int(token))
    sounded = starts[: tracker.notes]  # a pitch whose length has not come does not sound yet
    assert len(starts) - len(sounded) <= tracker.part
    assert encoding.pitches(np.array(tokens[: len(tokens) - tracker.part], int)).tolist() == sounded


@EXAMPLES
@given(seed=SEEDS)
def test_a_copy_of_the_rules_goes_on_by_itself(options, seed):
    encoding = make_encoding(**options, inputs=("position", "key", "bar_ago"))
    assert_a_copy_goes_on_by_itself(encoding, walked(encoding, seed, 24)[0], walked(encoding, seed + 1, 24)[0])


@EXAMPLES
@given(seed=SEEDS, bars=st.integers(1, 3))
def test_a_tune_that_stays_finishable_ends_well_formed(options, seed, bars):
    encoding = make_encoding(**options)

    late = [False]

    def end_of(tracker):  # a pick-up's bar is not counted
        if not tracker.notes:
            late[0] = 2 * tracker.time >= tracker.bar
        return tracker.since + (bars + late[0] - tracker.bars_before) * tracker.bar

    def finishable(tracker):
        end = end_of(tracker)
        mask = tracker.finishable(end - tracker.bar, end, tracker.beat)
        over = tracker.time >= end and encoding.end is None
        assert not (mask & ~tracker.legal()).any()
        assert mask.any() or over or tracker.done
        return mask & (not over)

    tokens, tracker = walked(encoding, seed, 4000, finishable)
    assert tracker.done or encoding.end is None
    end, bar = end_of(tracker), tracker.bar
    assert end - bar < tracker.time <= end
    melody = encoding.decode(tokens)
    assert melody.notes[-1].end == melody.timeline.length
    assert tracker.time - tracker.onset >= tracker.beat


@EXAMPLES
@given(seed=SEEDS)
def test_whatever_is_fed_the_tracker_goes_on(options, seed):
    encoding = make_encoding(**options, inputs=("position", "strength", "metre", "degree", "two_bars_ago"))
    tracker = encoding.tracker()
    for token in np.random.default_rng(seed).integers(0, encoding.vocabulary.size, 20).tolist():
        tracker.advance(token)
        assert len(tracker.legal()) == len(tracker.pitches()) == encoding.parts[tracker.part]
        assert len(tracker.features()) == len(encoding.features)


@EXAMPLES
@given(seed=SEEDS)
def test_a_legal_tune_in_groups_is_what_its_melody_encodes_to(group_options, seed):
    encoding = make_encoding(**group_options)
    tokens, tracker = walked(encoding, seed, 60)
    if not tracker.done:
        return
    melody = encoding.decode(tokens)
    other = encoding.ids.pickup - 1
    if other in tokens[2:]:  # which is read as 4/4
        return
    again = encoding.encode(melody)
    assert not +again.losses
    assert exact(encoding.decode(again.tokens)) == exact(melody)
    assert encoding.decode(again.tokens).timeline == melody.timeline
    if encoding.name == "note" or encoding.pitch_row.is_chained:
        assert again.tokens.tolist()[1:] == tokens[1:]  # "other" is read as 4/4
    else:  # the octave follows from the lowest note, and the offsets from it
        is_second = again.tokens >= encoding.ids.second
        assert is_second.tolist() == (np.array(tokens) >= encoding.ids.second).tolist()
        is_length = is_second & (again.tokens < encoding.ids.octave)
        assert again.tokens[is_length].tolist() == np.array(tokens)[is_length].tolist()


@st.composite
def melodies(draw):
    """Notes and rests of any lengths of the table and their sums, with or without key and pick-up."""
    lengths = st.lists(st.sampled_from(DURATIONS), min_size=1, max_size=1) | st.lists(
        st.sampled_from([d for d in DURATIONS if (24 * d).denominator == 1]), min_size=1, max_size=3
    )
    notes, at = [], 0
    for rest, length, pitch in draw(st.lists(st.tuples(lengths | st.just([]), lengths, st.integers(0, 127)))):
        at += int(sum(rest) * 3360)
        notes.append(Note(at, int(sum(length) * 3360), pitch))
        at = notes[-1].end
    numerator, denominator = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8), (12, 8), (2, 2)]))
    pickup = draw(st.sampled_from([0, 840, 1680]))
    metres = [Metre(0, numerator, denominator)] + [Metre(pickup, numerator, denominator)] * bool(pickup)
    keys = draw(st.sampled_from([(), (Key(0, -3, "minor"),), (Key(0, 2),)]))
    return Melody(tuple(notes), Timeline(3360, 0, tuple(metres), keys))


@EXAMPLES
@given(melody=melodies())
def test_any_melody_of_lengths_with_a_spelling_comes_back_exactly(group_options, melody):
    encoding = make_encoding(**group_options)
    encoded = encoding.encode(melody)
    again = encoding.decode(encoded.tokens, title="a title", qpm=90)
    assert not encoded.losses
    assert exact(again) == exact(melody)
    assert (again.title, again.timeline.qpm) == ("a title", 90)
    if melody.timeline.metre.name != "7/8":
        assert again.timeline.metre == melody.timeline.metre
        assert again.timeline.pickup * 3360 == melody.timeline.pickup * again.timeline.ticks_per_quarter
    tracker = encoding.tracker()
    for place, token in enumerate(encoded.tokens):
        assert legal_of(encoding, tracker)[token] or not melody.notes, place
        tracker.advance(int(token))


@EXAMPLES
@given(parts=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 700), st.integers(0, 127)), max_size=20))
def test_any_melody_at_all_keeps_its_order_and_moves_by_less_than_a_24th(group_options, parts):
    notes, at = [], 0
    for rest, length, pitch in parts:
        notes.append(Note(at + rest, length, pitch))
        at += rest + length
    encoding = make_encoding(**group_options)
    melody = Melody(tuple(notes), Timeline(481))
    encoded = encoding.encode(melody)
    again, rest = exact(encoding.decode(encoded.tokens)), exact(melody)
    assert len(again) == len(rest) - encoded.losses["lost"]
    for start, _, pitch in again:
        while rest and (rest[0][2] != pitch or abs(rest[0][0] - start) * 48 > 1):
            rest.pop(0)
        assert rest, "a note that was not there"
        rest.pop(0)


def test_an_encoding_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no such encoding: 'notes'; there are grid, note, interval, lookback, text"):
        make_encoding("notes")
