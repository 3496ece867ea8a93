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


def test_the_first_screen_of_the_readme_tells_a_class_where_to_begin():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    screen = "\n".join(lines[:26])
    assert [name for name in (*NAMES, "exercise.ipynb", "docs/workshop.md") if name not in screen] == []
    assert screen.index("exercise.ipynb") < min(screen.index(name) for name in NAMES if name != "exercise")


@pytest.mark.parametrize("name", NAMES)
def test_the_executed_notebook_that_comes_with_it_is_of_this_text_and_whole(name):
    jupytext = pytest.importorskip("jupytext")
    nbformat = pytest.importorskip("nbformat")
    path = ROOT / "notebooks" / f"{name}.ipynb"
    all_cells = nbformat.read(path, 4).cells
    cells = [cell for cell in all_cells if "colab" not in cell.metadata.get("tags", [])]
    text = jupytext.read(path.with_suffix(".py"))
    assert [(cell.cell_type, cell.source) for cell in cells] == [(c.cell_type, c.source) for c in text.cells]
    code = [cell for cell in all_cells if cell.cell_type == "code"]
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
    badge, title, install, code = nbformat.read(make_notebooks.made("little", tmp_path), 4).cells
    assert 'ADDRESS = "git+https://github.com/someone/music"\n' in install.source
    assert install.outputs == []
    assert badge.source.startswith("[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]")
    assert title.source == "# A title"
    assert code.outputs[0].data["text/plain"] == "2"


@pytest.fixture
def make_notebooks(monkeypatch, tmp_path):
    """The script, of a project that is not published; its pyproject.toml lies in tmp_path."""
    for needed in ("jupytext", "nbclient", "nbconvert"):
        pytest.importorskip(needed)
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import make_notebooks

    (tmp_path / "pyproject.toml").write_text('[project]\nname = "music"\n')
    monkeypatch.setattr(make_notebooks, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return make_notebooks


@pytest.fixture
def installed(monkeypatch):
    """What pip is asked for; nothing is installed."""
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda words, **options: calls.append(words[1:]))
    return calls


PIP = ["-m", "pip", "install", "-q"]  # and no extra, which would bring another torch


def test_a_notebook_installs_nothing_outside_of_colab(make_notebooks, installed):
    exec(make_notebooks.install_cell(), {})
    assert installed == []


def test_in_colab_the_program_comes_from_the_repository_once_that_is_known(make_notebooks, installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    address = "https://github.com/someone/music"
    Path("pyproject.toml").write_text(f'[project]\nname = "music"\n[project.urls]\nRepository = "{address}"\n')
    exec(make_notebooks.install_cell(), {})
    assert installed == [[*PIP, "git+https://github.com/someone/music"]]


def test_before_that_colab_takes_a_wheel_or_says_how_to_make_one(make_notebooks, installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    with pytest.raises(
        RuntimeError, match=r"not published yet: in a copy of the repository run `pip wheel --no-deps"
    ):
        exec(make_notebooks.install_cell(), {})
    assert installed == []
    Path("ritornello-0.1.0-py3-none-any.whl").touch()
    exec(make_notebooks.install_cell(), {})
    assert installed == [[*PIP, "ritornello-0.1.0-py3-none-any.whl"]]


def test_nothing_is_installed_by_a_name_that_is_not_published():
    texts = [*(ROOT / "notebooks").glob("*.py"), *(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("*.py")]
    named = re.compile(r'pip install (?:-q )?"?ritornello')
    assert [path.name for path in texts if named.search(path.read_text("utf-8"))] == []


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


@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_is_followed_by_its_folded_answer(name):
    jupytext = pytest.importorskip("jupytext")
    cells = jupytext.read(ROOT / "notebooks" / f"{name}.py").cells
    asked = [n for n, cell in enumerate(cells) if "✎ **Exercise.**" in cell.source]
    assert asked
    for n in asked:
        if cells[n + 1].source.startswith("<details><summary>Answer</summary>"):
            continue
        assert cells[n + 1].source == "#### Answer", cells[n].source
        assert cells[n + 1].metadata["jp-MarkdownHeadingCollapsed"] is True
        rest = cells[n + 2 :]
        stop = next((k for k, cell in enumerate(rest) if cell.cell_type == "markdown"), len(rest))
        assert stop > 0, "an answer without a cell"
        assert [cell.metadata.get("tags") for cell in rest[:stop]] == [["hide-cell"]] * stop
        assert stop < len(rest), "JupyterLab goes to the last cell when all are run, and opens what hides it"
        assert re.match("#{1,4} ", rest[stop].source), "hidden with the answer"
    folded = [n for n, cell in enumerate(cells) if cell.source == "#### Answer"]
    assert {n - 1 for n in folded} <= {*asked}


def test_colab_is_told_which_sections_to_fold(executed):
    notebook, _ = executed
    answers = [cell for cell in notebook.cells if cell.source == "#### Answer"]
    assert notebook.metadata["colab"]["collapsed_sections"] == [cell.metadata["id"] for cell in answers]
    assert len({cell.metadata["id"] for cell in answers}) == len(answers)


def test_on_a_page_of_ours_answers_are_folded(make_notebooks, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    output = nbformat.v4.new_output("stream", text="forty-two\n")
    cells = [
        nbformat.v4.new_code_cell("1 + 1"),
        nbformat.v4.new_code_cell("question()", outputs=[output], metadata={"tags": ["hide-cell"]}),
    ]
    path = tmp_path / "page.html"
    path.write_text(make_notebooks.page(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    with offline_chromium(tmp_path / "profile") as context:
        page = context.new_page()
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        assert page.locator("details").count() == 1
        assert not page.get_by_text("forty-two").is_visible()
        assert not page.get_by_text("question").is_visible()
        page.locator("summary").click()
        assert page.get_by_text("forty-two").is_visible()
        assert page.get_by_text("question").is_visible()


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


def test_music_of_several_notes_is_shown_in_every_encoding_by_what_sounds():
    content = (ROOT / "notebooks/representations.ipynb").read_text(encoding="utf-8")
    for name, sounding in {"chorale": "move", "events": "note_on", "events-beats": "pitch"}.items():
        row = re.search(rf"<b>{name}</b>.*?</p>", content)
        assert row is not None, name
        assert sounding in row[0]
