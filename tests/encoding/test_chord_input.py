"""The input `chord`: the chord that sounds, the next one and when it comes, unknown unless a caller says them."""

from dataclasses import replace

import pytest

from ritornello.encoding import make_encoding
from ritornello.encoding.features import CHORD_COLUMNS, chord_columns, feature_rows, harmony_of
from ritornello.encoding.options import EncodingOptions, encoding_in_words
from ritornello.generate.primer import parse_notes
from ritornello.music.chords import read_chord
from ritornello.music.values import Key

KINDS = ("note", "interval", "grid", "lookback")
MAJOR, DOMINANT, NONE = 2, 2 + 12 * 4, 1  # values of a major chord on root 0, of a dominant seventh, of no chord
LAST = 10  # no other chord will come


def encoding_of(name: str, **options):
    return make_encoding(name, ("chord",), **options)


def with_chords(melody, *changes):
    """A melody with chords from these quarters on."""
    per = melody.timeline.ticks_per_quarter
    return replace(melody, chords=tuple((int(at * per), read_chord(name)) for at, name in changes))


def in_key(melody, fifths):
    return replace(melody, timeline=replace(melody.timeline, keys=(Key(0, fifths),)))


TUNE = with_chords(in_key(parse_notes("G4 A4 B4:2 A4 F#4 G4:2"), 1), (0, "G"), (4, "D7"), (6, "G"))


def by_note(encoding, melody, values):
    """The columns before the group that starts each note."""
    tokens = encoding.encode(melody).tokens
    return values[encoding.onsets(tokens) // len(encoding.parts)].tolist()


def columns_of(encoding, melody):
    return chord_columns(encoding, encoding.encode(melody).tokens, harmony_of(encoding, melody))


@pytest.mark.parametrize("name", KINDS)
def test_columns_are_the_chord_the_next_one_and_the_time_until_then(name):
    encoding = encoding_of(name)
    names = [feature.name for feature in encoding.features]
    assert names[: len(CHORD_COLUMNS)] == ["chord", "next_chord", "chord_left"]
    tokens = encoding.encode(TUNE).tokens
    found = by_note(encoding, TUNE, chord_columns(encoding, tokens, harmony_of(encoding, TUNE)))
    g, d7 = (0, 7) if name == "interval" else (7, 2)  # above the tonic, or above C
    half_quarters = [8, 6, 4]  # until the D7
    assert found == [
        *([MAJOR + g, DOMINANT + d7, [0, 1, 2, 3, 4, 6, 8].index(left)] for left in half_quarters),
        [DOMINANT + d7, MAJOR + g, 4], [DOMINANT + d7, MAJOR + g, 2], [MAJOR + g, 0, LAST],
    ]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_they_are_unknown_by_themselves(name):
    encoding = encoding_of(name)
    assert not feature_rows(encoding, encoding.encode(TUNE).tokens).any()


def test_they_are_unknown_in_the_header_and_before_the_first_chord():
    encoding = encoding_of("interval")
    late = with_chords(TUNE, (2, "D"))
    rows = chord_columns(encoding, encoding.encode(late).tokens, harmony_of(encoding, late)).tolist()
    assert rows[:2] == [[0, 0, 0]] * 2  # metre and key
    assert rows[2:5] == [[0, MAJOR + 7, 4], [0, MAJOR + 7, 2], [MAJOR + 7, 0, LAST]]


def test_on_stage_what_comes_is_unknown():
    encoding = encoding_of("grid")
    harmony = harmony_of(encoding, TUNE)._replace(is_open=True)
    found = by_note(encoding, TUNE, chord_columns(encoding, encoding.encode(TUNE).tokens, harmony))
    assert found[-2:] == [[DOMINANT + 2, MAJOR + 7, 2], [MAJOR + 7, 0, 0]]


def test_after_the_note_before_roots_are_counted_from_it():
    encoding = encoding_of("interval", relative_to="previous")
    tokens = encoding.encode(TUNE).tokens
    found = by_note(encoding, TUNE, chord_columns(encoding, tokens, harmony_of(encoding, TUNE)))
    before = [67, 67, 69, 71, 69, 66]  # the reference tonic, then the note before
    roots = [7, 7, 7, 2, 2, 7]
    assert [(value - 2) % 12 for value, _, _ in found] == [(r - p) % 12 for r, p in zip(roots, before, strict=True)]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("semitones", [-3, 5])
def test_they_move_with_the_melody(name, semitones):
    encoding, moved = encoding_of(name), TUNE.transposed(semitones)
    here, there = harmony_of(encoding, TUNE), harmony_of(encoding, moved)
    assert [chord[:3] for chord in here.transposed(semitones).chords] == [chord[:3] for chord in there.chords]
    rows = [chord_columns(encoding, encoding.encode(m).tokens, h) for m, h in ((TUNE, here), (moved, there))]
    assert (rows[0] == rows[1]).all() == (name == "interval")


def test_no_chord_is_a_value_and_the_bass_changes_nothing():
    encoding = encoding_of("grid")
    melody = with_chords(TUNE, (0, "N.C."), (2, "C"), (3, "C/E"), (4, "G"))
    found = by_note(encoding, melody, columns_of(encoding, melody))
    assert found[:3] == [[NONE, MAJOR, 4], [NONE, MAJOR, 2], [MAJOR, MAJOR + 7, 4]]


@pytest.mark.parametrize("name", KINDS)
def test_a_pick_up_has_its_chords_before_the_barline(name):
    encoding = encoding_of(name)
    melody = parse_notes("r:3 G4 C5 C5 C5 C5").with_pickup()
    melody = with_chords(in_key(melody, 0), (0, "G7"), (1, "C"))
    found = by_note(encoding, melody, columns_of(encoding, melody))
    assert found[:2] == [[DOMINANT + 7, MAJOR, 2], [MAJOR, 0, LAST]]


def test_a_tracker_that_knows_them_goes_on_knowing_them():
    encoding = encoding_of("interval")
    tracker, harmony = encoding.tracker(), harmony_of(encoding, TUNE)
    tracker.harmony = harmony
    rows = columns_of(encoding, TUNE)
    for n, token in enumerate(encoding.encode(TUNE).tokens.tolist()):
        if n % 2 == 0:
            assert tracker.copy().features() == rows[n // 2].tolist()
        tracker.advance(token)


@pytest.mark.parametrize("name", ["note", "interval", "grid"])
def test_a_corpus_with_chords_is_learned_with_them_unless_inputs_are_asked_for(name):
    asked = EncodingOptions(name)
    assert asked.build_for(False, False) == asked.build()
    assert asked.build_for(False, True).inputs == (*asked.build().inputs, "chord")
    assert EncodingOptions(name, inputs="metre").build_for(False, True).inputs == ("metre",)
    assert encoding_in_words(asked.build_for(False, True).to_dict()) == encoding_in_words(asked.build().to_dict())
    assert not EncodingOptions("grid", plain=True).build_for(False, True).inputs
