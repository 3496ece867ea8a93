"""ritornello corpus explain: what is picked from a file, what is left, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Quiet
from ritornello.corpus.options import BuildOptions


def explain(
    file: str,
    /,
    *,
    out: Annotated[str | None, Parameter(name=["--out", "-o"])] = None,
    options: Annotated[BuildOptions, Parameter(name="*")] = BuildOptions(),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Show what a corpus takes from a file, beside what it leaves, each part with what speaks for it.

    The exit status is 0 where something of it would be kept, 1 where nothing would (or it is not there).

    Example: ritornello corpus explain song.mid -o song.html

    Parameters
    ----------
    file
        A MIDI file, a score, a tune book, or an archive or a folder of them: then every file in it is told of.
    out
        Write a page that shows it on a staff and a roll to this .html file.
    """
    from ritornello import atomic
    from ritornello.corpus.errors import CorpusError
    from ritornello.reports.corpora import explain as explaining
    from ritornello.reports.corpora.explain_page import explanation_page

    if out and Path(out).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{out}: the explanation is a page; name it .html")
    told = explaining.explain(file, options)
    if out:
        atomic.write_text(out, explanation_page(told, file))
    console = Console(quiet, as_json)
    width = console.width or 88
    text = "\n\n".join(explaining.as_text(one, width) for one in told)
    console.result([one.to_dict() for one in told], text + (f"\n\npage: {out}" if out else ""))
    if not any(one.is_kept for one in told):
        raise CorpusError(f"{file}: nothing of it would be kept")
    return 0
