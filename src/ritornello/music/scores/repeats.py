"""Find the playing order of a score: repeats, endings, da capo, dal segno, fine and coda."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MAX_BARS = 50_000  # played; beyond it stand only damaged files


@dataclass(slots=True)
class BarMarks:
    """The repeat signs of one bar. Jumps are taken at its end, and lead to the beginning of a bar.

    repeat_start: a repeat begins here. repeat_end: how often the repeat that ends here is played, 0 for none.
    endings: numbers of the passes in which this bar is played; empty where it is played in each.
    jump: "capo" (from the beginning) or "segno" (from the sign), then to fine, coda or the end.
    """

    repeat_start: bool = False
    repeat_end: int = 0
    endings: frozenset[int] = frozenset()
    segno: bool = False
    coda: bool = False
    to_coda: bool = False
    fine: bool = False
    jump: Literal["", "capo", "segno"] = ""


def played_order(bars: Sequence[BarMarks]) -> list[int]:
    """List the indices of the bars in playing order.

    After a jump repeats are not taken again and the last ending is played, as players do.
    Raises ValueError where that comes to more than 50000 bars.
    """
    order: list[int] = []
    place, start, turn, jumped = 0, 0, 1, False
    while place < len(bars):
        bar = bars[place]
        turns = _turns(bars, place)
        after_endings = place > 0 and not bar.endings and bars[place - 1].endings
        if start != place and (bar.repeat_start or after_endings):
            start, turn = place, 1
        skipped = bool(bar.endings) and (turns if jumped else turn) not in bar.endings
        if not skipped:
            order.append(place)
            if len(order) > MAX_BARS:
                raise ValueError(f"the repeats come to more than {MAX_BARS} bars")
            if bar.repeat_end and turn < turns and not jumped:
                place, turn = start, turn + 1
                continue
            target = _target(bars, place, jumped)
            if target is not None:
                jumped = True
                place, start, turn = target, target, 1
                continue
        if bar.repeat_end and not bar.endings:
            start, turn = place + 1, 1
        place += 1
    return order


def _turns(bars: Sequence[BarMarks], place: int) -> int:
    """Count the plays of the repeat that ends at this bar, by barline or endings around it."""
    first = last = place
    while first > 0 and bars[first].endings and bars[first - 1].endings and not bars[first].repeat_start:
        first -= 1
    while last + 1 < len(bars) and bars[last].endings and bars[last + 1].endings and not bars[last + 1].repeat_start:
        last += 1
    group = bars[first : last + 1]
    return max([b.repeat_end for b in group] + [n for b in group for n in b.endings])


def _target(bars: Sequence[BarMarks], place: int, jumped: bool) -> int | None:
    """Find the bar to jump to after this one, past the last at a fine, None for the next."""
    bar = bars[place]
    if not jumped:
        if bar.jump == "segno":
            return next((i for i, b in enumerate(bars) if b.segno), 0)
        return 0 if bar.jump == "capo" else None
    if bar.fine:
        return len(bars)
    if bar.to_coda:
        return next((i for i in range(len(bars) - 1, place, -1) if bars[i].coda), None)
    return None
