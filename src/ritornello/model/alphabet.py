"""What a network needs to know of an encoding: the number of tokens of each part, and of values of each feature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np

from ritornello.encoding import Encoding


@dataclass(frozen=True)
class Alphabet:
    """Sizes alone. A group of one token of each part is one step of the network.

    parts: number of ids in each part; part 0 has the ids from 0 on, part 1 those after it, and so on.
    features: number of values of each feature. echoes: number of strengths of each echo, the same for all.
    """

    parts: tuple[int, ...]
    features: tuple[int, ...] = ()
    echoes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        assert self.parts
        assert len(set(self.echoes)) <= 1

    @classmethod
    def of(cls, encoding: Encoding) -> Alphabet:
        """Return the alphabet of an encoding."""
        strengths = [echo.strengths for echo in encoding.echoes]
        # One table serves all echoes; it has room for the one with the most strengths.
        echoes = (max(strengths, default=0),) * len(strengths)
        return cls(tuple(encoding.parts), tuple(feature.size for feature in encoding.features), echoes)

    @cached_property
    def size(self) -> int:
        """Number of tokens in all parts."""
        return sum(self.parts)

    @cached_property
    def firsts(self) -> tuple[int, ...]:
        """The lowest id of each part, and last the vocabulary's size: (parts + 1,)."""
        return (0, *accumulate(self.parts))

    @cached_property
    def feature_sizes(self) -> tuple[int, ...]:
        """Size of each categorical feature column, (F,): the features, then three for each echo.

        Those are the event suggested plus 1, the duration suggested plus 1 (0: none), and the strength.
        """
        second = self.parts[1] if len(self.parts) > 1 else 0
        return self.features + tuple(n for most in self.echoes for n in (self.parts[0] + 1, second + 1, most))

    @cached_property
    def echo_places(self) -> tuple[slice, slice, slice]:
        """Columns of the echoes' events, durations and strengths among all feature columns."""
        first, second, strength = (slice(len(self.features) + n, None, 3) for n in range(3))
        return first, second, strength

    @cached_property
    def echo_rows(self) -> np.ndarray:
        """Row where each echo's strengths begin in one table of all, (echoes,)."""
        return np.cumsum([0, *self.echoes])[:-1]

    @property
    def nothing(self) -> int:
        """The id of "nothing yet", which also fills the places of a group without tokens for them."""
        return self.size

    def part_of(self, token: int) -> int:
        """Find the part of an id. Raises ValueError for an id outside the vocabulary."""
        for part, (first, stop) in enumerate(pairwise(self.firsts)):
            if first <= token < stop:
                return part
        raise ValueError(f"token {token} is outside this model's vocabulary (0 to {self.size - 1})")

    def __str__(self) -> str:
        sizes = " + ".join(map(str, self.features))
        features = f" and {len(self.features)} features of {sizes}" if self.features else ""
        copied = f" and {len(self.echoes)} echoes of {max(self.echoes)} strengths" if self.echoes else ""
        return f"{' + '.join(map(str, self.parts))} tokens{features}{copied}"

    def groups(self, tokens: np.ndarray) -> np.ndarray:
        """Arrange a melody's tokens, (length,), in groups, (groups, parts) of int64.

        The last may hold `nothing`.
        """
        missing = -len(tokens) % len(self.parts)
        return np.append(tokens, [self.nothing] * missing).astype(np.int64).reshape(-1, len(self.parts))
