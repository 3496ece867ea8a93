"""interval: relative pitches, so that a tune and its transposition are one sequence but for the header."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import legal_of, pitches_of, whole

from ritornello.encoding import IntervalEncoding, make_encoding
from ritornello.encoding.durations import DURATIONS
from ritornello.music.values import MODES, Key, Melody, Note, Timeline

TO_KEY = IntervalEncoding()
TO_PREVIOUS = IntervalEncoding(relative_to="previous")
BOTH = pytest.mark.parametrize("encoding", [TO_KEY, TO_PREVIOUS], ids=["key", "previous"])


def melody(pitches: list[int], fifths: int = 1, mode: str = "major") -> Melody:
    """Quarter notes; in G major unless told otherwise."""
    notes = tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate(pitches))
    return Melody(notes, Timeline(480, 480 * len(notes), keys=(Key(0, fifths, mode),)))


def named(encoding, tokens) -> list[str]:
    return [encoding.vocabulary.name_of(int(token)) for token in tokens]


def test_the_tables():
    assert (TO_KEY.vocabulary.size, TO_KEY.parts) == (330, (244, 86))
    assert (TO_PREVIOUS.vocabulary.size, TO_PREVIOUS.parts) == (446, (360, 86))
    rows = [row.name for row in TO_KEY.vocabulary.rows if not row.name.startswith(("metre", "over", "quarters"))]
    assert rows == ["offset", "rest", "tie", "pickup", *(f"key_{mode}" for mode in MODES), "end", "octave"]


def test_offsets_are_counted_from_the_tonic_nearest_to_the_lowest_note():
    tokens = TO_KEY.encode(melody([67, 71, 74, 66, 79])).tokens  # G4 B4 D5 F#4 G5
    names = named(TO_KEY, tokens)
    # the reference is G4: octave 6 holds the pitches 60 to 71
    assert names[:4] == ["metre_4", "over_4", "key_major 7", "octave 6"]
    assert [int(name.split()[1]) - 6 for name in names[4:-1:2]] == [0, 4, 7, -1, 12]
    assert set(names[5:-1:2]) == {"quarters_1"}
    assert names[-1] == "end"


@pytest.mark.parametrize(
    ("lowest", "tonic", "reference"),
    [(60, 0, 60), (55, 0, 60), (54, 0, 60), (53, 0, 48), (61, 11, 59), (64, 11, 59), (65, 11, 71), (0, 7, -5),
     (0, 6, 6), (127, 1, 133), (127, 2, 122)],
)  # fmt: skip
def test_the_reference_lies_up_to_six_semitones_above_the_lowest_note_or_five_below(lowest, tonic, reference):
    fifths = (tonic * 7 + 5) % 12 - 5
    tokens = TO_KEY.encode(melody([lowest], fifths)).tokens
    names = named(TO_KEY, tokens)
    assert names[2:5] == [f"key_major {tonic}", f"octave {reference // 12 + 1}", f"offset {lowest - reference + 6}"]
    assert TO_KEY.pitches(tokens).tolist() == [lowest]


def test_intervals_are_counted_from_the_note_before_and_the_first_from_the_tonic_nearest_to_it():
    tokens = TO_PREVIOUS.encode(melody([71, 67, 79, 79], -1, "minor")).tokens
    names = named(TO_PREVIOUS, tokens)
    assert names[2:4] == ["key_minor 2", "octave 7"]  # D5 is 74, three above the first note
    assert [int(name.split()[1]) - 127 for name in names[4:-1:2]] == [-3, -4, 12, 0]


def test_rests_and_ties_do_not_move_what_intervals_are_counted_from():
    notes = (Note(0, 480 * 13, 60), Note(480 * 14, 480, 64))
    tokens = TO_PREVIOUS.encode(Melody(notes, Timeline(480, 0, keys=(Key(0, 0),)))).tokens
    assert [name.split()[0] for name in named(TO_PREVIOUS, tokens[4::2])] == [
        "interval",
        "tie",
        "rest",
        "interval",
        "end",
    ]
    assert TO_PREVIOUS.pitches(tokens).tolist() == [60, 64]


def test_a_melody_that_names_no_key_gets_the_one_that_its_notes_suggest():
    scale = [62, 64, 66, 67, 69, 71, 73, 74, 69, 66, 62]  # D major
    plain = Melody(melody(scale).notes)
    tokens = TO_KEY.encode(plain).tokens
    assert named(TO_KEY, tokens)[2] == "key_major 2"
    assert TO_KEY.decode(tokens).timeline.keys == (Key(0, 2, "major"),)
    assert [n.pitch for n in TO_KEY.decode(tokens).notes] == scale


@BOTH
def test_decoding_is_exact_whatever_the_key(encoding):
    pitches = [60, 61, 75, 20, 127, 0, 66]
    for fifths in range(-7, 8):
        for mode in ("major", "minor"):
            again = encoding.decode(encoding.encode(melody(pitches, fifths, mode)).tokens)
            assert [n.pitch for n in again.notes] == pitches
            assert (again.timeline.key.tonic, again.timeline.key.mode) == (Key(0, fifths, mode).tonic, mode)


@BOTH
@given(st.lists(st.integers(20, 100), min_size=1, max_size=12), st.integers(-6, 5), st.integers(-6, 6))
def test_a_tune_and_its_transposition_differ_in_key_and_octave_alone(encoding, pitches, shift, fifths):
    tune = melody(pitches, fifths)
    tokens, moved = encoding.encode(tune).tokens, encoding.encode(tune.transposed(shift)).tokens
    assert encoding.transpose(tokens, shift).tolist() == moved.tolist()
    assert set(np.flatnonzero(tokens != moved)) <= {2, 3}
    assert encoding.transpose(tokens, 0).tolist() == tokens.tolist()


@BOTH
def test_transposing_keeps_within_the_pitches(encoding):
    tokens = encoding.encode(melody([0, 120])).tokens
    assert encoding.pitches(encoding.transpose(tokens, 7)).tolist() == [7, 127]
    for shift in (-1, 8):
        with pytest.raises(ValueError, match=f"{shift} semitones take a pitch out of 0-127"):
            encoding.transpose(tokens, shift)


@BOTH
def test_pitches_outside_the_range_are_not_legal(encoding):
    tracker = encoding.tracker()
    length = encoding.ids.length + DURATIONS.index(Fraction(1))
    for token in [*encoding.begin("4/4"), encoding.ids.key, encoding.ids.octave + 11]:  # C9, 120
        assert legal_of(encoding, tracker)[token]
        tracker.advance(int(token))
    starts = pitches_of(encoding, tracker)[: encoding.ids.rest]
    is_legal = legal_of(encoding, tracker)[: encoding.ids.rest]
    assert is_legal.tolist() == (starts >= 0).tolist()
    assert starts.max() == (125 if encoding.pitch_row.is_chained else 127)
    assert starts[starts >= 0].min() == 114
    assert starts[-encoding.pitch_row.lowest] == 120
    tracker.advance(int(-encoding.pitch_row.lowest + 5))
    tracker.advance(int(length))
    assert tracker.sounding == 125
    highest = -encoding.pitch_row.lowest + (2 if encoding.pitch_row.is_chained else 7)
    assert legal_of(encoding, tracker)[highest - 1 : highest + 2].tolist() == [True, True, False]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_named_with_its_tonic_and_comes_back(mode):
    key = Key(0, -1, mode)
    tune = melody([key.tonic + 60, key.tonic + 67, key.tonic + 60], -1, mode)
    tokens = TO_KEY.encode(tune).tokens
    names = named(TO_KEY, tokens)
    assert names[2] == f"key_{mode} {key.tonic}"
    assert [int(name.split()[1]) - 6 for name in names[4:-1:2]] == [0, 7, 0]
    assert TO_KEY.decode(tokens).timeline.keys == (key,)
    assert TO_KEY.decode(TO_KEY.transpose(tokens, 2)).timeline.key == Key(0, 1, mode)
    older = make_encoding("interval", version=1)
    known = older.decode(older.encode(tune).tokens).timeline.key
    assert (known.tonic, known.mode) == (key.tonic, "minor" if key.is_minor else "major")


def test_options_as_json_and_a_reference_that_does_not_exist():
    for encoding in (TO_KEY, TO_PREVIOUS, make_encoding("interval", inputs=["degree"], relative_to="previous")):
        assert make_encoding(**json.loads(json.dumps(encoding.to_dict()))) == encoding
    with pytest.raises(ValueError, match='relative_to must be "key" or "previous", not \'tonic\''):
        make_encoding("interval", relative_to="tonic")


def references(encoding, pitches: range | list[int], tonic: int, mode: str = "major") -> list[int]:
    """Tonics that pitches may be counted from in this key, where a tune may have these pitches."""
    tracker, allowed = encoding.tracker(), np.isin(np.arange(128), list(pitches))
    for token in [*encoding.begin("4/4"), encoding.ids.key + tonic + 12 * (mode == "minor")]:
        tracker.advance(int(token))
    open_to = legal_of(encoding, tracker) & whole(encoding, tracker, tracker.heading(allowed, None))
    return [12 * int(n - encoding.ids.octave - 1) + tonic for n in np.flatnonzero(open_to)]


@pytest.mark.parametrize(
    ("pitches", "tonic", "found"),
    [
        (range(60, 70), 10, [58]),  # Bb4, 70, would reach down to 64 alone
        (range(60, 70), 0, [60]),
        (range(60, 70), 7, [55]),  # from G4, 67, down to 61: a semitone less
        (range(60, 85), 0, [60, 72]),  # 18 semitones, up from 66, are room enough
        (range(48, 89), 0, [48, 60, 72]),
        ([60, 62, 64, 66, 67, 69], 7, [55]),
        ([72], 2, [74]),
        (range(5), 0, [0]),
        (range(120, 128), 1, [121]),
    ],
)
def test_the_octave_leaves_the_tune_the_most_room_among_the_pitches_that_it_may_have(pitches, tonic, found):
    assert references(TO_KEY, pitches, tonic) == found
    assert references(TO_KEY, pitches, tonic, "minor") == found


def test_counted_from_the_note_before_the_octave_need_only_hold_the_first_note():
    assert references(TO_PREVIOUS, range(60, 85), 0) == [60, 72, 84]
    assert references(TO_PREVIOUS, range(60, 70), 10) == [58, 70]


def test_a_heading_names_the_key_asked_for():
    tracker = TO_KEY.tracker()
    for token in TO_KEY.begin("4/4"):
        tracker.advance(int(token))
    named = tracker.heading(np.ones(128, bool), Key(0, -2, "minor"))
    open_to = legal_of(TO_KEY, tracker) & whole(TO_KEY, tracker, named)
    names = [TO_KEY.vocabulary.name_of(int(token)) for token in np.flatnonzero(open_to)]
    assert names == ["pickup", "key_minor 7"]


def test_a_melody_has_a_heading_for_each_octave_down_from_its_lowest_note():
    tune = melody([84, 83, 81], 0)
    told = TO_KEY.headings(tune)
    assert told[0].tolist() == TO_KEY.encode(tune).tokens.tolist()
    assert [named(TO_KEY, tokens)[3] for tokens in told] == [f"octave {n}" for n in range(8, 0, -1)]  # C6 to C-1
    assert named(TO_KEY, told[2])[4::2] == ["offset 30", "offset 29", "offset 27", "end"]  # from F#3 up
    for tokens in told:
        assert TO_KEY.pitches(tokens).tolist() == [84, 83, 81]
        tracker = TO_KEY.tracker()
        for token in tokens:
            assert legal_of(TO_KEY, tracker)[token]
            tracker.advance(int(token))
    for other in (TO_PREVIOUS, make_encoding("note"), make_encoding("grid"), make_encoding("lookback")):
        assert [tokens.tolist() for tokens in other.headings(tune)] == [other.encode(tune).tokens.tolist()]
