"""A Tune shows itself: a notebook, executed and exported to HTML, draws and plays with the network off."""

from pathlib import Path

import pytest
from chromium import LOUDEST, offline_chromium

CELLS = [
    "import ritornello as rito\nmodel = rito.load_model({model!r})",
    "model.generate(bars=2, seed=1)",
    "tune = model.generate(bars=4, primer='C4 E4 G4', seed=2)\ntune",
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory, little_model) -> Path:
    """The notebook, executed in a kernel of its own, as an HTML file."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    nbconvert = pytest.importorskip("nbconvert")
    pytest.importorskip("ipykernel")
    cells = [nbformat.v4.new_code_cell(cell.format(model=str(little_model))) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120).execute()
    path = tmp_path_factory.mktemp("notebook") / "tunes.html"
    path.write_text(nbconvert.HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def frames(exported, tmp_path_factory):
    """The frames of the two tunes in headless Chromium with the network off."""
    with offline_chromium(tmp_path_factory.mktemp("profile")) as context:
        page = context.new_page()
        page.goto(exported.as_uri(), wait_until="domcontentloaded")
        yield [frame for frame in page.frames if frame != page.main_frame]


def test_each_tune_is_one_frame(frames):
    assert len(frames) == 2


def test_each_draws_its_staff_and_its_roll(frames):
    for frame in frames:
        frame.wait_for_selector(".tune.ready")
        assert frame.locator("svg.staff:visible .note").count() >= 2
        assert frame.locator(".roll .note").count() >= 2


def test_each_plays_when_asked(frames):
    for frame in frames:
        frame.get_by_role("button", name="Play").click()
        assert frame.evaluate(LOUDEST, 0.8) > 0.02
        assert frame.evaluate("document.querySelector('audio').currentTime") > 0.3
        frame.get_by_role("button", name="Pause").click()
        assert frame.evaluate("document.querySelector('audio').paused")
