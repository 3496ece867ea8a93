"""`generate` writes what is asked for, says in each file how it was composed, and goes on from a song."""

import html
import json
import re
from pathlib import Path

import pytest
import soundfile
from outputs import names_in

import ritornello as rito
from ritornello.music.files import read

FORMATS = ("mid", "musicxml", "abc", "wav", "html", "svg")


def in_quarters(notes, quarter: int) -> list[tuple[float, float, int]]:
    return [(n.start / quarter, n.duration / quarter, n.pitch) for n in notes]


@pytest.fixture(scope="module")
def written(tmp_path_factory, little_model) -> Path:
    """A tune in every format, of a melodic program."""
    from ritornello.cli import main

    out = tmp_path_factory.mktemp("tunes")
    kinds = [word for kind in FORMATS[:3] for word in ("-f", kind)] + ["-f", ",".join(FORMATS[3:])]
    options = ["--seed", "7", "--bars", "3", "--temperature", "0.9", "--key", "G", "--program", "40"]
    assert main(["generate", str(little_model), "-o", str(out), *kinds, *options]) == 0
    return out


def text_of(path: Path) -> str:
    """What a file says in words, whatever it is."""
    if path.suffix == ".wav":
        with soundfile.SoundFile(path) as file:
            return f"{file.title} {file.comment}"
    return html.unescape(path.read_bytes().decode("utf-8", "replace"))


def test_every_format_is_written_under_one_name(written):
    assert names_in(written) == sorted(f"seed7-001.{kind}" for kind in FORMATS)


@pytest.mark.parametrize("kind", FORMATS[:5])
def test_each_file_has_title_and_origin(written, little_model, kind):
    text = text_of(written / f"seed7-001.{kind}")
    assert "Seed 7, tune 1" in text
    assert f"composed by {little_model.name} (sha256 " in text
    assert "seed 7, tune 1, --bars 3 --temperature 0.9 --key G" in text
    assert str(little_model.parent) not in text


@pytest.mark.parametrize("kind", ["musicxml", "abc"])
def test_scores_name_the_part_and_the_program(written, kind):
    text = text_of(written / f"seed7-001.{kind}")
    assert {"musicxml": "<part-name>Melody</part-name>", "abc": 'V:1 name="Melody"'}[kind] in text
    assert {"musicxml": "<midi-program>41</midi-program>", "abc": "%%MIDI program 40"}[kind] in text


def test_midi_names_the_part_and_the_program(written):
    mido = pytest.importorskip("mido")
    messages = list(mido.MidiFile(written / "seed7-001.mid").tracks[0])
    assert [m.name for m in messages if m.type == "instrument_name"] == ["Melody"]
    assert [m.program for m in messages if m.type == "program_change"] == [40]


@pytest.mark.parametrize("kind", ["mid", "musicxml", "abc"])
def test_what_a_file_says_changes_no_note(written, little_model, kind):
    tune = rito.load_model(little_model).generate(seed=7, bars=3, temperature=0.9, key="G")
    [piece] = read(written / f"seed7-001.{kind}")
    assert in_quarters(piece.parts[0].notes, piece.timeline.ticks_per_quarter) == in_quarters(tune.melody.notes, 480)
    assert (piece.title, piece.parts[0].syllables) == ("Seed 7, tune 1", 0)
    assert not piece.is_counted


@pytest.mark.parametrize("kind", ["musicxml", "abc"])
def test_music21_reads_the_same_part(written, kind):
    music21 = pytest.importorskip("music21")
    [piece] = read(written / f"seed7-001.{kind}")
    stream = music21.converter.parse(written / f"seed7-001.{kind}").stripTies()
    assert [n.offset for n in stream.flatten().notes] == [
        start for start, *_ in in_quarters(piece.parts[0].notes, 480)
    ]


def test_json_names_every_file(command, little_model, tmp_path):
    made = json.loads(command("generate", little_model, "-o", tmp_path, "-f", "mid,abc", "--bars", 2, "--json").out)
    assert [Path(path).suffix for path in made[0]["paths"]] == [".mid", ".abc"]
    assert made[0]["path"] == made[0]["paths"][0]


@pytest.mark.parametrize(
    ("words", "message"),
    [(("-f", "doc"), "there is no format 'doc'; choose mid,"), (("--program", "128"), "program must be 0 to 127")],
)
def test_what_cannot_be_written_is_refused_before_anything_is(command, little_model, tmp_path, words, message):
    said = command("generate", little_model, "-o", tmp_path / "out", *words)
    assert (said.status, said.err.count("\n")) == (1, 1)
    assert message in said.err
    assert not (tmp_path / "out").exists()


def test_many_notes_may_be_a_primer(little_model):
    tune = rito.load_model(little_model).generate(primer="C4:1/4 " * 100, bars=8, seed=1)
    assert [n.pitch for n in tune.melody.notes[:99]] == [60] * 99


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_request_gives_the_same_bytes(written, little_model, tmp_path, kind):
    rito.load_model(little_model / "model.safetensors").generate(
        seed=7, n=2, bars=3, temperature=0.9, key="G", program=40, out=tmp_path, formats=kind
    )
    assert (tmp_path / f"seed7-001.{kind}").read_bytes() == (written / f"seed7-001.{kind}").read_bytes()


def test_a_title_holds_no_markup(written):
    assert re.search(r"<work-title>Seed 7, tune 1</work-title>", text_of(written / "seed7-001.musicxml"))
