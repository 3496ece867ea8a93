"""A made-up encoding of two parts and two side inputs, small enough to check by hand."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ritornello.encoding import SideInput
from ritornello.encoding.vocabulary import Vocabulary


@dataclass(frozen=True)
class TwoParts:
    """Pitches 0 to 9 and `end`, then lengths 0 to 3; side inputs: the last length + 1, and how many notes mod 5."""

    name = "two_parts"
    is_keyed = False
    pitch_range = (0, 9)
    end = 10
    parts = (11, 4)
    side = (SideInput("length", 5), SideInput("notes", 5))
    echoes = ()
    vocabulary = Vocabulary.of(("pitch", 10, ""), ("end", 1, ""), ("length", 4, ""))

    def tracker(self, batch: int) -> "TwoPartsTracker":
        return TwoPartsTracker(np.zeros((batch, 2), np.int64), [0])

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        return np.where(tokens < 10, tokens + semitones, tokens).astype(tokens.dtype)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        return tokens[tokens < 10]

    def side_inputs(self, tokens: np.ndarray) -> np.ndarray:
        lengths = tokens[1::2]
        rows = [(0, 0), *((length - 10, n % 5) for n, length in enumerate(lengths.tolist(), 1))]
        return np.array(rows, np.int16)[: -(-len(tokens) // 2)]


class TwoPartsTracker(NamedTuple):
    """Side inputs as they are known while a tune is in the making."""

    now: np.ndarray
    fed: list[int]

    def advance(self, tokens: np.ndarray) -> None:
        self.fed[0] += 1
        if self.fed[0] % 2 == 0:
            self.now[:, 0] = tokens - 10
            self.now[:, 1] = self.fed[0] // 2 % 5

    def side(self) -> np.ndarray:
        return self.now.copy()


def tune(random: np.random.Generator, notes: int) -> np.ndarray:
    """Random notes and `end`, (2 notes + 1,) of int16."""
    groups = np.stack([random.integers(2, 8, notes), random.integers(11, 15, notes)], 1)
    return np.append(groups.ravel(), 10).astype(np.int16)
