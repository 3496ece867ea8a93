"""Training as it is seen in a notebook cell: curves that grow in place, and the last melody to listen to.

Two outputs are shown and updated in place, which Jupyter, JupyterLab, VS Code and Colab have in common; no widgets.
The player has an output of its own, so that a melody that is being listened to is left alone until it is over.
"""

from __future__ import annotations

import sys
import time
from base64 import b64encode
from html import escape
from typing import Any

from ritornello.render.line_chart import line_chart
from ritornello.reports.runs.coach import Log, clock, final_line
from ritornello.reports.runs.page import lines_of
from ritornello.reports.runs.watch import Look

WIDTH, HEIGHT = 760, 300
FRAME = "max-width:760px;font:13px/1.5 system-ui,sans-serif"


def notebook_view() -> NotebookView | None:
    """Make a view for the notebook that this program runs in; None outside of notebooks."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return NotebookView() if shell is not None and hasattr(shell, "kernel") else None


class NotebookView:
    """The outputs of one training run below its cell."""

    def __init__(self) -> None:
        self._curve: Any = None
        self._player: Any = None
        self._busy_until = 0.0  # of the clock: a melody may be playing

    def show(self, look: Look) -> None:
        """Show a check: the curve at once, its melody when the one before is over, or training."""
        self._curve = _shown(self._curve, curve_html(look))
        is_free = time.monotonic() >= self._busy_until or bool(look.check.stopped)
        if look.sample is not None and is_free:
            melody = look.sample.melody
            self._player = _shown(self._player, sample_html(look))
            self._busy_until = time.monotonic() + melody.timeline.seconds(melody.timeline.length)


def curve_html(look: Look) -> str:
    """Make the HTML of the curves, the last numbers, what was learned, and the coach's advice."""
    check, log, point = look.check, look.log, look.point
    numbers = {
        "training": f"{point.training:.2f}",
        "validation": f"{point.validation:.2f}" if log.has_validation else "",
        "n-gram": f"{log.ngram:.2f}" if log.ngram is not None else "",
        "epoch": f"{point.epochs:.1f}",
        "tokens/s": f"{check.tokens_per_second:,.0f}",
        "time": clock(check.seconds),
        "left": "" if check.stopped else clock(look.seconds_left),
    }
    cells = "".join(
        f'<span style="margin-right:1.6em;white-space:nowrap"><span style="opacity:.65">{name}</span> <b>{value}</b>'
        "</span>"
        for name, value in numbers.items()
        if value
    )
    words = "".join(f"<li>{escape(found.text)}</li>" for found in look.diagnoses)
    end = f'<div style="margin-top:.4em"><b>{escape(final_line(log))}</b></div>' if check.stopped else ""
    chart = _chart(log)
    advice = f'<ul style="margin:.4em 0 0;padding-left:1.3em">{words}</ul>' if words else ""
    return f'<div style="{FRAME}">{chart}<div style="margin-top:.4em">{cells}</div>{end}{advice}</div>'


def log_html(log: Log) -> str:
    """Make the HTML of the curves of a run that has ended, and of what it learned."""
    if not log.points:
        return f'<div style="{FRAME}">a run without a check yet</div>'
    return (
        f'<div style="{FRAME}">{_chart(log)}<div style="margin-top:.4em"><b>{escape(final_line(log))}</b></div></div>'
    )


def _chart(log: Log) -> str:
    """Draw the curves so that they shrink with the cell."""
    chart = line_chart(lines_of(log), "epochs", "bits per note", WIDTH, HEIGHT)
    return chart.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)


def sample_html(look: Look) -> str:
    """Make the HTML of a player of the last sample, with its roll and its notes."""
    from ritornello.render.save import page_sound
    from ritornello.reports.runs.samples import note_names
    from ritornello.reports.web_page import thumb

    assert look.sample is not None
    melody, certainty = look.sample.melody, look.sample.figures.certainty
    head = f"epoch {look.point.epochs:.1f}, {100 * certainty:.0f} % sure of its notes"
    if not melody.notes:
        return f'<div style="{FRAME}">{head}: all rests</div>'
    roll = thumb([(n.start, n.duration, n.pitch) for n in melody.notes])
    roll = roll.replace("<svg ", '<svg style="width:240px;height:54px;fill:#b4654f;flex:none" ', 1)
    source = f"data:audio/mpeg;base64,{b64encode(page_sound(melody, is_small=True)).decode('ascii')}"
    sound = f'<audio controls style="height:36px;flex:1 1 240px;max-width:420px" src="{source}"></audio>'
    row = f'<div style="display:flex;flex-wrap:wrap;gap:.4em 1.2em;align-items:center">{roll}{sound}</div>'
    names = f'<div style="opacity:.75">{escape(note_names(melody))}</div>'
    return f'<div style="{FRAME};margin-top:.6em"><div style="opacity:.65">{head}</div>{row}{names}</div>'


def _shown(handle: Any, html: str) -> Any:
    """Show HTML below the cell, or in place of what the handle shows. Returns the handle."""
    from IPython.display import HTML, display

    if handle is None:
        return display(HTML(html), display_id=True)
    handle.update(HTML(html))
    return handle
