"""The twelve files that come with the program: nine are kept, three are named with the reason and what to do."""

import argparse
import importlib.util
import json
import sys

import mido
import pytest
from outputs import names_in

import ritornello as rito
from ritornello.cli import main
from ritornello.corpus.samples import FOLDER, SAMPLES, write_samples
from ritornello.corpus.store import Corpus

BROKEN = {  # name: reason, words of the detail, words of the remedy
    "drums-only.mid": ("drums_only", "only percussion", "add a part with pitches"),
    "half-a-download.mid": ("unreadable", "cut short", "fetch or copy the file again"),
    "forgotten-notes.mid": ("no_notes", "no notes in this MIDI file", "export it again with the notes"),
}
MELODIES = {  # notes of the melody in the source, counted there
    "old-100th.mid": 32,
    "das-wandern.mid": 64,
    "amazing-grace.kar": 35,
    "ode-to-joy-played.mid": 62,
    "nettleton-swing.mid": 63,
    "ebenezer-triplets.mid": 95,
    "slane-type-0.mid": 47,
    "first-noel-melody.mid": 73,
    "greensleeves-band.mid": 71,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The report lines of a build of the samples, by file name, and the corpus."""
    place = tmp_path_factory.mktemp("samples")
    write_samples(place / "tunes")
    assert main(["corpus", "build", str(place / "tunes"), "-o", str(place / "corpus"), "-q"]) == 0
    corpus = Corpus.load(place / "corpus")
    return {line.path.rpartition("/")[2]: line for line in corpus.report}, corpus


def test_there_are_twelve_and_the_broken_ones_say_so():
    assert len(SAMPLES) == 12
    assert {name for name, line in SAMPLES.items() if line.startswith("broken")} == set(BROKEN)


def test_nine_are_kept_with_the_melody_of_the_source(built):
    lines, _ = built
    assert len(lines) == 12
    for name, notes in MELODIES.items():
        assert lines[name].status == "kept", lines[name]
        assert abs(lines[name].notes - notes) <= 2, lines[name]  # played ones may lose a note to the grid


def test_three_are_named_with_the_reason_and_what_to_do(built):
    lines, _ = built
    for name, (reason, detail, remedy) in BROKEN.items():
        line = lines[name]
        assert (line.status, line.reason) == ("dropped", reason)
        assert detail in line.detail
        assert remedy in line.remedy


def test_the_only_doubt_is_about_the_bars_of_a_performance(built):
    lines, _ = built
    doubts = {name: [code for code, _ in line.warnings] for name, line in lines.items() if line.warnings}
    assert doubts == {"nettleton-swing.mid": ["unsure_bars"]}


def test_where_the_tune_is_neither_first_nor_highest_it_is_found(built):
    _, corpus = built
    parts = {piece.provenance["file"].rpartition("/")[2]: piece.provenance.get("part") for piece in corpus.pieces}
    assert parts["greensleeves-band.mid"] == 5
    assert parts["amazing-grace.kar"] == 3
    assert parts["das-wandern.mid"] == 3
    assert parts["slane-type-0.mid"] == 3


def test_they_are_small_and_of_several_kinds():
    assert sum((FOLDER / name).stat().st_size for name in SAMPLES) < 30_000
    files = {name: mido.MidiFile(FOLDER / name) for name in MELODIES}
    assert files["slane-type-0.mid"].type == 0
    assert len(files["slane-type-0.mid"].tracks) == 1
    texts = [m.text for track in files["amazing-grace.kar"].tracks for m in track if m.type == "text"]
    assert texts[:5] == ["@LENGL", "@TAmazing Grace", " A", "maz", "ing"]


def test_every_file_carries_its_licence_and_the_page_beside_them_names_it():
    page = (FOLDER / "README.md").read_text("utf-8")
    for name in SAMPLES:
        assert f"| {name} |" in page
        if name != "half-a-download.mid":
            notice = [m.text for t in mido.MidiFile(FOLDER / name).tracks for m in t if m.type == "copyright"]
            assert notice in (["public domain"], ["CC0-1.0"])


def test_another_file_of_such_a_name_is_not_overwritten_and_nothing_is_written(tmp_path):
    (tmp_path / "first-noel-melody.mid").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"was not made by ritornello, so it is kept.*first-noel-melody\.mid"):
        write_samples(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["first-noel-melody.mid"]


def test_writing_them_twice_does_no_harm_and_other_files_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert rito.samples(tmp_path) == rito.samples(tmp_path)
    assert {*names_in(tmp_path)} == {*SAMPLES, "notes.txt"}


def test_the_command_says_what_each_is_for(tmp_path, capsys):
    folder = str(tmp_path / "tunes")
    assert main(["corpus", "samples", folder]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and purpose.split()[0] in shown for name, purpose in SAMPLES.items())
    assert f"ritornello corpus build {folder}" in shown
    assert main(["corpus", "samples", folder, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 12
    (tmp_path / "tunes" / "old-100th.mid").write_bytes(b"mine")
    assert main(["corpus", "samples", folder]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_hymns_among_them_are_what_the_script_makes(shared_data, repo_root, monkeypatch):
    monkeypatch.syspath_prepend(str(repo_root / "scripts"))
    spec = importlib.util.spec_from_file_location("make_samples", repo_root / "scripts" / "make_samples.py")
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "make_samples", script)
    spec.loader.exec_module(script)
    options = argparse.Namespace(hymns=shared_data("hymns"), lieder=None)
    for name, make in script.MAKERS.items():
        if name != "das-wandern.mid":
            assert make(options) == (FOLDER / name).read_bytes(), name
    assert script.readme() == (FOLDER / "README.md").read_text("utf-8")
