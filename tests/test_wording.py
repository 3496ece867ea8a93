"""Messages name options in the words of the face that is used: `bars=8` in Python, `--bars 8` on the command line."""

import ast
import html
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import ritornello as rito
from ritornello.cli import main
from ritornello.cli.verbs import app
from ritornello.corpus.report import REMEDIES, dropped
from ritornello.live.stage.runner import StageOptions
from ritornello.wording import CALLS, FLAGS, filled, on_the_command_line, option

SOURCE = Path(rito.__file__).parent
FLAG = re.compile(r"(?:^|[\s(`'\"|])--(?:[a-z]|$)")
CALL = re.compile(r"\britornello (?:train|generate|render|corpus|evaluate|ports|runs|kit) ")
OF_TORCH = "torchrun --nproc-per-node"
NOT_SAID = {  # files whose strings with flags are no messages, or are of the command line alone
    "api/kits.py": "options of pip, and a page of shell commands",
    "api/voting.py": "how a page was made, as it names it",
    "live/stage/calibrate.py": "the command's `ports`",
    "live/stage/ports.py": "the command's `ports`",
    "render/gallery.py": "names of colours",
    "render/staff.py": "names of colours",
    "reports/corpora/charts.py": "names of lengths",
    "reports/corpora/explain_page.py": "names of lengths",
    "training/run/engine.py": "an option of pip",
    "wording.py": "both faces",
}


