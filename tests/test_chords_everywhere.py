"""Chords from the command and from Python: what is legal, what sounds and is written, what is refused in a line."""

import json
from dataclasses import replace

import pytest

import ritornello as rito
from ritornello.api.model import Model
from ritornello.encoding import make_encoding
from ritornello.generate.primer import parse_notes
from ritornello.model.alphabet import Alphabet
from ritornello.model.file import ModelFile, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.chords import read_chord
from ritornello.music.files import read

ENCODING = make_encoding("interval", ("position", "countdown", "chord"))
PROGRESSIONS = {
    "major": {
        "first": {"": {"I": 4}},
        "other": {"I": {"IV": 4}, "IV": {"I IV": 2}},
        "last but one": {"IV": {"V7": 4}},
        "last": {"V7": {"I": 3}},
    }
}


@pytest.fixture(scope="module")
def file(make_tensors):
    """A model of random weights that knows chords."""
    alphabet = Alphabet.of(ENCODING)
    tensors = make_tensors(
        ENCODING.vocabulary.size, scale=0.2, seed=2, second=alphabet.parts[1], side=alphabet.features
    )
    corpus = {"compass": [55, 79], "metres": {"3/4": 1}, "keys": {"C major": 1}, "progressions": PROGRESSIONS}
    network = NetworkOptions(2, 16, 16, chain=tensors["chain.input"].shape[0])
    return ModelFile(tensors, network, ENCODING, {"corpus": corpus})


@pytest.fixture(scope="module")
def model(file):
    return Model(file, "little")


def names(tune) -> list[str]:
    return [chord.name() for _, chord in tune.melody.chords]


def test_chords_fill_the_tune_and_are_named_in_its_origin(model):
    tune = model.generate(chords="C | Am F | G7 | C", seed=1)
    assert names(tune) == ["C", "Am", "F", "G7", "C"]
    assert '--chords "C | Am F | G7 | C"' in tune.imprint.origin
    assert "--bars 8" not in tune.imprint.origin
    tune = model.generate(chords="C | G7", bars=4, seed=1)
    assert names(tune) == ["C", "G7", "C", "G7"]


def test_chords_of_a_melody_bring_its_metre_and_its_bars(model):
    song = parse_notes("C4 D4 E4 F4 G4:3 C4", "4/4")
    song = replace(song, chords=((0, read_chord("C")), (1920, read_chord("G7")), (3360, read_chord("C"))))
    tune = model.generate(chords=song, seed=1)
    assert names(tune) == ["C", "G7", "C"]
    assert tune.melody.timeline.metre.name == "4/4"
    timeline = tune.melody.timeline
    quarters = [(tick - timeline.pickup) / timeline.ticks_per_quarter for tick, _ in tune.melody.chords]
    assert quarters == [0, 4, 7]


def test_drawn_chords_differ_from_tune_to_tune_and_end_as_people_s(model):
    tunes = model.generate(chords="auto", bars=4, n=4, seed=1)
    assert {tuple(names(tune)) for tune in tunes} == {("C", "F", "G7", "C")}
    with pytest.raises(ValueError, match="no chords in minor: ask for another key, or write the chords"):
        model.generate(chords="auto", key="A minor")


def test_they_are_heard_in_a_part_of_their_own(model, tmp_path):
    paths = [tmp_path / f"{style}.mid" for style in ("none", "block", "broken")]
    tunes = [model.generate(chords="C | F | G7 | C", comp=path.stem, seed=1) for path in paths]
    for tune, path in zip(tunes, paths, strict=True):
        tune.save(path)
    melody, block, broken = (read(path)[0].parts for path in paths)
    assert [len(parts) for parts in (melody, block, broken)] == [1, 2, 2]
    assert melody[0].notes == block[0].notes == broken[0].notes
    assert 0 < len(block[1].notes) < len(broken[1].notes)
    assert model.generate(chords="C | F | G7 | C", seed=1).comp == "block"
    assert len(tunes[0].exhibit(is_small=True).audio) != len(tunes[1].exhibit(is_small=True).audio)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"chords": "C | Hm | G"}, "chords, bar 2: no such chord: 'Hm'"),
        ({"chords": "C | F | G", "bars": 8}, "cannot be repeated to fill 8: write bars=3 or 6"),
        ({"chords": "C | F | G", "bars": 2}, "fill 3 bars, and only 2 are asked for"),
        ({"chords": "C | F | G | C", "key": "F#"}, "F# major contradicts the chords"),
        ({"comp": "block"}, "ask for chords too"),
        ({"chords": "C", "comp": "loud"}, "comp must be none, block or broken, not 'loud'"),
        ({"chords": ""}, "bar 1 is empty"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(model, options, line):
    with pytest.raises(ValueError) as refused:
        model.generate(seed=1, **options)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_tune_without_chords_is_refused_by_its_name(model, tmp_path):
    path = tmp_path / "plain.mid"
    rito.music.write(parse_notes("C4 D4 E4"), path)
    with pytest.raises(ValueError, match=r"plain\.mid: there are no chords in it"):
        model.generate(chords=str(path))


def test_models_without_chords_say_what_they_can_do(make_tensors):
    encoding = make_encoding("grid")
    plain = Model(ModelFile(make_tensors(encoding.vocabulary.size), NetworkOptions(2, 16, 16), encoding), "plain")
    with pytest.raises(ValueError, match=r"trained on tunes without chords .* key= or scale="):
        plain.generate(chords="C | G")


def test_the_command_takes_them(command, file, tmp_path):
    save_model(tmp_path / "little.safetensors", file)
    out = tmp_path / "out"
    done = command(
        "generate", str(tmp_path / "little.safetensors"), "-o", str(out), "--chords", "C | Am F | G7 | C",
        "--comp", "broken", "--seed", "3", "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    [path] = [each["path"] for each in json.loads(done.out)]
    assert len(read(path)[0].parts) == 2
    refused = command("generate", str(tmp_path / "little.safetensors"), "-o", str(out), "--chords", "C | Hm")
    assert refused.status == 1
    assert "no such chord: 'Hm'" in refused.err


def test_the_default_model_follows_chords_on_strong_beats_and_pays_less_with_them():
    default = rito.load_model()
    assert "chord" in [feature.name for feature in default.encoding.features]
    tunes = default.generate(chords="G | C D | Em Am | D7 G", metre="4/4", bars=8, n=30, seed=1)
    tones, strong = 0, 0
    for tune in tunes:
        timeline = tune.melody.timeline
        for note in tune.melody.notes:
            chord = tune.melody.chord_at(note.start)
            if chord is not None and (note.start - timeline.pickup) % (2 * timeline.ticks_per_quarter) == 0:
                strong, tones = strong + 1, tones + (note.pitch % 12 in chord.pitch_classes)
    assert strong > 200
    assert tones / strong > 0.9  # people's are 0.98 in hymns
    figures = default.metadata["held_out"]["network"]
    assert figures["bits_per_note_with_chords"] < figures["bits_per_note_without_chords"] - 0.2
