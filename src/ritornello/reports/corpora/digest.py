"""What a page tells of a report, gathered in one pass: reports of many files lie on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePath

from ritornello.corpus.report import DROPPED, FileReport
from ritornello.reports.corpora.summary import Row, rows

FILES = 60
"""Files told one by one for each reason; all of them are in `report.jsonl`."""


@dataclass(slots=True)
class Told:
    """The files of one status and reason: the first FILES as (path, detail), and how many more there are."""

    first: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0

    def add(self, path: str, detail: str) -> None:
        """One more file."""
        if len(self.first) < FILES:
            self.first.append((path, detail))
        else:
            self.more += 1


@dataclass(slots=True)
class Digest:
    """Counts and rows of a report.

    rows: one for each status and reason, as on the screen. told: by status and reason, of files dropped and doubted.
    files, dropped, copies: how many files, dropped files, and tunes left out as copies. folder: the parts of the path
    in which all files lie.
    """

    rows: list[Row] = field(default_factory=list)
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    files: int = 0
    dropped: int = 0
    copies: int = 0
    folder: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: Iterable[FileReport]) -> Digest:
        """The digest of a report, read once."""
        digest = cls()
        digest.rows = rows(digest._counted(report))
        return digest

    def _counted(self, report: Iterable[FileReport]) -> Iterator[FileReport]:
        """Each line, once it is counted."""
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
            self.copies += len(line.kin)
            self._tell(line)
            yield line

    def _tell(self, line: FileReport) -> None:
        if line.status == DROPPED:
            self.told.setdefault((DROPPED, line.reason), Told()).add(line.path, line.detail)
        for code, detail in line.warnings:
            self.told.setdefault(("doubt", code), Told()).add(line.path, detail)


def _shared_start(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
