"""Compare the runs below a folder: one row each, runs of one corpus together and ranked, never those of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from os.path import relpath
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ritornello.encoding.options import encoding_in_words
from ritornello.plural import counted
from ritornello.render.line_chart import Curve, line_chart
from ritornello.reports.runs.log import ENDINGS, RunLogError, RunRecord, read_run
from ritornello.reports.runs.page import network_name, style
from ritornello.reports.web_page import card, document, masthead
from ritornello.training.run.folder import LOG_NAME, REPORT_NAME
from ritornello.wording import as_argument, by_face

MOST_LINES = 8  # in a picture: as many as there are inks
LONGEST_NAME = 36  # signs, in a legend
WIDE, NARROW, HEIGHT, NARROW_HEIGHT = 860, 400, 400, 360  # pixels
GAP, HEADING = 28, 26


@dataclass(frozen=True)
class RunRow:
    """A run in the table. best: bits per note on validation tunes, None where that is not known; ngram: to beat."""

    name: str
    record: RunRecord
    best: float | None
    ngram: float | None

    @property
    def gain(self) -> float | None:
        """Bits per note that it knows more than the n-gram."""
        return None if self.best is None or self.ngram is None else self.ngram - self.best

    def to_dict(self) -> dict[str, Any]:
        """List its values by name."""
        log, checks = self.record.log, self.record.checks
        best_nll = min((line["validation_nll"] for line in checks), default=None)
        return {
            "name": self.name,
            "network": network_name(self.record.head.get("network", {})),
            "encoding": encoding_in_words(_of_head(self.record, "encoding")),
            "updates": log.points[-1].update if log.points else 0,
            "epochs": log.points[-1].epochs if log.points else 0.0,
            "minutes": round(log.points[-1].seconds / 60, 2) if log.points else 0.0,
            "bits_per_note": self.best,
            "ngram_bits_per_note": self.ngram,
            "base_bits_per_note": log.base,
            "gain": self.gain,
            "nll_per_token": best_nll,
            "stopped": self.record.stopped,
        }


@dataclass(frozen=True)
class Group:
    """The runs of one corpus, the best first; those whose bits per note are not known after them."""

    fingerprint: str
    pieces: int
    rows: tuple[RunRow, ...]

    @property
    def name(self) -> str:
        """The corpus in a few words."""
        if not self.fingerprint:
            return "a corpus that the log does not name"
        return f"corpus {self.fingerprint[:8]}" + (f", {counted(self.pieces, 'tune')}" if self.pieces else "")

    @property
    def caution(self) -> str:
        """Why the ranking is to be read with care; "" where it is not."""
        ranked = [row.record for row in self.rows if row.best is not None]
        notes = {record.head["held_out"].get("notes") for record in ranked if record.head.get("held_out")}
        text = []
        if len(notes) > 1:
            text.append("not all were checked on the same notes: `ritornello evaluate` scores them on the same tunes")
        if len({bool(_of_head(record, "encoding").get("plain")) for record in ranked}) > 1:
            text.append("plain encodings pay for neither metre nor end")
        if any(record.log.base is not None for record in ranked):
            text.append("much of what a tuned run knows, the model that it began from knew before")
        return "; ".join(text)


@dataclass(frozen=True)
class Comparison:
    """All runs below a folder. unreadable: name and what is wrong, of each folder whose log cannot be read."""

    groups: tuple[Group, ...]
    unreadable: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """List all values by name."""
        return {
            "corpora": [
                {"fingerprint": g.fingerprint, "pieces": g.pieces, "runs": [row.to_dict() for row in g.rows]}
                for g in self.groups
            ],
            "unreadable": [{"name": name, "error": error} for name, error in self.unreadable],
        }


def compare_runs(folder: str | Path) -> Comparison:
    """Read every run in `folder` and below.

    Raises FileNotFoundError where there is no such folder, ValueError where no run is in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    by_corpus: dict[str, list[RunRow]] = {}
    unreadable: list[tuple[str, str]] = []
    for path in sorted(folder.rglob(LOG_NAME)):
        name = path.parent.relative_to(folder).as_posix() if path.parent != folder else folder.resolve().name
        try:
            record = read_run(path.parent)
            log = record.log
            is_known = log.points and record.tokens_per_note and log.has_validation
            row = RunRow(name, record, log.best.validation if is_known else None, log.ngram)
            by_corpus.setdefault(str(_of_head(record, "corpus").get("fingerprint", "")), []).append(row)
        except RunLogError as error:
            unreadable.append((name, str(error)))
    if not by_corpus and not unreadable:
        run = f"{folder}/NAME"
        call = by_face(f"ritornello train CORPUS -o {as_argument(run)}", f'rito.train(CORPUS, out="{run}")')
        raise ValueError(f"{folder}: no run in it (no {LOG_NAME}); `{call}` makes one")
    groups = []
    for fingerprint, rows in by_corpus.items():
        pieces = int(_of_head(rows[0].record, "corpus").get("pieces", 0))
        ranked = sorted(rows, key=lambda row: (row.best is None, row.best or 0.0, row.name))
        groups.append(Group(fingerprint, pieces, tuple(ranked)))
    return Comparison(tuple(groups), tuple(unreadable))


