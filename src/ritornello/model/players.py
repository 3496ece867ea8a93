"""Feed and ask: how anything, an instrument above all, plays a model note by note.

Source of the interface: notochord's feed and query (Intelligent Instruments Lab).
"""

from __future__ import annotations

import numpy as np

from ritornello.encoding import Encoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm, probabilities


class Player:
    """A network playing one tune. `feed` a token, `ask` what may come next, `reset` to begin again.

    Where a note has two tokens (pitch, then duration) they are fed and asked one by one; after `end`, `reset`.
    encoding: the one that the network learned; it tells the network its side inputs and echoes, if it has any.
    Raises ValueError for a network of another encoding.
    """

    def __init__(self, network: NumpyLstm, encoding: Encoding):
        check_match(network, encoding)
        self._network, self._encoding = network, encoding
        self.reset()

    def reset(self) -> None:
        """Forget everything fed: the next token is the first of a tune."""
        self._state = self._network.start(1)
        self._tracker = self._encoding.tracker(1) if self._network.alphabet.beside else None
        self._push(self._network.vocabulary_size)

    def feed(self, token: int) -> None:
        """Go on by one token. Raises ValueError for an id outside the vocabulary, or of the part that is not next."""
        part = self._network.alphabet.part_of(token)
        if part != self._state.part:
            low, high = (self._network.alphabet.first(self._state.part + n) for n in (0, 1))
            raise ValueError(f"token {token} is not of the part of a note that is next ({low} to {high - 1})")
        if self._tracker is not None:
            self._tracker.advance(np.array([token]))
        self._push(token)

    def ask(self) -> np.ndarray:
        """Probabilities of the next token: (vocabulary,) of float64, summing to 1; 0 for parts that are not next."""
        return probabilities(self._logits[0])

    def _push(self, token: int) -> None:
        is_whole = self._state.part + 1 == len(self._network.parts)  # else the network does not read it
        side = self._tracker.side() if is_whole and self._tracker is not None else None
        self._logits, self._state = self._network.step(np.array([token]), self._state, side)


def check_match(network: NumpyLstm, encoding: Encoding) -> None:
    """Raise ValueError, saying what each has, where a network did not learn this encoding."""
    theirs = Alphabet.of(encoding)
    if network.alphabet != theirs:
        raise ValueError(
            f"this model reads {network.alphabet}, the encoding {encoding.name!r} has {theirs}: "
            "use the encoding that is stored with the model"
        )
