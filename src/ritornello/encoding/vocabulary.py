"""The table that an encoding is: what each range of token ids means; and the metres that a melody can begin in.

Encode, decode, masks, printing and the documentation all read it; nothing else numbers tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ritornello.music.beats import beat_lengths
from ritornello.music.values import Metre

METRES = ("2/4", "3/4", "4/4", "2/2", "3/2", "4/2", "6/4", "9/4", "5/4", "3/8", "6/8", "9/8", "12/8", "other")
BEGIN_ROWS = tuple((f"begin_{metre}", 1, f"a tune in {metre} begins") for metre in METRES)
COMMON = (4, 4)  # how a melody in "other" is read


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

    def begin(self, metre: str) -> int:
        """Return the id that begins a melody in `metre`. Raises ValueError for a metre without one."""
        if metre not in METRES[:-1]:  # "other" names none
            raise ValueError(f"no such metre: {metre!r}; choose one of {', '.join(METRES[:-1])}")
        return self[f"begin_{metre}"]

    def check(self, tokens: np.ndarray) -> None:
        """Raise ValueError for an id outside the table."""
        outside = tokens[(tokens < 0) | (tokens >= self.size)]
        if len(outside):
            raise ValueError(f"token {outside[0]} is outside this vocabulary (0 to {self.size - 1})")

    def __str__(self) -> str:
        lines = (f"{row.first:>5}  {row.size:>4}  {row.name:<12}  {row.meaning}" for row in self.rows)
        return "\n".join(["first  size  name          meaning", *lines])


def metre_numbers(index: int) -> tuple[int, int]:
    """Return numerator and denominator of a place in METRES; COMMON for any other."""
    if not 0 <= index < len(METRES) - 1:
        return COMMON
    numerator, denominator = METRES[index].split("/")
    return int(numerator), int(denominator)


def bar_length(metre: tuple[int, int], per_quarter: int) -> int:
    """Count the ticks of a full bar, rounded where the resolution is too coarse for the metre."""
    return max(1, round(4 * per_quarter * metre[0] / metre[1]))


def bar_lengths(per_quarter: int) -> np.ndarray:
    """Count the ticks in a bar of each of METRES, (14,)."""
    return np.array([bar_length(metre_numbers(n), per_quarter) for n in range(len(METRES))])


def first_beats(per_quarter: int) -> np.ndarray:
    """Count the ticks in the first beat of each of METRES, (14,): a dotted quarter's in 6/8."""
    beats = [beat_lengths(Metre(0, *metre_numbers(n)))[0] for n in range(len(METRES))]
    return np.array([max(1, round(per_quarter * beat)) for beat in beats])


def is_compound(metre: tuple[int, int]) -> bool:
    """Tell whether the beats of a metre fall into three."""
    return beat_lengths(Metre(0, *metre))[0] * metre[1] == 3 * 4
