"""A build report in numbers, gathered in one pass: reports of many files lie on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePath

from ritornello.corpus.report import DROPPED, FileReport
from ritornello.reports.corpora.summary import ReportRow, rows

FILES = 60
"""Files that are listed one by one for each reason; all of them are in `report.jsonl`."""


@dataclass(slots=True)
class ReportDigest:
    """Counts and rows of a report.

    rows: one for each status and reason, as on the screen. listed: by status and reason, the first FILES that were
    dropped or doubted, as (path, detail). files, dropped, copies: how many files, dropped files, and tunes left out
    as copies. folder: the parts of the path in which all files lie.
    """

    rows: list[ReportRow] = field(default_factory=list)
    listed: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    files: int = 0
    dropped: int = 0
    copies: int = 0
    folder: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: Iterable[FileReport]) -> ReportDigest:
        """Gather a report, which is read once."""
        digest = cls()
        digest.rows = rows(digest._counted(report))
        return digest

    def _counted(self, report: Iterable[FileReport]) -> Iterator[FileReport]:
        last = ""
        for line in report:
            folder = line.path.rpartition("/")[0]
            if not self.files:
                self.folder = PurePath(line.path).parts[:-1]
            elif folder != last:
                self.folder = _shared_start(self.folder, PurePath(line.path).parts[:-1])
            last = folder
            self.files += 1
            self.dropped += line.status == DROPPED
            self.copies += len(line.duplicates)
            remarks = [(DROPPED, line.reason, line.detail)] if line.status == DROPPED else []
            for status, code, detail in remarks + [("doubt", c, d) for c, d in dict(line.warnings).items()]:
                files = self.listed.setdefault((status, code), [])
                if len(files) < FILES:
                    files.append((line.path, detail))
            yield line


def _shared_start(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
