"""Feed and ask: how anything, an instrument above all, plays a model note by note.

Source of the interface: notochord's feed and query (Intelligent Instruments Lab).
"""

from __future__ import annotations

import numpy as np

from ritornello.model.lstm import NumpyLstm, probabilities


class Player:
    """A network playing one tune. `feed` a token, `ask` what may come next, `reset` to begin again."""

    def __init__(self, network: NumpyLstm):
        self._network = network
        self.reset()

    def reset(self) -> None:
        """Forget everything fed: the next token is the first of a tune."""
        self._state = self._network.start(1)
        self._push(self._network.vocabulary_size)

    def feed(self, token: int) -> None:
        """Go on by one token. Raises ValueError for an id outside the vocabulary."""
        if not 0 <= token < self._network.vocabulary_size:
            raise ValueError(
                f"token {token} is outside this model's vocabulary (0 to {self._network.vocabulary_size - 1})"
            )
        self._push(token)

    def ask(self) -> np.ndarray:
        """Probabilities of the next token: (vocabulary,) of float64, summing to 1."""
        return probabilities(self._logits[0])

    def _push(self, token: int) -> None:
        self._logits, self._state = self._network.step(np.array([token]), self._state)
