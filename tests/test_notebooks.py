"""The five notebooks: each runs from its text, and its export shows and plays with the network off.

The exercise runs whole, the others with a tenth of the minutes; under RITORNELLO_SOAK all run whole.
"""

import os
import re
import sys
from pathlib import Path

import pytest
from chromium import LOUDEST, offline_chromium

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))
WHOLE = {"exercise"}
PLAYED = 3  # players of each notebook that are pressed


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
        for frame in frames[:PLAYED]:
            frame.wait_for_selector(".tune.ready")
            frame.locator(".play").first.click()
            assert frame.evaluate(LOUDEST, 0.8) > 0.02
            frame.locator(".play").first.click()
    ours = [text for text in complaints if not re.search(r"net::ERR|MathJax|require", text)]
    assert ours == []
