"""ritornello corpus show: what a corpus holds."""

from __future__ import annotations

from pathlib import Path

from ritornello.cli.console import AsJson, Console, Quiet


def show(corpus: str = "all", /, *, picture: str | None = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Show a corpus: counts, and histograms of pitch, duration, key and metre.

    Example: ritornello corpus show songs --picture songs.svg

    Parameters
    ----------
    corpus
        A corpus folder, or an embedded corpus: all, hymns or songs.
    picture
        Also draw the histograms to this .svg file.
    """
    from ritornello.api import load_corpus
    from ritornello.corpus.describe import as_svg, as_text, describe
    from ritornello.music import atomic

    description = describe(load_corpus(corpus))
    if picture:
        if Path(picture).suffix.lower() != ".svg":
            raise ValueError(f"{picture}: the picture is an SVG; name it .svg")
        atomic.write_text(picture, as_svg(description))
    Console(quiet, as_json).result(description, as_text(description))
    return 0
