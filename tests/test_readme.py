"""The README, run as written: every `ritornello` line word for word, the Python as it stands.

Two things are made smaller, nothing else (see `make_training_short`): training takes a second instead of its
minutes, and the demo reads the hymns alone. Lines of make, pip and git are only checked to name what exists.
"""

import re
import shlex
import tomllib

import pytest

from ritornello.api import load_model
from ritornello.cli import main
from ritornello.corpus.pick.pick import pick_melody
from ritornello.music.files import read, write
from ritornello.training.plan import Setting, TrainOptions, make_plan


@pytest.fixture(scope="module")
def readme(repo_root) -> str:
    return (repo_root / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def shell_lines(text: str) -> list[list[str]]:
    """The words of every command in the sh blocks, comments and `&&` taken apart."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    commands = [command for line in lines for command in line.split("&&")]
    return [words for command in commands if (words := shlex.split(command, comments=True))]


@pytest.fixture(scope="module")
def tunes(tmp_path_factory, repo_root):
    """The forty hymns in the repository as MIDI files."""
    folder = tmp_path_factory.mktemp("readme") / "my_midi_folder"
    for path in sorted((repo_root / "tests/fixtures/hymns").glob("*.abc")):
        write(pick_melody(read(path)[0]), folder / f"{path.stem}.mid")
    return folder


@pytest.fixture
def workplace(tunes, tmp_path, monkeypatch, make_training_short):
    """A folder with `my_midi_folder` to work in, where training is short."""
    (tmp_path / "my_midi_folder").symlink_to(tunes, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    make_training_short(monkeypatch)
    return tmp_path


@pytest.mark.parametrize("picture", ["melody", "form"])
def test_a_picture_is_what_the_command_beside_it_draws(readme, repo_root, picture, tmp_path, monkeypatch):
    place = readme.index(f"](docs/{picture}.svg)")
    commands = re.finditer(r"`ritornello (generate [^`]*-o (\w+))`", readme)
    words, out = min(commands, key=lambda found: abs(found.start() - place)).groups()
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(words)) == 0
    [drawn] = (tmp_path / out).glob("*.svg")
    assert drawn.read_bytes() == (repo_root / f"docs/{picture}.svg").read_bytes()


def test_the_sixteen_tunes_are_what_the_default_model_composes(repo_root):
    model = load_model()
    folder, seeds = repo_root / "docs/sixteen", range(1, 17)
    other = [n for n in seeds if model.generate(seed=n).encoded("a.abc") != (folder / f"seed{n:02}.abc").read_bytes()]
    assert other == [], "python scripts/make_sixteen.py; then look, listen, and write verdicts"


def test_every_command_runs_as_written(readme, workplace, capsys):
    commands = [words[1:] for words in shell_lines(readme) if words[0] in ("ritornello", "rito")]
    verbs = {"corpus", "demo", "evaluate", "generate", "harmonise", "jam", "render", "rewrite", "runs", "train"}
    assert {words[0] for words in commands} == verbs
    for words in commands:
        if words[0] == "jam" and "--virtual-time" not in words:
            continue  # in real time, with a keyboard: see tests/cli/test_jam_live.py
        status = main(words)
        said = capsys.readouterr()
        # training is short here on a part of the tunes that the shipped models learned; folds say how far they are
        complaints = [line for line in said.err.splitlines() if not re.search("not at hand|fold . of", line)]
        assert (status, complaints) == (0, []), words
    assert len(list((workplace / "tunes").glob("*.mid"))) == 4
    assert (workplace / "demo/index.html").is_file()


@pytest.mark.parametrize("minutes", [None, 3])
def test_training_is_short_here_whether_or_not_its_minutes_are_given(workplace, minutes):
    setting = Setting("numpy", "cpu", "fp32", 1, updates_per_second=10.0)
    assert make_plan(TrainOptions(minutes), 10_000, setting).seconds < 2


def test_the_python_runs_as_written(readme, workplace):
    code, _ = blocks(readme, "python")
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert read("tune.mid")[0].parts[0].notes == names["tune"].melody.notes
    assert len(names["corpus"].report) == 40
    assert "<iframe" in names["tune"]._repr_html_()


def test_the_parts_of_training_run_as_written_in_ten_lines(readme, capsys):
    _, code = blocks(readme, "python")
    assert len([line for line in code.splitlines() if line]) <= 10
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    checks = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Check(")]
    assert len(checks) == 3
    assert "stopped='finished'" in checks[-1]
    assert names["engine"].nll(names["validation"]) < 1.2  # of ln 130 = 4.9 at the beginning


def test_make_pip_and_git_name_what_exists(readme, repo_root):
    others = [words for words in shell_lines(readme) if words[0] not in ("ritornello", "rito")]
    assert {words[0] for words in others} <= {"make", "pip"}
    project = tomllib.loads((repo_root / "pyproject.toml").read_text("utf-8"))["project"]
    for words in others:
        if words[0] == "pip":
            name, _, extra = words[-1].rstrip("]").partition("[")
            assert words[1] == "install"
            assert name in (".", "jupyterlab")  # the program comes from the copy: there is no release yet
            assert not extra or extra in project["optional-dependencies"]
    addresses = re.findall(r"git clone (\S+?)`", readme)
    assert {*addresses} <= {*project.get("urls", {}).values()}  # none before the project has one
    targets = set(re.findall(r"^([a-z]+):", (repo_root / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert (
        set(re.findall(r"\bmake ([a-z]+)", " ".join(re.findall(r"`[^`]*`|^make.*", readme, re.MULTILINE)))) <= targets
    )


def test_every_picture_and_file_that_is_linked_is_there(readme, repo_root):
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert links
    assert [link for link in links if "://" not in link and not (repo_root / link).is_file()] == []


def test_every_folder_of_the_tree_is_there_and_has_its_duty(readme, repo_root):
    [tree] = re.findall(r"^```\n(src/ritornello/\n.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    shown = dict(re.findall(r"^  (\S+)\s+(\S.*)$", tree, re.MULTILINE))
    source = repo_root / "src/ritornello"
    folders = {f"{p.name}/" for p in source.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == {name for name in shown if name.endswith("/")}
    for name in re.findall(r"^(\S+/)", tree, re.MULTILINE):
        assert (repo_root / name).is_dir(), name
