"""Biases of a tune that is steered: where it begins and ends, how far it leaps, how dense and high it is.

A stretch is what is drawn at a time, up to a tick. Biases are small, and what they do not reach is left to the choice
among several continuations of a stretch; leaps and pitches to begin or end on are masked.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ritornello.encoding import Place
from ritornello.generate.chords import Chart
from ritornello.generate.constraints import BarForm, FormTable, toward_chord
from ritornello.generate.options import Goal
from ritornello.generate.span import Plan
from ritornello.music.values import Key

REGISTER_SPREAD = 4.0  # semitones
REGISTER_FREE = 3.0  # semitones around it that are all alike
NEAR_STEP = 4.0  # semitones; what begins no note counts as a step so far towards the register
MOST_PULL = 2.0  # nats


@dataclass(frozen=True)
class Stretch:
    """What is drawn at a time.

    stop: tick at which it is over; None for the end of the tune. is_exact: a note ends at that tick. until: tick at
    which the network is told that the tune is over; None for its end. last: pitches that its last note may have,
    () for any. density: ticks from note to note that are wanted, 0 for any. pull: twice the nats on e times as many.
    register: the pitch around which it lies; 0 for any. is_fresh: it begins with a note or a rest, not a held note.
    count: how many notes begin in it, -1 for any number.
    """

    stop: int | None = None
    is_exact: bool = False
    until: int | None = None
    last: tuple[Goal, ...] = ()
    density: float = 0.0
    pull: float = 1.0
    register: float = 0.0
    is_fresh: bool = False
    count: int = -1


class SteeredForm(BarForm):
    """Biases of one steered tune; `stretch` is what is being drawn, `key` that of the tune as soon as it is known.

    sung: its notes so far, by onset in ticks and pitch. chart: the chords that it follows, None for none. plan: what
    is kept of the melody that it is like; None for a tune of its own.
    """

    def __init__(
        self,
        table: FormTable,
        place: Place,
        key: Key | None,
        first: tuple[Goal, ...],
        chart: Chart | None = None,
        plan: Plan | None = None,
    ):
        super().__init__(table, place, key, chart)
        self.plan = plan
        self.key: Key | None = None
        self.stretch, self.sung = Stretch(), list[tuple[int, int]]()
        self._first, self._start, self._before = first, 0, 0
        names = table.encoding.vocabulary
        self._tie = names["tie"] if "tie" in names else None  # noqa: SIM401 - no dictionary
        self._silences = [names[name] for name in ("rest", "note_off") if name in names]

    def fork(self, place: Place) -> Self:
        """Return a form that goes on from here by itself, with a place of its own."""
        other = copy(self)
        other._place = other._rules = place
        other._circles, other.sung = self._circles and self._circles.copy(), list(self.sung)
        return other

    def at(self, place: Place) -> None:
        """Go on with another object for the same place."""
        self._place = self._rules = place

    def begin(self, stretch: Stretch) -> None:
        """Begin a stretch where the tune stands."""
        self.stretch, self._start, self._before = stretch, self._place.time, self._place.notes

    def in_table(self, table: FormTable) -> None:
        """Go on by another table."""
        self._table = table

    def note(self) -> None:
        """Take down the note that has begun last."""
        place = self._place
        if place.notes > len(self.sung):
            self.sung.append((place.onset, place.sounding))

    def observe(self) -> None:
        """Take note of where the tune stands, and count down its bars.

        To be called before each token.
        """
        self.note()
        super().observe()
        if self.plan:
            self._length += 1
            self.plan.inform(self._place)
        if not self._place.part and self.stretch.until is not None:
            self._place.until = self.stretch.until

    def is_over(self) -> bool:
        """Tell whether the stretch, or the tune, is over."""
        place, stop = self._place, self.stretch.stop
        if self.plan and self.plan.is_filled(self._length):
            return True
        if stop is not None:
            return place.done or (not place.part and place.time >= stop)
        return super().is_over()

    def bias(self) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf, or small numbers."""
        if self.plan:
            bias = self.plan.bias(self._place, self._length - 1)
        else:
            bias = self._filling() if self.stretch.is_exact else super().bias()
        for extra in (self._mask(), self._counted(), self._ending(), self._pull()):
            if extra is not None:
                steered = bias + extra
                bias = steered if steered.max() > -np.inf else bias
        return bias

    def _filling(self) -> np.ndarray:
        """Allow what fills the stretch to its last tick with a note.

        From where nothing does, what comes to a little later.
        """
        place, table, stop = self._place, self._table, self.stretch.stop
        assert stop is not None
        least = self._least()
        possible = place.finishable(stop - 1, stop, least)
        while least > 1 and not possible.any():  # what is left is then no shorter than it must be
            least //= 2
            possible = place.finishable(stop - 1, stop, least)
        if not possible.any():
            possible = place.finishable(stop - 1, stop + self._least())
        heading = None if place.notes else place.heading(table.allowed, self._key or table.key, self._key is not None)
        pitches = None if place.part else place.pitches()
        bias = table.row(possible, pitches, heading, phase=(place.begun, place.part))
        return bias if self._chart is None else bias + toward_chord(place)

    def _least(self) -> int:
        return int(min(self._place.beat, self._table.quarter))

    def _mask(self) -> np.ndarray | None:
        """Mask leaps that are too wide, other first pitches, and ties into a fresh stretch."""
        place, most = self._place, self._table.options.leap_at_most
        if place.part:
            return self._towards_first() if self._first and not place.notes else None
        allowed, pitches = np.ones(self._table.encoding.parts[0], bool), place.pitches()
        if self._first and not place.notes and (pitches >= 0).any():
            allowed &= np.array(
                [p < 0 or any(goal.allows(int(p), self.key) for goal in self._first) for p in pitches]
            )
        if most is not None and place.notes:
            allowed &= (pitches < 0) | (abs(pitches - self.sung[-1][1]) <= most)
        if self.stretch.is_fresh and place.time == self._start:
            if self._tie is not None:
                allowed[self._tie] = False
            elif place.notes and len(self._table.encoding.parts) == 1:
                allowed &= pitches >= 0
        return np.where(allowed, 0.0, -np.inf)

    def _towards_first(self) -> np.ndarray | None:
        """Mask headers from which no first pitch can be reached that is of one octave."""
        place = self._place
        if any(goal.pitch is None for goal in self._first):
            return None
        allowed = np.ones(self._table.encoding.parts[place.part], bool)
        for n in np.flatnonzero(place.legal()):
            pitches = self._after(int(n)).pitches()
            goals = {goal.pitch for goal in self._first}
            allowed[n] = not (pitches >= 0).any() or bool(goals.intersection(pitches.tolist()))
        return np.where(allowed, 0.0, -np.inf)

    def _counted(self) -> np.ndarray | None:
        """Mask what leaves no way to begin as many notes in the stretch as are wanted."""
        place, count, parts = self._place, self.stretch.count, self._table.encoding.parts
        if count < 0 or not place.begun:
            return None
        stop = self.end() if self.stretch.stop is None else self.stretch.stop
        left, pitches = self._left(), place.pitches()
        allowed: np.ndarray
        if place.part < len(parts) - 1:
            allowed = (pitches < 0) | (left > 0)
        elif len(parts) == 1:
            still, times = left - (pitches >= 0), np.full(len(pitches), place.time + 1)
        else:
            after = self._after(int(np.flatnonzero(place.legal())[0]))
            still = np.full(parts[-1], left - (after.notes - place.notes))
            times = place.time + self._table.lengths(place)
        closes = self.stretch.is_exact or self.stretch.stop is None
        if place.part == len(parts) - 1:
            allowed = (still >= 0) & ((times <= stop - still * self._least_value()) | (still == 0))
            fills = place.legal() & (times == stop)
            if len(parts) > 1 and closes and left == 1 and not still.any() and fills.any():
                allowed &= fills  # not all lengths can be tied on
        end = self._table.encoding.end
        if not place.part and end is not None:
            allowed[end] &= left <= 0
        if not place.part and closes and left <= 0 and place.notes > self._before:
            allowed[self._silences] = False  # the last note lasts until the end
        return np.where(allowed, 0.0, -np.inf)

    def _left(self) -> int:
        """Count the notes that must still begin in the stretch; below 0 for any number."""
        return self.stretch.count - (self._place.notes - self._before) if self.stretch.count >= 0 else -1

    def _least_value(self) -> int:
        """Ticks of a sixteenth, the shortest value that is steered to."""
        return max(1, self._table.quarter // 4)

    def _ending(self) -> np.ndarray | None:
        """Mask what would end the stretch on another pitch than its last one."""
        place, goals = self._place, self.stretch.last
        stop = self.end() if self.stretch.stop is None else self.stretch.stop
        least, parts = self._least(), self._table.encoding.parts
        if not goals or not place.notes or stop - place.time > 2 * place.bar:
            return None
        allowed, pitches = np.ones(parts[place.part], bool), place.pitches()
        if not place.part:
            fits = np.array([p >= 0 and any(goal.allows(int(p), self.key) for goal in goals) for p in pitches])
            is_last = bool(self.plan and self.plan.is_last_note(place)) or self._left() == 1
            if is_last or stop - place.time < 2 * least:
                allowed &= fits | (pitches < 0)
            end = self._table.encoding.end
            if end is not None:
                allowed[end] = self._is_last(place)
        if place.part == len(parts) - 1:
            for n in np.flatnonzero(place.legal()):
                after = self._after(int(n))
                allowed[n] &= after.done or self._is_last(after) or after.time <= stop - least
        return np.where(allowed, 0.0, -np.inf)

    def _is_last(self, place: Place) -> bool:
        """Tell whether what sounds at a place may be the last note of the stretch."""
        return place.sounding >= 0 and any(goal.allows(place.sounding, self.key) for goal in self.stretch.last)

    @property
    def held(self) -> int:
        """Ticks that the last note has lasted so far."""
        return int(self._place.time - self._place.onset)

    @property
    def misses_end(self) -> bool:
        """Whether the tune stands elsewhere than where the stretch was to be over."""
        return self.stretch.stop is not None and self._place.time != self.stretch.stop

    def ends_on(self, goals: tuple[Goal, ...]) -> bool:
        """Tell whether the last note so far has one of these pitches."""
        return bool(self.sung) and any(goal.allows(self.sung[-1][1], self.key) for goal in goals)

    def _pull(self) -> np.ndarray | None:
        """Compute nats towards the density and the register that are wanted."""
        place, stretch, parts = self._place, self.stretch, self._table.encoding.parts
        if stretch.register and not place.part:
            last = self.sung[-1][1] if self.sung else stretch.register
            near = last + np.clip(stretch.register - last, -NEAR_STEP, NEAR_STEP)  # else silence would be cheaper
            pitches = place.pitches()
            away = (np.where(pitches < 0, near, pitches) - stretch.register) / REGISTER_SPREAD
            away = np.maximum(0, abs(away) - REGISTER_FREE / REGISTER_SPREAD)
            bias = np.maximum(-0.5 * away**2, -3 * MOST_PULL)
        else:
            bias = np.zeros(parts[place.part])
        if stretch.density and place.begun:
            if len(parts) == 1:
                late = (place.time - place.onset) / stretch.density - 1
                bias = bias + stretch.pull * np.where(
                    place.pitches() >= 0, np.clip(4 * late, -2 * MOST_PULL, 2 * MOST_PULL), 0.0
                )
            elif place.part == len(parts) - 1:
                bias = bias + self._towards_density()
        return bias

    def _towards_density(self) -> np.ndarray:
        """Compute nats by which durations lose the further they are from the wanted one."""
        ticks = self._table.lengths(self._place)
        with np.errstate(divide="ignore"):
            nats = -0.5 * self.stretch.pull * np.log(ticks / self.stretch.density) ** 2
        return np.where(ticks > 0, np.maximum(nats, -4 * MOST_PULL), 0.0)

    def _after(self, n: int) -> Any:
        """Go on by an id of the due part, its index in the part."""
        after = self._place.copy()
        after.advance(n + sum(self._table.encoding.parts[: self._place.part]))
        return after
