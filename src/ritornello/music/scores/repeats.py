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
    opens: a movement begins here; may_open: it may, in a new metre under words.
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
    opens: bool = False
    may_open: bool = False


def played_order(bars: Sequence[BarMarks]) -> list[int]:
    """List the indices of the bars in playing order.

    Each jump is taken once, within its movement. After it repeats are not taken again and the last ending is played,
    as players do; a repeat that is first reached after it (in a coda) is taken. Behind the Fine what follows the jump
    is played, if nothing else leads there: a coda without a sign, or the next movement.
    Raises ValueError where that comes to more than 50000 bars.
    """
    order: list[int] = []
    jumps: list[int] = []  # taken
    place, start, turn = 0, 0, 1
    known: set[int] = set()  # bars played before the last jump
    is_open = False  # whether a jump was taken that has not led to the coda
    while place < len(bars):
        bar = bars[place]
        is_open &= not (bar.opens and place > jumps[-1]) if jumps else False
        group, turns = _turns(bars, place)
        is_again = not known.isdisjoint(group)
        after_endings = place > 0 and not bar.endings and bars[place - 1].endings
        opens = bar.opens or (bar.may_open and start and not bars[start].repeat_start)
        if start != place and (bar.repeat_start or after_endings or opens):
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
                place, is_open = _behind(bars, jumps[-1], order), False
                start, turn = place, 1
                continue
            if jumps and place == jumps[-1] and any(later.jump for later in bars[place + 1 :]):
                is_open = False  # a Fine from here on waits for that one
            target = _coda(bars, place) if is_open and bar.to_coda and until != "fine" else None
            is_open = is_open and target is None
            if target is None and bar.jump and place not in jumps:
                jumps.append(place)
                target, is_open = _origin(bars, place), True
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


def _origin(bars: Sequence[BarMarks], place: int) -> int:
    """Find the bar that a jump leads back to."""
    jump, begin = bars[place], _beginning(bars, place)
    signs = [i for i, bar in enumerate(bars) if bar.segno] if jump.jump == "segno" else []
    signs = [i for i in signs if begin <= i <= place] or signs
    return next((i for i in signs if bars[i].segno == jump.jump_to), signs[0] if signs else begin)


def _beginning(bars: Sequence[BarMarks], place: int) -> int:
    """Find the beginning of the movement that a jump stands in.

    It is the last one before its Fine or "To Coda", else before the jump: a barline of the kind that ends movements
    may stand at the Fine. Where a movement may begin one does if the work goes on with another behind the jump.
    """
    before = max((i for i in range(place) if bars[i].jump), default=-1)
    limit = max((i for i in range(before + 1, place + 1) if bars[i].fine or bars[i].to_coda), default=place)
    goes_on = any(bar.opens or bar.may_open for bar in bars[place + 1 :])
    return max((i for i in range(limit + 1) if bars[i].opens or (goes_on and bars[i].may_open)), default=0)


def _behind(bars: Sequence[BarMarks], jump: int, order: Sequence[int]) -> int:
    """Find the bar to go on from after the Fine of a jump.

    It is len(bars) where the piece is over. Codas that a "To Coda" leads to are not played after a Fine.
    """
    has_coda = any(bar.to_coda for bar in bars[_beginning(bars, jump) : jump + 1])
    rest = range(max(jump, order[-1]) + 1, len(bars))
    if order[-1] > jump or has_coda:
        return next((i for i in rest if bars[i].opens), len(bars))
    return len(bars) if set(rest) & set(order) else rest.start


def _coda(bars: Sequence[BarMarks], place: int) -> int | None:
    """Find the coda that the sign in a bar leads to, None where there is none behind it."""
    codas = [i for i in range(place + 1, len(bars)) if bars[i].coda]
    return next((i for i in codas if bars[i].coda == bars[place].to_coda), codas[-1] if codas else None)
