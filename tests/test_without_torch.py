"""What does not train starts and works without torch: each in a process of its own, imports blocked or listed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from outputs import names_in

import ritornello

SOURCE = Path(ritornello.__file__).parents[1]
HYMN = Path(__file__).parent / "fixtures/hymns/Away_In_A_Manger-Mueller.abc"
BLOCKADE = """
import sys


class Blockade:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is blocked in this test")
        return None


sys.meta_path.insert(0, Blockade())
"""


@pytest.fixture(scope="session")
def blockade(tmp_path_factory) -> Path:
    """A folder for PYTHONPATH whose sitecustomize makes `import torch` fail."""
    folder = tmp_path_factory.mktemp("blockade")
    (folder / "sitecustomize.py").write_text(BLOCKADE, encoding="utf-8")
    return folder


def python(words: list[object], *paths: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(p) for p in (*paths, SOURCE))}
    command = [sys.executable, *(str(word) for word in words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def succeed(blockade: Path, *words: object) -> str:
    done = python(["-m", "ritornello", *words], blockade)
    complaints = [line for line in done.stderr.splitlines() if ": the tune is part" not in line]
    assert (done.returncode, complaints) == (0, [])
    return done.stdout


def test_the_blockade_holds(blockade):
    done = python(["-c", "import torch"], blockade)
    assert done.returncode == 1
    assert "torch is blocked in this test" in done.stderr


def test_help_and_the_python_face_start(blockade):
    assert "generate" in succeed(blockade, "--help")
    names = "ritornello.Model, ritornello.train, ritornello.build_corpus, ritornello.read"
    assert python(["-c", f"import ritornello; {names}"], blockade).returncode == 0


def test_a_corpus_is_built_and_shown(blockade, tmp_path, hymn_folder):
    assert "kept 10 of 10 files" in succeed(blockade, "corpus", "build", hymn_folder, "-o", tmp_path / "corpus")
    assert "10 pieces" in succeed(blockade, "corpus", "show", tmp_path / "corpus")


def test_generate_composes(blockade, tmp_path, little_model):
    succeed(blockade, "generate", little_model, "--seed", 1, "-o", tmp_path)
    assert names_in(tmp_path) == ["seed1-001.mid"]


def test_evaluate_scores(blockade, little_model, hymn_corpus):
    score = json.loads(succeed(blockade, "evaluate", little_model, hymn_corpus, "--json"))
    assert score["bits_per_note"] > 0


@pytest.mark.parametrize("suffix", ["svg", "wav", "html", "musicxml"])
def test_render_draws_and_sounds(blockade, tmp_path, suffix):
    succeed(blockade, "render", HYMN, "-o", tmp_path / f"tune.{suffix}")
    assert (tmp_path / f"tune.{suffix}").stat().st_size > 1000


def test_train_trains(blockade, tmp_path, hymn_corpus):
    said = succeed(blockade, "train", hymn_corpus, "-o", tmp_path / "run", "--updates", 2, "--preset", "tiny")
    assert "engine: numpy" in said
    assert (tmp_path / "run/model.safetensors").is_file()


def test_what_is_to_be_trained_with_torch_says_in_one_line_how_to_get_it(blockade, tmp_path):
    words = ["train", "hymns", "--updates", "1", "--engine", "torch"]
    done = python(["-m", "ritornello", *words, "-o", tmp_path / "run"], blockade)
    assert done.returncode == 1
    assert done.stderr.startswith("ritornello: training needs PyTorch: pip install torch (on Linux")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def loaded(code: str, *names: str) -> list[str]:
    """Which of the modules are loaded after the code, with nothing blocked."""
    done = python(["-c", f"import sys\n{code}\nprint([n for n in {names!r} if n in sys.modules], file=sys.stderr)"])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.splitlines()[-1].replace("'", '"'))


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import ritornello", "numpy", "torch", "verovio", "symusic", "soundfile", "cyclopts", "rich") == []


def test_the_command_line_itself_loads_nothing_heavy():
    assert loaded("import ritornello.cli.verbs", "torch", "verovio", "symusic", "soundfile") == []


def test_generate_and_evaluate_leave_torch_alone_where_it_is_installed(tmp_path, little_model, hymn_corpus):
    generate = f"main(['generate', {str(little_model)!r}, '-o', {str(tmp_path)!r}, '--primer', 'C4 E4'])"
    evaluate = f"main(['evaluate', {str(little_model)!r}, {str(hymn_corpus)!r}])"
    code = f"from ritornello.cli import main\nassert {generate} == 0\nassert {evaluate} == 0"
    assert loaded(code, "torch", "verovio", "symusic", "soundfile") == []


def test_a_tune_is_shown_without_the_modules_of_the_internet():
    code = (
        "import sys, ritornello as rito; rito.Gallery([rito.Melody((rito.Note(0, 480, 60),))])._repr_html_(); "
        "print([name for name in ('http.client', 'ssl', 'email', 'urllib.request') if name in sys.modules])"
    )
    done = python(["-c", code])
    assert done.stdout.strip() == "[]", done.stderr  # they took a tenth of the time until it was there


def test_a_tune_is_saved_without_what_compares_it_with_corpora(tmp_path):
    code = (
        "import sys, ritornello\n"
        "ritornello.load_model().generate(bars=2, seed=1).save(sys.argv[1])\n"
        "print(*(name for name in sys.modules if name.startswith('ritornello.')))"
    )
    done = python(["-c", code, tmp_path / "tune.mid"])
    assert done.returncode == 0, done.stderr
    assert "ritornello.evaluate.novelty" not in done.stdout.split()
