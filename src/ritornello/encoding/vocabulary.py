"""The table that an encoding is: what each range of token ids means; and the metres that a melody can begin in.

Encode, decode, masks, printing and the documentation all read it; nothing else numbers tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ritornello.music.beats import beat_edges, beat_lengths, metre_named
from ritornello.music.keys import key_of
from ritornello.music.values import MODES, Key, Metre, Timeline

LATEST = 2  # version of the alphabets
COMMON = (4, 4)  # how a melody in a metre without a name is read
MOST_BEATS, LOWER_FIGURES = 16, (1, 2, 4, 8, 16)
METRES = ("2/4", "3/4", "4/4", "2/2", "3/2", "4/2", "6/4", "9/4", "5/4", "3/8", "6/8", "9/8", "12/8", "other")
"""Metres of version 1, each of which had a token of its own."""


class Row(NamedTuple):
    """A range of token ids: `size` of them from `first` on, and what they mean."""

    name: str
    first: int
    size: int
    meaning: str


@dataclass(frozen=True)
class Vocabulary:
    """An encoding's tokens as rows that follow one another without a gap, the first at id 0."""

    rows: tuple[Row, ...]

    @classmethod
    def of(cls, *ranges: tuple[str, int, str]) -> Vocabulary:
        """Number (name, size, meaning) ranges one after the other from 0."""
        rows, first = [], 0
        for name, size, meaning in ranges:
            rows.append(Row(name, first, size, meaning))
            first += size
        return cls(tuple(rows))

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self.rows[-1].first + self.rows[-1].size

    def __getitem__(self, name: str) -> int:
        """Return the first id of the row called `name`. Raises KeyError if there is none."""
        for row in self.rows:
            if row.name == name:
                return row.first
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(row.name == name for row in self.rows)

    def name_of(self, token: int) -> str:
        """Name a token: "no_event", "note_on 60". Raises ValueError for an id outside the table."""
        for row in self.rows:
            if row.first <= token < row.first + row.size:
                return row.name if row.size == 1 else f"{row.name} {token - row.first}"
        raise ValueError(f"token {token} is outside this vocabulary (0 to {self.size - 1})")

    def spell(self, tokens: Sequence[int]) -> str:
        """Name several tokens, separated by " | "."""
        return " | ".join(self.name_of(int(token)) for token in tokens)

    def check(self, tokens: np.ndarray) -> None:
        """Raise ValueError for an id outside the table."""
        outside = tokens[(tokens < 0) | (tokens >= self.size)]
        if len(outside):
            raise ValueError(f"token {outside[0]} is outside this vocabulary (0 to {self.size - 1})")

    def __str__(self) -> str:
        lines = (f"{row.first:>5}  {row.size:>4}  {row.name:<12}  {row.meaning}" for row in self.rows)
        return "\n".join(["first  size  name          meaning", *lines])


class MetreTable:
    """The metres that an encoding names, by index, and the tokens that name them.

    Since version 2 a metre is two tokens, its upper figure (1 to 16, or "other") and its lower one (1 to 16 in powers
    of two), and so are the features; the index counts pairs. In version 1 it was one of METRES. The last index is
    "other", read as COMMON, and so is -1, where no metre is known.
    """

    def __init__(self, version: int):
        self.is_listed = version == 1
        if self.is_listed:
            pairs = [(int(name.split("/")[0]), int(name.split("/")[1])) for name in METRES[:-1]]
        else:
            pairs = [(upper, lower) for upper in range(1, MOST_BEATS + 1) for lower in LOWER_FIGURES]
        self.numbers: tuple[tuple[int, int], ...] = (*pairs, COMMON)
        self.other = len(pairs)
        self._index = {pair: index for index, pair in enumerate(pairs)}
        beats = [beat_lengths(Metre(0, *pair))[0] for pair in self.numbers]
        self.divisions = [3 if beat * pair[1] == 12 else 2 for beat, pair in zip(beats, self.numbers, strict=True)]
        self.beats = beats

    @property
    def first_rows(self) -> tuple[tuple[str, int, str], ...]:
        """Rows of the tokens that begin a metre: whole ones, or upper figures."""
        if self.is_listed:
            return tuple((f"begin_{metre}", 1, f"a tune in {metre} begins") for metre in METRES)
        uppers = [*map(str, range(1, MOST_BEATS + 1)), "other"]
        return tuple((f"metre_{upper}", 1, f"a metre begins; its upper figure: {upper}") for upper in uppers)

    @property
    def second_rows(self) -> tuple[tuple[str, int, str], ...]:
        """Rows of the lower figures; none in version 1."""
        lowers = () if self.is_listed else LOWER_FIGURES
        return tuple((f"over_{lower}", 1, f"the lower figure of a metre: {lower}") for lower in lowers)

    @property
    def columns(self) -> tuple[tuple[str, int], ...]:
        """Names and sizes of the features of a metre; 0 for none."""
        if self.is_listed:
            return (("metre", len(METRES) + 1),)
        return (("numerator", MOST_BEATS + 2), ("denominator", len(LOWER_FIGURES) + 1))

    def index_of(self, numerator: int, denominator: int) -> int:
        """Find the index of a metre, that of "other" where it has no name."""
        return self._index.get((numerator, denominator), self.other)

    def tokens(self, index: int) -> tuple[int, ...]:
        """List the places of a metre's tokens in `first_rows` and `second_rows`."""
        if self.is_listed:
            return (index,)
        if index == self.other:
            return (MOST_BEATS, LOWER_FIGURES.index(COMMON[1]))
        return divmod(index, len(LOWER_FIGURES))

    def index(self, first: int, second: int = 0) -> int:
        """Find the index of a metre by the places of its tokens."""
        if self.is_listed:
            return first
        return self.other if first == MOST_BEATS else first * len(LOWER_FIGURES) + second

    def spare_lower(self, index: int, first: int) -> int:
        """Find the place of the lower figure that would name the same metre; -1 without one."""
        upper, lower = self.tokens(index)
        return lower if first == upper and index != self.other else -1

    def lower_mask(self, first: int, spare: int = -1) -> np.ndarray:
        """Mask the lower figures that may follow an upper one. spare: one that may not."""
        mask = [lower == COMMON[1] or first != MOST_BEATS for lower in LOWER_FIGURES]
        return np.array([fits and place != spare for place, fits in enumerate(mask)])

    def values(self, index: int) -> tuple[int, ...]:
        """List the values of the features of a metre, -1 for none known."""
        if index < 0:
            return (0,) * (1 if self.is_listed else 2)
        return tuple(1 + place for place in self.tokens(index))

    def named(self, name: str) -> int:
        """Find the index of a metre by its name, "3/4". Raises ValueError for one without tokens."""
        try:
            index = self.index_of(*metre_named(name)[1:3])
        except ValueError:
            index = self.other
        if index == self.other:
            known = (
                ", ".join(METRES[:-1]) if self.is_listed else "1 to 16 over 1, 2, 4, 8 or 16, as in 3/4, 6/8, 3+2+2/8"
            )
            raise ValueError(f"no such metre: {name!r}; choose {'one of ' if self.is_listed else ''}{known}")
        return index


