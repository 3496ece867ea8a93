"""ritornello corpus explain: what is picked from a file, what is left, and why."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace
from ritornello.corpus.options import BuildOptions


def explain(
    file: str,
    /,
    *,
    out: Annotated[str | None, Parameter(name=["--out", "-o"])] = None,
    options: Annotated[BuildOptions, Parameter(name="*")] = BuildOptions(),
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Explain what a corpus takes from a file, what it leaves, and why.

    The exit status is 0 where something of it would be kept, 1 where nothing would (or it is not there).

    Example: ritornello corpus explain song.mid -o song.html

    Parameters
    ----------
    file
        A MIDI file, a score, a tune book, or an archive or a folder of them: then every file in it is explained.
    out
        Write a page that shows it on a staff and a roll to this .html file.
    """
    from ritornello.corpus.errors import CorpusError
    from ritornello.reports.corpora.explain import as_text

    console = Console(quiet, as_json)
    found = api.explain_file(file, out, replace=replace, options=options)
    text = "\n\n".join(as_text(one, console.width or 88) for one in found)
    console.result([one.to_dict() for one in found], text + (f"\n\npage: {out}" if out else ""))
    if not any(one.is_kept for one in found):
        raise CorpusError(f"{file}: nothing of it would be kept")
