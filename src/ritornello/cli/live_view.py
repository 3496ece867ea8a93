"""Training in a terminal: curves, a sample melody, the advice of the coach; plain lines elsewhere."""

from __future__ import annotations

import os
from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.console import Console as RichConsole
from rich.console import Group
from rich.live import Live
from rich.text import Text

from ritornello.cli.console import Console
from ritornello.render.line_chart import text_chart
from ritornello.reports.runs.coach import clock
from ritornello.reports.runs.log import ENDINGS
from ritornello.reports.runs.page import lines_of
from ritornello.reports.runs.samples import note_names, one_line_roll
from ritornello.reports.runs.watch import Look

INKS = {0: "bold red", 1: "blue", 4: "yellow"}  # of validation, training and the n-gram, as in the report
ROWS, WIDEST, NARROWEST = 9, 100, 20
NARROW = 48  # columns; with fewer there are no speeds and no headings


class LiveView:
    """The view of a run. Use as a context; quiet shows nothing.

    On a terminal one picture is drawn again and again, and stays; elsewhere each check is a line or three.
    """

    def __init__(self, console: Console, updates: int):
        self._console, self._updates, self._done = console, max(1, updates), 0
        self._look: Look | None = None
        self._with_sample: Look | None = None
        self._shown: set[str] = set()  # names of diagnoses
        self._live: Any = None

    def __enter__(self) -> LiveView:
        if self._console.is_terminal and _can_draw(self._console):
            screen = RichConsole(file=self._console.stream)
            self._live = Live(get_renderable=self._drawn, console=screen, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def at(self, update: int, updates: int) -> None:
        """Record that an update of so many is done."""
        self._done, self._updates = update, updates

    def show(self, look: Look) -> None:
        """Show a check, its melody and new diagnoses; at the end all of them."""
        self._look, self._done = look, look.check.update
        if look.sample is not None:
            self._with_sample = look
        if self._live is not None:
            self._live.refresh()
            return
        self._console.say(describe_look(look))
        if look.sample is not None:
            self._console.say(f"         sample: {describe_sample(look)}")
        for found in look.diagnoses:
            if look.check.stopped or found.name not in self._shown:
                self._console.say(f"         {found.text}")
        self._shown = {found.name for found in look.diagnoses}

    def _drawn(self) -> Group:
        width = min(WIDEST, max(NARROWEST, self._console.width or WIDEST) - 1)
        if self._look is None:
            return Group(self._bar(width), Text("the first check is on its way", style="dim"))
        parts = [self._bar(width), _curves(self._look, width), _numbers(self._look)]
        if self._with_sample is not None:
            parts += _tune(self._with_sample, width)
        for found in self._look.diagnoses:
            sign, style = ("+", "green") if found.is_good else ("!", "")
            parts.append(Text(f"{sign} {found.text}", style=style))
        return Group(*parts)

    def _bar(self, width: int) -> Text:
        text = f" {100 * self._done / self._updates:3.0f} %"
        if self._look is not None:
            check = self._look.check
            end = ENDINGS[check.stopped] if check.stopped else f"{clock(self._look.seconds_left)} left"
            speed = f"  {check.tokens_per_second:,.0f} tokens/s"
            text += f"{speed if width > NARROW else ''}  {end}"
        room = max(4, width - len(text) - 9)
        full = min(room, round(room * self._done / self._updates))
        return Text.assemble("training ", ("━" * full, "red"), ("─" * (room - full), "dim"), text)


def describe_look(look: Look) -> str:
    """Write a check in a line: bits per note, the n-gram's, nats per token, speed, time left."""
    check, point, log = look.check, look.point, look.log
    validation = f"  validation {point.validation:.3f}" if log.has_validation else ""
    bits = f"training {point.training:.3f}{validation} bits per note"
    ngram = f"  (n-gram {log.ngram:.3f})" if log.ngram is not None else ""
    left = "" if check.stopped else f"  {clock(look.seconds_left)} left"
    note = f"; {check.note}" if check.note else ""
    end = f"; {ENDINGS[check.stopped]}" if check.stopped else ""
    return (
        f"{clock(check.seconds):>7}  update {check.update:>6} of {check.updates}  epoch {check.epochs:5.1f}  {bits}"
        f"{ngram}  {check.validation_nll:.4f} nats per token  {check.tokens_per_second:,.0f} tokens/s{left}"
        f"{'  best' if check.is_best else ''}{end}{note}"
    )


def describe_sample(look: Look) -> str:
    """Write the melody of a check in a line: its roll, its notes, how sure the network was."""
    assert look.sample is not None
    melody, certainty = look.sample.melody, look.sample.figures.certainty
    return f"{one_line_roll(melody)}  {note_names(melody)}  ({100 * certainty:.0f} % sure)"


def _curves(look: Look, width: int) -> Text:
    text = Text()
    for row in text_chart(lines_of(look.log), width, ROWS):
        for ink, signs in groupby(row, key=itemgetter(1)):
            text.append("".join(sign for sign, _ in signs), INKS.get(ink, "dim"))
        text.append("\n")
    text.rstrip()
    return text


def _numbers(look: Look) -> Text:
    point, log = look.point, look.log
    parts: list[Any] = [(f"training {point.training:.2f}", INKS[1])]
    if log.has_validation:
        parts += ["  ", (f"validation {point.validation:.2f}", INKS[0])]
    if log.ngram is not None:
        parts += ["  ", (f"n-gram {log.ngram:.2f}", INKS[4])]
    return Text.assemble(*parts, f"  bits per note, epoch {point.epochs:.1f}; best {log.best.validation:.2f}")


def _tune(look: Look, width: int) -> list[Text]:
    assert look.sample is not None
    melody, certainty = look.sample.melody, look.sample.figures.certainty
    head = f"sample of epoch {look.point.epochs:.1f}, {100 * certainty:.0f} % sure  "
    if width <= NARROW:
        return [Text(one_line_roll(melody, width=width), style="cyan"), Text(note_names(melody, width), style="dim")]
    roll = one_line_roll(melody, width=width - len(head))
    return [Text.assemble((head, "dim"), (roll, "cyan")), Text(note_names(melody, width), style="dim")]


def _can_draw(console: Console) -> bool:
    """Check that the terminal can be redrawn, and that its encoding has the signs."""
    if os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    try:
        "━⣿▁·♯".encode(console.stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
