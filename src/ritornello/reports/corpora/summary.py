"""A build report for a terminal: files that need attention, and a table of reasons for any width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ritornello.corpus.report import DROPPED, KEPT, FileReport, remedy

LINES = 20
"""Files that are listed one by one on a screen; all of them are in `report.jsonl`."""

WIDE = 100  # columns of the table where there is no screen to fit

NARROW = 64  # columns; below that a table of three columns is no table


_OUTCOMES = {KEPT: "", "doubt": "doubt", DROPPED: "dropped"}


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Files of one status and reason: how many, an example with its detail, and what would help."""

    status: str
    reason: str
    files: int
    example: str
    detail: str
    remedy: str


def rows(report: Iterable[FileReport]) -> list[ReportRow]:
    """Count files by status and reason: kept first, then doubts (warnings), then dropped."""
    seen: dict[tuple[str, str], ReportRow] = {}
    for line in report:
        doubts = [("doubt", code, detail) for code, detail in dict(line.warnings).items()]
        for status, reason, detail in [(line.status, line.reason, line.detail), *doubts]:
            seen[status, reason] = _joined(seen.get((status, reason)), status, reason, line.path, detail)
    order = (KEPT, "doubt", DROPPED)
    return sorted(seen.values(), key=lambda row: (order.index(row.status), -row.files, row.reason))


def screen(report: Sequence[FileReport], width: int | None = None, most: int = LINES) -> str:
    """Write a report for a person: the first files that need attention, then the table.

    A report of few files is written file by file. width: columns of the screen, to which lines are wrapped; None
    where there is no screen, so that a file has one line. most: files that are listed one by one.
    """
    attention, first = 0, []
    for line in report:
        if line.status == DROPPED or line.warnings:
            attention += 1
            first += [line] if attention <= most else []
    shown = list(report) if len(report) <= LINES else first
    lines = [text for line in shown for text in ([str(line)] if width is None else _wrapped(str(line), width, "  "))]
    if len(report) > most and attention > most:
        lines.append(f"... and {attention - most:,} more, in report.jsonl")
    return "\n".join([*lines, *([""] if lines else []), table(report, width or WIDE)])


def table(report: Sequence[FileReport], width: int = WIDE) -> str:
    """Write the rows in columns, or one under the other on a narrow screen."""
    body = [
        (f"{row.files:,}", _OUTCOMES[row.status], row.reason, row.remedy or _notes(report)) for row in rows(report)
    ]
    if width < NARROW or not body:
        return "\n".join(line for row in body for line in _stacked(row, width))
    heads = ("files", "", "reason", "what would help")
    wide = [max(len(cells[n]) for cells in (heads, *body)) for n in range(3)]
    room = max(width - sum(wide) - 6, 20)
    lines = []
    for files, outcome, reason, help_ in (heads, *body):
        first, *more = textwrap.wrap(help_, room) or [""]
        lines.append(f"{files:>{wide[0]}}  {outcome:<{wide[1]}}  {reason:<{wide[2]}}  {first}".rstrip())
        lines += [" " * (sum(wide) + 6) + text for text in more]
    return "\n".join(lines)


def _joined(row: ReportRow | None, status: str, reason: str, path: str, detail: str) -> ReportRow:
    """Count one more file; where remedies differ by a number, the general one stays."""
    help_ = remedy(reason, detail)
    if row is None:
        return ReportRow(status, reason, 1, path, detail, help_)
    return replace(row, files=row.files + 1, remedy=help_ if help_ == row.remedy else remedy(reason))


def _notes(report: Sequence[FileReport]) -> str:
    melodies, notes = sum(line.melodies for line in report), sum(line.notes for line in report)
    return f"{melodies:,} {'melody' if melodies == 1 else 'melodies'}, {notes:,} notes"


def _stacked(row: tuple[str, str, str, str], width: int) -> list[str]:
    files, outcome, reason, help_ = row
    return [" ".join(word for word in (files, outcome, reason) if word), *_wrapped(f"  {help_}", width, "  ")]


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Wrap lines at a width without breaking paths."""
    return textwrap.wrap(
        text, max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
