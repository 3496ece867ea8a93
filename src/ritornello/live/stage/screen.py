"""The instrument in a terminal: a roll that scrolls, the beat, the dials, and how punctual it is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ritornello.live.stage.presets import changed_dials
from ritornello.live.values import Shown, State, Timing

BEFORE, AFTER = 4.0, 4.0  # beats that are seen of what was, and of what is to come
CELLS = 6  # a beat
LEAST_ROWS, MOST_ROWS = 12, 24
COLOURS = {"heard": "cyan", "played": "green", "committed": "bold green", "tentative": "green"}
SIGNS = {"heard": "█", "played": "█", "committed": "█", "tentative": "░"}
PLAIN_SIGNS = {"heard": "#", "played": "=", "committed": "=", "tentative": "-"}
SHADES = ("bright_green", "green", "yellow", "red")  # of a note that is to be played: below 1, 2, 4 bits, and above
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def colour_of(shown: Shown) -> str:
    """Choose the colour of a note: by who played it, and, for what is to come, by its bits."""
    bits = shown.note.bits
    if shown.standing in ("committed", "tentative") and bits is not None:
        shade = SHADES[sum(bits >= bound for bound in (1, 2, 4))]
        return f"bold {shade}" if shown.standing == "committed" else f"dim {shade}"
    return COLOURS[shown.standing]


def roll(state: State, is_plain: bool = False) -> list[Text]:
    """Draw the notes around now as lines, the highest pitch first; a bar stands where now is.

    is_plain: with ASCII signs, for terminals that have no others.
    """
    signs = PLAIN_SIGNS if is_plain else SIGNS
    start = state.beat - BEFORE
    width = round((BEFORE + AFTER) * CELLS)
    seen = [each for each in state.notes if each.note.end > start and each.note.start < start + BEFORE + AFTER]
    pitches = [each.note.pitch for each in seen] or [60, 72]
    middle = (min(pitches) + max(pitches)) // 2
    rows = min(max(max(pitches) - min(pitches) + 1, LEAST_ROWS), MOST_ROWS)
    top = middle + rows // 2
    grid: list[list[tuple[str, str]]] = [[(" ", "")] * width for _ in range(rows)]
    for line in grid:
        line[round(BEFORE * CELLS)] = ("|" if is_plain else "│", "white")
    order = ("heard", "played", "tentative", "committed")
    for each in sorted(seen, key=lambda shown: order.index(shown.standing)):
        row = min(max(top - each.note.pitch, 0), rows - 1)
        first = max(int((float(each.note.start) - start) * CELLS), 0)
        last = min(max(int((float(each.note.end) - start) * CELLS), first + 1), width)
        for cell in range(first, last):
            grid[row][cell] = (signs[each.standing], colour_of(each))
    lines = []
    for i, line in enumerate(grid):
        pitch = top - i
        name = f"{NAMES[pitch % 12]}{pitch // 12 - 1}" if pitch % 12 in (0, 7) and 0 <= pitch <= 127 else ""
        lines.append(Text.assemble((f"{name:>4} ", "dim"), *line))
    return lines


def headline(state: State) -> str:
    """Write the beat, the way of playing and whose turn it is in a line."""
    running = "" if state.is_running else " (stopped)"
    key = f" · {state.key}" if state.key else ""
    beat = state.beat % 1
    return (
        f"bar {state.bar} · beat {state.beat:.1f} {'●' if beat < 0.25 else '○'} · {state.qpm:.1f} qpm {state.metre}"
        f"{running} · {state.clock}{key} · {state.way} · {state.turn}"
    )


def footline(state: State, timing: Timing) -> str:
    """Write delay, lateness and hit rate in a line."""
    parts = [f"plans in time {100 * state.hit_rate:.1f} %"]
    if timing.notes:
        parts.append(f"late {timing.p50_ms:.2f} ms, p99 {timing.p99_ms:.2f}, jitter {timing.jitter_ms:.2f}")
        parts.append(f"missed {timing.missed}")
    if timing.answer_p50_ms:
        parts.append(f"answer {timing.answer_p50_ms:.1f} ms, p99 {timing.answer_p99_ms:.1f}")
    if timing.sound_ms is not None:
        parts.append(f"sound {timing.sound_ms:.0f} ms")
    return " · ".join(parts)


def picture(state: State, timing: Timing, notices: Sequence[str] = (), is_plain: bool = False) -> Group:
    """Draw all that the screen shows of a state."""
    dials = Table.grid(padding=(0, 2))
    changed = changed_dials(state.dials) or {"temperature": state.dials.get("temperature", 1.0)}
    dials.add_row(
        *(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in changed.items())
    )
    head = headline(state)
    if is_plain:
        head = head.replace("·", "-").replace("●", "*").replace("○", " ")
    foot = footline(state, timing)
    return Group(
        Text(head, "bold"),
        *roll(state, is_plain),
        dials,
        Text(foot.replace("·", "-") if is_plain else foot, "dim"),
        *(Text(line, "yellow") for line in notices),
    )


class Screen:
    """Draws states in the terminal, on a thread of its own, so that the engine does not wait for it."""

    def __init__(self, console: Console | None = None):
        self._console = console or Console(file=sys.stdout)
        encoding = getattr(self._console.file, "encoding", None) or "ascii"
        self._is_plain = not _can_write("█░│●", encoding)
        self._latest: tuple[Any, ...] | None = None
        self._changed = threading.Event()
        self._is_over = False
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def show(self, state: State, timing: Timing, notices: Sequence[str] = ()) -> None:
        """Draw a state soon; one that comes before the last is drawn replaces it."""
        self._latest = (state, timing, list(notices), self._is_plain)
        self._changed.set()

    def _draw(self) -> None:
        while not self._is_over:
            self._changed.wait()
            self._changed.clear()
            latest, self._latest = self._latest, None
            if latest is not None:
                with suppress(OSError, ValueError):  # the terminal went away
                    self._live.update(picture(*latest), refresh=True)

    def close(self) -> None:
        """Give the terminal back."""
        self._is_over = True
        self._changed.set()
        self._thread.join(0.5)
        self._live.stop()


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
