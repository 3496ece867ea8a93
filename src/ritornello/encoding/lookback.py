"""lookback: the grid's tokens, but a step that repeats what stood one or two bars before says so with a label.

    begin_2/4 | 60 | as_two_bars_ago | 62 | as_two_bars_ago | ... | as_one_bar_ago | ... | end

After Magenta's Lookback RNN (Waite 2016, "Generating Long-Term Structure in Songs and Stories"). As there, two bars
ago goes before one bar ago where both would be the same, and before the first bar stands no_event, so that the
no_events of the first two bars are labels too. Unlike there, a bar is the tune's own, not always sixteen steps.
What the network sees besides: `position`, `bar_ago` and `two_bars_ago` of `side_inputs`, and `repeated`: whether the
last step was as one bar before it (1), two (2) or both (3), 0 for neither; these four unless `inputs` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ritornello.encoding.grid import Grid
from ritornello.encoding.grid_tracker import GridTracker
from ritornello.encoding.protocol import Echo, Encoded, SideInput
from ritornello.encoding.rounding import checked_steps
from ritornello.encoding.side_inputs import INPUTS, checked
from ritornello.encoding.symbols import NO_EVENT, NOTE_OFF
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.values import Key, Melody

REPEATED = SideInput("repeated", 4)
LABELS = (
    ("as_one_bar_ago", 1, "this step is as the one a bar before"),
    ("as_two_bars_ago", 1, "this step is as the one two bars before"),
)


@dataclass(frozen=True)
class Lookback:
    """Magenta's labels over `grid`. steps_per_quarter: 1 to 24. inputs: of side_inputs.INPUTS, and "repeated".

    Ids 0 to 144 are the grid's. One melody has one spelling: a plain token is not legal where a label says the same.
    What is lost is what `grid` loses.
    """

    steps_per_quarter: int = 4
    inputs: tuple[str, ...] = ("position", "bar_ago", "two_bars_ago", "repeated")
    name = "lookback"
    is_keyed = False
    pitch_range = (0, 127)

    def __post_init__(self) -> None:
        names = (self.inputs,) if isinstance(self.inputs, str) else tuple(self.inputs)
        own = (REPEATED.name,) if REPEATED.name in names else ()
        try:
            others = checked([name for name in names if name not in own])
        except ValueError as error:
            raise ValueError(f"{error}, {REPEATED.name}") from None
        object.__setattr__(self, "inputs", others + own)
        object.__setattr__(self, "steps_per_quarter", checked_steps(self.steps_per_quarter))

    @cached_property
    def grid(self) -> Grid:
        """The grid that lies under the labels."""
        return Grid(self.steps_per_quarter, inputs=tuple(name for name in self.inputs if name in INPUTS))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        return Vocabulary.of(*((row.name, row.size, row.meaning) for row in self.grid.vocabulary.rows), *LABELS)

    @property
    def end(self) -> int:
        """Id of the `end` token."""
        return self.vocabulary["end"]

    @property
    def parts(self) -> tuple[int, ...]:
        """One part: every token is a group."""
        return (self.vocabulary.size,)

    @property
    def side(self) -> tuple[SideInput, ...]:
        """The columns of `inputs`."""
        return self.grid.side + ((REPEATED,) if self.looks_at_repeats else ())

    @property
    def echoes(self) -> tuple[Echo, ...]:
        """None: the labels are what is copied."""
        return ()

    @property
    def ticks_per_quarter(self) -> int:
        """Unit of the tracker's time: a step."""
        return self.steps_per_quarter

    @property
    def looks_at_repeats(self) -> bool:
        """Whether `repeated` is among the inputs."""
        return REPEATED.name in self.inputs

    def options(self) -> dict[str, Any]:
        """What `make_encoding` needs to build this encoding again."""
        return {"name": self.name, "steps_per_quarter": self.steps_per_quarter, "inputs": list(self.inputs)}

    def encode(self, melody: Melody) -> Encoded:
        """Melody to tokens, as `Grid.encode`, with a label on every step that has one."""
        encoded = self.grid.encode(melody)
        return replace(encoded, tokens=self._labelled(encoded.tokens))

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """What `encode` says, alone: no header names an octave (see `protocol.Encoding`)."""
        return [self.encode(melody).tokens]

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Tokens to melody; a begin or end token may be missing. Raises ValueError for an id that does not exist."""
        return self.grid.decode(self.unlabelled(tokens), title, qpm)

    def tracker(self, batch: int) -> LookbackTracker:
        """Rules and place in the bar for `batch` tunes at once."""
        return LookbackTracker(self, batch)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """The same tune `semitones` higher; labels stay. Raises ValueError if a pitch leaves 0-127."""
        return self.grid.transpose(tokens, semitones)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """Pitches of the tune's notes in order."""
        return self.grid.pitches(self.unlabelled(tokens))

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Indices of the tokens, labels or not, that start a note."""
        return self.grid.onsets(self.unlabelled(tokens))

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Metre that a token sequence begins with, (4, 4) where it says none or "other"."""
        return self.grid.metre_of(tokens)

    def begin(self, metre: str) -> int:
        """Id of the token that begins a tune in `metre`. Raises ValueError for a metre without one."""
        return self.grid.begin(metre)

    def side_inputs(self, tokens: np.ndarray) -> np.ndarray:
        """(tokens, len(side)) int16: what is known before each token (see `protocol.Encoding`)."""
        plain = self.unlabelled(tokens)
        columns = self.grid.side_inputs(plain)
        if not self.looks_at_repeats:
            return columns
        is_step = plain <= NOTE_OFF
        steps = plain[is_step]
        bar = self._bar(plain)
        repeated = np.zeros(len(steps) + 1, np.int16)  # of the step before each
        for bars in (1, 2):
            repeated[1 + bars * bar :] += bars * (steps[bars * bar :] == steps[: max(0, len(steps) - bars * bar)])
        return np.column_stack([columns, repeated[is_step.cumsum() - is_step]])

    def unlabelled(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """The grid's tokens, labels replaced by what they point to. Raises ValueError for an id outside the table."""
        tokens = np.asarray(tokens, np.int64)
        bad = tokens[(tokens < 0) | (tokens >= self.vocabulary.size)]
        if len(bad):
            raise ValueError(f"token {bad[0]} is outside this vocabulary (0 to {self.vocabulary.size - 1})")
        first = self.vocabulary[LABELS[0][0]]
        is_step = (tokens <= NOTE_OFF) | (tokens >= first)
        steps = tokens[is_step]
        bars = np.maximum(steps - first + 1, 0)  # to look back: 0, 1 or 2
        # Each step's source; place 0 is what stands before the tune. Pointers to pointers shorten by half each time.
        source = np.append(0, np.maximum(1 + np.arange(len(steps)) - bars * self._bar(tokens), 0))
        while (source[source] != source).any():
            source = source[source]
        plain = tokens.copy()
        plain[is_step] = np.append(NO_EVENT, steps)[source[1:]]
        return plain

    def _labelled(self, plain: np.ndarray) -> np.ndarray:
        """The grid's tokens with every label that fits, two bars before one; int16."""
        first = self.vocabulary[LABELS[0][0]]
        is_step = plain <= NOTE_OFF
        steps = plain[is_step]
        bar = self._bar(plain)
        before = np.concatenate([np.full(2 * bar, NO_EVENT, plain.dtype), steps])
        one, two = before[bar : bar + len(steps)], before[: len(steps)]
        tokens = plain.astype(np.int16)
        tokens[is_step] = np.select([steps == two, steps == one], [first + 1, first], steps)
        return tokens

    def _bar(self, tokens: np.ndarray) -> int:
        """Steps in a full bar of the tune's metre."""
        return self.grid.bar_steps(self.metre_of(tokens))


class LookbackTracker(GridTracker):
    """The grid's tracker, which also remembers every step (see `protocol.Tracker`)."""

    def __init__(self, encoding: Lookback, batch: int):
        super().__init__(encoding.grid, batch)
        self.lookback = encoding
        self._steps = np.full((batch, 64), NO_EVENT)

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next; never a plain one that a label says."""
        return self._with_labels(super().legal())

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: see `protocol.Tracker`."""
        return self._with_labels(super().finishable(last_bar_start, end, least))

    def heading(self, pitches: np.ndarray, key: Key | None) -> np.ndarray:
        """(batch, vocabulary) of bool, all True: neither key nor register is named."""
        return np.ones((len(self.time), self.lookback.vocabulary.size), bool)

    def pitches(self) -> np.ndarray:
        """(batch, vocabulary) int16: the pitch that each token starts, -1 for none."""
        plain = super().pitches()
        rows = np.arange(len(self.time))
        return np.column_stack([plain, plain[rows, self._ago(1)], plain[rows, self._ago(2)]])

    def side(self) -> np.ndarray:
        """(batch, len(side)) int16: see `protocol.Tracker`."""
        columns = super().side()
        if not self.lookback.looks_at_repeats:
            return columns
        last = self._ago(0, 1)
        repeated = np.zeros(len(last), np.int16)
        for bars in (1, 2):
            repeated += bars * ((self.time > bars * self.bar) & (last == self._ago(bars, 1)))
        return np.column_stack([columns, repeated])

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""
        first = self.encoding.vocabulary.size
        plain = np.where(tokens == first, self._ago(1), np.where(tokens > first, self._ago(2), tokens))
        if self.time.max(initial=0) == self._steps.shape[1]:
            self._steps = np.concatenate([self._steps, np.full_like(self._steps, NO_EVENT)], 1)
        rows = np.flatnonzero(plain <= NOTE_OFF)
        self._steps[rows, self.time[rows]] = plain[rows]
        super().advance(plain)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone (indices or a mask)."""
        super().keep(rows)
        self._steps = self._steps[rows]

    def _ago(self, bars: int, steps: int = 0) -> np.ndarray:
        """The grid's token, (batch,), so many bars and steps before the place reached; no_event before the tune."""
        place = self.time - bars * self.bar - steps
        return np.where(place >= 0, self._steps[np.arange(len(place)), np.maximum(place, 0)], NO_EVENT)

    def _with_labels(self, plain: np.ndarray) -> np.ndarray:
        """The grid's mask with the labels' columns, and without the tokens that they stand for."""
        rows, one, two = np.arange(len(plain)), self._ago(1), self._ago(2)
        labels = [plain[rows, one] & (one != two), plain[rows, two]]
        mask = np.column_stack([plain, *labels])
        mask[rows, one] = mask[rows, two] = False
        return mask
