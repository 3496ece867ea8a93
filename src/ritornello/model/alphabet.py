"""What a network needs to know of an encoding: how many tokens of which part, and which inputs beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Alphabet:
    """Sizes alone. A group of one token of each part is one step of the network.

    parts: how many ids each part has; part 0 has the ids from 0 on, the next part those after it.
    side: how many values each side input has.
    """

    parts: tuple[int, ...]
    side: tuple[int, ...] = ()

    @classmethod
    def of(cls, encoding) -> Alphabet:
        """The alphabet of an encoding."""
        parts = getattr(encoding, "parts", (encoding.vocabulary.size,))
        return cls(tuple(parts), tuple(side.size for side in getattr(encoding, "side", ())))

    @property
    def size(self) -> int:
        """How many tokens there are in all parts."""
        return sum(self.parts)

    @property
    def nothing(self) -> int:
        """The id that stands for "nothing yet", and fills the places of a group that has no tokens for them."""
        return self.size

    def first(self, part: int) -> int:
        """The lowest id of a part."""
        return sum(self.parts[:part])

    def groups(self, tokens: np.ndarray) -> np.ndarray:
        """A melody's tokens, (length,), as groups, (groups, parts) of int64; the last may hold `nothing`."""
        missing = -len(tokens) % len(self.parts)
        return np.append(tokens, [self.nothing] * missing).astype(np.int64).reshape(-1, len(self.parts))
