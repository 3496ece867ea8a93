"""The order in which the bars of a MuseScore score are played: repeats, endings, jumps and sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

MOST_BARS_PLAYED = 20_000  # far beyond any real score: a file that asks for more is broken or hostile


class Jump(NamedTuple):
    """D.C. or D.S. after a bar: label to go `to`, label to play `until`, label to go on from ("" for none)."""

    to: str
    until: str
    then: str
    with_repeats: bool = False


@dataclass(slots=True)
class Bar:
    """One written bar, times in quarters.

    length: what the bar really holds; metre: the signature in force, so a bar may be shorter (a pick-up).
    repeat_times: how often the passage that ends here is played, 0 where no repeat sign stands.
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


def playing_order(bars: Sequence[Bar]) -> list[int]:
    """Indices of `bars` in the order in which they sound.

    Sections (up to a section break) are played one after the other; no repeat reaches back over a break.
    After a jump, repeats are not taken again and the last ending is played, unless the jump says otherwise.
    A second visit to a jump does not jump. Raises ValueError above 20,000 bars.
    """
    order: list[int] = []
    first = 0
    for index, bar in enumerate(bars):
        if bar.closes_section or index == len(bars) - 1:
            order += _Player(bars, first, index + 1).play()
            first = index + 1
    return order


class _Player:
    """Walks one section, bars `first` to `end` (exclusive), keeping what a reader of the page keeps in mind."""

    def __init__(self, bars: Sequence[Bar], first: int, end: int) -> None:
        self.bars, self.first, self.end = bars, first, end
        self.at = first
        self.loop_start = first
        self.turn = 1  # which pass through the passage from loop_start this is
        self.jump: Jump | None = None  # the jump taken, until its `until` is met
        self.jumps_done: set[int] = set()
        self.repeats_off = False

    def play(self) -> list[int]:
        order: list[int] = []
        while self.first <= self.at < self.end:
            bar = self.bars[self.at]
            if bar.repeat_start and self.at != self.loop_start:
                self.loop_start, self.turn = self.at, 1
            if self._skips(bar):
                self._leave()
                continue
            if self._stops_before(bar):
                continue
            order.append(self.at)
            if len(order) > MOST_BARS_PLAYED:
                raise ValueError(f"its repeats unfold to more than {MOST_BARS_PLAYED} bars")
            self._go_on(bar)
        return order

    def _skips(self, bar: Bar) -> bool:
        return bool(bar.passes) and (self._last_turn() if self.repeats_off else self.turn) not in bar.passes

    def _last_turn(self) -> int:
        """The highest pass named by the endings that follow one another around here."""
        low = high = self.at
        while low > self.loop_start and self.bars[low - 1].passes:
            low -= 1
        while high + 1 < self.end and self.bars[high + 1].passes:
            high += 1
        return max(turn for bar in self.bars[low : high + 1] for turn in bar.passes)

    def _leave(self) -> None:
        """Step to the next bar; behind the last ending a new passage begins."""
        inside = bool(self.bars[self.at].passes)
        self.at += 1
        if inside and self.at < self.end and not self.bars[self.at].passes:
            self.loop_start, self.turn = self.at, 1

    def _stops_before(self, bar: Bar) -> bool:
        """At a sign that ends the jump and stands at the start of its bar: go where the jump goes on."""
        if self.jump is None or self.jump.until in ("fine", "coda", "end") or self.jump.until not in bar.labels:
            return False
        self._finish_jump()
        return True

    def _finish_jump(self) -> None:
        assert self.jump is not None
        target = self._bar_labelled(self.jump.then) if self.jump.then else None
        self.jump = None
        self.at = self.end if target is None else target
        self.loop_start, self.turn = self.at, 1

    def _go_on(self, bar: Bar) -> None:
        """From the end of `bar`: back to the repeat, away with a jump, to the end, or on."""
        if self.jump is not None and self.jump.until in ("fine", "coda") and self.jump.until in bar.labels:
            self._finish_jump()
        elif bar.repeat_times > self.turn and not self.repeats_off:
            self.turn += 1
            self.at = self.loop_start
        elif bar.jump is not None and self.at not in self.jumps_done:
            self._take_jump(bar.jump)
        else:
            ends_passage = bar.repeat_times and not (self.at + 1 < self.end and self.bars[self.at + 1].passes)
            self._leave()
            if ends_passage:
                self.loop_start, self.turn = self.at, 1

    def _take_jump(self, jump: Jump) -> None:
        self.jumps_done.add(self.at)
        target = self._bar_labelled(jump.to)
        if target is None:
            self._leave()
            return
        self.jump = jump
        self.repeats_off = not jump.with_repeats
        self.at = self.loop_start = target
        self.turn = 1

    def _bar_labelled(self, label: str) -> int | None:
        if label == "start":
            return self.first
        return next((i for i in range(self.first, self.end) if label in self.bars[i].labels), None)
