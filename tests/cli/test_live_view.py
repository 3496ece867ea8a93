"""The view of a run in training, where the terminal cannot be drawn on."""

import io
import sys

from ritornello.cli.console import Console
from ritornello.cli.live_view import LiveView
from ritornello.reports.runs.coach import Log, Point
from ritornello.reports.runs.watch import Look
from ritornello.training.loop import Check

POINT = Point(10, 1.0, 2.0, 6.0, 5.0)
CHECK = Check(10, 40, 1.0, 2.0, 1.2, 1.0, 3000.0, True)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_view_fits_a_narrow_terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    for columns in (30, 40, 47, 60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        view = LiveView(Console(), 40)
        view.show(Look(CHECK, Log((POINT, POINT._replace(update=20, epochs=2.0))), None, [], 6.0))
        bar, curves, *_ = view._drawn().renderables
        assert all(len(line) <= columns for line in str(bar).splitlines() + str(curves).splitlines())
        assert "0:06 left" in str(bar)


def test_a_terminal_that_cannot_be_drawn_on_gets_lines_as_it_goes(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "dumb")
    with LiveView(Console(), 40) as view:
        view.show(Look(CHECK, Log((POINT,)), None, [], 6.0))
        assert screen.getvalue() == (
            "   0:02  update     10 of 40  epoch   1.0  training 6.000  validation 5.000 bits per note  "
            "1.0000 nats per token  3,000 tokens/s  0:06 left  best\n"
        )
