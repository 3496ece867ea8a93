"""Execute the notebooks: notebooks/NAME.py, text in jupytext's percent format, to NAME.ipynb with its outputs.

python scripts/make_notebooks.py [NAME ...] [-o FOLDER]; RITORNELLO_QUICK=1 trains a tenth of the minutes. Each gets a
cell that installs the program in Colab and does nothing elsewhere; where pyproject.toml names the repository, it
begins with a badge that opens it there. --html FOLDER writes the notebooks as they are to pages, answers folded.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
import tomllib
from pathlib import Path

import jinja2
import jupytext
import nbclient
import nbconvert
import nbformat

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
TIMEOUT = 600  # seconds for one cell
KEPT = ("kernelspec", "language_info")  # of a notebook's metadata
ANSWER = "#### Answer"  # a heading that is folded in JupyterLab, Notebook and Colab
FOLDED = "hide-cell"  # the tag of a cell of code that belongs to an answer
OF_COLAB = "colab"  # the tag of cells that are not in the text
INSTALL = """\
# Only for Colab: installs the program there. On your own machine this cell does nothing.
import glob
import subprocess
import sys

ADDRESS = "{address}"{remark}
if "google.colab" in sys.modules:
    found = sorted(glob.glob("ritornello-*.whl")) or [ADDRESS]
    if found == [""]:
        raise RuntimeError("the program is not published yet: {way}")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", found[-1]], check=True)"""
UNPUBLISHED = "  # of the repository; empty before it is published"
WAY = (
    "in a copy of the repository run `pip wheel --no-deps .`, put the file ritornello-....whl here with the "
    "folder sign on the left, and run this cell again"
)
PAGE = """\
{%- extends "lab/index.html.j2" -%}
{%- block codecell -%}
{%- if "hide-cell" in cell.metadata.get("tags", []) -%}
<details><summary>Show</summary>{{ super() }}</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock codecell -%}
"""


def made(name: str, folder: Path) -> Path:
    """Execute one notebook in an empty folder and write it to `folder`; return its file.

    Raises CellExecutionError, naming the cell, where one fails.
    """
    notebook = with_colab(jupytext.read(NOTEBOOKS / f"{name}.py"), name)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the same in every run
    with tempfile.TemporaryDirectory() as place:
        nbclient.NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": place}}).execute()
        text = without_places(nbformat.writes(tidied(notebook)), place)
    path = folder / f"{name}.ipynb"
    path.write_text(text + "\n", encoding="utf-8")
    return path


def tidied(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what differs from run to run and says nothing: times of execution, states of widgets."""
    notebook["metadata"] = {name: notebook["metadata"][name] for name in KEPT if name in notebook["metadata"]}
    answers = [cell for cell in notebook["cells"] if cell["source"] == ANSWER]
    for cell in answers:
        cell["metadata"]["id"] = cell["id"]  # where Colab looks for it
    notebook["metadata"]["colab"] = {"collapsed_sections": [cell["id"] for cell in answers]}
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
    return notebook


def without_places(text: str, place: str) -> str:
    """Replace the paths of this machine: the folder of execution, runs in temporary folders, the kernel's cells."""
    text = re.sub(r"[\w/.-]*/ipykernel_\d+/\d+\.py", "cell", text.replace(place, "."))
    return re.sub(re.escape(tempfile.gettempdir()) + r"/ritornello-\w{8}", "run", text)


def with_colab(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """Put the cell that installs the program in Colab before the first code, and the badge, if any, on top."""
    tags = {"tags": [OF_COLAB]}
    first = next(n for n, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells.insert(first, nbformat.v4.new_code_cell(install_cell(), metadata=tags))
    if badge := colab_badge(name):
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge, metadata=tags))
    return notebook


def repository() -> str:
    """Read the address of the repository from pyproject.toml; "" while it is not published."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project.get("urls", {}).get("Repository", "")).rstrip("/").removesuffix(".git")


def install_cell() -> str:
    """Write the cell that installs the program in Colab: an uploaded wheel, else from the repository."""
    address = f"git+{repository()}" if repository() else ""
    return INSTALL.format(address=address, remark="" if address else UNPUBLISHED, way=WAY)


def colab_badge(name: str) -> str:
    """Write the badge that opens a notebook in Colab; "" while pyproject.toml names no repository on GitHub."""
    place = repository()
    if not place.startswith("https://github.com/"):
        return ""
    link = place.replace("https://github.com/", "https://colab.research.google.com/github/")
    badge = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({badge})]({link}/blob/main/notebooks/{name}.ipynb)"


def page(notebook: nbformat.NotebookNode) -> str:
    """Make an HTML page of an executed notebook; what belongs to an answer is folded."""
    loader = jinja2.DictLoader({"folded.html.j2": PAGE})
    exporter = nbconvert.HTMLExporter(extra_loaders=[loader], template_file="folded.html.j2")
    return str(exporter.from_notebook_node(notebook)[0])


def main() -> None:
    """Execute the notebooks that are named, or all; or write them to pages."""
    parser = argparse.ArgumentParser(description="execute the notebooks")
    parser.add_argument("names", nargs="*", help="such as exercise; all without")
    parser.add_argument("-o", "--out", type=Path, default=NOTEBOOKS, help="folder for the .ipynb files")
    parser.add_argument("--html", type=Path, help="write pages of the .ipynb files to this folder, execute nothing")
    given = parser.parse_args()
    folder = given.html or given.out
    folder.mkdir(parents=True, exist_ok=True)
    for name in given.names or sorted(path.stem for path in NOTEBOOKS.glob("*.py")):
        if given.html:
            notebook = nbformat.read(given.out / f"{name}.ipynb", 4)
            (folder / f"{name}.html").write_text(page(notebook), encoding="utf-8")
            continue
        began = time.monotonic()
        path = made(name, given.out)
        print(f"{path.name}: {time.monotonic() - began:.0f} s, {path.stat().st_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
