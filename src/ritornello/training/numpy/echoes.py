"""Copy gates, forward and backward, in NumPy alone; the formula is in `model/echoes.py`."""

from __future__ import annotations

import numpy as np

from ritornello.model.echoes import Suggested, places_of

Weights = dict[str, np.ndarray]


class OpenGates:
    """The gates of one part, which raise its logits, (N, V), in place. name: "echo" or "echo.1".

    seen: (N, H), the softmax's input; it must not change before the backward pass.
    """

    def __init__(self, weights: Weights, name: str, named: Suggested, seen: np.ndarray, logits: np.ndarray):
        self._weights, self._name, self._named, self._seen = weights, name, named, seen
        self._is_named = named.token > 0
        self._places = places_of(named.token, logits.shape[1])
        raised = seen @ weights[f"{name}.gate.weight"].T
        raised += weights[f"{name}.gate.bias"]
        raised += weights[f"{name}.strength"].ravel()[named.evidence]
        raised *= self._is_named
        np.add.at(logits.reshape(-1), self._places, raised.ravel())

    def backward(self, by_logits: np.ndarray, gradients: Weights) -> np.ndarray:
        """Set the gradients of the gates; return those by `seen`, (N, H). by_logits: (N, V)."""
        name = self._name
        by_raised = by_logits.reshape(-1)[self._places].reshape(self._is_named.shape)
        by_raised *= self._is_named
        np.matmul(by_raised.T, self._seen, gradients[f"{name}.gate.weight"])
        np.sum(by_raised, 0, out=gradients[f"{name}.gate.bias"])
        table = gradients[f"{name}.strength"]
        table[:] = np.bincount(self._named.evidence.ravel(), by_raised.ravel(), table.size).reshape(table.shape)
        return by_raised @ self._weights[f"{name}.gate.weight"]
