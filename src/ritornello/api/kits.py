"""A kit for a room without internet: wheels for every laptop, notebooks, sample files, and a page that says how."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ritornello.api.options import checked
from ritornello.plural import counted
from ritornello.wording import option

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {  # pip's platforms, and what markers of packages read there
    "windows": (("win_amd64",), {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}, "AMD64"),
    "macos": (
        ("macosx_14_0_arm64", "macosx_14_0_universal2"),
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
        "arm64",
    ),
    "linux": (
        (*(f"manylinux_2_{n}_x86_64" for n in (28, 27, 26, 24, 17)), "manylinux2014_x86_64"),
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
        "x86_64",
    ),
}
EXTRA = "notebook"
MAKER = "kit"
MOST_ROUNDS = 40
START = """\
Ritornello without internet
===========================

You need Python 3.11 to 3.14 (python.org; on Windows tick "Add python.exe to PATH"). Copy this folder to your machine,
open a terminal in it, and give these lines.

Windows:
  py -m venv music
  music\\Scripts\\pip install --no-index --find-links wheels "ritornello[notebook]"
  music\\Scripts\\jupyter lab notebooks

macOS and Linux:
  python3 -m venv music
  music/bin/pip install --no-index --find-links wheels "ritornello[notebook]"
  music/bin/jupyter lab notebooks

