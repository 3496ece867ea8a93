"""Keys by name and by ear."""

import pytest

from ritornello.music.keys import (
    SCALES,
    estimate_key,
    estimate_signature,
    key_name,
    key_of,
    key_on,
    parse_key,
    parse_key_and_scale,
    parse_scale,
    plain_key,
    scale_pitch_classes,
)
from ritornello.music.values import MODES, Key, Note

MAJORS = "Cb Gb Db Ab Eb Bb F C G D A E B F# C#".split()  # noqa: SIM905 - from seven flats to seven sharps
MINORS = "Ab Eb Bb F C G D A E B F# C# G# D# A#".split()  # noqa: SIM905
PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ALL = [(f"{name} major", n - 7, "major") for n, name in enumerate(MAJORS)]
ALL += [(f"{name} minor", n - 7, "minor") for n, name in enumerate(MINORS)]


@pytest.mark.parametrize(("name", "fifths", "mode"), ALL)
def test_all_thirty_keys_by_name(name, fifths, mode):
    key = Key(0, fifths, mode)
    assert key_name(key) == name
    assert parse_key(name) == key
    assert key.tonic == (PITCH_CLASSES[name[0]] + name.count("#") - name[1:2].count("b")) % 12


@pytest.mark.parametrize(
    ("name", "full"),
    [("G", "G major"), ("Bb", "Bb major"), ("F#m", "F# minor"), ("e", "E minor"), ("c#", "C# minor"),
     ("bb", "Bb minor"), ("e major", "E major"), ("Amin", "A minor"), ("A moll", "A minor"), ("A dur", "A major"),
     ("Dmaj", "D major"), ("  D  ", "D major"), ("E♭", "Eb major"), ("F♯ minor", "F# minor"), ("b", "B minor")],
)  # fmt: skip
def test_short_and_other_names(name, full):
    assert key_name(parse_key(name)) == full


