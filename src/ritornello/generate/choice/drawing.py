"""One tune in the making, drawn stretch by stretch: continuations side by side, of which one is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.generate.choice.steering import SteeredForm, Stretch
from ritornello.generate.compose import ATTEMPT_STRIDE, STRETCH, sample
from ritornello.generate.constraints import table_of
from ritornello.generate.draw import Dice
from ritornello.generate.headings import Heading
from ritornello.generate.options import GenerateOptions, Goal
from ritornello.model.network import Network, cross_entropy
from ritornello.model.players import Players
from ritornello.music.keys import estimate_key
from ritornello.music.values import Key

ROUNDS = 4  # of endings that are drawn again


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


class Group(NamedTuple):
    """A note group of the tune. time: ticks before it. pitch: of the note that it begins, -1 for none."""

    time: int
    tokens: tuple[int, ...]
    pitch: int


class Drawing:
    """One tune in the making. tokens, bits: so far. groups: its note groups, those of the header among them."""

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
    ):
        self.encoding, self.options = encoding, options
        self.seed, self.index, self._rolls, self._span = seed, index, 0, pitch_range
        self._players = Players(network, encoding, 1, True, options.memory, options.quote, STRETCH)
        table = table_of(encoding, options, pitch_range, heading.metre)
        self.form = SteeredForm(table, self._players.trackers[0], heading.key(), options.goals("start_on"))
        self.form.key = options.tonality[0] if options.tonality else None
        self.tokens: list[int] = []
        self.bits: list[float] = []
        self.groups: list[Group] = []
        self._group: list[int] = []
        self._on_progress = on_progress
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
        self.form.key = timeline.key or (self.options.tonality[0] if self.options.tonality else None)
        name = self.options.metre or timeline.metre.name
        if self.place.begun:
            self.form.in_table(table_of(self.encoding, replace(self.options, metre=name), self._span))

    def draw(self, stretch: Stretch, n: int) -> list[Continuation]:
        """Draw n ways to go on until a stretch is over, side by side."""
        players, before = self._players, self._players.snapshot()
        self.form.begin(stretch)
        self.form.note()
        players.keep(np.zeros(n, np.int64))
        players.trackers = [tracker.copy() for tracker in players.trackers]
        forms = [self.form.fork(tracker) for tracker in players.trackers]
        first = len(self.form.sung)
        melodies = self.index + ATTEMPT_STRIDE * np.arange(self._rolls + 1, self._rolls + n + 1)
        self._rolls += n
        drawn, bits = sample(players, forms, self.options, Dice(self.seed, melodies), np.zeros((n, 0), np.int64))
        players.restore(before)
        self.form.at(self.place)
        for form in forms:
            form.note()
        return [Continuation(t, b, form, first) for t, b, form in zip(drawn, bits, forms, strict=True)]

    def choose(self, ways: Sequence[Continuation], misses: Callable[[Sequence[Continuation]], np.ndarray]) -> None:
        """Take the way that misses least, the first of equals."""
        self.take(ways[int(np.argmin(misses(ways)))])

    def end_on(
        self,
        stretch: Stretch,
        goals: tuple[Goal, ...],
        n: int,
        misses: Callable[[Sequence[Continuation]], np.ndarray],
    ) -> None:
        """Take a way to fill a stretch that ends on one of these pitches.

        One that does so by itself, else one that was led there. Raises ValueError where none was found.
        """
        self.form.key = self.key
        for attempt in range(ROUNDS):
            ways = self.draw(replace(stretch, last=goals if attempt else ()), n)
            fits = [way for way in ways if way.form.ends_on(goals)]
            if fits:
                self.choose(fits, misses)
                return
        raise ValueError("no continuation ends on the pitch that is asked for: try another seed, or a wider range")

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
        self.form.note()
        if self._on_progress and self.place.begun:
            self._on_progress(min(1.0, self.place.time / self.form.end()))

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
