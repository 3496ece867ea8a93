"""Execute the notebooks: notebooks/NAME.py, text in jupytext's percent format, to NAME.ipynb with its outputs.

python scripts/make_notebooks.py [NAME ...] [-o FOLDER]; RITORNELLO_QUICK=1 trains a tenth of the minutes. Where
pyproject.toml names the repository, each begins with a badge that opens it in Colab.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
import tomllib
from pathlib import Path

import jupytext
import nbclient
import nbformat

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
TIMEOUT = 600  # seconds for one cell
KEPT = ("kernelspec", "language_info")  # of a notebook's metadata


def made(name: str, folder: Path) -> Path:
    """Execute one notebook in an empty folder and write it to `folder`; return its file.

    Raises CellExecutionError, naming the cell, where one fails.
    """
    notebook = jupytext.read(NOTEBOOKS / f"{name}.py")
    if badge := colab_badge(name):
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge))
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
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
    return notebook


def without_places(text: str, place: str) -> str:
    """Replace the paths of this machine: the folder of execution, runs in temporary folders, the kernel's cells."""
    text = re.sub(r"[\w/.-]*/ipykernel_\d+/\d+\.py", "cell", text.replace(place, "."))
    return re.sub(re.escape(tempfile.gettempdir()) + r"/ritornello-\w{8}", "run", text)


def colab_badge(name: str) -> str:
    """Write the badge that opens a notebook in Colab; "" while pyproject.toml names no repository on GitHub."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    place = project.get("urls", {}).get("Repository", "").rstrip("/").removesuffix(".git")
    if not place.startswith("https://github.com/"):
        return ""
    link = place.replace("https://github.com/", "https://colab.research.google.com/github/")
    badge = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({badge})]({link}/blob/main/notebooks/{name}.ipynb)"


def main() -> None:
    """Execute the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description="execute the notebooks")
    parser.add_argument("names", nargs="*", help="such as exercise; all without")
    parser.add_argument("-o", "--out", type=Path, default=NOTEBOOKS, help="folder for the .ipynb files")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.names or sorted(path.stem for path in NOTEBOOKS.glob("*.py")):
        began = time.monotonic()
        path = made(name, given.out)
        print(f"{path.name}: {time.monotonic() - began:.0f} s, {path.stat().st_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