Where something of the notebooks has no wheel for your machine, leave "[notebook]" out: the command works without it.
No tunes of your own? The folder samples has twelve: ritornello corpus build samples -o my-corpus
"""


@dataclass(frozen=True)
class Target:
    """A system and a version of Python for which wheels are collected."""

    system: str
    python: str

    @property
    def name(self) -> str:
        """What people call it: "windows, Python 3.12"."""
        return f"{self.system}, Python {self.python}"

    @property
    def options(self) -> list[str]:
        """What pip is asked for it."""
        platforms = [word for platform in SYSTEMS[self.system][0] for word in ("--platform", platform)]
        return ["--only-binary=:all:", "--implementation", "cp", "--python-version", self.python, *platforms]

    @property
    def environment(self) -> dict[str, str]:
        """What markers such as `sys_platform == "win32"` read there."""
        _, names, machine = SYSTEMS[self.system]
        versions = {"python_version": self.python, "python_full_version": f"{self.python}.0"}
        names = {**names, "platform_machine": machine, "implementation_name": "cpython"}
        return {**names, **versions, "platform_python_implementation": "CPython", "extra": ""}


@dataclass(frozen=True)
class Wheel:
    """A file that the index offers: its name, "name==version", address and SHA-256."""

    file: str
    pin: str
    url: str
    sha256: str


@dataclass
class Plan:
    """What a kit will hold: wheels by file name, those of each target, and what has no wheel where."""

    wheels: dict[str, Wheel] = field(default_factory=dict)
    of_target: dict[Target, list[Wheel]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


@checked
def kit(
    out: str | Path,
    systems: Sequence[str] = tuple(SYSTEMS),
    pythons: Sequence[str] = PYTHONS,
    source: str | Path | None = None,
    wheels: bool = True,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda text: None,
    replace: bool = False,
) -> dict[str, Any]:
    """Make a folder from which a class installs the program without internet.

    It holds wheels of the program and of all that it and its notebooks need, the notebooks, twelve sample files, and
    START.txt, which says how. systems: of windows, macos (Apple silicon) and linux. source: a copy of the repository,
    from which the program's own wheel is built; None is the one that this program runs from. wheels: without them it
    is notebooks and samples alone, and needs no network. dry_run: write nothing. say: called with lines; the room
    that it takes comes before anything is downloaded. Given again, it downloads what is not there yet.
    Returns folder, bytes, wheels, missing (what has no wheel where), unsized.
    Raises ValueError for a system or Python that is not offered or a source that is none, FileExistsError for a file
    to be kept, OSError where pip fails.
    """
    from ritornello import atomic

    targets, clone, folder = _targets(systems, pythons), _clone(source), Path(out)
    atomic.check_place(folder)
    with tempfile.TemporaryDirectory() as scratch:
        files, plan, sizes = _plain_files(clone, folder), Plan(), {}
        if wheels:
            say("Build the program's own wheel, and ask the index what else is needed")
            own = _own_wheel(clone, Path(scratch))
            files[folder / "wheels" / own.name] = own.read_bytes()
            for target in targets:
                say(f"  {target.name}")
                _resolve(plan, target, clone, Path(scratch))
            sizes = _sizes(plan.wheels.values())
        total = sum(map(len, files.values())) + sum(sizes.values())
        unsized = len(plan.wheels) - len(sizes)
        more = f", and {counted(unsized, 'wheel')} whose size is not known" if unsized else ""
        say(f"The kit takes {total / 1e6:,.0f} MB{more} ({counted(len(plan.wheels) + len(files), 'file')})")
        for line in plan.missing:
            say(f"  {line}")
        if not dry_run:
            fresh = [folder / "wheels" / w.file for w in plan.wheels.values() if not _is_there(folder, w)]
            atomic.check_files(fresh, MAKER, replace)
            atomic.write_files(files.items(), MAKER, replace)
            for target, needed in plan.of_target.items():
                if todo := [wheel for wheel in needed if not _is_there(folder, wheel)]:
                    say(f"Download for {target.name}")
                    _download(todo, target, folder, replace)
    names = sorted([*plan.wheels, *(path.name for path in files if path.suffix == ".whl")])
    return {"folder": str(out), "bytes": total, "wheels": names, "missing": plan.missing, "unsized": unsized}


def _targets(systems: Sequence[str], pythons: Sequence[str]) -> list[Target]:
    for kind, given, offered in (("system", systems, tuple(SYSTEMS)), ("Python", pythons, PYTHONS)):
        for name in given:
            if name not in offered:
                raise ValueError(f"there is no kit for the {kind} {name!r}; choose {', '.join(offered)}")
    return [Target(system, python) for system in dict.fromkeys(systems) for python in dict.fromkeys(pythons)]


def _clone(source: str | Path | None) -> Path:
    """Find the copy of the repository. Raises ValueError that says what to name."""
    place = Path(source) if source is not None else Path(__file__).resolve().parents[3]
    if not ((place / "pyproject.toml").is_file() and (place / "notebooks").is_dir()):
        raise ValueError(
            f"{place}: a kit is made from a copy of the repository: name its folder ({option('source')})"
        )
    return place


def _plain_files(clone: Path, folder: Path) -> dict[Path, bytes]:
    """Read notebooks and samples, and write START.txt: all that needs no network."""
    from ritornello.corpus.samples import FOLDER, SAMPLES

    books = sorted([*clone.glob("notebooks/*.ipynb"), *clone.glob("notebooks/*.py")])
    files = {folder / "notebooks" / path.name: path.read_bytes() for path in books}
    files |= {folder / "samples" / name: (FOLDER / name).read_bytes() for name in SAMPLES}
    return files | {folder / "START.txt": START.encode()}


def _pip(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def _failure(pip: subprocess.CompletedProcess[str]) -> OSError:
    """Say in a line why pip failed: its last error."""
    lines = [line for line in pip.stderr.splitlines() if line.startswith("ERROR:") or "No module named" in line]
    return OSError(f"pip failed: {lines[-1] if lines else 'it says nothing'}; a kit is made where pip has a network")


def _own_wheel(clone: Path, scratch: Path) -> Path:
    done = _pip("wheel", "--quiet", "--no-deps", "-w", scratch / "own", clone)
    if done.returncode:
        raise _failure(done)
    return next((scratch / "own").glob("*.whl"))


def _resolve(plan: Plan, target: Target, clone: Path, scratch: Path) -> None:
    """Find the wheels of a target.

    What the extra asks for and has no wheel there is left out and named. pip reads markers as of this machine,
    whatever the platform asked for: what the target's own markers ask for besides is added until nothing is missing.
    """
    project = tomllib.loads((clone / "pyproject.toml").read_text("utf-8"))["project"]
    needed, optional = list(project["dependencies"]), list(project["optional-dependencies"][EXTRA])
    report = scratch / "report.json"
    for _ in range(MOST_ROUNDS):
        options: list[str | Path] = [
            "--dry-run",
            "--ignore-installed",
            "--target",
            scratch / "none",
            "--report",
            report,
        ]
        done = _pip("install", "--quiet", *options, *target.options, *needed, *optional)
        if done.returncode:
            found = re.search(r"No matching distribution found for ([\w.-]+)", done.stderr)
            if not found:
                raise _failure(done)
            kept = [text for text in optional if _plain(_name_in(text)) != _plain(found[1])]
            if len(kept) == len(optional):
                plan.missing.append(f"{target.name}: {found[1]} has no wheel, so the program cannot be installed")
                return
            plan.missing.append(f"{target.name}: {found[1]} has no wheel; it is left out")
            optional = kept
            continue
        items = json.loads(report.read_text("utf-8"))["install"]
        known = {_plain(item["metadata"]["name"]) for item in items}
        besides = [text for item in items for text in _asked(item, target) if _plain(_name_in(text)) not in known]
        if not besides:
            break
        optional += dict.fromkeys(besides)
    wheels = [_wheel(item) for item in items]
    plan.wheels |= {wheel.file: wheel for wheel in wheels}
    plan.of_target[target] = wheels


def _asked(item: dict[str, Any], target: Target) -> Iterator[str]:
    """List what a package of a report requires on a target, without markers."""
    from pip._vendor.packaging.requirements import Requirement

    for text in item["metadata"].get("requires_dist", ()):
        requirement = Requirement(text)
        extras = ["", *item.get("requested_extras", ())]
        marker, requirement.marker = requirement.marker, None
        if marker is None or any(marker.evaluate(target.environment | {"extra": extra}) for extra in extras):
            yield str(requirement)


def _name_in(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    return found[0] if found else requirement


def _plain(name: str) -> str:
    """Write the name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wheel(item: dict[str, Any]) -> Wheel:
    url, metadata = item["download_info"]["url"], item["metadata"]
    sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
    return Wheel(unquote(Path(urlsplit(url).path).name), f"{metadata['name']}=={metadata['version']}", url, sha256)