@pytest.mark.parametrize(
    "name", ["", "H", "G##", "Fb", "G# major", "Dbm", "Cbm", "major", "C dorain", "C do", "C4", "A B", "#"]
)
def test_a_key_that_does_not_exist_is_named(name):
    with pytest.raises(ValueError, match="no such key") as error:
        parse_key(name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize(
    ("name", "full", "fifths", "tonic"),
    [("D dorian", "D dorian", 0, 2), ("Ddor", "D dorian", 0, 2), ("A Dor", "A dorian", 1, 9),
     ("G mix", "G mixolydian", 0, 7),
     ("E phrygian", "E phrygian", 0, 4), ("F lyd", "F lydian", 0, 5), ("B locrian", "B locrian", 0, 11),
     ("C# dorian", "C# dorian", 5, 1), ("Bb mixolydian", "Bb mixolydian", -3, 10), ("Eb lydian", "Eb lydian", -2, 3),
     ("C ionian", "C major", 0, 0), ("A aeolian", "A minor", 0, 9), ("d dorian", "D dorian", 0, 2)],
)  # fmt: skip
def test_a_key_has_a_tonic_and_one_of_seven_modes(name, full, fifths, tonic):
    key = parse_key(name)
    assert (key_name(key), key.fifths, key.tonic) == (full, fifths, tonic)
    assert parse_key(full) == key


@pytest.mark.parametrize("mode", MODES)
def test_a_scale_holds_the_white_keys_from_its_tonic(mode):
    key = Key(0, 0, mode)
    assert {(key.tonic + degree) % 12 for degree in SCALES[mode]} == {0, 2, 4, 5, 7, 9, 11}
    assert SCALES[mode][2] == (3 if key.is_minor else 4)


@pytest.mark.parametrize(
    ("tonic", "alter", "fifths", "stated", "name"),
    [("F", 0, -3, "minor", "F dorian"), ("f", 0, -4, "minor", "F minor"), ("D", 0, 1, "major", "D mixolydian"),
     ("D", 0, 0, None, "D dorian"), ("E", 0, 0, "minor", "E phrygian"), ("D", 0, -1, "dorian", "D dorian"),
     ("A", 0, 1, "major", "A major"), ("B", -1, None, "mixolydian", "Bb mixolydian"),
     ("D", 0, None, None, "D major")],
)  # fmt: skip
def test_a_tonic_is_kept_whatever_the_signature(tonic, alter, fifths, stated, name):
    assert key_name(key_on(tonic, alter, fifths, stated)) == name


@pytest.mark.parametrize(
    ("key", "plain"),
    [("D dorian", "D minor"), ("G mixolydian", "G major"), ("E phrygian", "E minor"), ("F lydian", "F major"),
     ("B locrian", "B minor"), ("G major", "G major"), ("G# dorian", "G# minor")],
)  # fmt: skip
def test_a_mode_has_a_plain_key_with_its_tonic_and_third(key, plain):
    assert key_name(plain_key(parse_key(key))) == plain


@pytest.mark.parametrize(
    ("text", "name", "classes"),
    [("C D E G A", "C major", {0, 2, 4, 7, 9}), ("A C D E G", "A minor", {9, 0, 2, 4, 7}),
     ("D E F G A B C", "D dorian", {2, 4, 5, 7, 9, 11, 0}),
     ("G, A, B, C, D, E, F", "G mixolydian", {7, 9, 11, 0, 2, 4, 5}),
     ("F# A B", "F# minor", {6, 9, 11})],
)  # fmt: skip
def test_a_scale_is_read_by_its_pitches_with_the_tonic_first(text, name, classes):
    key, found = parse_scale(text)
    assert (key_name(key), found) == (name, classes)


@pytest.mark.parametrize("text", ["D dorian", "A minor pentatonic", "g mixolydian"])
def test_a_scale_may_be_named_by_its_key(text):
    assert parse_scale(text) == parse_key_and_scale(text)


@pytest.mark.parametrize(
    ("text", "meant"), [("D dorien", "D dorian"), ("F# minr", "F# minor"), ("Bb lidian", "Bb lydian")]
)
@pytest.mark.parametrize("parse", [parse_scale, parse_key])
def test_a_mode_that_is_written_nearly_right_is_asked_for(parse, text, meant):
    with pytest.raises(ValueError, match=f'did you mean "{meant}"'):
        parse(text)


@pytest.mark.parametrize("text", ["", "C", "C D", "C D H", "C4 E4 G4", "C C# Db"])
def test_what_is_no_scale_is_named(text):
    with pytest.raises(ValueError, match=r"not a scale.*as in C D E G A"):
        parse_scale(text)


def test_a_pentatonic_scale_has_five_pitches_of_its_key():
    assert parse_key_and_scale("A minor pentatonic") == (parse_key("Am"), {9, 0, 2, 4, 7})
    assert parse_key_and_scale("G pentatonic") == (parse_key("G"), {7, 9, 11, 2, 4})
    assert parse_key_and_scale("D dorian") == (parse_key("D dorian"), {0, 2, 4, 5, 7, 9, 11})


def test_scales():
    assert scale_pitch_classes(parse_key("C")) == {0, 2, 4, 5, 7, 9, 11}
    assert scale_pitch_classes(parse_key("D")) == {2, 4, 6, 7, 9, 11, 1}
    assert scale_pitch_classes(parse_key("Am")) == {9, 11, 0, 2, 4, 5, 7, 8}  # with its leading tone, G sharp


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_the_key_of_a_pitch_class_has_the_fewest_accidentals(tonic, mode):
    key = key_of(tonic, mode)
    assert key.tonic == tonic
    assert key.mode == mode
    assert -6 <= key.fifths <= 5  # six flats rather than six sharps


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_a_scale_up_and_down_with_a_long_tonic_is_in_its_key(tonic, mode):
    degrees = [*SCALES[mode], 12, *reversed(SCALES[mode])]
    notes = [Note(n * 10, 10, 55 + tonic + degree) for n, degree in enumerate(degrees)]
    notes.append(Note(len(notes) * 10, 40, 55 + tonic))
    key, confidence = estimate_key(notes)
    assert (key.tonic, key.mode) == ((55 + tonic) % 12, mode)
    assert 0 < confidence <= 1


def test_a_tune_that_everyone_knows():
    # "Twinkle, twinkle, little star" in D: durations in quarters
    pitches = [62, 62, 69, 69, 71, 71, 69, 67, 67, 66, 66, 64, 64, 62]
    lengths = [1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2]
    key, _ = estimate_key(
        [Note(n, length, pitch) for n, (pitch, length) in enumerate(zip(pitches, lengths, strict=True))]
    )
    assert key_name(key) == "D major"


def test_the_estimate_weighs_durations_and_not_counts():
    often = [Note(n, 1, 61 + n % 2 * 5) for n in range(20)]  # C sharp and F sharp, short
    long = [Note(100, 500, 60), Note(600, 500, 64), Note(1100, 500, 67)]
    assert key_name(estimate_key([*often, *long])[0]) == "C major"


def test_no_notes_and_every_note_alike_say_nothing():
    assert estimate_key([]) == (Key(0, 0, "major"), 0.0)
    key, confidence = estimate_key([Note(n, 7, 60 + n) for n in range(12)])
    assert (key.fifths, confidence) == (0, 0.0)


def test_confidence_is_higher_where_the_key_is_plainer():
    plain = [Note(n, 1, 60 + d) for n, d in enumerate((0, 4, 7, 12, 7, 4, 0))]
    vague = [Note(n, 1, 60 + d) for n, d in enumerate((0, 2, 4, 6, 8, 10))]
    assert estimate_key(plain)[1] > estimate_key(vague)[1] >= 0


def tune(pitches, lengths=None):
    lengths = lengths or [1] * len(pitches)
    return [
        Note(sum(lengths[:n]), length, pitch) for n, (pitch, length) in enumerate(zip(pitches, lengths, strict=True))
    ]


@pytest.mark.parametrize("up", range(12))
@pytest.mark.parametrize(
    ("pitches", "fifths"),
    [
        ([60, 62, 64, 60, 60, 62, 64, 60, 64, 65, 67, 64, 65, 67, 60, 55, 60], 0),  # Frère Jacques has no seventh
        ([67, 64, 67, 69, 67, 64, 62, 64, 60, 62, 60], 0),  # five notes of a scale, C at the end
        ([69, 71, 72, 74, 76, 72, 69, 71, 68, 69], 0),  # A minor with its leading note
        ([62, 69, 69, 67, 65, 64, 65, 67, 69, 62, 60, 62], 0),  # D dorian, or D minor without its sixth
        ([60, 64, 67, 66, 67, 69, 67, 65, 64, 62, 60], 0),  # a raised fourth on the way to the fifth
    ],
)
def test_a_signature_is_estimated_in_any_key(pitches, fifths, up):
    found = estimate_signature(tune([pitch + up for pitch in pitches]))
    assert -6 <= found <= 5
    assert (found - fifths - 7 * up) % 12 in ({0, 11} if pitches[0] == 62 else {0})


def test_no_notes_have_no_signature():
    assert estimate_signature([]) == 0
