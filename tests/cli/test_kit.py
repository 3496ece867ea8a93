"""A kit for a room without internet: what is planned, what is named, and that one installs from it alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ritornello as rito
from ritornello.api import kits

ABI = f"{sys.version_info.major}.{sys.version_info.minor}"


def item(name: str, *requires: str, extras: tuple[str, ...] = ()) -> dict:
    """An entry of pip's report on an installation."""
    url = f"https://index.invalid/{name}-1.0-py3-none-any.whl"
    metadata = {"name": name, "version": "1.0", "requires_dist": list(requires)}
    info = {"url": url, "archive_info": {"hashes": {"sha256": "0" * 64}}}
    return {"metadata": metadata, "download_info": info, "requested_extras": list(extras)}


class Index:
    """Answers in pip's place: the packages of `has`; of others it has no wheel."""

    def __init__(self, **has: tuple[str, ...]) -> None:
        self.has = has

    def __call__(self, *words: object) -> subprocess.CompletedProcess[str]:
        texts = [str(word) for word in words]
        if texts[0] == "wheel":
            folder = Path(texts[texts.index("-w") + 1])
            folder.mkdir(parents=True)
            (folder / "ritornello-0-py3-none-any.whl").write_bytes(b"wheel")
            return subprocess.CompletedProcess(texts, 0, "", "")
        known = {"numpy", "jupyterlab", *self.has}
        asked = [kits._name_in(text) for text in texts if (text[0].isalpha() and ">=" in text) or text in self.has]
        for name in asked:
            if name == "resvg_py":
                return subprocess.CompletedProcess(
                    texts, 1, "", "ERROR: No matching distribution found for resvg_py>=0.3\n"
                )
        report = Path(texts[texts.index("--report") + 1])
        items = [item(name, *self.has.get(name, ())) for name in asked if name in known]
        report.write_text(json.dumps({"install": items}))
        return subprocess.CompletedProcess(texts, 0, "", "")


@pytest.fixture
def index(monkeypatch):
    """An index in which a package of one system asks for another one there."""
    has = {"jupyterlab": ('winpty; sys_platform == "win32"', 'docs; extra == "docs"'), "winpty": ()}
    monkeypatch.setattr(kits, "_pip", Index(**has))
    monkeypatch.setattr(kits, "_size", lambda url: 1_000_000)


def test_a_dry_run_says_how_much_room_it_takes_and_what_has_no_wheel_and_writes_nothing(index, command, tmp_path):
    status, out, err = command("kit", tmp_path / "kit", "--systems", "linux", "--pythons", "3.12", "--dry-run")
    assert (status, err) == (0, "")
    assert "The kit takes" in out
    assert "linux, Python 3.12: resvg_py has no wheel; it is left out" in out
    assert list(tmp_path.iterdir()) == []


def test_what_a_package_asks_for_on_the_other_system_is_added(index, tmp_path):
    found = {
        system: rito.kit(tmp_path / "kit", [system], ["3.12"], dry_run=True)["wheels"]
        for system in ("windows", "linux")
    }
    assert "winpty-1.0-py3-none-any.whl" in found["windows"]
    assert "winpty-1.0-py3-none-any.whl" not in found["linux"]
    assert not any("docs" in name for name in found["windows"])


def test_without_wheels_it_is_notebooks_samples_and_how_to_begin(command, tmp_path, repo_root):
    assert command("kit", tmp_path / "kit", "--no-wheels").status == 0
    books = {path.name for path in (repo_root / "notebooks").glob("*.py")}
    assert books <= {path.name for path in (tmp_path / "kit/notebooks").iterdir()}
    assert len(list((tmp_path / "kit/samples").glob("*.mid"))) == 11
    assert "--no-index --find-links wheels" in (tmp_path / "kit/START.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--systems", "amiga"], "no kit for the system 'amiga'; choose windows, macos, linux"),
        (["--pythons", "2.7"], "no kit for the Python '2.7'; choose 3.11"),
        (["--source", "nowhere"], "name its folder (--source)"),
    ],
)
def test_what_is_not_offered_is_one_line(command, tmp_path, words, said):
    status, out, err = command("kit", tmp_path / "kit", *words)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_where_pip_fails_its_error_is_one_line(command, tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: no network here\n")
    monkeypatch.setattr(kits, "_pip", lambda *words: failed)
    status, out, err = command("kit", tmp_path / "kit", "-q")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "no network here" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_one_installs_from_a_kit_alone(tmp_path):
    folder = tmp_path / "kit"
    value = rito.kit(folder, ["linux"], [ABI])
    assert value["missing"] == []
    assert value["unsized"] == 0
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".ritornello.json"]
    assert value["bytes"] == sum(path.stat().st_size for path in files)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "music"], check=True)
    python = tmp_path / "music/bin/python"
    blocked = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull, "PYTHONPATH": ""}
    blocked |= {"PIP_FIND_LINKS": ""}
    words = ["install", "-q", "--no-index", "--find-links", folder / "wheels", "ritornello[notebook]"]
    subprocess.run([python, "-m", "pip", *words], check=True, env=blocked)
    command = [python, "-m", "ritornello", "generate", "-o", tmp_path / "tunes", "--seed", "1"]
    subprocess.run(command, check=True, env=blocked, cwd=tmp_path)
    assert (tmp_path / "tunes/seed1-001.mid").is_file()
