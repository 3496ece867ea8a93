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
    segno, coda, to_coda: the name of the sign in this bar, "" for none; a jump looks for the sign of its name first.
    jump: "capo" (from the beginning) or "segno" (from the sign `jump_to`); until: "fine", "coda" or "" for either.
    after_jump: the repeat that ends here is played after a jump, too.
    """

    repeat_start: bool = False
    repeat_end: int = 0
    endings: frozenset[int] = frozenset()
    segno: str = ""
    coda: str = ""
    to_coda: str = ""
    fine: bool = False
    jump: Literal["", "capo", "segno"] = ""
    jump_to: str = ""
    until: Literal["", "fine", "coda"] = ""
    after_jump: bool = False


def played_order(bars: Sequence[BarMarks]) -> list[int]:
    """List the indices of the bars in playing order.

    Each jump is taken once. After it repeats are not taken again and the last ending is played, as players do;
    a repeat that is first reached after it (in a coda) is taken.
    Raises ValueError where that comes to more than 50000 bars.
    """
    order: list[int] = []
    jumps: list[int] = []  # taken
    place, start, turn = 0, 0, 1
    known: set[int] = set()  # bars played before the last jump
    is_open = False  # whether a jump was taken that has not led to the coda
    while place < len(bars):
        bar = bars[place]
        group, turns = _turns(bars, place)
        is_again = not known.isdisjoint(group)
        after_endings = place > 0 and not bar.endings and bars[place - 1].endings
        if start != place and (bar.repeat_start or after_endings):
            start, turn = place, 1
        following = next((number for number in turns if number > turn), None)
        skipped = bool(bar.endings) and (turns[-1] if is_again else turn) not in bar.endings
        if not skipped:
            order.append(place)
            if len(order) > MAX_BARS:
                raise ValueError(f"the repeats come to more than {MAX_BARS} bars")
            if bar.repeat_end and following and (not is_again or bar.after_jump):
                place, turn = start, following
                continue
            until = bars[jumps[-1]].until if jumps else ""
            if is_open and bar.fine and until != "coda":
                break
            target = _coda(bars, place) if is_open and bar.to_coda and until != "fine" else None
            is_open = is_open and target is None
            if target is None and bar.jump and place not in jumps:
                jumps.append(place)
                target, is_open = _origin(bars, bar), True
                known = set(order)
            if target is not None:
                place, start, turn = target, target, 1
                continue
        if bar.repeat_end and not bar.endings:
            start, turn = place + 1, 1
        place += 1
    return order


def _turns(bars: Sequence[BarMarks], place: int) -> tuple[range, list[int]]:
    """Find the endings around a bar, and list the plays of the repeat that ends there.

    A number that no ending has is no play: endings 1 and 3 are two.
    """
    first = last = place
    while first > 0 and bars[first].endings and bars[first - 1].endings and not bars[first].repeat_start:
        first -= 1
    while last + 1 < len(bars) and bars[last].endings and bars[last + 1].endings and not bars[last + 1].repeat_start:
        last += 1
    group = bars[first : last + 1]
    numbers = {n for b in group for n in b.endings}
    plays = max(1, *(b.repeat_end for b in group))
    return range(first, last + 1), sorted(numbers if len(numbers) >= plays else numbers | set(range(1, plays + 1)))


def _origin(bars: Sequence[BarMarks], jump: BarMarks) -> int:
    """Find the bar that a jump leads back to."""
    signs = [i for i, bar in enumerate(bars) if bar.segno] if jump.jump == "segno" else []
    return next((i for i in signs if bars[i].segno == jump.jump_to), signs[0] if signs else 0)


def _coda(bars: Sequence[BarMarks], place: int) -> int | None:
    """Find the coda that the sign in a bar leads to, None where there is none behind it."""
    codas = [i for i in range(place + 1, len(bars)) if bars[i].coda]
    return next((i for i in codas if bars[i].coda == bars[place].to_coda), codas[-1] if codas else None)
