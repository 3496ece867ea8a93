"""Echoes: what a network may copy from the tune's own past, the same while training and while playing."""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from walks import CASES, assert_a_copy_goes_on_by_itself, checked_rows, walked

from ritornello.corpus.embedded import embedded
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import make_encoding
from ritornello.encoding.durations import DURATIONS
from ritornello.encoding.features import INPUTS, feature_rows
from ritornello.encoding.options import EncodingOptions
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

BARS = ("bar_ago", "two_bars_ago", "four_bars_ago", "eight_bars_ago")
ALL = (*BARS, "motif", "contour", "sequence")
ECHOING = [case for case in CASES if CASES[case]["name"] in ("grid", "note", "interval")]
GROUPS = [case for case in ECHOING if CASES[case]["name"] != "grid"]
SEEDS = st.integers(0, 1 << 30)
NOTHING = (0, 0, 0)


def echoing(case: str, inputs=(), echoes=ALL):
    """The encoding of a case with all the echoes that it has."""
    names = [name for name in echoes if name in BARS or CASES[case]["name"] != "grid"]
    return make_encoding(**CASES[case], inputs=inputs, echoes=names)


def narrow(encoding, seed: int, most: int) -> list[int]:
    """A tune of two pitches, two lengths and rests, in which much comes again."""
    names = ("no_event", "note_off", "rest", "quarters_1", "quarters_1/2", "begin_2/4", "none")
    wanted = {encoding.vocabulary[name] for name in names if name in encoding.vocabulary}

    def allowed(tracker):
        first = sum(encoding.parts[: tracker.part])
        legal = tracker.legal()
        if tracker.begun and tracker.part == 0 and hasattr(encoding, "ids"):  # one metre, without a pick-up
            legal = legal & ~np.isin(np.arange(len(legal)), np.arange(encoding.ids.begin, encoding.ids.key))
        few = legal & (np.isin(tracker.pitches(), (60, 62)) | np.isin(np.arange(len(legal)) + first, sorted(wanted)))
        return few if few.any() else legal

    return walked(encoding, seed, most, allowed)[0]


@pytest.mark.parametrize("case", ECHOING)
@settings(max_examples=15)
@given(seed=SEEDS, is_narrow=st.booleans(), inputs=st.sampled_from([(), ("metre", "key", "two_bars_ago")]))
def test_what_an_echo_suggests_lies_within_its_part(case, seed, is_narrow, inputs):
    encoding = echoing(case, inputs)
    tokens = narrow(encoding, seed, 150) if is_narrow else walked(encoding, seed, 80)[0]
    rows = checked_rows(encoding, tokens)
    event, duration, strength = rows[:, len(encoding.features) :].reshape(len(rows), -1, 3).transpose(2, 0, 1)
    assert ((event > 0) == (strength > 0)).all()
    assert (event <= encoding.parts[0]).all()
    assert (duration <= sum(encoding.parts[1:])).all()
    assert (strength < [echo.strengths for echo in encoding.echoes]).all()


