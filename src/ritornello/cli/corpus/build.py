"""ritornello corpus build: any files in, a corpus out, one report line per file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Out, Quiet, Replace, late_bar
from ritornello.corpus.options import BuildOptions
from ritornello.plural import counted


def build(
    *sources: str,
    out: Out,
    options: Annotated[BuildOptions, Parameter(name="*")] = BuildOptions(),
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Build a corpus from files, folders, patterns and archives of tunes.

    Its report has a line for each file.
    Read are MIDI (.mid, .midi, .kar, .rmi), ABC, MusicXML, kern, MEI, MuseScore, and token arrays (.npz, .npy).

    Example: ritornello corpus build my-tunes more.zip "songs/**/*.mid" -o my-corpus

    Parameters
    ----------
    sources
        Files; folders, which are searched through; archives (.zip, .tar, .tar.gz, .tar.xz ...), which are opened;
        patterns ("tunes/*.mid", "**" for any depth; quote them).
    out
        The corpus folder to write. Its report.html is to be looked at; report.jsonl has a line for every file.
    """
    from ritornello.corpus.errors import CorpusError
    from ritornello.corpus.families.families import copies_across, unknown_names
    from ritornello.corpus.families.split import SplitRule
    from ritornello.corpus.store import COUNTED, is_corpus
    from ritornello.reports.corpora.summary import LINES, screen

    console = Console(quiet, as_json)
    if not sources:
        raise ValueError("name at least one file or folder to build from")
    try:
        with late_bar("reading", sys.stderr, is_wanted=not quiet) as show:
            on_file = (lambda done, total, _: show(done / total)) if show else None
            corpus = api.build_corpus(list(sources), out, on_file=on_file, replace=replace, options=options)
    except CorpusError as error:
        if error.report:
            is_shown_whole = options.strict or is_corpus(Path(out))  # then no report.jsonl has the lines
            console.say(screen(error.report, console.width, len(error.report) if is_shown_whole else LINES))
        raise
    console.report(corpus.report)
    rule = SplitRule.parse(options.split)
    if unknown := rule.unknown(corpus):
        console.say(unknown_names(rule, unknown))
    counts, across = corpus.counts(), len(copies_across(corpus))
    files, kept = len(corpus.report), sum(line.status == "kept" for line in corpus.report)
    splits = ", ".join(f"{name} {counts[name]['pieces']}" for name in corpus.splits)
    leak = f"; copies_across: {across} in validation or test with a copy or variant in training" if across else ""
    words = ", ".join(counted(counts["all"][name], noun) for name, noun in COUNTED.items())
    console.result(
        {"corpus": out, "files": files, "kept": kept, **counts["all"], "splits": counts, "copies_across": across},
        f"{out}: kept {kept} of {counted(files, 'file')}; {words} ({splits}){leak}; look at {out}/report.html",
    )
