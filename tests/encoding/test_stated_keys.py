"""A melody's stated tonic and mode: in the header, in the features, moved with the melody, asked for in composing."""

import numpy as np
import pytest
from networks import Indifferent

from ritornello.encoding import encoding_from_dict, make_encoding
from ritornello.encoding.features import feature_rows
from ritornello.encoding.options import EncodingOptions
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.music.values import MODES, Key, Melody, Note, Timeline

NAMES = ["note", "grid", "lookback"]
SCALE = (62, 64, 65, 67, 69, 71, 72, 74)  # D dorian, whose notes are those of C major and A minor


def tune(key: Key | None) -> Melody:
    notes = tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate(SCALE))
    return Melody(notes, Timeline(keys=(key,) if key else ()))


def in_keys(name: str):
    return make_encoding(name, inputs=("key", "degree"), with_key=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_the_stated_key_is_a_feature_of_every_step_after_the_header(name, mode):
    encoding, key = in_keys(name), Key(0, 2, mode)
    assert [column.size for column in encoding.features[:2]] == [85, 13]
    tokens = encoding.encode(tune(key)).tokens
    rows = feature_rows(encoding, tokens)
    place = 1 + 12 * list(MODES).index(mode) + key.tonic
    header = 2 if name == "note" else 3  # groups
    assert set(rows[:header, 0].tolist()) == {0}
    assert set(rows[header:, 0].tolist()) == {place}
    last = 1 + (74 - key.tonic) % 12
    assert rows[-1, 1] == last
    assert encoding.decode(tokens).timeline.keys == (key,)


@pytest.mark.parametrize("name", NAMES)
def test_a_melody_without_a_key_has_the_one_that_its_notes_suggest(name):
    encoding = in_keys(name)
    melody = Melody(tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate((67, 71, 74, 78, 79, 74, 67))))
    assert encoding.decode(encoding.encode(melody).tokens).timeline.key == Key(0, 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("semitones", [-5, 1, 6])
def test_the_named_key_moves_with_the_melody(name, semitones):
    encoding = in_keys(name)
    moved = encoding.transpose(encoding.encode(tune(Key(0, 0, "dorian"))).tokens, semitones)
    melody = encoding.decode(moved)
    assert melody.timeline.key.mode == "dorian"
    assert melody.timeline.key.tonic == (2 + semitones) % 12
    assert [n.pitch for n in melody.notes] == [pitch + semitones for pitch in SCALE]


@pytest.mark.parametrize("name", NAMES)
def test_the_key_asked_for_is_the_one_in_the_header(name):
    encoding = in_keys(name)
    options = GenerateOptions(bars=2, key="E phrygian")
    for composed in compose(Indifferent(encoding), encoding, options, 1, range(6), pitch_range=(50, 76)):
        named = encoding.decode(composed.tokens).timeline.key
        assert (named.tonic, named.is_minor) == (
            4,
            True,
        )  # of the mode, or of the minor key that a model knows for it
        assert composed.melody.timeline.key == Key(0, 0, "phrygian")


@pytest.mark.parametrize("name", NAMES)
def test_asking_for_the_key_as_an_input_names_it_in_the_header(name):
    assert EncodingOptions(name, inputs="key").build().names_key
    assert not EncodingOptions(name).build().names_key
    in_modes = EncodingOptions(name).build_for(True, False)
    assert in_modes.names_key
    assert {"key", "degree"} <= set(in_modes.inputs)
    assert encoding_from_dict(in_modes.to_dict()) == in_modes
    asked = EncodingOptions(name, inputs="metre")
    assert asked.build_for(True, False) == asked.build()


@pytest.mark.parametrize("name", NAMES)
def test_ids_and_features_of_a_model_that_estimates_the_key_stay(name):
    old = encoding_from_dict({"name": name, "inputs": ["key", "degree"], "version": 2})
    assert old.vocabulary == make_encoding(name).vocabulary
    assert [column.size for column in old.features[:2]] == [25, 13]
    tokens = old.encode(tune(Key(0, 0, "dorian"))).tokens
    assert np.array_equal(tokens, make_encoding(name).encode(tune(None)).tokens)


def test_the_plain_grid_names_no_key():
    with pytest.raises(ValueError, match="plain grid names no key"):
        make_encoding("grid", plain=True, with_key=True)
    assert EncodingOptions("grid", plain=True).build_for(True, False).plain
