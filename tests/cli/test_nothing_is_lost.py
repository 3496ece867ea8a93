"""No command replaces a file that it did not make, or that has changed since."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from outputs import names_in

import ritornello as rito
from ritornello import atomic
from ritornello.atomic import RECORD
from ritornello.cli import main
from ritornello.cli.verbs import app

TRAIN = "--preset tiny --engine numpy --updates 2 --checks 1 --threads 1 --streams 2 --bptt-steps 16"
ROWS = {  # what each command writes, into {out}
    "corpus build": "corpus build {tunes} -o {out}",
    "corpus explain": "corpus explain {tune} -o {out}/tune.html",
    "corpus export": "corpus export {corpus} -o {out}",
    "corpus samples": "corpus samples {out}",
    "corpus show": "corpus show {corpus} --picture {out}/corpus.svg --page {out}/corpus.html",
    "demo": "demo -n 1 -o {out}",
    "evaluate": "evaluate {model} {tune} --per-note {out}/notes.csv",
    "generate": "generate {model} -n 2 --seed 1 --bars 2 -o {out}",
    "render": "render {tune} -o {out}/tune.mid",
    "rewrite": "rewrite {tune} --bars 2-3 --model {model} --seed 1 -o {out}",
    "harmonise": "harmonise {tune} --seed 1 -o {out}/voices.musicxml",
    "jam": "jam {model} --play {tune} --virtual-time --seed 1 -o {out}/jam.html",
    "kit": "kit {out} --no-wheels",
    "runs": "runs {run} --out {out}/runs.html",
    "vote": "vote {models} -o {out}/vote.html --tunes 1 --bars 2",
    "train": f"train {{corpus}} -o {{out}} {TRAIN}",
}
WRITING = list(ROWS)
WRITING_NOTHING = ["play", "ports"]
MINE = b"a user's own work\n"


def commands(group=app, words: tuple[str, ...] = ()):
    """The names of all commands, as the command line knows them."""
    names = [name for name in group if not name.startswith("-")]
    for name in names:
        yield from commands(group[name], (*words, name))
    if not names:
        yield " ".join(words)


def run(words: str, **places: object) -> tuple[int, str]:
    """Run a command; return its status and what it said on standard error."""
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        status = main([word.format(**places) for word in words.split()])
    return status, err.getvalue()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, records included."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def is_sample(name: str) -> bool:
    """Whether a file is a melody of a run, which is passed over where its name is taken."""
    return name.startswith("samples/")


@pytest.fixture(scope="module")
def places(tmp_path_factory, hymn_folder, hymn_corpus, little_model, make_training_short):
    """Sources for the commands; training and the embedded corpus are made short."""
    run_folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        make_training_short(patch)
        assert run(f"train {hymn_corpus} -o {run_folder} {TRAIN}")[0] == 0
        tune = sorted(hymn_folder.glob("*.abc"))[0]
        models = tmp_path_factory.mktemp("models")
        for name in ("one", "two"):
            shutil.copy(little_model / "model.safetensors", models / f"{name}.safetensors")
        yield {
            "tunes": hymn_folder,
            "tune": tune,
            "corpus": hymn_corpus,
            "model": little_model,
            "models": models,
            "run": run_folder,
        }


@pytest.fixture(scope="module")
def made(tmp_path_factory, places):
    """A folder for each command with what it wrote, made when it is first asked for."""
    known: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in known:
            known[name] = tmp_path_factory.mktemp("made") / "out"
            status, err = run(ROWS[name], out=known[name], **places)
            assert status == 0, err
        return known[name]

    return folder_of


def test_every_command_has_a_row():
    assert sorted(commands()) == sorted([*ROWS, *WRITING_NOTHING])


@pytest.mark.parametrize("words", ["evaluate {model} {tune}", "play {tune} --device nowhere"])
def test_nothing_is_written_that_is_not_asked_for(places, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    run(words, **places)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("name", WRITING)
def test_what_a_command_writes_is_in_the_record_beside_it(made, name):
    folder = made(name)
    assert (folder / RECORD).is_file()
    for path in folder.rglob("*"):
        if path.is_file() and path.name != RECORD:
            known = json.loads((path.parent / RECORD).read_text("utf-8"))["files"][path.name]
            assert known["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", WRITING)
def test_no_command_replaces_a_file_that_it_did_not_make(made, places, tmp_path, name):
    files = [file for file in tree(made(name)) if not file.endswith(RECORD) and not is_sample(file)]
    for number, file in enumerate(files):
        out = tmp_path / f"{number}"
        (out / file).parent.mkdir(parents=True)
        (out / file).write_bytes(MINE)
        status, err = run(ROWS[name], out=out, **places)
        assert tree(out) == {file: MINE}, (file, err)
        assert (status, err.count("\n")) == (1, 1), (file, err)
        assert "--replace" in err, (file, err)
        assert str(out / file) in err or (name == "train" and "holds a run already" in err), (file, err)


@pytest.mark.parametrize("name", WRITING)
def test_no_command_replaces_a_file_of_its_own_that_somebody_changed(made, places, tmp_path, name):
    for number, file in enumerate(tree(made(name))):
        if file.endswith(RECORD) or is_sample(file):
            continue
        out = tmp_path / f"{number}"
        shutil.copytree(made(name), out)
        with (out / file).open("ab") as edited:
            edited.write(MINE)
        before = tree(out)
        status, err = run(ROWS[name], out=out, **places)
        assert tree(out) == before, (file, err)
        assert (status, err.count("\n")) == (1, 1), (file, err)


@pytest.mark.parametrize("name", WRITING)
def test_with_replace_every_command_does(made, places, tmp_path, name):
    files = [file for file in tree(made(name)) if not file.endswith(RECORD) and not is_sample(file)]
    for file in files:
        (tmp_path / "out" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / file).write_bytes(MINE)
    status, err = run(f"{ROWS[name]} --replace", out=tmp_path / "out", **places)
    assert status == 0, err
    after = tree(tmp_path / "out")
    assert [file for file in files if after[file] == MINE] == []


@pytest.mark.parametrize("name", [name for name in WRITING if name != "train"])
def test_the_same_command_may_be_given_again(made, places, tmp_path, name):
    shutil.copytree(made(name), tmp_path / "out")
    status, err = run(ROWS[name], out=tmp_path / "out", **places)
    assert status == 0, err
    assert names_in(tmp_path / "out") == names_in(made(name))


# what one program made may be what another one, or the user, wants to keep


def test_a_tune_of_the_same_seed_and_other_options_is_kept_and_none_of_the_others_is_written(made, places, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(made("generate"), out)
    (out / "seed1-001.mid").unlink()
    before = tree(out)
    status, err = run("generate {model} -n 3 --seed 1 --bars 4 -o {out}", out=out, **places)
    assert (status, err.count("\n")) == (1, 1)
    assert f"{out / 'seed1-002.mid'}: holds something else that ritornello made, so it is kept" in err
    assert tree(out) == before
    with pytest.raises(FileExistsError):
        rito.load_model(places["model"]).generate(n=2, seed=1, bars=4, out=out)
    assert run("generate {model} -n 3 --seed 1 --bars 4 -o {out} --replace", out=out, **places)[0] == 0


@pytest.mark.parametrize("way", ["same", "absolute", "other folder", "link", "hard link"])
def test_a_file_is_not_rendered_over_itself_by_any_of_its_names(made, places, tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    original = tmp_path / "tune.mid"
    shutil.copy(made("render") / "tune.mid", original)
    original.write_bytes(original.read_bytes() + b"XTRA\0\0\0\0")  # accompaniment that rendering would lose
    before, out = original.read_bytes(), {"same": "tune.mid", "absolute": original, "other folder": "sub/../tune.mid"}
    if "link" in way:
        (os.link if way == "hard link" else os.symlink)(original, tmp_path / "other.mid")
    status, err = run("render tune.mid -o {out}", out=out.get(way, "other.mid"))
    assert (status, err.count("\n")) == (1, 1)
    assert "so it is kept" in err
    assert original.read_bytes() == before
    assert (tmp_path / "other.mid").is_symlink() == (way == "link")


def test_an_export_leaves_the_originals_alone(places, tmp_path):
    tunes, corpus = tmp_path / "tunes", tmp_path / "corpus"
    assert run("corpus samples {out}", out=tunes)[0] == 0
    (tunes / RECORD).unlink()
    assert run("corpus build {tunes} -o {corpus}", tunes=tunes, corpus=corpus)[0] == 0
    before = tree(tunes)
    status, err = run("corpus export {corpus} -o {tunes}", tunes=tunes, corpus=corpus)
    assert (status, err.count("\n")) == (1, 1)
    assert "was not made by ritornello, so it is kept" in err
    assert tree(tunes) == before


def test_a_picture_of_another_file_is_kept_and_one_of_the_same_is_made_anew(places, tmp_path):
    one, other, out = tmp_path / "one.abc", tmp_path / "other.abc", tmp_path / "tune.svg"
    first, second = sorted(places["tunes"].glob("*.abc"))[:2]
    one.write_bytes(first.read_bytes())
    other.write_bytes(second.read_bytes())
    assert run("render {file} -o {out}", file=one, out=out)[0] == 0
    drawn = out.read_bytes()
    assert run("render {file} -o {out}", file=other, out=out)[0] == 1
    assert out.read_bytes() == drawn
    one.write_bytes(second.read_bytes())
    assert run("render {file} -o {out}", file=one, out=out)[0] == 0
    assert out.read_bytes() != drawn


def test_the_record_is_no_tune(made, tmp_path):
    status, _ = run("corpus build {tunes} -o {out}", tunes=made("generate"), out=tmp_path / "corpus")
    assert status == 0
    lines = (tmp_path / "corpus" / "report.jsonl").read_text("utf-8").splitlines()
    assert sorted(Path(json.loads(line)["path"]).name for line in lines) == ["seed1-001.mid", "seed1-002.mid"]


# the record


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"files": []}', b'{"files": {"a": 1}}', b"\xff\xfe", b"[" * 9999]
)
def test_a_damaged_record_vouches_for_nothing(tmp_path, content):
    atomic.write_bytes(tmp_path / "a", b"one", "test")
    (tmp_path / RECORD).write_bytes(content)
    with pytest.raises(FileExistsError, match="was not made by ritornello"):
        atomic.write_bytes(tmp_path / "a", b"two", "test")
    atomic.write_bytes(tmp_path / "b", b"two", "test")
    assert [*json.loads((tmp_path / RECORD).read_text())["files"]] == ["b"]


def test_a_program_that_ends_between_record_and_file_still_knows_its_file(tmp_path, monkeypatch):
    path, replace = tmp_path / "a", os.replace
    atomic.write_bytes(path, b"one", "test")

    def killed(source, target):
        if Path(target) == path:
            raise KeyboardInterrupt
        replace(source, target)

    for _ in range(2):
        monkeypatch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            atomic.write_bytes(path, b"two", "test")
        monkeypatch.undo()
    assert path.read_bytes() == b"one"
    atomic.write_bytes(path, b"three", "test")
    assert path.read_bytes() == b"three"
    assert names_in(tmp_path) == ["a"]


def test_a_folder_a_link_and_a_pipe_are_kept(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic.write_bytes(tmp_path / "folder", b"one", replace=True)
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(FileExistsError, match="so it is kept"):
            atomic.write_bytes(tmp_path / name, b"one", "test")
    assert sorted(os.listdir(tmp_path)) == ["folder", "link", "pipe"]


def test_programs_that_write_in_one_folder_at_once_are_all_in_its_record(tmp_path):
    code = (
        "import sys; from ritornello import atomic\n"
        "for n in range(20): atomic.write_bytes(f'{sys.argv[1]}/{sys.argv[2]}-{n}', sys.argv[2].encode(), 'test')"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    programs = [subprocess.Popen([*words, name]) for name in "abcd"]
    assert [program.wait(timeout=120) for program in programs] == [0] * 4
    names = sorted(f"{name}-{n}" for name in "abcd" for n in range(20))
    assert names_in(tmp_path) == names
    assert sorted(json.loads((tmp_path / RECORD).read_text())["files"]) == names
