"""One tune in the making, drawn stretch by stretch: continuations side by side, of which one is taken.

All targets of a request meet here, so that any of them go together: each steers the drawing of a stretch a little,
and counts by how much each way to go on misses it; the way that misses least in sum is taken. Curves are weighed
after each bar, from where their value began, so that what one bar misses the next ones make good. Source of curves of
surprise: Bjare, Lattner & Widmer 2024 ("Controlling Surprisal in Music Generation via Information Content Curve
Matching").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.generate.choice.steering import SteeredForm, Stretch
from ritornello.generate.chords import Chart
from ritornello.generate.compose import ATTEMPT_STRIDE, known_places, players_of, sample
from ritornello.generate.constraints import is_strong, table_of
from ritornello.generate.draw import Dice
from ritornello.generate.headings import Heading
from ritornello.generate.options import CURVES, LEVELS, GenerateOptions, Goal, stretches
from ritornello.generate.span import Plan
from ritornello.model.network import Network, cross_entropy
from ritornello.music.keys import estimate_key
from ritornello.music.values import Key

CONTINUATIONS = 16  # of a bar
ROUNDS = 4  # of endings that are drawn again
LEAST_LEFT = 0.5  # of a note, where a stretch has as many as it should
STRANGE_BITS, STRANGE = 5.0, 0.3  # bits per note, and misses that each bit above counts
EMPTY = 12.0  # semitones that a bar without a note counts as missing its register
NEAR_HEIGHT = 2.0  # semitones of a mean pitch from a register that are no miss, else one pitch alone is the best
REGISTERS = {"low": 60, "middle": 67, "high": 74}
MISS = {"notes_per_bar": 1.0, "register": 2.0, "surprise": 0.5}
"""What counts as one miss: notes, semitones, and bits per note (of words, a half of the ranks)."""
NEAR = 0.5  # notes; a value of the curve of notes is kept where it is missed by no more at its end
OFF_CHORD = 0.5  # misses of a note on a strong beat that is no tone of its chord
OFF_CONTOUR = 0.5  # misses of the spread of a contour that is kept


@dataclass(frozen=True)
class Continuation:
    """One way to go on. tokens, bits: of what is new. form: the biases as they stand at its end.

    first: how many notes the tune had before it.
    """

    tokens: np.ndarray
    bits: np.ndarray
    form: SteeredForm
    first: int

    @property
    def notes(self) -> list[tuple[int, int]]:
        """Its notes, by onset in ticks and pitch."""
        return self.form.sung[self.first :]

    @property
    def rate(self) -> float:
        """Its bits per note."""
        return float(self.bits.sum() / max(1, len(self.notes)))


class Group(NamedTuple):
    """A note group of the tune. time: ticks before it. pitch: of the note that it begins, -1 for none."""

    time: int
    tokens: tuple[int, ...]
    pitch: int


class Drawing:
    """One tune in the making. tokens, bits: so far. groups: its note groups, those of the header among them.

    header: how many of these come before the first note or rest, -1 while that is open.
    chart: the chords that it follows, None for none. plan: what is kept of the melody that it is like.
    """

    def __init__(
        self,
        network: Network,
        encoding: MelodyEncoding,
        options: GenerateOptions,
        pitch_range: tuple[int, int],
        seed: int,
        index: int,
        heading: Heading,
        on_progress: Callable[[float], None] | None = None,
        chart: Chart | None = None,
        plan: Plan | None = None,
    ):
        self.encoding, self.options, self.chart, self.plan = encoding, options, chart, plan
        self.seed, self.index, self._rolls, self._span = seed, index, 0, pitch_range
        self._players = players_of(network, encoding, options, 1)
        self._places = known_places(network, options)
        table = plan.table if plan else table_of(encoding, options, pitch_range, heading.metre, self._places)
        own = options.tonality[0] if options.tonality else None
        key = heading.key() if chart is None else None if own else chart.key
        first = options.goals("start_on")
        self.form = SteeredForm(table, self._players.trackers[0], key, first, chart, plan)
        self._known_key = own or (chart.key if chart else None)
        self.form.key = self._known_key
        self.tokens: list[int] = []
        self.bits: list[float] = []
        self.groups: list[Group] = []
        self._group: list[int] = []
        self._on_progress = on_progress
        self.header = -1
        self._begun = 0, -1  # time and notes before the group that is due

    @property
    def place(self) -> Any:
        """Where the tune stands."""
        return self._players.trackers[0]

    @property
    def key(self) -> Key | None:
        """The key of its header, else of its notes; None before the first note."""
        if self.form.key is not None:
            return self.form.key
        notes = self.encoding.decode(np.array(self.tokens, np.int64)).notes
        return estimate_key(notes)[0] if notes else None

    def settle(self) -> None:
        """Take key and metre from the header; no other metre begins later."""
        timeline = self.encoding.decode(np.array(self.tokens, np.int64)).timeline
        self.form.key = timeline.key or self._known_key
        name = self.options.metre or timeline.metre.name
        if self.place.begun and not self.plan:
            options = replace(self.options, metre=name)
            self.form.in_table(table_of(self.encoding, options, self._span, places=self._places))

    def draw(self, stretch: Stretch, n: int) -> list[Continuation]:
        """Draw ways to go on until a stretch is over, n side by side.

        Those that miss an exact end are left out, unless all do.
        """
        players, before = self._players, self._players.snapshot()
        self.form.begin(stretch)
        self.form.note()
        players.fork(n)
        forms = [self.form.fork(tracker) for tracker in players.trackers]
        first = len(self.form.sung)
        melodies = self.index + ATTEMPT_STRIDE * np.arange(self._rolls + 1, self._rolls + n + 1)
        self._rolls += n
        drawn, bits = sample(players, forms, self.options, Dice(self.seed, melodies), np.zeros((n, 0), np.int64))
        players.restore(before)
        self.form.at(self.place)
        for form in forms:
            form.note()
        ways = [Continuation(t, b, form, first) for t, b, form in zip(drawn, bits, forms, strict=True)]
        return [way for way in ways if not (stretch.is_exact and way.form.misses_end)] or ways

    def bits_since(self, tick: int) -> float:
        """Sum the bits of the note groups from a tick on."""
        lengths = [len(group.tokens) for group in self.groups]
        first = sum(size for size, group in zip(lengths, self.groups, strict=True) if group.time < tick)
        return float(sum(self.bits[first:]))

    def take(self, continuation: Continuation) -> None:
        """Go on by one of the continuations."""
        self.feed(continuation.tokens.tolist())

    def feed(self, tokens: list[int]) -> None:
        """Go on by tokens."""
        players = self._players
        for token in tokens:
            place = self.place
            if not place.part:
                self._begun = place.time, place.notes
            self.form.observe()
            cost = cross_entropy(players.logits, np.array([token - players.first]))
            self.bits.append(float(cost[0] / np.log(2)))
            self.tokens.append(token)
            self._group.append(token)
            players.feed(np.array([token]))
            if not self.place.part:
                time, notes = self._begun
                pitch = self.place.sounding if self.place.notes > notes else -1
                self.groups.append(Group(time, tuple(self._group), pitch))
                self._group = []
                if self.header < 0 and self.place.begun and self.place.pitches().max() >= 0:
                    self.header = len(self.groups)
        self.form.note()
        if self._on_progress and self.place.begun:
            self._on_progress(min(1.0, self.place.time / self.form.end()))

    def read(self, tokens: Sequence[int], ends: Sequence[int]) -> np.ndarray:
        """Read a whole tune of several sections; returns the bits of its tokens, (tokens,).

        ends: ticks at which its sections end. The network is told of each in its turn, of one that returns too, which
        was put in as it had been.
        """
        for token in tokens:
            if not self.place.part:
                following = next((end for end in ends[:-1] if end > self.place.time), None)
                self.form.begin(Stretch(until=following if self.place.notes else None))
            self.feed([token])
        return np.array(self.bits)

    def feed_group(self, group: Group) -> bool:
        """Repeat a group at the same pitch; False where that cannot be."""
        tracker, tokens = self.place.copy(), []
        for token in group.tokens:
            first = sum(self.encoding.parts[: tracker.part])
            index = token - first
            if group.pitch >= 0 and (pitches := tracker.pitches()).max() >= 0 and pitches[index] != group.pitch:
                same = np.flatnonzero(pitches == group.pitch)
                if not len(same):
                    return False
                index = int(same[0])
            if not tracker.legal()[index]:
                return False
            tracker.advance(first + index)
            tokens.append(first + index)
        self.feed(tokens)
        return True


class Aim(NamedTuple):
    """A curve's target for a bar. value: of the bars first to stop, from 0. upto: bars up to its end."""

    value: float | str
    first: int
    stop: int
    upto: int


