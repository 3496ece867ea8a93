"""What a network needs to know of an encoding: the number of tokens of each part, and of values of each feature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np

from ritornello.encoding import Encoding
from ritornello.encoding.features import Aspect
from ritornello.encoding.memory import levels


@dataclass(frozen=True)
class Alphabet:
    """Sizes alone. A group of one token of each part is one step of the network.

    parts: number of ids in each part; part 0 has the ids from 0 on, part 1 those after it, and so on.
    features: number of values of each feature. memory: its sources (see `encoding.memory`), () for none.
    aspects: what ids mean beside features, () for nothing.
    """

    parts: tuple[int, ...]
    features: tuple[int, ...] = ()
    memory: tuple[str, ...] = ()
    aspects: tuple[Aspect, ...] = ()

    def __post_init__(self) -> None:
        assert self.parts
        assert not self.memory or len(self.parts) == 2

    @classmethod
    def of(cls, encoding: Encoding) -> Alphabet:
        """Return the alphabet of an encoding."""
        sizes = tuple(feature.size for feature in encoding.features)
        return cls(tuple(encoding.parts), sizes, tuple(encoding.memory), getattr(encoding, "aspects", ()))

    def check(self, encoding: Encoding) -> None:
        """Raise ValueError for an encoding of another alphabet."""
        theirs = Alphabet.of(encoding)
        if self != theirs:
            raise ValueError(
                f"this model reads {self}, the encoding {encoding.name!r} has {theirs}: "
                "use the encoding that is stored with the model"
            )

    @cached_property
    def size(self) -> int:
        """Number of tokens in all parts."""
        return sum(self.parts)

    @cached_property
    def firsts(self) -> tuple[int, ...]:
        """The lowest id of each part, and last the vocabulary's size: (parts + 1,)."""
        return (0, *accumulate(self.parts))

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Number of levels of memory of each part, () without memory."""
        return tuple(len(levels(self.memory, part)) for part in range(len(self.parts))) if self.memory else ()

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
        memory = f" and memory of {', '.join(self.memory)}" if self.memory else ""
        aspects = f" and {len(self.aspects)} aspects" if self.aspects else ""
        return f"{' + '.join(map(str, self.parts))} tokens{features}{memory}{aspects}"

    def groups(self, tokens: np.ndarray) -> np.ndarray:
        """Arrange a melody's tokens, (length,), in groups, (groups, parts) of int64.

        The last may hold `nothing`.
        """
        missing = -len(tokens) % len(self.parts)
        return np.append(tokens, [self.nothing] * missing).astype(np.int64).reshape(-1, len(self.parts))

    @cached_property
    def aspect_rows(self) -> tuple[np.ndarray, ...]:
        """Row among the meanings of all aspects, for each value of a feature and id, and one more row for none."""
        firsts = [0, *accumulate(aspect.size for aspect in self.aspects)]
        return tuple(
            np.where(aspect.table < 0, firsts[-1], first + aspect.table.astype(np.int64))
            for first, aspect in zip(firsts, self.aspects, strict=False)
        )

    @property
    def meanings(self) -> int:
        """Number of meanings of all aspects."""
        return sum(aspect.size for aspect in self.aspects)