def table_of(group: Group) -> tuple[list[str], list[list[str]]]:
    """Write the header and the rows of a group."""
    header = ["run", "network", "encoding", "updates", "minutes", "bits per note", "than n-gram", "state"]
    rows = []
    for row in group.rows:
        values = row.to_dict()
        best, gain, ended = values["bits_per_note"], values["gain"], values["stopped"]
        figures = ["–" if best is None else f"{best:.3f}", "–" if gain is None else f"{-gain:+.3f}"]
        ending = ENDINGS.get(ended, ended) if values["updates"] else "before its first check"
        size = [f"{values['updates']:,}", f"{values['minutes']:.1f}"]
        rows.append([values["name"], values["network"], values["encoding"], *size, *figures, ending])
    return header, rows


def comparison_svg(comparison: Comparison) -> str:
    """Draw all groups, one below the other, as one SVG.

    Raises ValueError where nothing can be drawn.
    """
    charts = [(group.name, _chart(group, WIDE, HEIGHT)) for group in comparison.groups if _lines(group)]
    if not charts:
        raise ValueError("there is nothing to draw: none of these runs has a check yet")
    if len(charts) == 1:
        return charts[0][1]
    parts, y = [], 0
    for name, chart in charts:
        parts.append(f'<text x="4" y="{y + 18}" fill="#6d6456">{escape(name)}</text>')
        parts.append(chart.replace("<svg ", f'<svg y="{y + HEADING}" ', 1))
        y += HEADING + HEIGHT + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{y}" viewBox="0 0 {WIDE} {y}" '
        f'font-family="system-ui, DejaVu Sans, sans-serif" font-size="14"><rect width="100%" height="100%" '
        f'fill="#f5f1e8"/>{"".join(parts)}</svg>'
    )


def comparison_page(comparison: Comparison, title: str, place: Path) -> str:
    """Make a whole HTML document of the comparison, which fetches nothing.

    place: the folder that it will lie in, from which it links to the runs' own reports.
    """
    intro = "Bits per note on validation tunes, which are not learned from; fewer are better, the best first."
    if len(comparison.groups) > 1:
        intro += " Runs of different corpora have tables of their own: their numbers cannot be compared."
    head = masthead(title, intro)
    cards = [
        card(group.name[0].upper() + group.name[1:], _lede(group), _section(group, place))
        for group in comparison.groups
    ]
    if comparison.unreadable:
        items = "".join(f"<li>{escape(error)}</li>" for _, error in comparison.unreadable)
        cards.append(card("Not to be read", "", f'<ul class="bad">{items}</ul>'))
    return document(title, "\n".join([style(), head, *cards]))


def _of_head(record: RunRecord, name: str) -> Mapping[str, Any]:
    values = record.head.get(name)
    return values if isinstance(values, Mapping) else {}


def _lines(group: Group) -> list[Curve]:
    """Make the curves of the best runs over minutes, and the n-gram of the best of them."""
    drawn = [row for row in group.rows if row.best is not None][:MOST_LINES]
    lines = [
        Curve(
            row.name if len(row.name) <= LONGEST_NAME else f"…{row.name[1 - LONGEST_NAME :]}",
            [point.seconds / 60 for point in row.record.log.points],
            [point.validation for point in row.record.log.points],
            ink,
            mark=(row.record.log.best.seconds / 60, row.record.log.best.validation),
        )
        for ink, row in enumerate(drawn)
    ]
    known = [row.ngram for row in drawn if row.ngram is not None]
    return [Curve("n-gram", [], [known[0]], 7, is_level=True), *lines] if known else lines


def _chart(group: Group, width: int, height: int) -> str:
    return line_chart(
        _lines(group), "minutes", "bits per note", width, height, f"validation bits per note, {group.name}"
    )


def _lede(group: Group) -> str:
    count = len(group.rows)
    text = counted(count, "run")
    drawn = sum(row.best is not None for row in group.rows)
    text += f"; the best {MOST_LINES} are drawn" if drawn > MOST_LINES else ""
    return escape(f"{text}; {group.caution}." if group.caution else f"{text}.")


def _section(group: Group, place: Path) -> str:
    header, rows = table_of(group)
    chart = ""
    if _lines(group):
        wide, narrow = _chart(group, WIDE, HEIGHT), _chart(group, NARROW, NARROW_HEIGHT)
        chart = f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
    body = ""
    for words, row in zip(rows, group.rows, strict=True):
        name, *cells = map(escape, words)
        report = row.record.folder / REPORT_NAME
        if report.is_file():
            name = f'<a href="{escape(quote(Path(relpath(report, place)).as_posix()))}">{name}</a>'
        kinds = [' class="better"' if n == 5 and (row.gain or 0) > 0 else "" for n in range(len(cells))]
        cells = [f"<td{kind}>{text}</td>" for kind, text in zip(kinds, cells, strict=True)]
        body += f"<tr><td>{name}</td>{''.join(cells)}</tr>"
    heads = "".join(f"<th>{name}</th>" for name in header)
    return f'{chart}<div class="scroll"><table><tr>{heads}</tr>{body}</table></div>'
