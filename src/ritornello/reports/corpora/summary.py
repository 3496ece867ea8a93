"""The report on a screen: what wants attention, file by file, and a table of reasons for any width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ritornello.corpus.report import DROPPED, KEPT, FileReport, remedy

LINES = 20
"""Files that are told one by one on a screen; all of them are in `report.jsonl`."""

WIDE = 100  # columns of the table where there is no screen to fit

NARROW = 64  # columns; below that a table of three columns is no table


_OUTCOMES = {KEPT: "", "doubt": "doubt", DROPPED: "dropped"}


@dataclass(frozen=True, slots=True)
class Row:
    """Files of one status and reason: how many, an example with what was said of it, and what would help."""

    status: str
    reason: str
    files: int
    example: str
    detail: str
    remedy: str


def rows(report: Iterable[FileReport]) -> list[Row]:
    """One row for each status and reason, kept files first, then the commonest; "doubt" rows are warnings."""
    seen: dict[tuple[str, str], Row] = {}
    for line in report:
        doubts = [("doubt", code, detail) for code, detail in dict(line.warnings).items()]
        for status, reason, detail in [(line.status, line.reason, line.detail), *doubts]:
            seen[status, reason] = _joined(seen.get((status, reason)), status, reason, line.path, detail)
    order = (KEPT, "doubt", DROPPED)
    return sorted(seen.values(), key=lambda row: (order.index(row.status), -row.files, row.reason))


def screen(report: Sequence[FileReport], width: int | None = None, most: int = LINES) -> str:
    """What a person wants to see of a report: the files that want attention, the first of them, then the table.

    A report of few files is told file by file. width: columns of the screen, to which lines are wrapped; None where
    it is none, so that a line for a file stays one line. most: files that are told one by one.
    """
    wanting, first = 0, []
    for line in report:
        if line.status == DROPPED or line.warnings:
            wanting += 1
            first += [line] if wanting <= most else []
    told = list(report) if len(report) <= LINES else first
    lines = [piece for line in told for piece in ([str(line)] if width is None else _wrapped(str(line), width, "  "))]
    if len(report) > most and wanting > most:
        lines.append(f"... and {wanting - most:,} more, in report.jsonl")
    return "\n".join([*lines, *([""] if lines else []), table(report, width or WIDE)])


def table(report: Sequence[FileReport], width: int = WIDE) -> str:
    """The rows as text in columns, or one under the other on a narrow screen."""
    told = [
        (f"{row.files:,}", _OUTCOMES[row.status], row.reason, row.remedy or _notes(report)) for row in rows(report)
    ]
    if width < NARROW or not told:
        return "\n".join(line for row in told for line in _stacked(row, width))
    heads = ("files", "", "reason", "what would help")
    wide = [max(len(cells[n]) for cells in (heads, *told)) for n in range(3)]
    room = max(width - sum(wide) - 6, 20)
    lines = []
    for files, outcome, reason, help_ in (heads, *told):
        first, *more = textwrap.wrap(help_, room) or [""]
        lines.append(f"{files:>{wide[0]}}  {outcome:<{wide[1]}}  {reason:<{wide[2]}}  {first}".rstrip())
        lines += [" " * (sum(wide) + 6) + text for text in more]
    return "\n".join(lines)


def _joined(row: Row | None, status: str, reason: str, path: str, detail: str) -> Row:
    """A row with one file more. Where files of a reason want different numbers, the remedy is the general one."""
    help_ = remedy(reason, detail)
    if row is None:
        return Row(status, reason, 1, path, detail, help_)
    return replace(row, files=row.files + 1, remedy=help_ if help_ == row.remedy else remedy(reason))


def _notes(report: Sequence[FileReport]) -> str:
    melodies, notes = sum(line.melodies for line in report), sum(line.notes for line in report)
    return f"{melodies:,} {'melody' if melodies == 1 else 'melodies'}, {notes:,} notes"


def _stacked(row: tuple[str, str, str, str], width: int) -> list[str]:
    files, outcome, reason, help_ = row
    return [" ".join(word for word in (files, outcome, reason) if word), *_wrapped(f"  {help_}", width, "  ")]


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines no longer than the width; paths are not broken."""
    return textwrap.wrap(
        text, max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