@pytest.mark.parametrize("case", ECHOING)
@settings(max_examples=15)
@given(seed=SEEDS, share=st.floats(0, 1))
def test_what_comes_later_changes_nothing_before_it(case, seed, share):
    encoding = echoing(case, ("position", "key", "bar_ago"))
    parts = len(encoding.parts)
    tokens = np.array([token for token in narrow(encoding, seed, 100) if token != encoding.end], np.int64)
    header = 2 if echoing(case).names_key else 1
    groups = tokens[: len(tokens) // parts * parts].reshape(-1, parts)
    same = min(header + int(share * len(groups)), len(groups))
    other = np.concatenate([groups[:same], groups[same:][::-1]])
    rows, others = feature_rows(encoding, groups.ravel()), feature_rows(encoding, other.ravel())
    assert rows[: same + 1].tolist() == others[: same + 1].tolist()


@pytest.mark.parametrize("case", ECHOING)
@settings(max_examples=5)
@given(seed=SEEDS)
def test_a_copy_of_the_rules_goes_on_by_itself(case, seed):
    encoding = echoing(case)
    assert_a_copy_goes_on_by_itself(encoding, narrow(encoding, seed, 200), walked(encoding, seed, 60)[0])


def by_hand(events: list) -> tuple[int, int]:
    """Where the latest of the longest earlier runs that end as the events do goes on, and how long it is."""
    for length in range(6, 0, -1):
        for place in range(len(events) - 1, length - 1, -1):
            if events[place - length : place] == events[-length:]:
                return place, length
    return 0, 0


@pytest.mark.parametrize("case", GROUPS)
@settings(max_examples=20)
@given(seed=SEEDS)
def test_motif_and_contour_are_the_latest_of_the_longest_matches(case, seed):
    encoding = echoing(case, echoes=("motif", "contour"))
    tokens = narrow(encoding, seed, 120)
    rows = feature_rows(encoding, np.array(tokens)).tolist()
    header = 4 if CASES[case]["name"] == "interval" else 2
    first = encoding.parts[0]
    music = [token for token in tokens[header:] if token != encoding.end]
    events = list(zip(music[::2], music[1::2], strict=False))
    for n, row in enumerate(rows[header // 2 :][: len(events) + 1]):
        for said_there, seen in ((row[:3], events[:n]), (row[3:], [what for what, _ in events[:n]])):
            place, strength = by_hand(seen)
            what, length = events[place] if strength else (-1, first - 1)
            assert said_there == [what + 1, length - first + 1, strength]


def tune(*notes: tuple[int | None, str], metre=(4, 4), key=0) -> Melody:
    """Pitches (None for a rest) and lengths in quarters, one after another."""
    at, out = 0, []
    for pitch, quarters in notes:
        ticks = int(480 * Fraction(quarters))
        out += [Note(at, ticks, pitch)] if pitch is not None else []
        at += ticks
    return Melody(tuple(out), Timeline(480, 0, (Metre(0, *metre),), (Key(0, key),)))


def said(encoding, melody: Melody, name: str, skip: int) -> list[tuple[int, ...]]:
    """What, length and strength of an echo before each group but the first `skip`, the header."""
    rows = feature_rows(encoding, encoding.encode(melody).tokens)
    place = len(encoding.features) + 3 * [echo.name for echo in encoding.echoes].index(name)
    return [tuple(row) for row in rows[skip:, place : place + 3].tolist()]


def lasts(quarters: str) -> int:
    """The column for a length: after the five lower figures of part 1, and one is added."""
    return 6 + DURATIONS.index(Fraction(quarters))


@pytest.mark.parametrize("case", GROUPS)
@pytest.mark.parametrize(("name", "bars"), [("bar_ago", 1), ("two_bars_ago", 2), ("four_bars_ago", 4)])
def test_bars_ago_name_what_to_write_to_repeat_that_bar(case, name, bars):
    encoding = echoing(case, echoes=(name,))
    bar = [(60, "2"), (64, "1"), (None, "1")]
    melody = tune(*bar, *[(67, "1")] * 4 * (bars - 1), *bar, (60, "4"))
    tokens = encoding.encode(melody).tokens
    header = 2 if echoing(case).names_key else 1
    repeat = 3 + 4 * (bars - 1)  # the group where the bar comes again
    whats, lengths = tokens[2 * header :: 2], tokens[2 * header + 1 :: 2] - encoding.parts[0]
    rows = said(encoding, melody, name, header)
    assert rows[:repeat] == [NOTHING] * repeat
    if case == "previous" and bars > 1:  # its first note is now counted from the G before it
        assert rows[repeat] == (1 + 127 + 60 - 67, lasts("2"), 2)
    else:
        assert rows[repeat][1:] == (lasts("2"), 2)
    for n in (1, 2):
        assert rows[repeat + n] == (whats[repeat + n] + 1, lengths[repeat + n] + 1, 2)


def test_what_stood_there_already_has_no_length():
    encoding = make_encoding("note", echoes=("bar_ago", "eight_bars_ago"))
    melody = tune((60, "3"), (62, "1"), (64, "1"), (64, "2"), (65, "1"))
    began, lasted = (61, lasts("3"), 2), (61, 0, 1)
    assert said(encoding, melody, "bar_ago", 1) == [
        NOTHING,
        NOTHING,
        began,
        lasted,
        (63, lasts("1"), 2),
        (65, lasts("1"), 2),
    ]
    assert said(encoding, melody, "eight_bars_ago", 1) == [NOTHING] * 6


def test_a_motif_that_begins_again_says_how_it_went_on():
    encoding = make_encoding("note", echoes=("motif", "contour"))
    melody = tune((60, "1"), (62, "1"), (64, "2"), (60, "1"), (62, "1/2"), (64, "3/2"))
    quarter_d, half_e = (63, lasts("1")), (65, lasts("2"))
    # C D E: nothing like them before; C: as the first; D: the C was as long, the D is not; E: neither; end
    assert said(encoding, melody, "motif", 1) == [NOTHING] * 4 + [(*quarter_d, 1), NOTHING, NOTHING]
    # in pitch alone the D makes two, and the E three: then came the C
    assert said(encoding, melody, "contour", 1) == [NOTHING] * 4 + [
        (*quarter_d, 1),
        (*half_e, 2),
        (61, lasts("1"), 3),
    ]


@pytest.mark.parametrize("name", ["note", "interval"])
def test_a_sequence_is_moved_to_go_on_from_the_last_pitch(name):
    encoding = make_encoding(name, echoes=("sequence",))
    melody = tune((60, "1"), (62, "1"), (64, "1"), (65, "2"), (None, "1"), (67, "1"), (69, "1"))
    heard = said(encoding, melody, "sequence", 2 if name == "interval" else 1)
    tokens = encoding.encode(melody).tokens
    of_c, of_e, of_a = (int(tokens[encoding.onsets(tokens)][n]) for n in (0, 2, 5))
    # E came a step of 2 after D, as D after C, and then another: go on to F sharp
    assert (heard[3][0], heard[3][2]) == (of_e + 2 + 1, 1)
    # G after a rest, then A: as C from nowhere, then D; there E followed, a step of 2
    assert (heard[-1][0], heard[-1][2]) == (of_a + 2 + 1, 2)
    assert of_a - of_c == 9  # ids are semitones apart


def test_a_sequence_that_leaves_the_pitches_names_the_highest_and_never_the_rest():
    note = make_encoding("note", echoes=("sequence",))
    melody = tune(*[(pitch, "1") for pitch in (100, 106, 115, 121)])
    assert said(note, melody, "sequence", 1)[-1] == (127 + 1, lasts("1"), 1)  # up 6 and 9, up 6: then 130
    melody = tune(*[(pitch, "1") for pitch in (20, 14, 5, 6, 0)])
    assert said(note, melody, "sequence", 1)[-1] == (0 + 1, lasts("1"), 1)  # down 6 and 9, down 6: then -9


def test_of_matches_as_long_the_latest_counts_and_six_is_the_longest():
    encoding = make_encoding("note", echoes=("motif",))
    melody = tune(*[(pitch, "1") for pitch in (60, 62, 60, 64, 60)])
    assert said(encoding, melody, "motif", 1)[-1] == (65, lasts("1"), 1)
    melody = tune(*[(60, "1")] * 9)
    strengths = [strength for _, _, strength in said(encoding, melody, "motif", 1)]
    assert strengths == [0, 0, 1, 2, 3, 4, 5, 6, 6, 6]
    assert said(encoding, melody, "motif", 1)[-1] == (61, lasts("1"), 6)


def test_a_motif_on_another_degree_comes_again_relative_to_the_note_before():
    encoding = make_encoding("interval", relative_to="previous", echoes=("motif",))
    melody = tune(*[(pitch, "1") for pitch in (60, 62, 65, 64, 66)])  # up 2, up 3, down 1, up 2: then up 3
    assert said(encoding, melody, "motif", 2)[-1] == (1 + 127 + 3, lasts("1"), 1)
    by_pitch = make_encoding("note", echoes=("motif",))
    assert said(by_pitch, melody, "motif", 1)[-1] == NOTHING


@pytest.mark.parametrize("case", ["interval", "previous"])
def test_a_transposed_tune_has_the_same_echoes(case):
    encoding = echoing(case)
    notes = [(60, "1"), (62, "1"), (64, "2"), (60, "1"), (62, "1"), (64, "1"), (None, "1"), (60, "4"), (60, "1")]
    lower = tune(*notes)
    higher = tune(*[(pitch if pitch is None else pitch + 5, quarters) for pitch, quarters in notes], key=-1)
    rows = [feature_rows(encoding, encoding.encode(melody).tokens) for melody in (lower, higher)]
    assert rows[0].tolist() == rows[1].tolist()
    assert rows[0][:, 14].max() == {"interval": 2, "previous": 1}[case]  # C D and C D; up 2 and up 2
    by_pitch = [feature_rows(echoing("note"), echoing("note").encode(melody).tokens) for melody in (lower, higher)]
    assert by_pitch[0].tolist() != by_pitch[1].tolist()


def test_the_grid_names_the_tokens_of_then():
    grid = make_encoding("grid", steps_per_quarter=1, echoes=("bar_ago", "two_bars_ago"))
    melody = tune((60, "2"), (None, "1"), (67, "1"), (60, "1"), (60, "1"), metre=(3, 4))  # C . off | G C C
    note, goes_on, off = (61, 0, 2), (129, 0, 1), (130, 0, 2)
    # before the metre; the first bar; the second; the end
    assert said(grid, melody, "bar_ago", 0) == [NOTHING] * 5 + [note, goes_on, off, (68, 0, 2)]
    assert said(grid, melody, "two_bars_ago", 0) == [NOTHING] * 8 + [note]


def test_names_are_checked_ordered_and_written_as_json():
    encoding = make_encoding("interval", echoes=["motif", "bar_ago"], relative_to="previous")
    assert [(echo.name, echo.strengths) for echo in encoding.echoes] == [("bar_ago", 3), ("motif", 7)]
    assert encoding.to_dict()["echoes"] == ["bar_ago", "motif"]
    assert make_encoding(**json.loads(json.dumps(encoding.to_dict()))) == encoding
    assert encoding.features == ()
    assert make_encoding("note").echoes == ()
    assert "echoes" not in make_encoding("note").to_dict() | make_encoding("grid").to_dict()
    with pytest.raises(ValueError, match=r"no such echo here: 'motive'; there are bar_ago, .*, sequence"):
        make_encoding("note", echoes=("motive",))
    with pytest.raises(ValueError, match=r"no such echo here: 'motif'; there are bar_ago, .*, eight_bars_ago$"):
        make_encoding("grid", echoes=("motif",))


def test_they_are_asked_for_by_name_with_commas_between():
    chosen = EncodingOptions("note", inputs="none", echoes="motif, bar_ago").build()
    assert chosen == make_encoding("note", echoes=("bar_ago", "motif"))
    with pytest.raises(ValueError, match="--echoes does not go with the encoding 'lookback'"):
        EncodingOptions("lookback", echoes="bar_ago").build()


@pytest.mark.parametrize("case", ECHOING)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS)
def test_whatever_is_fed_no_echo_leaves_the_table(case, seed):
    encoding = echoing(case)
    tracker = encoding.tracker()
    for token in np.random.default_rng(seed).integers(0, encoding.vocabulary.size, 40).tolist():
        tracker.advance(token)
        event, duration, _ = np.reshape(tracker.features(), (-1, 3)).T
        assert ((event >= 0) & (event <= encoding.parts[0])).all()
        assert ((duration >= 0) & (duration <= sum(encoding.parts[1:]))).all()


GOLDEN = {
    "interval": "73ecd085150f0f39",
    "previous": "0719ed7874ef11fd",
    "note": "6ddba7276267c8f9",
    "grid": "22f9a1009c1a18f5",
    "plain": "c2ea3663489b6864",
    "lookback": "544032f5b1e44c37",
}
"""The features and echoes of 400 hymns as versions before this one computed them, by two ways that agreed."""


@pytest.mark.parametrize("case", GOLDEN)
def test_the_features_of_real_tunes_are_those_that_models_were_trained_with(case):
    lookback = {"inputs": (*INPUTS, "repeated")}
    encoding = echoing(case, INPUTS) if case != "lookback" else make_encoding(**CASES[case], **lookback)
    encoding = replace(encoding, version=1)
    found = hashlib.sha256()
    for tokens in corpus_tokens(embedded("hymns"), encoding, "train")[:400]:
        found.update(feature_rows(encoding, tokens).tobytes())
    assert found.hexdigest()[:16] == GOLDEN[case]
