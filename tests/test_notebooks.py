"""The five notebooks: each runs from its text, and its export shows and plays with the network off.

The exercise runs whole, the others with a tenth of the minutes; under RITORNELLO_SOAK all run whole.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from chromium import LOUDEST, offline_chromium

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))
WHOLE = {"exercise"}
COLAB, BOOK = "https://colab.research.google.com/github", "notebooks/exercise.ipynb"
PLAYED = 3  # players of each notebook that are pressed, and of those after them every other one
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "getComputedStyle(document.querySelector('.tune')).backgroundColor"
GROUNDS = {"light": "rgb(255, 253, 248)", "dark": "rgb(33, 30, 26)"}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES])
def executed(request, tmp_path_factory):
    """A notebook with its outputs, and where it lies."""
    nbformat = pytest.importorskip("nbformat")
    for needed in ("jupytext", "nbclient", "nbconvert", "ipykernel", "ipywidgets"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp(request.param)
    is_whole = request.param in WHOLE or "RITORNELLO_SOAK" in os.environ
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        patch.delenv("RITORNELLO_QUICK", raising=False)
        if not is_whole:
            patch.setenv("RITORNELLO_QUICK", "1")
        from make_notebooks import made

        path = made(request.param, folder)
    sys.modules.pop("make_notebooks", None)
    return nbformat.read(path, 4), path


def test_there_are_five():
    assert NAMES == ["exercise", "instrument", "representations", "research", "your_own_tunes"]


@pytest.mark.parametrize("name", NAMES)
def test_the_executed_notebook_that_comes_with_it_is_of_this_text_and_whole(name):
    jupytext = pytest.importorskip("jupytext")
    nbformat = pytest.importorskip("nbformat")
    path = ROOT / "notebooks" / f"{name}.ipynb"
    cells = [cell for cell in nbformat.read(path, 4).cells if not cell.source.startswith("[![Open in Colab]")]
    text = jupytext.read(path.with_suffix(".py"))
    assert [(cell.cell_type, cell.source) for cell in cells] == [(c.cell_type, c.source) for c in text.cells]
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
    assert path.stat().st_size < 4_000_000
    content = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w+/])/(?:tmp|root|home|work|usr|Users|opt)/", content)
    hosts = set(re.findall(r"https?://([\w.-]+)", content))
    assert hosts <= {"www.w3.org", "github.com", "colab.research.google.com"}


@pytest.mark.parametrize(
    ("urls", "badge"),
    [
        ("", ""),
        ('[project.urls]\nRepository = ""', ""),
        ('[project.urls]\nRepository = "https://example.org/music"', ""),
        (
            '[project.urls]\nRepository = "https://github.com/someone/music"',
            f"({COLAB}/someone/music/blob/main/{BOOK})",
        ),
        (
            '[project.urls]\nRepository = "https://github.com/someone/music.git/"',
            f"({COLAB}/someone/music/blob/main/{BOOK})",
        ),
    ],
)
def test_a_badge_opens_a_notebook_in_colab_where_an_address_is_known(urls, badge, tmp_path, monkeypatch):
    for needed in ("jupytext", "nbclient"):
        pytest.importorskip(needed)
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import make_notebooks

    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "music"\n{urls}\n')
    monkeypatch.setattr(make_notebooks, "ROOT", tmp_path)
    written = make_notebooks.colab_badge("exercise")
    assert written.endswith(badge)
    assert bool(written) == bool(badge)


def test_a_notebook_is_made_with_its_badge_first(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    for needed in ("jupytext", "nbclient", "ipykernel"):
        pytest.importorskip(needed)
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import make_notebooks

    repository = '[project.urls]\nRepository = "https://github.com/someone/music"'
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "music"\n{repository}\n')
    (tmp_path / "little.py").write_text("# %% [markdown]\n# # A title\n\n# %%\n1 + 1\n")
    monkeypatch.setattr(make_notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(make_notebooks, "NOTEBOOKS", tmp_path)
    badge, title, code = nbformat.read(make_notebooks.made("little", tmp_path), 4).cells
    assert badge.source.startswith("[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]")
    assert title.source == "# A title"
    assert code.outputs[0].data["text/plain"] == "2"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_installs_in_colab_alone_and_leaves_its_torch(name, monkeypatch):
    jupytext = pytest.importorskip("jupytext")
    cells = [c.source for c in jupytext.read(ROOT / "notebooks" / f"{name}.py").cells if c.cell_type == "code"]
    [install] = [source for source in cells if "pip" in source and "google.colab" in source]
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda words, **options: calls.append(words))
    exec(install, {})
    assert calls == []
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    exec(install, {})
    assert [words[1:] for words in calls] == [["-m", "pip", "install", "-q", "ritornello"]]  # no extra brings torch


def test_all_that_the_notebooks_import_comes_with_their_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["notebook"]]
    brought = {re.match(r"\w+", text)[0] for text in needed} | {"ritornello", "IPython"}  # it comes with JupyterLab
    for name in NAMES:
        text = (ROOT / "notebooks" / f"{name}.py").read_text("utf-8")
        imported = set(re.findall(r"^ *(?:import|from) (\w+)", text, re.MULTILINE))
        assert imported - brought - sys.stdlib_module_names == set(), name


def test_every_cell_ran_without_a_complaint(executed):
    notebook, _ = executed
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert [output for output in outputs if output.output_type == "error"] == []
    said = [output.text for output in outputs if output.get("name") == "stderr"]
    assert [
        text for text in said if not re.search("UserWarning: the (model|primer)", text)
    ] == []  # what it changes of a primer, it says


def test_no_path_of_this_machine_is_left(executed):
    _, path = executed
    text = path.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(Path.home()) + "/" not in text


def test_each_exercise_is_followed_by_its_folded_answer(executed):
    notebook, _ = executed
    cells = notebook.cells
    asked = [n for n, cell in enumerate(cells) if cell.cell_type == "markdown" and "✎ **Exercise.**" in cell.source]
    assert asked
    for n in asked:
        answer = cells[n + 1]
        assert answer.metadata.get("jupyter", {}).get("source_hidden"), cells[n].source


def test_the_export_shows_and_plays_with_the_network_off(executed, tmp_path):
    import nbconvert

    notebook, _ = executed
    page_path = tmp_path / "notebook.html"
    page_path.write_text(nbconvert.HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    complaints = []
    with offline_chromium(tmp_path / "profile") as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(page_path.as_uri(), wait_until="domcontentloaded")
        frames = [f for f in page.frames if f != page.main_frame and f.locator(".tune .play").count()]
        assert frames
        for scheme, width in (("dark", 390), ("light", 1280)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            assert [frame.evaluate(TOO_WIDE) for frame in frames] == [0] * len(frames)
            assert {frame.evaluate(GROUND) for frame in frames} == {GROUNDS[scheme]}
        for frame in [*frames[:PLAYED], *frames[PLAYED::2]]:
            frame.wait_for_selector(".tune.ready")
            frame.locator(".play").first.click()
            assert frame.evaluate(LOUDEST, 0.8) > 0.02
            frame.locator(".play").first.click()
    ours = [text for text in complaints if not re.search(r"net::ERR|MathJax|require", text)]
    assert ours == []