def _sizes(wheels: Iterable[Wheel]) -> dict[str, int]:
    """Ask for the sizes of wheels in bytes, by file name; those that nobody tells are left out."""
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda wheel: (wheel.file, _size(wheel.url)), list(wheels))
        return {name: size for name, size in found if size is not None}


def _size(url: str) -> int | None:
    from urllib.request import Request, urlopen  # loads http and ssl, which nothing else here needs

    with suppress(OSError, ValueError, TypeError), urlopen(Request(url, method="HEAD"), timeout=60) as answer:
        return int(answer.headers["Content-Length"])
    return None


def _is_there(folder: Path, wheel: Wheel) -> bool:
    """Tell whether a wheel lies in the kit already, unchanged."""
    with suppress(OSError), open(folder / "wheels" / wheel.file, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wheel.sha256
    return False


def _download(wheels: Sequence[Wheel], target: Target, folder: Path, replace: bool) -> None:
    """Download wheels of a target beside the kit, and put them into it."""
    from ritornello import atomic

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        done = _pip("download", "--quiet", "--no-deps", "-d", scratch, *target.options, *(w.pin for w in wheels))
        if done.returncode:
            raise _failure(done)
        for path in sorted(Path(scratch).glob("*.whl")):
            atomic.write_bytes(folder / "wheels" / path.name, path.read_bytes(), MAKER, replace)
