"""What must hold of a corpus whatever it was built from: every file accounted for, once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ritornello.corpus.find.archives import ARCHIVE_SUFFIXES
from ritornello.corpus.report import REMEDIES, FileReport
from ritornello.corpus.store import Corpus


def check_accounts(corpus: Corpus, sources: Sequence[Path]) -> None:
    """Every file has one line, or it is an archive whose members have theirs; what lines say adds up."""
    check_lines(corpus.report, sources)
    assert sum(line.pieces for line in corpus.report) == len(corpus.pieces)
    assert sum(line.notes for line in corpus.report) == len(corpus.notes)


def check_lines(report: Sequence[FileReport], sources: Sequence[Path]) -> None:
    """The same of a report alone, that of a build which kept nothing too."""
    files = {str(s) for s in sources if s.is_file()}
    files |= {os.path.join(here, name) for s in sources for here, _, found in os.walk(s) for name in found}
    lines = [line.path for line in report]
    assert len(lines) == len(set(lines))
    alone = {path for path in lines if path in files}
    opened = {
        file
        for file in files
        if file.lower().endswith(ARCHIVE_SUFFIXES) and any(path.startswith(f"{file}/") for path in lines)
    }
    assert alone | opened == files
    assert all(path.startswith(tuple(f"{archive}/" for archive in opened)) for path in set(lines) - alone)
    for line in report:
        assert line.reason in REMEDIES
        assert (line.status == "kept") == (line.reason == "ok") == (line.melodies > 0)
        assert "\n" not in str(line)