def said(path: Path) -> Iterator[str]:
    """Strings of a module that are not docstrings, words for one face, or compared with what somebody wrote."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "by_face":
            skipped |= {*ast.walk(node)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and node not in skipped:
            yield node.value


def modules() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).parts[0] != "cli"]


def named_options() -> set[str]:
    """Names that messages hand to `option`, or write in a template."""
    names = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "option":
                names |= {a.value for a in node.args[:1] if isinstance(a, ast.Constant)}
    templates = [template for template in REMEDIES.values() if "{" in template]
    return names | {name for t in templates for name in re.findall(r"\{([a-z_]+)", t)} - CALLS.keys()


def keywords() -> set[str]:
    functions = [f for f in (getattr(rito, name) for name in rito.__all__) if inspect.isfunction(f)]
    functions += [f for _, f in inspect.getmembers(rito.Model, inspect.isfunction)]
    return {name for f in functions for name in inspect.signature(f).parameters} | {*StageOptions.__annotations__}


def flags(verbs=app) -> set[str]:
    found = set()
    for name in verbs:
        if not name.startswith("-"):
            verb = verbs[name]
            found |= flags(verb)
            if verb.default_command:
                found |= {n for argument in verb.assemble_argument_collection() for n in argument.names}
    return found


def test_an_option_is_named_by_its_keyword_or_by_its_flag():
    assert option("bars") == "bars="
    assert option("bars", 8) == "bars=8"
    assert option("keep", "all") == 'keep="all"'
    assert option("replace", True) == "replace=True"
    assert option("peak_rate", 0.0005) == "peak_rate=0.0005"
    assert filled("{0} are too many: {bars:4}, {keep_copies:True}", 9) == "9 are too many: bars=4, keep_copies=True"
    with on_the_command_line():
        assert option("bars") == "--bars"
        assert option("primer_bars", 8) == "--primer-bars 8"
        assert option("base", "my songs") in ("--from 'my songs'", '--from "my songs"')
        assert option("replace", True) == "--replace"
        assert filled("lower {least_notes} or {pick:track:NAME}") == "lower --least-notes or --pick track:NAME"
    assert option("bars") == "bars="


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_message_outside_the_command_speaks_of_flags(path):
    if path.relative_to(SOURCE).as_posix() not in NOT_SAID:
        assert [text for text in said(path) if FLAG.search(text.replace(OF_TORCH, "")) or CALL.search(text)] == []


def test_the_files_that_are_left_out_are_there():
    assert [name for name in NOT_SAID if not (SOURCE / name).is_file()] == []


def test_every_option_that_a_message_names_is_there_on_both_faces():
    names = named_options()
    assert len(names) > 30
    assert names - keywords() == set()
    assert {"--" + FLAGS.get(name, name).replace("_", "-") for name in names} - flags() == set()


PYTHON = {  # what is asked for, and what the message says then
    "chords that do not fit": (lambda m, d: m.generate(chords="C | G | F", bars=4), "write bars=3 or 6"),
    "a form that is too long": (lambda m, d: m.generate(form="A8B8", bars=8), "leave bars= out, or write 16"),
    "a primer that fills the tune": (
        lambda m, d: m.generate(primer="C4:4 D4:4 E4:4", bars=2),
        "ask for at least 4 with bars=, or take only its first bars with primer_bars=",
    ),
    "seconds of a melody": (lambda m, d: m.generate(seconds=3), "write bars=, not seconds="),
    "comp without chords": (lambda m, d: m.generate(comp="block"), "ask for chords too (chords=)"),
    "a folder that is no corpus": (
        lambda m, d: rito.load_corpus(d / "none"),
        'make one with `rito.build_corpus(FILES, out="',
    ),
    "a file that is the user's": (lambda m, d: m.generate(bars=2).save(d / "mine.mid"), "replace it (replace=True)"),
    "no runs": (lambda m, d: rito.runs(d), '`rito.train(CORPUS, out="'),
}


@pytest.mark.parametrize("case", PYTHON)
def test_from_python_a_message_names_the_keyword(case, tmp_path):
    (tmp_path / "mine.mid").write_bytes(b"of the user")
    ask, words = PYTHON[case]
    with pytest.raises((ValueError, OSError)) as caught:
        ask(rito.load_model(), tmp_path)
    assert words in str(caught.value)
    assert not FLAG.search(str(caught.value))


COMMAND = {
    "chords that do not fit": (
        ["generate", "--chords", "C | G | F", "--bars", "4", "-o", "out"],
        "write --bars 3 or 6",
    ),
    "a form that is too long": (
        ["generate", "--form", "A8B8", "--bars", "8", "-o", "out"],
        "leave --bars out, or write 16",
    ),
    "seconds of a melody": (["generate", "--seconds", "3", "-o", "out"], "write --bars, not --seconds"),
    "no runs": (["runs", "."], "`ritornello train CORPUS -o ./NAME`"),
}


@pytest.mark.parametrize("case", COMMAND)
def test_on_the_command_line_it_names_the_flag(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, said = COMMAND[case]
    assert main(words) == 1
    assert said in capsys.readouterr().err


ASKED = {
    "bars": 4,
    "temperature": 0.9,
    "key": "G",
    "form": "AA'",
    "pitch_range": "55-84",
    "primer": "D4 G4",
    "seed": 1,
}
AS_CALL = 'bars=4, temperature=0.9, key="G", form="AA\'", pitch_range="55-84", primer="D4 G4"'
AS_COMMAND = '--bars 4 --temperature 0.9 --key G --form "AA\'" --range 55-84 --primer "D4 G4"'


def origins(page: str) -> list[str]:
    """What a card says of how its tune was made."""
    return re.findall(r"<dt>origin</dt><dd[^>]*>(.*?)</dd>", html.unescape(html.unescape(page)))


def test_a_card_says_how_its_tune_was_made_in_the_words_of_its_reader(tmp_path, monkeypatch):
    tune = rito.load_model("hymns").generate(**ASKED)
    assert [words.partition("tune 1, ")[2] for words in origins(tune._repr_html_())] == [AS_CALL]
    monkeypatch.chdir(tmp_path)
    words = ["generate", "hymns", "--seed", "1", "-f", "html,mid", "-o", "out", *shlex.split(AS_COMMAND)]
    assert main(words) == 0
    [said] = origins((tmp_path / "out/seed1-001.html").read_text())
    assert said.partition("tune 1, ")[2] == AS_COMMAND
    assert tune.encoded("seed1-001.mid") == (tmp_path / "out/seed1-001.mid").read_bytes()  # a file has one origin


def test_music_that_plays_says_so_too():
    tune = rito.load_model("songs-piano").generate(seconds=2, notes_per_second="4", seed=1)
    assert origins(tune._repr_html_())[0].endswith('tune 1, seconds=2, notes_per_second="4"')


def test_the_report_of_a_corpus_says_what_would_help_in_the_words_of_its_reader(tmp_path, capsys):
    line = dropped("short.mid", "too_short", "its line is 3 bars")
    assert line.remedy == "to keep it, use min_bars=3"
    with on_the_command_line():
        assert str(line).endswith("to keep it, use --min-bars 3")
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes/short.abc").write_text("X:1\nT:Short\nM:4/4\nK:C\nCDEF|\n")
    (tmp_path / "tunes/long.abc").write_text("X:1\nT:Long\nM:4/4\nL:1/4\nK:C\nCDEF|CDEF|GGGG|C4|\n")
    report = rito.build_corpus(tmp_path / "tunes", out=tmp_path / "python", min_bars=4).report
    assert str(report[1]).endswith("to keep it, use min_bars=1")
    assert main(["corpus", "build", str(tmp_path / "tunes"), "-o", str(tmp_path / "corpus"), "--min-bars", "4"]) == 0
    assert "to keep it, use --min-bars 1" in capsys.readouterr().out
    assert str(rito.load_corpus(tmp_path / "corpus").report[1]).endswith("to keep it, use min_bars=1")


def test_the_command_leaves_python_its_words():
    main(["generate", "--form", "?", "-o", "out"])
    assert option("bars", np.int64(8)) == "bars=8"
