"""What verbs share: options, and output as text on the screen, as JSON, as a bar of progress."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, TextIO, get_args

from cyclopts import Parameter, Token, convert

if TYPE_CHECKING:
    from ritornello.corpus.report import FileReport
    from ritornello.music.values import Melody

SHOWN = 4  # melodies of several
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative=(), help="Say nothing but the result and errors.")]
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON value on standard output.")]
Replace = Annotated[
    bool,
    Parameter(
        name="--replace",
        negative=(),
        help="Replace also files that this program did not make, or made otherwise, or that have changed since.",
    ),
]
Out = Annotated[str, Parameter(name=["--out", "-o"])]


def exact(wanted: Any, tokens: Sequence[Token]) -> Any:
    """Convert words as cyclopts does, but refuse a fraction where a whole number belongs.

    Cyclopts alone would round 2.5 to 2 in silence. Raises ValueError, to which it adds the option's name.
    """
    members = get_args(wanted) or (wanted,)
    if int in members and float not in members:
        for token in tokens:
            value = 0.0
            with suppress(ValueError):  # no number at all: cyclopts has words for that
                value = float(token.value)
            if value % 1:  # also of infinity, whose remainder is NaN
                raise ValueError(f"a whole number is needed here, not {token.value}")
    return convert(wanted, tokens)


class Console:
    """Where words go, `stream`. With `as_json` standard output is kept for the one value; quiet says nothing."""

    def __init__(self, quiet: bool = False, as_json: bool = False):
        self._quiet, self._as_json = quiet, as_json
        self.stream = sys.stderr if as_json else sys.stdout

    def say(self, text: str = "") -> None:
        """Print a line for the user."""
        if not self._quiet:
            print(_shown(text, self.stream), file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        """Print a line on standard error, for what the user should know but did not ask."""
        if not self._quiet:
            print(_shown(f"ritornello: {' '.join(text.split())}", sys.stderr), file=sys.stderr, flush=True)

    def result(self, value: Any, text: str) -> None:
        """Print the outcome: `value` as JSON with --json, `text` without."""
        print(json.dumps(value) if self._as_json else _shown(text, sys.stdout), flush=True)

    def report(self, lines: Sequence[FileReport]) -> None:
        """Print what became of the files of a corpus: each of a few, of many a table."""
        from ritornello.reports.corpora.summary import screen

        self.say(screen(lines, self.width))

    def melody(self, melody: Melody) -> None:
        """Show a melody as ABC and as a small roll, in a terminal that has signs for them."""
        if self._quiet or self.width is None:
            return
        from ritornello.render.terminal import melody_text

        text = melody_text(melody, self.width)
        with suppress(UnicodeEncodeError):
            text.encode(self.stream.encoding or "utf-8")
            self.say(f"{text}\n")

    def melodies(self, melodies: Sequence[Melody]) -> None:
        """Show the first few of several melodies."""
        for melody in melodies[:SHOWN]:
            self.melody(melody)

    def table(self, header: list[str], rows: list[list[str]]) -> str:
        """Align columns, the first to the left; row by row where they do not fit."""
        lines = [header, *rows]
        widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
        room = self.width or sys.maxsize
        if sum(widths) + 2 * (len(widths) - 1) > room:
            return "\n".join(text for row in rows for text in self._stacked(header, row, room))
        return "\n".join(
            "  ".join(
                cell.ljust(width) if n == 0 else cell.rjust(width)
                for n, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def _stacked(self, header: list[str], row: list[str], room: int) -> list[str]:
        """Write a row of a table on a narrow screen: its first cell, the others named below it."""
        cells = [f"{name} {cell}".strip() for name, cell in zip(header[1:], row[1:], strict=True) if cell]
        return [row[0], *textwrap.wrap("; ".join(cells), room, initial_indent="  ", subsequent_indent="  ")]

    @property
    def is_terminal(self) -> bool:
        """Whether a bar can be drawn."""
        return not self._quiet and self.stream.isatty()

    @property
    def width(self) -> int | None:
        """Columns of the terminal, None where words go elsewhere."""
        return shutil.get_terminal_size().columns if self.stream.isatty() else None


@contextmanager
def late_bar(
    what: str,
    stream: TextIO,
    is_wanted: bool = True,
    after_seconds: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[float], None] | None]:
    """Give a function to call with the share that is done; work may be over in a moment.

    It shows a bar once a second has gone, on a terminal alone; elsewhere there is no function but None.
    """
    if not (is_wanted and stream.isatty()):
        yield None
        return
    from rich import progress
    from rich.console import Console as RichConsole

    columns = (
        progress.TextColumn(what),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
    )
    bar = progress.Progress(*columns, console=RichConsole(file=stream), transient=True)
    task, began = bar.add_task(what, total=1.0), clock()

    def show(share: float) -> None:
        if clock() - began >= after_seconds:
            bar.start()
            bar.update(task, completed=share)

    try:
        yield show
    finally:
        bar.stop()


def _shown(text: str, stream: TextIO) -> str:
    """Escape what the stream has no sign for, such as a byte of a strange file name."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
