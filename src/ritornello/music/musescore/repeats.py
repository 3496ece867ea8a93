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
    """List the indices of `bars` in playing order, as MuseScore 3 plays them.

    Sections (up to a section break) are played one after the other; no repeat reaches back over a break. Each
    end of a repeat counts for itself how often it was met, and an ending is played on the passes that it names.
    A jump is taken once, and only if the places that it names exist; after it, repeats are not taken again and
    the last ending is played, unless the jump says otherwise. Raises ValueError above 20,000 bars.
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
    """Plays one section, bars `first` to `end` (exclusive), and keeps count of repeats and jumps."""

    def __init__(self, bars: Sequence[WrittenBar], first: int, end: int) -> None:
        self.bars, self.first, self.end = bars, first, end
        self.at = first
        self.loop_start = first
        self.turn = 1  # which pass through the passage from loop_start this is
        self.met: Counter[int] = Counter()  # how often the end of a bar was met
        self.jump: Jump | None = None  # the jump taken, until its `until` is met
        self.jumps_done: set[int] = set()
        self.repeats_off = False

    def play(self) -> list[int]:
        order: list[int] = []
        while self.first <= self.at < self.end and len(order) <= MOST_BARS_PLAYED:
            bar = self.bars[self.at]
            if bar.repeat_start and self.at != self.loop_start:
                self._begin_passage(self.at)
            if bar.passes and (self._last_turn() if self.repeats_off else self.turn) not in bar.passes:
                self._step()
            elif self.jump is not None and self.jump.until in bar.labels and self.jump.until not in AT_BAR_END:
                self._finish_jump(self.jump)
            else:
                order.append(self.at)
                self._go_on(bar)
        return order

    def _begin_passage(self, start: int) -> None:
        self.loop_start, self.turn = start, 1

    def _endings(self) -> range:
        """Find the range of adjoining endings around the current bar."""
        low = high = self.at
        while low > self.loop_start and self.bars[low - 1].passes:
            low -= 1
        while high + 1 < self.end and self.bars[high + 1].passes:
            high += 1
        return range(low, high + 1)

    def _last_turn(self) -> int:
        return max(turn for index in self._endings() for turn in self.bars[index].passes)

    def _step(self) -> None:
        """Move to the next bar; after a repeat and its endings a new passage begins."""
        after = self.at + 1
        if not (after < self.end and self.bars[after].passes):
            behind = self._endings() if self.bars[self.at].passes else (self.at,)
            if any(self.bars[index].repeat_times for index in behind):
                self._begin_passage(after)
        self.at = after

    def _go_on(self, bar: WrittenBar) -> None:
        """Move on from the end of `bar`: back to the repeat, away with a jump, to the end, or on."""
        self.met[self.at] += 1
        if self.jump is not None and self.jump.until in bar.labels:
            self._finish_jump(self.jump)
        elif bar.repeat_times > self.met[self.at] and not self.repeats_off:
            self.turn += 1
            self.at = self.loop_start
        elif bar.jump is not None and self.at not in self.jumps_done and self._leads_somewhere(bar.jump):
            self._take(bar.jump)
        else:
            self._step()

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
        self.repeats_off = not jump.with_repeats
        self.met.clear()
        self.at = self._bar_labelled(jump.to) or self.first
        self._begin_passage(self.at)

    def _finish_jump(self, jump: Jump) -> None:
        self.jump = None
        target = self._bar_labelled(jump.then) if jump.then else None
        self.at = self.end if target is None else target
        self._begin_passage(self.at)

    def _bar_labelled(self, label: str) -> int | None:
        if label == "start":
            return self.first
        return next((i for i in range(self.first, self.end) if label in self.bars[i].labels), None)
