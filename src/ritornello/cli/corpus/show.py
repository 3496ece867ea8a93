"""ritornello corpus show: what a corpus holds."""

from __future__ import annotations

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace


def show(
    corpus: str = "all",
    /,
    *,
    families: bool = False,
    picture: str | None = None,
    page: str | None = None,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show a corpus: counts, and histograms of pitch, duration, key and metre.

    Example: ritornello corpus show songs --picture songs.svg

    Parameters
    ----------
    corpus
        A corpus folder, or an embedded corpus: all, hymns or songs.
    families
        Show instead which tunes are copies or variants of each other, and why: transposition, speed, the longest
        shared run, how much is shared.
    picture
        Also draw the histograms to this .svg file.
    page
        Also write the report page, outliers first, to this .html file (a build writes it into the corpus folder).
    """
    from ritornello.corpus.families.variants import families_as_text
    from ritornello.reports.corpora.describe import as_text

    console = Console(quiet, as_json)
    material = api.load_corpus(corpus, build=False)
    description = api.show_corpus(material, picture, page, corpus, replace)
    if families:
        found = api.corpus_families(material)
        console.result([family.to_dict() for family in found], families_as_text(found))
    else:
        console.result(description, as_text(description, console.width))
