"""lookback: the grid's tokens, but a step that repeats what stood one or two bars before says so with a label.

    metre_2 over_4 | 60 | as_two_bars_ago | 62 | as_two_bars_ago | ... | as_one_bar_ago | ... | end

After Magenta's Lookback RNN (Waite 2016, "Generating Long-Term Structure in Songs and Stories"). As there, two bars
ago goes before one bar ago where both would be the same, and before the first bar stands no_event, so that the
no_events of the first two bars are labels too. Unlike there, a bar is the tune's own, not always sixteen steps: a bar
of the metre in force.
Its features: `position`, `bar_ago` and `two_bars_ago` of `features`, and `repeated`: whether the last step was as one
bar before it (1), two (2) or both (3), 0 for neither; these four unless `inputs` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from ritornello.encoding.features import INPUTS, Feature, checked_inputs
from ritornello.encoding.grid import Grid, StepEncoding
from ritornello.encoding.grid_tracker import NO_EVENT, NOTE_OFF, GridTracker
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.rounding import checked_steps
from ritornello.encoding.vocabulary import COMMON, LATEST, Vocabulary, bar_length
from ritornello.music.values import Melody

REPEATED = Feature("repeated", 4)
LABELS = (
    ("as_one_bar_ago", 1, "this step is as the one a bar before"),
    ("as_two_bars_ago", 1, "this step is as the one two bars before"),
)


@dataclass(frozen=True)
class Lookback(StepEncoding):
    """Magenta's labels over `grid`. steps_per_quarter: 1 to 24. inputs: of features.INPUTS, and "repeated".

    The grid's ids come first. One melody has one spelling: a plain token is not legal where a label says the same.
    What is lost is what `grid` loses.
    """

    steps_per_quarter: int = 4
    inputs: tuple[str, ...] = ("position", "bar_ago", "two_bars_ago", "repeated")
    version: int = LATEST
    with_key: bool = False
    name = "lookback"
    memory: ClassVar[tuple[str, ...]] = ()  # the labels say what comes again

    def __post_init__(self) -> None:
        names = (self.inputs,) if isinstance(self.inputs, str) else tuple(self.inputs)
        own = (REPEATED.name,) if REPEATED.name in names else ()
        try:
            others = checked_inputs([name for name in names if name not in own])
        except ValueError as error:
            raise ValueError(f"{error}, {REPEATED.name}") from None
        object.__setattr__(self, "inputs", others + own)
        object.__setattr__(self, "steps_per_quarter", checked_steps(self.steps_per_quarter))

    @cached_property
    def grid(self) -> Grid:
        """The grid under the labels."""
        inputs = tuple(name for name in self.inputs if name in INPUTS)
        return Grid(self.steps_per_quarter, inputs=inputs, version=self.version, with_key=self.with_key)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        return Vocabulary.of(*((row.name, row.size, row.meaning) for row in self.grid.vocabulary.rows), *LABELS)

    @cached_property
    def end(self) -> int:
        """Id of the `end` token."""
        return self.vocabulary["end"]

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of `inputs`."""
        return self.grid.features + ((REPEATED,) if self.looks_at_repeats else ())

    @cached_property
    def looks_at_repeats(self) -> bool:
        """Whether `repeated` is among the inputs."""
        return REPEATED.name in self.inputs

    def to_dict(self) -> dict[str, Any]:
        """Return what `make_encoding` needs to build this encoding again."""
        plain = {"name": self.name, "steps_per_quarter": self.steps_per_quarter, "inputs": list(self.inputs)}
        plain |= {"with_key": True} if self.with_key else {}
        return plain | ({} if self.version == 1 else {"version": self.version})

    def encode(self, melody: Melody) -> Encoded:
        """Encode a melody as `Grid.encode` does, repeats as labels: two bars before one."""
        encoded = self.grid.encode(melody)
        plain, first = encoded.tokens, self.end + 1
        is_step = plain <= NOTE_OFF
        steps = plain[is_step]
        bars = self._bars(plain, is_step)
        places = np.arange(len(steps))
        one, two = (np.where(places >= n * bars, steps[np.maximum(places - n * bars, 0)], NO_EVENT) for n in (1, 2))
        tokens = plain.astype(np.int16)
        tokens[is_step] = np.select([steps == two, steps == one], [first + 1, first], steps)
        return replace(encoded, tokens=tokens)

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """Encode a melody under its one header: none names an octave."""
        return [self.encode(melody).tokens]

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Decode tokens to a melody; begin or end may be missing.

        Raises ValueError for an id outside the table.
        """
        return self.grid.decode(self.unlabelled(tokens), title, qpm)

    def tracker(self) -> LookbackTracker:
        """Start the rules of one melody."""
        return LookbackTracker(self)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """List the pitches of the notes in order."""
        return self.grid.pitches(self.unlabelled(tokens))

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Find the indices of the tokens, labels or not, that start a note."""
        return self.grid.onsets(self.unlabelled(tokens))

    def unlabelled(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """Replace labels by the tokens that they point to.

        Raises ValueError for an id outside the table.
        """
        tokens = np.asarray(tokens, np.int64)
        self.vocabulary.check(tokens)
        first = self.end + 1
        is_step = (tokens <= NOTE_OFF) | (tokens >= first)
        steps = tokens[is_step]
        bars = np.maximum(steps - first + 1, 0)  # to look back: 0, 1 or 2
        # Each step's source; place 0 is what stands before the tune. Pointers to pointers shorten by half each time.
        source = np.append(0, np.maximum(1 + np.arange(len(steps)) - bars * self._bars(tokens, is_step), 0))
        while (source[source] != source).any():
            source = source[source]
        plain = tokens.copy()
        plain[is_step] = np.append(NO_EVENT, steps)[source[1:]]
        return plain

    def _bars(self, tokens: np.ndarray, is_step: np.ndarray) -> np.ndarray:
        """Count the steps in a full bar of the metre in force at each step, (steps,)."""
        bars = np.full(len(tokens), bar_length(COMMON, self.steps_per_quarter))
        for place, index in self.named_metres(tokens):
            bars[place:] = self.grid.bars[index]
        return bars[is_step]


class LookbackTracker(GridTracker):
    """The rules of one melody on the grid, with labels (see `protocol.Place`)."""

    def __init__(self, encoding: Lookback):
        super().__init__(encoding.grid)
        self.lookback = encoding
        self._steps: list[int] = []  # tokens of the grid so far

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool.

        Never a plain one that a label stands for.
        """
        return self._with_labels(super().legal())

    def finishable(self, last_bar_start: int, end: int, least: int = 1) -> np.ndarray:
        """Tell which legal ids lead to an end (see `protocol.Place`)."""
        return self._with_labels(super().finishable(last_bar_start, end, least))

    def pitches(self) -> np.ndarray:
        """List the pitch that each id starts, (vocabulary,) int16, -1 for none."""
        plain = super().pitches()
        return np.append(plain, plain[[self._ago(1), self._ago(2)]])

    def features(self) -> list[int]:
        """Compute the features of the next token (see `features.py`)."""
        values = super().features()
        if self.lookback.looks_at_repeats:
            last = self._ago(0, 1)
            values.append(sum(n for n in (1, 2) if self.time > n * self.bar and last == self._ago(n, 1)))
        return values

    def advance(self, token: int) -> None:
        """Go on by one token, a label or not."""
        bars = token - self.lookback.end  # 1 or 2 for a label
        plain = self._ago(bars) if bars > 0 else token
        if plain <= NOTE_OFF:
            self._steps.append(plain)
        super().advance(plain)

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        other = super().copy()
        other._steps = self._steps.copy()
        return other

    def _ago(self, bars: int, steps: int = 0) -> int:
        """Return the grid's token so many bars and steps ago; no_event before the beginning."""
        place = self.time - bars * self.bar - steps
        return self._steps[place] if place >= 0 else NO_EVENT

    def _with_labels(self, plain: np.ndarray) -> np.ndarray:
        """Append the labels to the grid's mask, and take out the tokens that they stand for."""
        one, two = self._ago(1), self._ago(2)
        mask = np.append(plain, [plain[one] and one != two, plain[two]])
        mask[[one, two]] = False
        return mask
