"""A notebook in live JupyterLab: all cells are run in the browser, a tune and a gallery show themselves and sound."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import pytest
from chromium import LOUDEST, offline_chromium

FIRST = "import ritornello as rito\nmodel = rito.load_model({model!r})"
SHOWN = {  # cells and how many players each shows
    "model.generate(bars=2, seed=1)": 1,
    "model.generate(n=2, bars=2, seed=2)": 2,
    "rito.load_model().generate(chords='C | G7', comp='broken', seed=1)": 1,
    "rito.load_model('songs-piano').generate(seconds=4, seed=1)": 1,
    "rito.harmonise('C4 E4 G4:2', n=2, seed=1)": 2,
}
FOLDED = "print('the ' + 'answer')"  # below a heading that is folded
TOKEN = "ritornello"
PATIENCE = 120_000  # ms, for what a busy machine takes its time for


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(tmp_path, little_model):
    """JupyterLab on a folder with one notebook; its host."""
    pytest.importorskip("jupyterlab", reason="needs JupyterLab: pip install jupyterlab")
    nbformat = pytest.importorskip("nbformat")
    cells = [nbformat.v4.new_code_cell(text) for text in (FIRST.format(model=str(little_model)), *SHOWN)]
    answer = nbformat.v4.new_markdown_cell("#### Answer", metadata={"jp-MarkdownHeadingCollapsed": True})
    closing = nbformat.v4.new_markdown_cell("#### Next")
    notebook = nbformat.v4.new_notebook(cells=[*cells, answer, nbformat.v4.new_code_cell(FOLDED), closing])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(notebook, folder / "tunes.ipynb")
    host = f"127.0.0.1:{free_port()}"
    options = [f"--ServerApp.port={host.split(':')[1]}", f"--IdentityProvider.token={TOKEN}", "--no-browser"]
    options += ["--ServerApp.allow_root=True", f"--ServerApp.root_dir={folder}", "--LabApp.news_url=None"]
    homes = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    with open(tmp_path / "server.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options],
            env=os.environ | homes | {"OPENBLAS_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(f"http://{host}/api/status?token={TOKEN}", process)
        yield host
    finally:
        process.terminate()
        process.wait(30)


def wait_for(address: str, process: subprocess.Popen) -> None:
    """Wait until the server answers."""
    for _ in range(600):
        assert process.poll() is None, "JupyterLab ended before it began"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                json.load(answer)
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("JupyterLab does not answer")


def test_cells_run_in_the_browser_show_and_play_themselves(server, tmp_path):
    complaints = []
    with offline_chromium(tmp_path / "profile", host=server) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"http://{server}/lab/tree/tunes.ipynb?token={TOKEN}&reset")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.get_by_text(re.compile(r"\| Idle$")).first.wait_for()  # before, JupyterLab would ask for a kernel
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        for number, players in enumerate(SHOWN.values(), 1):
            cell = page.locator(".jp-CodeCell").nth(number)
            cell.scroll_into_view_if_needed()  # what is out of sight may not be drawn yet
            shown = cell.locator("iframe")
            shown.wait_for(state="attached")
            frame = shown.element_handle().content_frame()
            frame.locator(".tune.ready").first.wait_for()
            assert frame.locator(".tune .play").count() == players
            assert frame.locator(".tune svg").count() >= players
            frame.locator(".tune .play").first.click()
            assert frame.evaluate(LOUDEST, 0.8) > 0.02
            frame.locator(".tune .play").first.click()
        folded = page.locator(".jp-CodeCell").nth(len(SHOWN) + 1)
        folded.locator(".jp-OutputArea-output").wait_for(state="attached")
        assert not folded.is_visible()  # though it ran
        page.get_by_text("1 cell hidden").click()
        assert folded.get_by_text("the answer", exact=True).is_visible()
        assert page.locator(".jp-RenderedText[data-mime-type*=stderr]").count() == 0
        page.screenshot(path=str(tmp_path / "lab.png"))
    assert [text for text in complaints if not re.search(r"net::ERR", text)] == []
