"""File names that are no text, hold blanks or steer a terminal: verbs take them, and write what can be read."""

import html
import os
import shlex
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import ritornello as rito
from ritornello import wording
from ritornello.corpus.families.variants import families_as_text

ABC = "X:1\nT:{}\nM:4/4\nL:1/4\nK:C\nCDEF|GG2A|AAAG2|C4|]\n"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two tunes whose names differ in a byte that is no UTF-8, in a folder of such a name."""
    place = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(place)
    for byte in (b"\xe8", b"\xe9"):
        with open(os.path.join(place, b"tun" + byte + b".abc"), "w") as file:
            file.write(ABC.format("Tune"))
    return Path(os.fsdecode(place))


def test_a_table_of_notes_tells_files_apart_whose_names_are_no_text(folder, little_model, tmp_path):
    pandas = pytest.importorskip("pandas")
    corpus = rito.build_corpus(folder, keep_copies=True)
    names = set(corpus.to_pandas()["source"])
    assert {Path(name).name for name in names} == {"tun\\udce8.abc", "tun\\udce9.abc"}
    rito.load_model(little_model).evaluate(corpus, split="all", per_note=tmp_path / "notes.csv")
    assert set(pandas.read_csv(tmp_path / "notes.csv")["source"]) == names


def test_parquet_tells_files_apart_whose_names_are_no_text(folder, tmp_path):
    pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rito.export_corpus(rito.build_corpus(folder, keep_copies=True), tmp_path / "tables", format="parquet")
    rows = [row for path in (tmp_path / "tables").glob("*.parquet") for row in parquet.read_table(path).to_pylist()]
    assert {Path(row["source"]).name for row in rows} == {"tun\\udce8.abc", "tun\\udce9.abc"}


def test_a_tune_names_a_primer_and_a_model_whose_names_are_no_text(folder, little_model, tmp_path):
    model = rito.load_model(shutil.copytree(little_model, folder / "mod\udce9l"))
    formats = ("mid", "abc", "musicxml", "html", "svg")
    model.generate(primer=folder / "tun\udce9.abc", bars=6, seed=1, out=tmp_path / "out", formats=formats)
    text = html.unescape((tmp_path / "out/seed1-001.musicxml").read_text("utf-8"))
    assert "composed by mod\\udce9l (sha256" in text
    assert '--primer "tun\\udce9.abc"' in text


def test_a_vote_of_models_in_a_folder_whose_name_is_no_text(folder, little_model):
    for name in ("a", "b"):
        shutil.copytree(little_model, folder / name)
    rito.vote(folder, folder / "vote.html", tunes=1, bars=2, style="caf\udce9")
    assert "caf\\udce9" in (folder / "vote.html").read_text("utf-8")


def test_a_name_that_steers_a_terminal_does_not_do_so_in_the_list_of_families(tmp_path):
    for name in ("a\nb.abc", "c\x1b[31m.abc"):
        (tmp_path / name).write_text(ABC.format("Tune"))
    text = families_as_text(rito.corpus_families(rito.build_corpus(tmp_path, keep_copies=True)))
    assert "a\\nb.abc" in text
    assert "c\\x1b[31m.abc" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("name", ["my tunes", "it's", "a;b", "$HOME", "Stücke"])
def test_a_suggested_command_can_be_pasted(name, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = command("corpus", "samples", name)
    line = next(line for line in said.out.splitlines() if "Next: " in line)
    assert shlex.split(line.partition("Next: ")[2]) == ["ritornello", "corpus", "build", name, "-o", "my-corpus"]
    said = command("corpus", "show", f"no {name}")
    words = shlex.split(said.err.split("`")[1])
    assert words == ["ritornello", "corpus", "build", "FILES", "-o", f"no {name}"]


def test_windows_has_rules_of_its_own_for_names(monkeypatch):
    monkeypatch.setattr(wording, "os", SimpleNamespace(name="nt"))
    assert wording.as_argument("my tunes\\a") == '"my tunes\\a"'
    assert wording.as_argument("runs\\a") == "runs\\a"
