"""ritornello corpus show: what a corpus holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ritornello.cli.console import AsJson, Console, Quiet

if TYPE_CHECKING:
    from ritornello.corpus.store import Corpus


def show(
    corpus: str = "all",
    /,
    *,
    families: bool = False,
    picture: str | None = None,
    page: str | None = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Show a corpus: counts, and histograms of pitch, duration, key and metre.

    Example: ritornello corpus show songs --picture songs.svg

    Parameters
    ----------
    corpus
        A corpus folder, or an embedded corpus: all, hymns or songs.
    families
        Show instead which tunes are kin, and why: transposition, speed, the longest shared run, how much is shared.
    picture
        Also draw the histograms to this .svg file.
    page
        Also write the report page, outliers first, to this .html file (a build writes it into the corpus folder).
    """
    from ritornello import atomic
    from ritornello.api import load_corpus
    from ritornello.reports.corpora.describe import as_svg, as_text, describe
    from ritornello.reports.corpora.page import report_page

    material = load_corpus(corpus)
    description = describe(material)
    if picture:
        atomic.write_text(_named(picture, ".svg", "the picture is an SVG"), as_svg(description))
    if page:
        atomic.write_text(_named(page, ".html", "the report is a page"), report_page(material, Path(corpus).name))
    console = Console(quiet, as_json)
    if families:
        console.result(*_families(material))
    else:
        console.result(description, as_text(description))
    return 0


def _families(corpus: Corpus) -> tuple[list[dict], str]:
    """Families of two or more as values and as words."""
    from ritornello.corpus.families.kin import families_as_text, families_of

    found = families_of(corpus)
    return [family.to_dict() for family in found], families_as_text(found)


def _named(path: str, suffix: str, what: str) -> str:
    if Path(path).suffix.lower() != suffix:
        raise ValueError(f"{path}: {what}; name it {suffix}")
    return path
