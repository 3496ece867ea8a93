"""The table that an encoding is: what each range of token ids means.

Encode, decode, masks, printing and the documentation all read it; nothing else numbers tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


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
        """How many tokens there are."""
        return self.rows[-1].first + self.rows[-1].size

    def __getitem__(self, name: str) -> int:
        """First id of the row called `name`. Raises KeyError if there is none."""
        for row in self.rows:
            if row.name == name:
                return row.first
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(row.name == name for row in self.rows)

    def name_of(self, token: int) -> str:
        """A token in words: "no_event", "note_on 60". Raises ValueError for an id outside the table."""
        for row in self.rows:
            if row.first <= token < row.first + row.size:
                return row.name if row.size == 1 else f"{row.name} {token - row.first}"
        raise ValueError(f"token {token} is outside this vocabulary (0 to {self.size - 1})")

    def spell(self, tokens: Sequence[int]) -> str:
        """Tokens in words, separated by " | "."""
        return " | ".join(self.name_of(int(token)) for token in tokens)

    def __str__(self) -> str:
        lines = (f"{row.first:>5}  {row.size:>4}  {row.name:<12}  {row.meaning}" for row in self.rows)
        return "\n".join(["first  size  name          meaning", *lines])
