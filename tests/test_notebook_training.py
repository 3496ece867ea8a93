"""Training in a notebook cell: curves that are updated in place, and the last melody to listen to."""

import pytest
from chromium import offline_chromium

CELL = """import ritornello as rito
run = rito.train(
    {corpus!r}, {out!r}, preset="tiny", updates=8, checks=4, streams=2, bptt_steps=16, threads=1, dtype="fp32"
)"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory, hymn_corpus):
    """The notebook, after its cell has run in a kernel of its own."""
    pytest.importorskip("torch")
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    out = tmp_path_factory.mktemp("notebook") / "run"
    cell = nbformat.v4.new_code_cell(CELL.format(corpus=str(hymn_corpus), out=str(out)))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    assert len((out / "log.jsonl").read_text("utf-8").splitlines()) == 1 + 4
    return notebook


@pytest.fixture(scope="module")
def page(executed, tmp_path_factory):
    """The notebook as a page in headless Chromium with the network off."""
    nbconvert = pytest.importorskip("nbconvert")
    path = tmp_path_factory.mktemp("exported") / "training.html"
    path.write_text(nbconvert.HTMLExporter().from_notebook_node(executed)[0], encoding="utf-8")
    with offline_chromium(tmp_path_factory.mktemp("profile")) as context:
        page = context.new_page()
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        yield page


def test_four_checks_leave_one_curve_and_one_player(executed):
    outputs = executed.cells[0].outputs
    assert [output.output_type for output in outputs] == ["display_data", "display_data"]
    curve, player = (output.data["text/html"] for output in outputs)
    assert "<svg" in curve
    assert "<audio" in player


def test_the_curve_is_that_of_the_last_check(executed):
    curve = executed.cells[0].outputs[0].data["text/html"]
    assert "bits per note on validation tunes" in curve  # what was learned, when it is over
    assert "left</span>" not in curve  # nothing is left to do


def test_curve_and_player_are_seen_and_the_melody_can_be_played(page):
    chart = page.locator("svg.lines").bounding_box()
    assert chart["width"] > 500
    assert chart["height"] > 200
    page.wait_for_function("document.querySelector('audio').duration > 2")
    page.evaluate("document.querySelector('audio').play()")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.2")
