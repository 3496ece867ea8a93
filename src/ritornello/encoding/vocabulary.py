"""The table that an encoding is: what each range of token ids means.

Encode, decode, masks, printing and the documentation all read it; nothing else numbers tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ritornello.encoding.metres import METRES


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