class Targets:
    """The targets of curves for the bars of a tune, and the choice of what comes nearest.

    origin: tick at which the first bar begins. closing: bars, from 0, that end with a long note.
    """

    def __init__(self, drawing: Drawing, origin: int, closing: Collection[int]):
        options = drawing.options
        self._drawing, self._origin, self._closing = drawing, origin, closing
        self._curves = {name: options.curve(name) for name in CURVES if options.curve(name)}
        self._edges = {n: stretches(len(v), options.bar_count, n) for n, v in self._curves.items()}
        self._rates: list[float] = []  # bits per note of all ways among which was chosen

    @property
    def has_curves(self) -> bool:
        """Whether bars are to be drawn one by one."""
        return bool(self._curves)

    def draw(self, stretch: Stretch, stop: int, n: int = CONTINUATIONS) -> list[Continuation]:
        """Draw ways to go on that are steered to what is wanted up to a tick.

        Where none of them has as many notes as are wanted, others are drawn that must.
        """
        aims = self._aims(stop)
        if "register" in aims:
            stretch = replace(stretch, register=self._height(aims["register"].value))
        if "notes_per_bar" not in aims:
            return self._drawing.draw(stretch, n)
        aim = aims["notes_per_bar"]
        stretch = replace(stretch, density=self._density(aim))
        ways = self._drawing.draw(stretch, n)
        if self._missed_notes(aim, ways).min() > (NEAR if aim.upto == aim.stop else 1):
            ways += self._drawing.draw(replace(stretch, count=self._count(aim)), n)
        return ways

    def go_on(
        self,
        stretch: Stretch,
        stop: int,
        n: int = CONTINUATIONS,
        others: Callable[[Sequence[Continuation]], np.ndarray] | None = None,
    ) -> None:
        """Take the way to go on that misses least, the first of equals. others: further misses."""
        ways = self.draw(stretch, stop, n)
        self._take(stop, self._near(stop, ways) or ways, others)

    def end_on(
        self,
        stretch: Stretch,
        stop: int,
        goals: tuple[Goal, ...],
        n: int = CONTINUATIONS,
        others: Callable[[Sequence[Continuation]], np.ndarray] | None = None,
    ) -> None:
        """Take a way to fill a stretch that ends on one of these pitches.

        One that does so by itself, else one that was led there. Raises ValueError where none was found.
        """
        drawing = self._drawing
        drawing.form.key = drawing.key
        fits: list[Continuation] = []
        for attempt in range(ROUNDS):
            ways = self.draw(replace(stretch, last=goals if attempt else ()), stop, n)
            fits += [way for way in ways if way.form.ends_on(goals)]
            if near := self._near(stop, fits):
                self._take(stop, near, others)
                return
        if not fits:
            raise ValueError(
                "no continuation ends on the pitch that is asked for: try another seed, or a wider range"
            )
        self._take(stop, fits, others)

    def density(self) -> float:
        """Compute the ticks wanted from note to note at the beginning; 0 for any."""
        curve = self._curves.get("notes_per_bar")
        return self._drawing.place.bar / float(curve[0]) if curve else 0.0

    def _take(
        self,
        stop: int,
        ways: Sequence[Continuation],
        others: Callable[[Sequence[Continuation]], np.ndarray] | None,
    ) -> None:
        """Take the way that misses least, the first of equals."""
        self._rates += [way.rate for way in ways]
        misses = self.misses(stop, ways) + (others(ways) if others else 0.0)
        self._drawing.take(ways[int(np.argmin(misses))])

    def misses(self, stop: int, ways: Sequence[Continuation]) -> np.ndarray:
        """Compute by how much each way up to a tick misses what is wanted, (ways,)."""
        aims, total = self._aims(stop), np.zeros(len(ways))
        if "notes_per_bar" in aims:
            total += self._missed_notes(aims["notes_per_bar"], ways) / MISS["notes_per_bar"]
        if "register" in aims:
            height = self._height(aims["register"].value)
            means = [np.mean([p for _, p in way.notes]) if way.notes else height + EMPTY for way in ways]
            total += np.maximum(0, abs(np.array(means) - height) - NEAR_HEIGHT) / MISS["register"]
        if "surprise" in aims:
            total += self._missed_bits(aims["surprise"], ways) / MISS["surprise"]
        else:  # what the network finds strange is taken only where nothing else fits
            total += STRANGE * np.maximum(0, [way.rate - STRANGE_BITS for way in ways])
        if self._drawing.chart or (self._drawing.plan and self._drawing.plan.harmony):
            total += [OFF_CHORD * self._off_chord(way) for way in ways]
        if self._drawing.plan and self._drawing.plan.keep == "contour":
            total += [OFF_CONTOUR * self._drawing.plan.away(way.notes) for way in ways]
        return total

    def _tick(self, bar: int) -> int:
        return self._origin + bar * int(self._drawing.place.bar)

    def _aims(self, stop: int) -> dict[str, Aim]:
        """Find what the curves ask of the bar that ends at a tick."""
        upto = -((self._origin - stop) // int(self._drawing.place.bar))
        found: dict[str, Aim] = {}
        for name, values in self._curves.items():
            for value, (first, after) in zip(values, self._edges[name], strict=True):
                if first < upto <= after:
                    found[name] = Aim(value, first, after, upto)
        return found

    def _density(self, aim: Aim) -> float:
        """Compute the ticks wanted from note to note, by what is left of the bar and of the notes."""
        left = self._wanted(aim) - self._sung(aim)
        ticks = self._tick(aim.upto) - max(self._drawing.place.time, self._tick(aim.first))
        return max(1.0, ticks) / max(left, LEAST_LEFT)

    def _count(self, aim: Aim) -> int:
        """Count the notes that must begin up to the end of the bar, as far as there is room."""
        quarter = self._drawing.encoding.ticks_per_quarter
        room = (self._tick(aim.upto) - self._drawing.place.time) // max(1, quarter // 4)
        return int(min(max(0, round(self._wanted(aim) - self._sung(aim))), room))

    def _sung(self, aim: Aim) -> int:
        return sum(onset >= self._tick(aim.first) for onset, _ in self._drawing.form.sung)

    def _wanted(self, aim: Aim) -> float:
        """Count the notes that there should be by the end of a bar since the curve's value began.

        Bars that close with a long note have half as many as others.
        """
        each, bars = float(aim.value), range(aim.first, aim.stop)
        closing = [bar for bar in bars if bar in self._closing]
        if len(closing) == len(bars) or aim.upto == aim.stop:
            return each * (aim.upto - aim.first)
        short = max(1.0, each / 2)
        full = (each * len(bars) - short * len(closing)) / (len(bars) - len(closing))
        return sum(short if bar in closing else full for bar in range(aim.first, aim.upto))

    def _height(self, value: float | str) -> float:
        """Find the pitch that a register means: of words, by the range where one is asked for."""
        options = self._drawing.options
        if not isinstance(value, str):
            return float(value)
        if not options.is_ranged:
            return float(REGISTERS[value])
        low, high = options.within((REGISTERS["low"] - 5, REGISTERS["high"] + 5))
        return low + (high - low) * (0.2, 0.5, 0.8)[list(REGISTERS).index(value)]

    def _near(self, stop: int, ways: Sequence[Continuation]) -> list[Continuation]:
        """Choose the ways that have the notes wanted where a value of their curve ends, else all."""
        aim = self._aims(stop).get("notes_per_bar")
        if aim is None or aim.upto < aim.stop or not ways:
            return list(ways)
        return [way for way, miss in zip(ways, self._missed_notes(aim, ways), strict=True) if miss <= NEAR]

    def _missed_notes(self, aim: Aim, ways: Sequence[Continuation]) -> np.ndarray:
        """Count the notes that are too many or too few since the value of the curve began."""
        missing, first = self._wanted(aim) - self._sung(aim), self._tick(aim.first)
        return np.array([abs(sum(onset >= first for onset, _ in way.notes) - missing) for way in ways])

    def _missed_bits(self, aim: Aim, ways: Sequence[Continuation]) -> np.ndarray:
        """Compute by how many bits per note each way misses its value.

        Of words by what share of the ranks, among all ways that the tune had so far: later bars are easier to
        foresee, so that the most surprising of them alone might be duller than the dullest before.
        """
        if isinstance(aim.value, str):
            rates = [way.rate for way in ways]
            ranks = np.sort(self._rates).searchsorted(rates) / max(1, len(self._rates) - 1)
            return abs(ranks - LEVELS[aim.value])
        bits, notes = self._drawing.bits_since(self._tick(aim.first)), self._sung(aim)
        return np.array([abs((bits + w.bits.sum()) / max(1, notes + len(w.notes)) - aim.value) for w in ways])

    def _off_chord(self, way: Continuation) -> int:
        """Count the notes of a way on strong beats that are no tones of their chords."""
        place, harmony, found = self._drawing.place, way.form.harmony, 0
        for onset, pitch in way.notes if harmony else ():
            chord = harmony.at(onset) if harmony and is_strong(onset, place) else None
            found += chord is not None and chord.quality != "none" and pitch % 12 not in chord.pitch_classes
        return found
