"""Find the playing order of a MuseScore score: repeats, endings, jumps and sections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

AT_BAR_END = ("fine", "coda")  # signs at the end of their bar; all others are at its start
MOST_BARS_PLAYED = 20_000  # far beyond any real score: a file that asks for more is broken or hostile


class Jump(NamedTuple):
    """D.C. or D.S. after a bar: label to go `to`, label to play `until`, label to go on from ("" for none)."""

    to: str
    until: str
    then: str
    with_repeats: bool = False


@dataclass(slots=True)
class WrittenBar:
    """One written bar, times in quarters.

    length: actual; metre: the signature in force; a bar may be shorter than it (a pick-up).
    repeat_times: how often the passage that ends here is played, 0 without a repeat sign.
    labels: of the markers in it ("segno", "coda", "codab", "fine" ...). passes: where the bar lies in an
    ending, the passes on which that ending is played.
    """

    start: Fraction
    length: Fraction
    metre: tuple[int, int]
    repeat_start: bool = False
    repeat_times: int = 0
    labels: tuple[str, ...] = ()
    jump: Jump | None = None
    closes_section: bool = False
    passes: tuple[int, ...] = ()

    @property
    def end(self) -> Fraction:
        """Where the next bar starts."""
        return self.start + self.length


def playing_order(bars: Sequence[WrittenBar]) -> list[int]:
    """List the indices of `bars` in playing order, as MuseScore plays them.

    Sections (up to a section break) are played one after the other; no repeat reaches back over a break. An end
    of a repeat goes back to the sign that begins one, or to the beginning of the section, also past ends of repeats
    before it; it counts for itself how often it was met, and an ending is played on the passes that it names.
    A jump is taken once, the last time round, and only if the places that it names exist; of places of one name it
    means the nearest before it, else the next after it. Up to where it was taken repeats are then not taken again
    and the last ending is played, unless the jump says otherwise. Raises ValueError above 20,000 bars.
    """
    order: list[int] = []
    first = 0
    for index, bar in enumerate(bars):
        if bar.closes_section or index == len(bars) - 1:
            order += _Player(bars, first, index + 1).play()
            first = index + 1
            if len(order) > MOST_BARS_PLAYED:
                raise ValueError(f"its repeats unfold to more than {MOST_BARS_PLAYED} bars")
    return order


class _Player:
    """Plays one section, bars `first` to `end` (exclusive), and keeps count of repeats and jumps.

    Source of its rules: MuseScore's engraving/dom/repeatlist.cpp.
    """

    def __init__(self, bars: Sequence[WrittenBar], first: int, end: int) -> None:
        self.bars, self.first, self.end = bars, first, end
        self.at = first
        self.loop_start = first
        self.turn = 1  # which pass through the passage from loop_start this is
        self.met: Counter[int] = Counter()  # how often the end of a bar was met
        self.jump: Jump | None = None  # the jump taken, until its `until` is met
        self.until: int | None = None  # the bar up to which it plays, None for the end
        self.then: int | None = None  # the bar that it goes on from, None for the end
        self.jumps_done: set[int] = set()
        self.is_last_time = False  # after a jump without repeats

    def play(self) -> list[int]:
        order: list[int] = []
        before = -1  # the bar played last
        while self.first <= self.at < self.end and len(order) <= MOST_BARS_PLAYED:
            bar = self.bars[self.at]
            enters = bool(bar.passes) and (before != self.at - 1 or self._begins_ending(self.at))
            if enters and not self._is_entered(bar):
                before = self._last_of_ending()
                self.at = before + 1
                continue
            if bar.repeat_start and self.at != self.loop_start:
                self._begin_passage(self.at)
            if self.jump is not None and self.at == self.until and self.jump.until not in AT_BAR_END:
                self._finish_jump()
                before = -1
            else:
                order.append(self.at)
                before = self.at
                self._go_on(bar)
        return order

    def _begin_passage(self, start: int) -> None:
        self.loop_start = start
        self.turn = self._turns() if self.is_last_time else 1

    def _turns(self) -> int:
        """Count how often the passage from loop_start is played, by all its ends of repeats."""
        turns = 1
        for index in range(self.loop_start, self.end):
            if index > self.loop_start and self.bars[index].repeat_start:
                break
            turns += max(0, self.bars[index].repeat_times - 1)
        return turns

    def _begins_ending(self, index: int) -> bool:
        before = self.bars[index - 1] if index > self.first else None
        return before is None or before.passes != self.bars[index].passes or before.repeat_times > 0

    def _last_of_ending(self) -> int:
        """Find the last bar of the ending that begins at the current bar."""
        last = self.at
        while last + 1 < self.end and self.bars[last + 1].passes == self.bars[self.at].passes:
            if self.bars[last].repeat_times or self.bars[last + 1].repeat_start:
                break
            last += 1
        return last

    def _is_entered(self, bar: WrittenBar) -> bool:
        """Tell whether the ending that begins at the current bar is played on this pass.

        The last of adjoining endings is played on a later pass, too, if it was not played before or ends the music.
        """
        low = high = self.at
        while low > self.first and self.bars[low - 1].passes:
            low -= 1
        while high + 1 < self.end and self.bars[high + 1].passes:
            high += 1
        last_turn = max(turn for other in self.bars[low : high + 1] for turn in other.passes)
        is_late = self.turn > last_turn and last_turn in bar.passes
        ends_section = self._last_of_ending() == self.end - 1
        return self.turn in bar.passes or (is_late and (ends_section or not self.met[self.at]))

    def _go_on(self, bar: WrittenBar) -> None:
        """Move on from the end of `bar`: back to the repeat, away with a jump, to the end, or on."""
        self.met[self.at] += 1
        is_last = self.turn >= self._turns() or (bool(bar.passes) and self.turn == max(bar.passes))
        if self.jump is not None and self.at == self.until and (is_last or self.is_last_time):
            self._finish_jump()
        elif bar.repeat_times > self.met[self.at] and self.turn < self._turns() and not self.is_last_time:
            self.turn += 1
            self.at = self.loop_start
        elif bar.jump is not None and self.at not in self.jumps_done and is_last and self._leads_somewhere(bar.jump):
            self._take(bar.jump)
        else:
            if self.at in self.jumps_done:
                self.is_last_time = False  # the last time counts up to where the jump was taken
            self.at += 1

    def _leads_somewhere(self, jump: Jump) -> bool:
        places = [
            jump.to,
            *([jump.until] if jump.until not in ("", "end") else []),
            *([jump.then] if jump.then else []),
        ]
        return all(self._bar_labelled(place) is not None for place in places)

    def _take(self, jump: Jump) -> None:
        self.jumps_done.add(self.at)
        self.jump = jump
        self.until, self.then = (self._bar_labelled(name) for name in (jump.until, jump.then))
        self.is_last_time = not jump.with_repeats
        self.met.clear()
        self._arrive(self._bar_labelled(jump.to) or self.first)

    def _finish_jump(self) -> None:
        self.jump = self.until = None
        self.is_last_time = False
        self._arrive(self.end if self.then is None else self.then)

    def _arrive(self, index: int) -> None:
        """Go on at a bar; the passage that it lies in begins at the repeat sign before it."""
        self.at = index
        starts = [i for i in range(self.first, min(index + 1, self.end)) if self.bars[i].repeat_start]
        self._begin_passage(starts[-1] if starts else self.first)

    def _bar_labelled(self, label: str) -> int | None:
        if label == "start":
            return self.first
        labelled = [i for i in range(self.first, self.end) if label and label in self.bars[i].labels]
        return max((i for i in labelled if i <= self.at), default=labelled[0] if labelled else None)
