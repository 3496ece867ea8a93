"""What every encoding offers, and every tracker of tunes in the making: the seam to networks and generation.

An encoding turns a melody into a flat array of integer tokens, laid in groups. A group is one recurrent step of a
network: one token (`grid`), or a pitch-like token of part 0 and then a duration of part 1 (`note`, `interval`).
Part 0 has the ids 0 to parts[0]-1, part 1 the next parts[1]. `end` is an id of part 0 and stands alone.

Time is counted in ticks of the encoding, `ticks_per_quarter` of them to a quarter note (grid: its steps), from a
barline: a tune with a pick-up begins later than 0, so that `time % bar` is the place in the bar in every encoding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.values import Key, Melody


@dataclass(frozen=True)
class Encoded:
    """Tokens of one melody and what the encoding could not keep.

    tokens: (length,) int16. losses: how many notes were `moved` (an onset off the grid, rounded), `resized`
    (a duration off the grid, rounded) or `lost` (of several onsets on a step the nearest stays).
    """

    tokens: np.ndarray
    losses: Counter[str] = field(default_factory=Counter)


class SideInput(NamedTuple):
    """A categorical input that a network gets besides the tokens: values 0 to size - 1."""

    name: str
    size: int


class Echo(NamedTuple):
    """A group from the tune's past that a network may copy: strengths 0 (none) to strengths - 1 (see `echoes`)."""

    name: str
    strengths: int


class Encoding(Protocol):
    """A way of writing a melody as tokens; a frozen dataclass of its options.

    name: its name in ENCODINGS. parts: ids of each part of a group; their sum is the vocabulary's size.
    side: the further inputs. echoes: what may be copied from the tune's past. end: id of the token that ends a tune,
    None where there is none. is_keyed: a tune and its transposition differ in their headers alone.
    pitch_range: the lowest and the highest pitch that it can write.
    """

    @property
    def name(self) -> str: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def end(self) -> int | None: ...
    @property
    def parts(self) -> tuple[int, ...]: ...
    @property
    def side(self) -> tuple[SideInput, ...]: ...
    @property
    def echoes(self) -> tuple[Echo, ...]: ...
    @property
    def is_keyed(self) -> bool: ...
    @property
    def pitch_range(self) -> tuple[int, int]: ...
    @property
    def ticks_per_quarter(self) -> int: ...

    def options(self) -> dict[str, Any]:
        """What `make_encoding` needs to build it again; may be written as JSON."""

    def encode(self, melody: Melody) -> Encoded:
        """Melody to tokens: one spelling for each melody."""

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """The tokens of `encode`, and the same melody under every other header that names its key and metre.

        They differ where a header says how low a tune may go; all have the same length. Elsewhere there is but one.
        """

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Tokens to melody. Raises ValueError for an id outside the vocabulary."""

    def tracker(self, batch: int) -> Tracker:
        """Rules and place in the bar for `batch` tunes at once, none of which has begun."""

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """The same tune `semitones` higher. Raises ValueError if a pitch leaves 0-127."""

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """Pitches of the tune's notes in order, (notes,)."""

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Index into `tokens` of the token that starts each note, (notes,)."""

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Metre that a token sequence begins with, (4, 4) where it says none or "other"."""

    def begin(self, metre: str) -> int:
        """Id of the token that begins a tune in `metre`. Raises ValueError for a metre without one."""

    def side_inputs(self, tokens: np.ndarray) -> np.ndarray:
        """(groups, len(side) + 3 * len(echoes)) int16: what is known when each group is about to be predicted.

        The columns of `side`, then what, length and strength of each echo (see `echoes`). Row g is a function of the
        tokens of the groups before g alone; row by row what `Tracker.side` gives.
        """


class Tracker(Protocol):
    """Which tokens may follow, and where in its bar each of several tunes stands: arrays of length batch.

    time: ticks reached. onset, opening: ticks of the last and of the first note's start. notes: how many so far.
    bar, beat: ticks of a full bar and of its first beat. begun: the metre is known. done: `end` has come.
    sounding: pitch that sounds, -1 for silence. part: which part of a group is asked next.
    """

    time: np.ndarray
    onset: np.ndarray
    opening: np.ndarray
    notes: np.ndarray
    bar: np.ndarray
    beat: np.ndarray
    begun: np.ndarray
    done: np.ndarray
    sounding: np.ndarray
    part: np.ndarray

    def legal(self) -> np.ndarray:
        """(batch, vocabulary) of bool: the tokens that may come next, all of the part that is asked."""

    def advance(self, tokens: np.ndarray) -> None:
        """Take one token for each tune, (batch,) of int."""

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone (indices or a mask)."""

    def pitches(self) -> np.ndarray:
        """(batch, vocabulary) int16: the pitch that each token would start now, -1 for one that starts none."""

    def side(self) -> np.ndarray:
        """(batch, columns of `Encoding.side_inputs`) int16: those of the group that is asked next or being asked."""

    def finishable(self, last_bar_start: np.ndarray, end: np.ndarray, least: np.ndarray | int = 1) -> np.ndarray:
        """(batch, vocabulary) of bool: legal tokens after which a tune can still be well formed.

        Well formed: its first note starts in its first bar; no silence begins at tick `last_bar_start` or later;
        the tune ends with a note that by then has sounded for `least` ticks or more, after tick `last_bar_start`
        and not after tick `end` (numbers or (batch,) arrays). So no note starts with less than `least` to go, and
        `end` itself is among them where the tune may close now. What comes before the first group of a note or
        rest (metre, pick-up, ...) is not judged.
        """

    def heading(self, pitches: np.ndarray, key: Key | None) -> np.ndarray:
        """(batch, vocabulary) of bool: False for tokens that would name another key than `key` (None: any), or a
        register that leaves a tune less room than another would. All True where tunes name neither.

        pitches: (128,) of bool, those that the tune may have, at least one. Room: semitones from the lowest of them
        within reach to the highest, as far as a tune needs them; none where its lowest note would not be one of them.
        """
