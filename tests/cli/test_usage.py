"""What the command answers to wrong words, and how it is laid out: for people who know other programs."""

import re
import sys

import pytest

from ritornello.cli.console import Console
from ritornello.encoding.options import ENCODINGS
from ritornello.generate.choice.sections import VARIED
from ritornello.model.options import preset_names


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("generate --tempo 90", "--qpm"),
        ("generate --bpm=90", "--qpm"),
        ("generate --length 8", "--bars"),
        ("generate --output x", "--out"),
        ("generate --temperatur 1", "--temperature"),
        ("train hymns --epochs 3", "--updates"),
        ("train hymns --lr 0.1", "--peak-rate"),
        ("train hymns --learning-rate 0.1", "--peak-rate"),
        ("train hymns --time 3", "--minutes"),
        ("train hymns --batch-size 3", "--streams"),
        ("train hymns --seq_length 3", "--bptt-steps"),
        ("corpus build x -o y --force", "--replace"),
    ],
)
def test_an_option_of_other_programs_is_answered_with_ours(command, words, meant):
    status, out, err = command(*words.split())
    option = words.split(" --")[-1].split("=")[0].split()[0]
    assert (status, out) == (2, "")
    assert err == f"ritornello: there is no option --{option}; did you mean {meant}? (try --help)\n"


def test_an_option_that_nothing_is_like_is_named_alone(command):
    assert command("generate", "--zzz", "1").err == "ritornello: there is no option --zzz (try --help)\n"


def test_a_word_too_many_is_named(command):
    error = "ritornello: there is a word too many: songs (try --help)\n"
    assert command("train", "hymns", "songs", "-o", "x") == (2, "", error)


@pytest.mark.parametrize(
    ("words", "lack"),
    [
        ("generate -o x --seed", "--seed needs a value"),
        ("train hymns -o", "-o needs a value"),
        ("corpus build x", "missing --out"),
        ("evaluate", "missing MODEL"),
        ("render", "missing FILE"),
    ],
)
def test_what_is_missing_is_named(command, words, lack):
    assert command(*words.split()) == (2, "", f"ritornello: {lack} (try --help)\n")


@pytest.mark.parametrize(
    "verb", ["train", "generate", "evaluate", "render", "demo", "runs", "corpus build", "corpus show"]
)
def test_help_names_no_empty_default(command, verb, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = command(*verb.split(), "--help").out
    words = re.sub(r"[\s│]+", " ", shown)
    assert '[default: ""]' not in words
    assert "[default: None]" not in words
    assert "[default: False]" not in words


def test_each_example_of_train_has_a_line_of_its_own(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = [line.strip() for line in command("train", "--help").out.splitlines()]
    assert "Example: ritornello train songs -o my-run --minutes 3" in lines
    assert "Resume a run that was stopped: ritornello train --resume my-run" in lines
    assert "torchrun --nproc-per-node 2 -m ritornello train songs -o my-run" in lines


@pytest.mark.parametrize("words", ["generate --model songs", "train --corpus=hymns", "evaluate --model songs"])
def test_what_has_no_option_but_a_place_is_said_so(command, words):
    status, _, error = command(*words.split())
    assert status == 2
    assert "right behind the command, without" in error


def test_help_of_train_names_every_encoding_and_every_preset(command):
    words = re.findall(r"[a-z]+(?:-[a-z]+)*", command("train", "--help").out)
    assert set(ENCODINGS) | set(preset_names()) <= set(words)


def test_help_and_the_page_say_how_much_of_a_section_is_varied(command, repo_root):
    share = {0.25: "a quarter", 0.5: "half"}[VARIED]
    words = re.sub(r"[\s│]+", " ", command("generate", "--help").out)
    assert f"AA'BA' ({share} of its bars drawn anew for each ')" in words
    page = " ".join((repo_root / "docs" / "control.md").read_text("utf-8").split())
    assert f"For each `'` {share} of its bars are drawn anew" in page


def test_a_table_fits_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    header = ["run", "network", "encoding", "updates", "minutes", "bits per note", "than n-gram", "stopped"]
    row = ["my-run", "2 x 256 lstm", "interval with memory", "1,234", "3.0", "4.321", "-1.675", "after its minutes"]
    text = Console().table(header, [row])
    assert max(map(len, text.splitlines())) <= 60
    assert text.startswith("my-run\n  network 2 x 256 lstm; encoding interval with memory;")
    monkeypatch.setenv("COLUMNS", "160")
    assert len(Console().table(header, [row]).splitlines()) == 2


def test_progress_stays_off_standard_output(command, hymn_folder, tmp_path):
    out = command("corpus", "build", hymn_folder, "-o", tmp_path / "c").out
    assert "reading" not in out


def test_a_folder_of_many_tunes_is_summed_up_before_training(command, hymn_folder, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    [hymn, *_] = sorted(hymn_folder.glob("*.abc"))
    content = hymn.read_bytes()
    for number in range(30):
        (many / f"{number:03}.abc").write_bytes(content)
    words = ["--updates", "1", "--preset", "tiny", "--threads", "1", "--bptt-steps", "8"]
    out = command("train", many, "-o", tmp_path / "run", *words).out
    assert sum(".abc" in line for line in out.splitlines()) <= 21
    assert "30 tunes" in out or "29 " in out  # copies of one another


def test_the_help_of_train_names_every_encoding_and_every_preset(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    shown = command("train", "--help").out
    assert [name for name in (*ENCODINGS, *preset_names()) if name not in shown] == []
