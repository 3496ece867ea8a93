"""ritornello corpus build: any files in, a corpus out, one report line per file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Out, Quiet
from ritornello.corpus.options import BuildOptions


def build(
    *sources: str,
    out: Out,
    options: Annotated[BuildOptions, Parameter(name="*")] = BuildOptions(),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Build a corpus from files and folders: MIDI, ABC, MusicXML, kern, MEI, MuseScore, .npz and .npy.

    Example: ritornello corpus build my-tunes -o my-corpus

    Parameters
    ----------
    sources
        Files, or folders that are searched through.
    out
        The corpus folder to write.
    """
    from ritornello.corpus.build import build_corpus
    from ritornello.corpus.errors import CorpusError
    from ritornello.corpus.folder import check_place
    from ritornello.corpus.judge import unknown_names
    from ritornello.corpus.split import SplitRule
    from ritornello.corpus.summary import screen

    console = Console(quiet, as_json)
    if not sources:
        raise ValueError("name at least one file or folder to build from")
    check_place(Path(out))
    try:
        with console.progress("reading", 1) as progress:
            corpus = build_corpus(list(sources), options, progress.of, out)
    except CorpusError as error:
        if error.report:
            console.say(screen(error.report, console.width))
        raise
    console.say(screen(corpus.report, console.width))
    rule = SplitRule.parse(options.split)
    if unknown := rule.unknown(corpus):
        console.say(unknown_names(rule, unknown))
    splits = ", ".join(f"{name} {corpus.counts()[name]['pieces']}" for name in corpus.splits)
    kept = sum(line.status == "kept" for line in corpus.report)
    counts = corpus.counts()
    console.result(
        {"corpus": out, "files": len(corpus.report), "kept": kept, **counts["all"], "splits": counts},
        f"{out}: kept {kept} of {len(corpus.report)} files; {counts['all']['pieces']} pieces, "
        f"{counts['all']['melodies']} melodies, {counts['all']['notes']} notes ({splits}); look at {out}/report.html",
    )
    return 0
