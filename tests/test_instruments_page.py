"""docs/instruments.md, run as written: every command that needs no hardware; the others name what exists."""

import importlib.util
import json
import re
import shlex
import tomllib

import pytest

from ritornello.cli import main
from ritornello.live.dials import Dials
from ritornello.live.stage.keyboard import HELP
from ritornello.live.stage.presets import preset_names, read_preset
from ritornello.music.files import read

MOST_SOUND = 2_000_000  # bytes of all sounds of the page


@pytest.fixture(scope="module")
def page(repo_root) -> str:
    return (repo_root / "docs/instruments.md").read_text("utf-8")


def commands(page: str) -> list[list[str]]:
    """The words of every command in the sh blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def needs_hardware(words: list[str]) -> bool:
    return words[1] == "ports" or (words[1] == "jam" and not {"--virtual-time", "--replay"} & {*words})


def test_every_command_without_hardware_runs_as_written(
    page, repo_root, tmp_path, monkeypatch, capsys, make_training_short
):
    (tmp_path / "examples").symlink_to(repo_root / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    make_training_short(monkeypatch)
    run = [words for words in commands(page) if not needs_hardware(words)]
    assert len(run) >= 10
    for words in run:
        assert main(words[1:]) == 0, (words, capsys.readouterr().err)
    assert "bit for bit" in capsys.readouterr().out
    made = {"first.html", "after.html", "evening.mid", *(f"{n}.mid" for n in preset_names())}
    assert made <= {path.name for path in tmp_path.iterdir()}


def test_commands_for_the_stage_name_options_and_ports_that_exist(page, capsys):
    lines = re.findall(r"`(ritornello jam [^`]*)`", page.replace("\n", " "))
    words = [word for line in lines for word in shlex.split(line)] + [w for c in commands(page) for w in c]
    for verb in ("jam", "ports"):
        main([verb, "--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    asked = {word for word in words if word.startswith("--")}
    assert asked - known <= {"--from", "--minutes", "--help"}
    assert {"--midi-in", "--midi-out", "--osc", "--link", "--keys", "--sound"} <= asked


def test_the_preset_that_is_shown_is_the_shipped_one(page, tmp_path):
    [text] = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    shown = tomllib.loads(text)
    shipped = read_preset("duet")
    assert (shown["title"], shown["dials"]) == (shipped.title, shipped.dials)
    assert {int(number): name for number, name in shown["controllers"].items()} == shipped.controllers
    for name in preset_names():
        Dials(**read_preset(name).dials)
        assert f"--preset {name}" in page


def test_the_keys_that_it_names_are_those_of_the_keyboard(page):
    for named in (
        "Z X octave",
        "C V loudness",
        "space your turn",
        "enter tap",
        "n preset",
        "m learn",
        "escape panic",
    ):
        assert named in HELP
    for key in ("`N` takes the next preset", "`M` gives a controller to a dial", "space:", "Enter taps"):
        assert key in page


@pytest.fixture(scope="module")
def make_pieces(repo_root):
    spec = importlib.util.spec_from_file_location("make_pieces", repo_root / "scripts/make_pieces.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_show_what_is_played_today(make_pieces, repo_root):
    folder = repo_root / "docs/instruments"
    stale = [
        name
        for name, recipe in make_pieces.PIECES.items()
        if make_pieces.roll_of(make_pieces.performed(recipe).piece) != (folder / f"{name}.svg").read_text("utf-8")
    ]
    assert stale == [], "python scripts/make_pieces.py; then look, listen, and correct the page"


def test_the_players_parts_are_those_of_the_examples(make_pieces, repo_root):
    for name in make_pieces.PLAYERS:
        [piece] = read(repo_root / f"examples/pieces/{name}.mid")
        notes = [(note.start, note.pitch) for note in make_pieces.player_of(name).notes]
        scale = make_pieces.player_of(name).timeline.ticks_per_quarter / piece.timeline.ticks_per_quarter
        assert [(note.start * scale, note.pitch) for note in piece.parts[0].notes] == notes


def test_pictures_and_sounds_are_there_small_and_measured(page, repo_root):
    links = re.findall(r"\]\(([^)#]+)\)", page)
    assert [link for link in links if not (repo_root / "docs" / link).is_file()] == []
    sounds = [repo_root / "docs" / link for link in links if link.endswith(".ogg")]
    assert len(sounds) == 5
    assert sum(path.stat().st_size for path in sounds) < MOST_SOUND
    figures = json.loads((repo_root / "docs/instruments/measured.json").read_text("utf-8"))
    assert len([link for link in links if link.endswith(".svg")]) == len(figures) == 12
    for path in sounds:
        found = figures[path.stem]
        assert -12 < found["peak_dbfs"] <= -3
        assert -32 < found["rms_dbfs"] < -18
        assert found["onsets_heard"] >= 0.7 * found["onsets"]  # a repeated note of a held sound rises little
    assert all(found["played"] for found in figures.values())
