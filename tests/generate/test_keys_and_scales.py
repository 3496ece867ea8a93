"""Keys in seven modes, pentatonic scales and scales by their pitches: what is composed in them."""

import numpy as np
import pytest
from networks import Indifferent

from ritornello.encoding import make_encoding
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.music.keys import key_name
from ritornello.music.values import Melody, Metre, Note, Timeline

ASKED = [
    ({"key": "D dorian"}, "D dorian", {2, 4, 5, 7, 9, 11, 0}),
    ({"key": "G mixolydian"}, "G mixolydian", {7, 9, 11, 0, 2, 4, 5}),
    ({"key": "A minor pentatonic"}, "A minor", {9, 0, 2, 4, 7}),
    ({"scale": "C D E G A"}, "C major", {0, 2, 4, 7, 9}),
    ({"scale": "D F G A C"}, "D minor", {2, 5, 7, 9, 0}),
    ({"key": "D", "scale": "D E F# A B"}, "D major", {2, 4, 6, 9, 11}),
]


@pytest.mark.parametrize("name", ["interval", "note", "grid", "lookback"])
@pytest.mark.parametrize(("asked", "key", "pitches"), ASKED)
def test_tunes_keep_to_the_scale_and_are_named_by_the_key(name, asked, key, pitches):
    encoding = make_encoding(name)
    options = GenerateOptions(bars=3, metre="3/4", **asked)
    for tune in compose(Indifferent(encoding), encoding, options, 1, range(4), pitch_range=(50, 76)):
        assert key_name(tune.melody.timeline.key) == key
        assert {note.pitch % 12 for note in tune.melody.notes} <= pitches


def test_a_primer_goes_on_in_the_mode():
    encoding = make_encoding("interval")
    options = GenerateOptions(bars=4, key="E phrygian")
    (tune,) = compose(Indifferent(encoding), encoding, options, 1, [0], parse_notes("E4 F4 G4"), (50, 76))
    assert [note.pitch for note in tune.melody.notes[:3]] == [64, 65, 67]
    assert key_name(tune.melody.timeline.key) == "E phrygian"


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"key": "D dorain"}, "no such key: 'D dorain'; .*locrian"), ({"scale": "C D"}, "not a scale: 'C D'"),
     ({"key": "H pentatonic"}, "no such key: 'H'")],
)  # fmt: skip
def test_what_does_not_exist_is_refused_in_a_line(asked, message):
    with pytest.raises(ValueError, match=message) as error:
        GenerateOptions(**asked)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["interval", "note", "grid", "lookback"])
@pytest.mark.parametrize("metre", ["7/8", "1/4", "11/16", "16/8", "5/2"])
def test_tunes_have_their_bars_in_any_metre(name, metre):
    encoding = make_encoding(name)
    for tune in compose(Indifferent(encoding), encoding, GenerateOptions(bars=3, metre=metre), 1, range(3)):
        timeline = tune.melody.timeline
        assert {each.name for each in timeline.metres} == {metre}
        assert len(timeline.barlines()) - 1 == 3 + (timeline.pickup > 0)


def test_a_primer_whose_metre_changes_fills_its_bars():
    encoding = make_encoding("interval")
    timeline = Timeline(480, 7 * 480, (Metre(0, 4, 4), Metre(4 * 480, 3, 4)))
    primer = Melody(tuple(Note(480 * n, 480, 60 + n) for n in range(7)), timeline)
    with pytest.raises(ValueError, match="the primer fills 2 bars: ask for at least 3"):
        compose(Indifferent(encoding), encoding, GenerateOptions(bars=2), 1, [0], primer)
    (tune,) = compose(Indifferent(encoding), encoding, GenerateOptions(bars=5), 1, [0], primer)
    assert [metre.name for metre in tune.melody.timeline.metres[:2]] == ["4/4", "3/4"]
    assert len(tune.melody.timeline.barlines()) - 1 == 5
    assert np.array_equal([note.pitch for note in tune.melody.notes[:7]], range(60, 67))
