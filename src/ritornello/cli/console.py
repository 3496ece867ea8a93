"""Output of the verbs: text on the screen, values as JSON, progress as a bar or in lines."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TextIO

from cyclopts import Parameter

Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative=(), help="Say nothing but the result and errors.")]
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON value on standard output.")]
Out = Annotated[str, Parameter(name=["--out", "-o"])]


class Console:
    """Where words go. With `as_json` standard output is kept for the one value; quiet says nothing."""

    def __init__(self, quiet: bool = False, as_json: bool = False):
        self._quiet, self._as_json = quiet, as_json
        self._stream = sys.stderr if as_json else sys.stdout

    def say(self, text: str = "") -> None:
        """Print a line for the user."""
        if not self._quiet:
            print(_shown(text, self._stream), file=self._stream, flush=True)

    def warn(self, text: str) -> None:
        """Print a line on standard error, for what the user should know but did not ask."""
        if not self._quiet:
            print(_shown(f"ritornello: {' '.join(text.split())}", sys.stderr), file=sys.stderr, flush=True)

    def result(self, value: Any, text: str) -> None:
        """Print the outcome: `value` as JSON with --json, `text` without."""
        print(json.dumps(value) if self._as_json else _shown(text, sys.stdout), flush=True)

    def table(self, header: list[str], rows: list[list[str]]) -> str:
        """Align columns, the first to the left, the others to the right."""
        lines = [header, *rows]
        widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if n == 0 else cell.rjust(width)
                for n, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[ProgressBar]:
        """Show a bar on a terminal, elsewhere plain lines, at most one for each tenth."""
        progress = ProgressBar(what, total, self)
        try:
            yield progress
        finally:
            progress.close()

    @property
    def is_terminal(self) -> bool:
        """Whether a bar can be drawn."""
        return not self._quiet and self._stream.isatty()

    @property
    def width(self) -> int | None:
        """Columns of the terminal, None where words go elsewhere."""
        return shutil.get_terminal_size().columns if self._stream.isatty() else None

    @property
    def stream(self):
        """Where words go."""
        return self._stream


def _shown(text: str, stream: TextIO) -> str:
    """Escape what the stream has no sign for, such as a byte of a strange file name."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class ProgressBar:
    """How far a long job is: a bar on a terminal, lines elsewhere."""

    def __init__(self, what: str, total: int, console: Console):
        self._what, self._total, self._console = what, max(1, total), console
        self._tenth = 0
        self._bar: Any = None
        if console.is_terminal:
            from rich import progress
            from rich.console import Console as RichConsole

            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.TaskProgressColumn(),
                progress.TimeRemainingColumn(),
                progress.TextColumn("{task.fields[note]}"),
                console=RichConsole(file=console.stream),
                transient=True,
            )
            self._task = self._bar.add_task(what, total=self._total, note="")
            self._bar.start()

    def at(self, done: int, note: str = "") -> None:
        """Show that `done` of the total is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)
        elif done * 10 // self._total > self._tenth:
            self._tenth = done * 10 // self._total
            self._console.say(f"{self._what}: {self._tenth * 10} % {note}".rstrip())

    def of(self, done: int, total: int, what: object = "") -> None:
        """Show that `done` of `total` is done, where the total was not known before."""
        if total != self._total:
            self._total = max(1, total)
            if self._bar is not None:
                self._bar.update(self._task, total=self._total)
        self.at(done)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
