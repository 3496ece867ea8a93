"""ritornello runs: training runs side by side, in a table and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace

if TYPE_CHECKING:
    from ritornello.reports.runs.compare import Comparison


def runs(
    folder: str = ".",
    /,
    *,
    out: Annotated[str | None, Parameter(name=["--out", "-o"])] = None,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare the training runs in a folder, in bits per note on validation tunes.

    Example: ritornello runs my-runs --out runs.html

    Parameters
    ----------
    folder
        A folder with run folders in it, at any depth; or one run.
    out
        Also draw the comparison: a page (.html) or the curves alone (.svg, .png).
    """
    console = Console(quiet, as_json)
    comparison = api.runs(folder, out, replace)
    console.result(comparison.to_dict(), _in_words(comparison, console))


def _in_words(comparison: Comparison, console: Console) -> str:
    """Write a table for each corpus, the best run first."""
    from ritornello.reports.runs.compare import table_of

    parts = [
        "\n".join(filter(None, [group.name, console.table(*table_of(group)), group.caution]))
        for group in comparison.groups
    ]
    if len(parts) > 1:
        parts.append("Runs of different corpora cannot be compared: each table is ranked by itself.")
    parts += [f"not read: {error}" for _, error in comparison.unreadable]
    return "\n\n".join(parts)
