"""The rows as Markdown: all of them for the bench's page, the worst of each habit for the README."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.habits.judging import HABITS

NONE = "–"
Row = dict[str, Any]
GUARDS = {True: "guards on", False: "guards off"}


def full_tables(rows: Sequence[Row]) -> str:
    """Make a table for each model and length: a row for each habit, columns for temperatures and guards."""
    places = dict.fromkeys((row["model"], row["bars"], row["people_tunes"], row["tunes"]) for row in rows)
    parts = []
    for model, bars, people, tunes in places:
        chosen = [row for row in rows if (row["model"], row["bars"]) == (model, bars)]
        title = f"**{model}, {bars} bars**: {tunes} tunes in each column, {people} by people"
        parts.append(f"{title}\n\n{one_table(chosen)}")
    return "\n\n".join(parts)


def one_table(rows: Sequence[Row]) -> str:
    """Make the table of a model and length; what does not pass is bold, what is not judged in brackets."""
    columns = sorted({(row["temperature"], not row["guards"]) for row in rows})
    cells = {(row["habit"], row["temperature"], not row["guards"]): row for row in rows}
    head = [f"T {t:g}, {GUARDS[not off]}" for t, off in columns]
    lines = [[("habit"), "people", "allowed", *head]]
    for name in (name for name in HABITS if any(row["habit"] == name for row in rows)):
        row = next(row for row in rows if row["habit"] == name)
        found = [_cell(cells.get((name, *column))) for column in columns]
        lines.append([HABITS[name].title, _figure(name, row["people"]), _allowed(row), *found])
    return markdown(lines)


def short_table(rows: Sequence[Row], model: str = "default", bars: int = 16, temperature: float = 1.0) -> str:
    """Make the README's table: a model at its usual temperature, with and without guards, and how all others did."""
    chosen = [row for row in rows if (row["model"], row["bars"]) == (model, bars)]
    lines = [["habit", "people", "allowed", "guards on", "guards off", "all models, lengths and temperatures"]]
    for name in dict.fromkeys(row["habit"] for row in chosen):
        at = {row["guards"]: row for row in chosen if row["habit"] == name and row["temperature"] == temperature}
        if not at:
            continue
        judged = [row for row in rows if row["habit"] == name and row["guards"] and row["passes"] is not None]
        good = f"{sum(row['passes'] for row in judged)} of {len(judged)} within" if judged else NONE
        row = at.get(True) or at[False]
        known = [_figure(name, row["people"]), _allowed(row), _cell(at.get(True)), _cell(at.get(False))]
        lines.append([HABITS[name].title, *known, good])
    return markdown(lines)


def summary(rows: Sequence[Row]) -> str:
    """Write how many judged rows pass, with and without guards."""
    words = []
    for guards, name in GUARDS.items():
        judged = [row["passes"] for row in rows if row["guards"] is guards and row["passes"] is not None]
        if judged:
            words.append(f"{name}: {sum(judged)} of {len(judged)} rows pass")
    return "; ".join(words)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Write a table, its head first."""
    head, *rest = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + " --- |" * len(lines[0]), *rest])


def _cell(row: Row | None) -> str:
    """Write a composed share: bold where it does not pass, in brackets where it is not judged."""
    if row is None:
        return NONE
    text = _figure(row["habit"], row["composed"])
    return f"({text})" if row["passes"] is None else text if row["passes"] else f"**{text}**"


def _allowed(row: Row) -> str:
    """Write the limits."""
    highest = 1.0 if HABITS[row["habit"]].form == "{:.1%}" else row["most"]
    least, most = (_figure(row["habit"], value) for value in (max(0.0, row["least"]), min(row["most"], highest)))
    return most if least == most else f"up to {most}" if row["least"] <= 0 else f"{least} to {most}"


def _figure(name: str, value: float | None) -> str:
    """Write a figure as its habit is written."""
    return NONE if value is None else HABITS[name].form.format(value).replace("%", " %")
