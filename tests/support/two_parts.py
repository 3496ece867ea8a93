"""A made-up encoding of two parts and two features, small enough to check by hand."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from ritornello.encoding import Feature
from ritornello.encoding.vocabulary import Vocabulary


@dataclass(frozen=True)
class TwoParts:
    """Pitches 0 to 9 and `end`, then lengths 0 to 3; features: the last length + 1, and how many notes mod 5."""

    name = "two_parts"
    is_keyed = False
    pitch_range = (0, 9)
    end = 10
    parts = (11, 4)
    features = (Feature("length", 5), Feature("notes", 5))
    memory = ()
    vocabulary = Vocabulary.of(("pitch", 10, ""), ("end", 1, ""), ("length", 4, ""))

    def tracker(self) -> "TwoPartsTracker":
        return TwoPartsTracker()

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        return np.where(tokens < 10, tokens + semitones, tokens).astype(tokens.dtype)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        return tokens[tokens < 10]


class TwoPartsTracker:
    """The rules while a tune is in the making: all is legal, and the features are known."""

    def __init__(self) -> None:
        self.part = self.notes = self.last = 0

    def legal(self) -> np.ndarray:
        return np.ones(TwoParts.parts[self.part], bool)

    def advance(self, token: int) -> None:
        if self.part:
            self.last, self.notes = token - 10, self.notes + 1
        self.part = 1 - self.part

    def features(self) -> list[int]:
        return [self.last, self.notes % 5]

    def copy(self) -> "TwoPartsTracker":
        return copy(self)


def features_by_hand(tokens: np.ndarray) -> np.ndarray:
    """The features before each group, (groups, 2), read off the tokens."""
    rows = [(0, 0), *((length - 10, n % 5) for n, length in enumerate(tokens[1::2].tolist(), 1))]
    return np.array(rows, np.int16)[: -(-len(tokens) // 2)]


def tune(random: np.random.Generator, notes: int) -> np.ndarray:
    """Random notes and `end`, (2 notes + 1,) of int16."""
    groups = np.stack([random.integers(2, 8, notes), random.integers(11, 15, notes)], 1)
    return np.append(groups.ravel(), 10).astype(np.int16)
