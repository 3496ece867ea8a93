"""What a network needs to know of an encoding: how many tokens of which part, and which inputs beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ritornello.encoding import Encoding


@dataclass(frozen=True)
class Alphabet:
    """Sizes alone. A group of one token of each part is one step of the network.

    parts: how many ids each part has, of one or two; part 0 has the ids from 0 on, part 1 those after it.
    side: how many values each side input has. echoes: how many strengths each echo has, the same number for all.
    """

    parts: tuple[int, ...]
    side: tuple[int, ...] = ()
    echoes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.parts) not in (1, 2):
            raise ValueError(f"the networks read groups of 1 or 2 tokens, not of {len(self.parts)}")
        assert len(set(self.echoes)) <= 1

    @classmethod
    def of(cls, encoding: Encoding) -> Alphabet:
        """The alphabet of an encoding."""
        strengths = [echo.strengths for echo in encoding.echoes]
        # One table serves all echoes; it has room for the one with the most strengths.
        echoes = (max(strengths, default=0),) * len(strengths)
        return cls(tuple(encoding.parts), tuple(side.size for side in encoding.side), echoes)

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, np.ndarray]) -> Alphabet:
        """The alphabet of a network, by the shapes of its weights (see `lstm.py`). Raises KeyError without them."""
        names = ("output.0.bias", "output.1.bias") if "output.0.bias" in tensors else ("output.bias",)
        sides = sum(name.startswith("side.") for name in tensors)
        sources, strengths = tensors["echo.strength"].shape if "echo.strength" in tensors else (0, 0)
        return cls(
            tuple(len(tensors[name]) for name in names),
            tuple(len(tensors[f"side.{n}"]) for n in range(sides)),
            (strengths,) * sources,
        )

    @property
    def size(self) -> int:
        """How many tokens there are in all parts."""
        return sum(self.parts)

    @property
    def beside(self) -> tuple[int, ...]:
        """How many values each column has that stands beside the tokens, F in all: the side inputs, then of each echo
        its token of part 0 plus 1 (0 for none), its place in part 1 plus 1 (0 for none) and its strength."""
        second = self.parts[1] if len(self.parts) == 2 else 0
        return self.side + tuple(n for most in self.echoes for n in (self.parts[0] + 1, second + 1, most))

    @cached_property
    def echo_places(self) -> tuple[slice, slice, slice]:
        """Columns of `beside` that hold the echoes' tokens of part 0, those of part 1 and strengths."""
        first, second, strength = (slice(len(self.side) + n, None, 3) for n in range(3))
        return first, second, strength

    @cached_property
    def echo_rows(self) -> np.ndarray:
        """Where each echo's strengths begin where those of all lie end to end, (echoes,)."""
        return np.cumsum([0, *self.echoes])[:-1]

    @property
    def nothing(self) -> int:
        """The id that stands for "nothing yet", and fills the places of a group that has no tokens for them."""
        return self.size

    def first(self, part: int) -> int:
        """The lowest id of a part."""
        return sum(self.parts[:part])

    def part_of(self, token: int) -> int:
        """Which part an id belongs to. Raises ValueError for an id outside the vocabulary."""
        for part in range(len(self.parts)):
            if self.first(part) <= token < self.first(part + 1):
                return part
        raise ValueError(f"token {token} is outside this model's vocabulary (0 to {self.size - 1})")

    def __str__(self) -> str:
        beside = f" and {len(self.side)} side inputs of {' + '.join(map(str, self.side))}" if self.side else ""
        copied = f" and {len(self.echoes)} echoes of {max(self.echoes)} strengths" if self.echoes else ""
        return f"{' + '.join(map(str, self.parts))} tokens{beside}{copied}"

    def groups(self, tokens: np.ndarray) -> np.ndarray:
        """A melody's tokens, (length,), as groups, (groups, parts) of int64; the last may hold `nothing`."""
        missing = -len(tokens) % len(self.parts)
        return np.append(tokens, [self.nothing] * missing).astype(np.int64).reshape(-1, len(self.parts))