def key_rows(modes: Sequence[str] = tuple(MODES)) -> list[tuple[str, int, str]]:
    """List the rows of the keys that a header may name: 12 tonics of each mode."""
    return [(f"key_{mode}", 12, f"the tune is in {mode}; its tonic, 0 for C") for mode in modes]


def key_at_place(place: int) -> Key:
    """Find the key of a place in `key_rows`."""
    return key_of(place % 12, tuple(MODES)[place // 12])


def place_of_key(key: Key) -> int:
    """Find the place of a key in `key_rows`."""
    return 12 * tuple(MODES).index(key.mode) + key.tonic


metre_table = cache(MetreTable)
"""The table of a version, 1 or 2."""


def bar_length(metre: tuple[int, int], per_quarter: int) -> int:
    """Count the ticks of a full bar, rounded where the resolution is too coarse for the metre."""
    return max(1, round(4 * per_quarter * metre[0] / metre[1]))


def bar_lengths(table: MetreTable, per_quarter: int) -> list[int]:
    """Count the ticks in a bar of each metre of a table."""
    return [bar_length(metre, per_quarter) for metre in table.numbers]


def first_beats(table: MetreTable, per_quarter: int) -> list[int]:
    """Count the ticks in the first beat of each metre of a table: a dotted quarter's in 6/8."""
    return [max(1, round(per_quarter * beat)) for beat in table.beats]


def tick_edges(table: MetreTable, per_quarter: int) -> list[tuple[int, ...]]:
    """List the edges of the beats of each metre of a table, in ticks (see `beats.beat_edges`)."""
    return [tuple(round(per_quarter * at) for at in beat_edges(Metre(0, *numbers))) for numbers in table.numbers]


def metre_changes(timeline: Timeline, table: MetreTable) -> list[tuple[int, int]]:
    """List tick and index of each metre that begins inside a melody; none in version 1."""
    if table.is_listed:
        return []
    return [(metre.tick, table.index_of(*metre[1:3])) for metre in later_metres(timeline)]


def later_metres(timeline: Timeline) -> list[Metre]:
    """List the metres that begin inside a melody.

    The one that ends a pick-up, and one that goes on as before from a barline, are none.
    """
    found: list[Metre] = []
    since = Fraction(timeline.pickup - timeline.bar_ticks(timeline.metre) if timeline.pickup else 0)
    for old, metre in pairwise(timeline.metres):
        goes_on = metre[1:3] == old[1:3] and (metre.tick - since) % timeline.bar_ticks(old) == 0
        if not goes_on:
            found.append(metre)
            since = Fraction(metre.tick)
    return found


def unnamed_metres(timeline: Timeline, table: MetreTable | None) -> Counter[str]:
    """Count as "metres" those that tokens do not name, later ones too if only the first is.

    As "groups" the additive ones: tokens name 3+2+2/8 as 7/8.

    table: None where no metre has a name: then only the changes are lost.
    """
    later = later_metres(timeline)
    if table is None:
        return +Counter(metres=len(later))
    grouped = len({metre[1:] for metre in timeline.metres if metre.groups})
    is_unnamed = [table.index_of(*metre[1:3]) == table.other for metre in (timeline.metre, *later)]
    unnamed = is_unnamed[0] + (len(later) if table.is_listed else sum(is_unnamed[1:]))
    return +Counter(metres=unnamed, groups=grouped)
