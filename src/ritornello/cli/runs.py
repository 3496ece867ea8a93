"""ritornello runs: training runs side by side, in a table and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Quiet

if TYPE_CHECKING:
    from ritornello.reports.runs.compare import Comparison

SUFFIXES = (".html", ".svg", ".png")


def runs(
    folder: str = ".",
    /,
    *,
    out: Annotated[str | None, Parameter(name=["--out", "-o"])] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Compare the training runs in a folder: bits per note on held-out tunes, against each run's n-gram.

    Example: ritornello runs my-runs --out runs.html

    Parameters
    ----------
    folder
        A folder with run folders in it, at any depth; or one run.
    out
        Also draw the comparison: a page (.html) or the curves alone (.svg, .png).
    """
    from ritornello.reports.runs.compare import compare_runs

    if out is not None and Path(out).suffix.lower() not in SUFFIXES:
        raise ValueError(f"{out}: name the picture {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    console = Console(quiet, as_json)
    comparison = compare_runs(folder)
    if out is not None:
        _draw(comparison, Path(out), Path(folder).resolve().name)
    console.result(comparison.to_dict(), _as_text(comparison, console))
    return 0


def _as_text(comparison: Comparison, console: Console) -> str:
    from ritornello.reports.runs.compare import table_of

    parts = [
        "\n".join(filter(None, [group.name, console.table(*table_of(group)), group.caution]))
        for group in comparison.groups
    ]
    if len(parts) > 1:
        parts.append("Runs of different corpora cannot be compared: each table is ranked by itself.")
    parts += [f"not read: {error}" for _, error in comparison.unreadable]
    return "\n\n".join(parts)


def _draw(comparison: Comparison, path: Path, name: str) -> None:
    from ritornello import atomic
    from ritornello.reports.runs.compare import comparison_page, comparison_svg

    suffix = path.suffix.lower()
    if suffix == ".html":
        atomic.write_text(path, comparison_page(comparison, f"Runs in {name}", path.parent))
    elif suffix == ".svg":
        atomic.write_text(path, comparison_svg(comparison))
    else:
        from ritornello.render.staff import svg_to_png

        atomic.write_bytes(path, svg_to_png(comparison_svg(comparison)))
