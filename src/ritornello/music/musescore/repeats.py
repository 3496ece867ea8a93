"""Find the playing order of a MuseScore score: repeats, endings, jumps and sections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

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
    ending, the passes on which that ending is played (0 for none); opens_ending: its line begins here.
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
    opens_ending: bool = False

    @property
    def end(self) -> Fraction:
        """Where the next bar starts."""
        return self.start + self.length


class _Sign(NamedTuple):
    """One thing that a player meets, in the order of the page; passes: of the ending around it, () outside."""

    kind: Literal["start", "ending", "marker", "bar", "jump", "repeat", "section"]
    bar: int
    section: int
    passes: tuple[int, ...] = ()
    label: str = ""


def playing_order(bars: Sequence[WrittenBar]) -> list[int]:
    """List the indices of `bars` in playing order, as MuseScore plays them.

    Sections (up to a section break) are played one after the other; no repeat reaches back over a break. An end
    of a repeat goes back to the sign that begins one, or to the beginning of the section, also past ends of repeats
    before it; it counts for itself how often it was met. An ending is played on the passes that it names and on no
    other: the last one, too, is left out where the repeats come to more passes than it names.
    A jump is taken once, the last time round, and only if the places that it names exist; of places of one name it
    means the nearest before it, else the next after it. Up to where it was taken repeats are then not taken again
    and the last ending is played, unless the jump says otherwise. Raises ValueError above 20,000 bars.
    """
    return _Player(bars).play()


def _signs(bars: Sequence[WrittenBar]) -> Iterator[_Sign]:
    """List what a player meets; an ending lasts to its last bar, the next one, or a repeat sign."""
    section, begins = 0, True
    passes: tuple[int, ...] = ()
    for index, bar in enumerate(bars):
        before = bars[index - 1] if index else None
        opens = bar.opens_ending or before is None or bar.passes != before.passes
        if begins:
            yield _Sign("start", index, section)
        if opens or not bar.passes or bar.repeat_start or begins:
            passes = bar.passes if opens else ()
        if opens and passes:
            yield _Sign("ending", index, section, passes)
        if bar.repeat_start:
            yield _Sign("start", index, section, passes)
        yield from (_Sign("marker", index, section, passes, k) for k in bar.labels if k not in AT_BAR_END)
        yield _Sign("bar", index, section, passes)
        yield from (_Sign("marker", index, section, passes, k) for k in bar.labels if k in AT_BAR_END)
        if bar.jump:
            yield _Sign("jump", index, section, passes)
        if bar.repeat_times:
            yield _Sign("repeat", index, section, passes)
            passes = ()
        begins = bar.closes_section or index == len(bars) - 1
        if begins:
            yield _Sign("section", index, section)
            section += 1


class _Player:
    """Plays all bars, and keeps count of repeats and jumps. Places are indices of signs.

    Source of its rules: engraving/dom/repeatlist.cpp of MuseScore 4, libmscore/repeatlist.cpp of 3.6. MuseScore 3.2
    differs in brackets over the first bar or beyond a repeat sign, and in jumps beside a repeat sign in an ending.
    """

    def __init__(self, bars: Sequence[WrittenBar]) -> None:
        self.bars = bars
        self.signs = list(_signs(bars))
        self.turns: Counter[int] = Counter()  # how often the passage from a start is played, by its repeat signs
        self.start = 0  # where the passage begins that is played; behind a coda no passage, but the sign
        self.turn = 1  # which pass through it this is
        self.met: Counter[int] = Counter()  # how often the end of a repeat was met
        self.taken: set[tuple[int, int]] = set()  # jumps, with the pass on which they were taken
        self.jump: int | None = None  # the last of them
        self.until: int | None = None  # the sign up to which it plays, None for the end
        self.then: int | None = None  # the sign that it goes on from, None for the end
        self.is_last_time = False  # after a jump without repeats
        start = 0
        for place, sign in enumerate(self.signs):
            if sign.kind == "start":
                start = place
                self.turns[place] = 1
            elif sign.kind == "repeat":
                self.turns[start] += max(0, bars[sign.bar].repeat_times - 1)

    def play(self) -> list[int]:
        order: list[int] = []
        place = 0
        while place < len(self.signs):
            sign = self.signs[place]
            if sign.kind == "bar":
                order.append(sign.bar)
                if len(order) > MOST_BARS_PLAYED:
                    raise ValueError(f"its repeats unfold to more than {MOST_BARS_PLAYED} bars")
            place = self._after(place, sign)
        return order

    def _after(self, place: int, sign: _Sign) -> int:
        """Count passes at a sign, and find the place to go on from."""
        is_last = self.turn >= self.turns[self.start] or (bool(sign.passes) and self.turn == max(sign.passes))
        if sign.kind == "start":
            self.start = place
            self.turn = self.turns[place] if self.is_last_time else 1
        elif sign.kind == "ending" and self.turn not in sign.passes:
            return self._behind_ending(place)
        elif sign.kind == "repeat":
            self.met[place] += 1
            if self.turn < self.turns[self.start] and self.met[place] < self.bars[sign.bar].repeat_times:
                self.turn += 1
                return self.start + 1
        elif sign.kind == "jump":
            self.is_last_time &= place != self.jump  # the last time counts up to where the jump was taken
            if is_last and (place, self.turn) not in self.taken:
                return self._take(place)
        elif sign.kind == "marker" and place == self.until and is_last:
            return self._finish_jump(place)
        elif sign.kind == "section":
            self.turn, self.until, self.is_last_time = 1, None, False
        return place + 1

    def _behind_ending(self, place: int) -> int:
        while self.signs[place + 1].passes and self.signs[place + 1].kind != "ending":
            place += 1
        return place + 1

    def _take(self, place: int) -> int:
        """Take a jump, if all places that it names exist."""
        jump = self.bars[self.signs[place].bar].jump
        assert jump is not None
        to, until, then = (self._find(label, place) for label in jump[:3])
        if to is None or (until is None and jump.until) or (then is None and jump.then):
            return place + 1
        self.taken.add((place, self.turn))
        self.jump, self.until, self.then, self.is_last_time = place, until, then, not jump.with_repeats
        self._arrive(to, jump.with_repeats)
        for at in range(to, self._section_end(to)) if until is not None else ():
            if self.met[at]:
                self.met[at] = self.bars[self.signs[at].bar].repeat_times if self.is_last_time else 0
        if self.signs[to].passes and self.turn < self.turns[self.start]:
            self._count_repeats_to_come()
        return self._entry(to)

    def _count_repeats_to_come(self) -> None:
        """Count the repeats to come of the endings around a goal.

        Each is taken as often as passes of its ending are left.
        """
        turns = 1
        for place in range(self.start + 1, self._section_end(self.start)):
            sign = self.signs[place]
            if sign.kind == "start" or turns >= self.turns[self.start]:
                break
            if sign.kind == "repeat":
                times = self.bars[sign.bar].repeat_times
                to_come = sum(turn >= self.turn for turn in sign.passes)
                if to_come:
                    self.met[place] = times - to_come - 1
                turns += times - 1

    def _finish_jump(self, place: int) -> int:
        then, self.until, self.is_last_time = self.then, None, False
        if then is None:
            return self._section_end(place)
        self._arrive(then, with_repeats=True)
        if self.signs[self.start].bar != self.signs[then].bar:
            self.start = then  # repeats that end behind a coda are not taken
        return self._entry(then)

    def _arrive(self, goal: int, with_repeats: bool) -> None:
        """Find the passage that a goal lies in, and which pass through it this is."""
        self.start = next(at for at in range(goal, -1, -1) if self.signs[at].kind == "start")
        passes = [turn for turn in self.signs[goal].passes if turn]
        self.turn = min(passes, default=1) if with_repeats else max(passes, default=self.turns[self.start])

    def _entry(self, goal: int) -> int:
        """Find where to go on at a goal, so that its bar is played."""
        bar = self.signs[goal].bar
        return min(goal + 1, next(at for at, s in enumerate(self.signs) if s.kind == "bar" and s.bar == bar))

    def _section_end(self, place: int) -> int:
        return next(at for at in range(place, len(self.signs)) if self.signs[at].kind == "section")

    def _find(self, label: str, place: int) -> int | None:
        """Find the sign of a label, None without one.

        It stands in the same section, else in another; before `place`, else behind it.
        """
        section = self.signs[place].section
        if label == "start":
            return next(at for at, sign in enumerate(self.signs) if sign.section == section)
        if label == "end":
            return self._section_end(place)
        named = [at for at, sign in enumerate(self.signs) if sign.kind == "marker" and sign.label == label]
        named = [at for at in named if self.signs[at].section == section] or named
        return max((at for at in named if at < place), default=named[0] if named else None)
