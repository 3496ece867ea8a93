"""A build report in numbers, counted in one pass, and in words for a terminal: files to look at, and a table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from ritornello.corpus.report import DROPPED, KEPT, FileReport, remedy
from ritornello.plural import counted

LINES = 20
"""Files that are listed one by one on a screen; all of them are in `report.jsonl`."""

FILES = 60
"""Files that a page lists one by one for each reason."""

WIDE = 100  # columns of the table where there is no screen to fit
NARROW = 64  # columns; below that a table of three columns is no table
_OUTCOMES = {KEPT: "", "doubt": "doubt", DROPPED: "dropped"}


@dataclass(slots=True)
class ReportRow:
    """Files of one status and reason: how many, what would help, and the first FILES with their details."""

    status: str
    reason: str
    remedy: str
    files: int = 0
    listed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def example(self) -> str:
        """Path of the first file."""
        return self.listed[0][0]


@dataclass(slots=True)
class Summary:
    """Counts and rows of a report.

    rows: one for each status and reason: kept first, then doubts (warnings), then dropped. attention: how many files
    are dropped or doubted; first: the lines of the first of them. copies: tunes left out as copies. folder: the parts
    of the path in which all files lie.
    """

    rows: list[ReportRow] = field(default_factory=list)
    files: int = 0
    dropped: int = 0
    copies: int = 0
    melodies: int = 0
    notes: int = 0
    attention: int = 0
    first: list[FileReport] = field(default_factory=list)
    folder: tuple[str, ...] = ()


def summarise(report: Iterable[FileReport], most: int = LINES) -> Summary:
    """Count a report, which may lie on disk and is read once. most: lines in `first`."""
    order = (KEPT, "doubt", DROPPED)
    found, rows, last = Summary(), dict[tuple[str, str], ReportRow](), ""
    for line in report:
        folder = line.path.rpartition("/")[0]
        if not found.files or folder != last:
            parts = PurePath(line.path).parts[:-1]
            apart = (n for n, (here, there) in enumerate(zip(parts, found.folder)) if here != there)
            found.folder = parts[: next(apart, len(found.folder))] if found.files else parts
        last = folder
        found.files += 1
        found.dropped += line.status == DROPPED
        found.copies += len(line.duplicates)
        found.melodies += line.melodies
        found.notes += line.notes
        if line.status == DROPPED or line.warnings:
            found.attention += 1
            found.first += [line] if found.attention <= most else []
        doubts = [("doubt", code, detail) for code, detail in dict(line.warnings).items()]
        for status, reason, detail in [(line.status, line.reason, line.detail), *doubts]:
            row = rows.get((status, reason))
            if row is None:
                row = rows[status, reason] = ReportRow(status, reason, remedy(reason, detail))
            elif remedy(reason, detail) != row.remedy:  # they differ by a number: the general one stays
                row.remedy = remedy(reason)
            row.files += 1
            if len(row.listed) < FILES:
                row.listed.append((line.path, detail))
    ranked = sorted((order.index(row.status), -row.files, row.reason) for row in rows.values())
    found.rows = [rows[order[n], reason] for n, _, reason in ranked]
    return found


def screen(report: Sequence[FileReport], width: int | None = None, most: int = LINES) -> str:
    """Write a report for a person: the first files that need attention, then the table.

    A report of few files is written file by file. width: columns of the screen, to which lines are wrapped; None
    where there is no screen, so that a file has one line. most: files that are listed one by one.
    """
    found = summarise(report, most)
    shown = list(report) if found.files <= LINES else found.first
    lines = [text for line in shown for text in ([str(line)] if width is None else _wrapped(str(line), width))]
    if found.files > most and found.attention > most:
        lines.append(f"... and {found.attention - most:,} more, in report.jsonl")
    return "\n".join([*lines, *([""] if lines else []), table(found, width or WIDE)])


def table(found: Summary, width: int = WIDE) -> str:
    """Write the rows in columns, or one under the other on a narrow screen."""
    notes = f"{counted(found.melodies, 'melody')}, {counted(found.notes, 'note')}"
    body = [(f"{row.files:,}", _OUTCOMES[row.status], row.reason, row.remedy or notes) for row in found.rows]
    lines = []
    if width < NARROW or not body:
        for *words, help_ in body:
            lines += [" ".join(filter(None, words)), *_wrapped(f"  {help_}", width)]
        return "\n".join(lines)
    heads = ("files", "", "reason", "what would help")
    wide = [max(len(cells[n]) for cells in (heads, *body)) for n in range(3)]
    room = max(width - sum(wide) - 6, 20)
    for files, outcome, reason, help_ in (heads, *body):
        first, *more = textwrap.wrap(help_, room) or [""]
        lines.append(f"{files:>{wide[0]}}  {outcome:<{wide[1]}}  {reason:<{wide[2]}}  {first}".rstrip())
        lines += [" " * (sum(wide) + 6) + text for text in more]
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap lines at a width without breaking paths."""
    width = max(width, 20)
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
