"""Weights in one vector, and AdamW on it, in pieces that stay in the cache."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

PIECE = 32_768  # numbers at a time: what is read and written of them stays in a core's second-level cache
BETAS = (0.9, 0.99)
EPSILON = 1e-8


class Vector:
    """Named arrays that are views of one `flat` vector, in the order of `shapes`."""

    def __init__(self, shapes: Mapping[str, Sequence[int]], dtype: np.dtype):
        sizes = {name: math.prod(shape) for name, shape in shapes.items()}
        self.flat = np.zeros(sum(sizes.values()), dtype)
        self.named: dict[str, np.ndarray] = {}
        self.places: dict[str, slice] = {}
        at = 0
        for name, size in sizes.items():
            self.places[name] = slice(at, at + size)
            self.named[name] = self.flat[at : at + size].reshape(shapes[name])
            at += size


class AdamW:
    """Adam with decoupled weight decay, and clipping of the gradient's norm at 1.

    doubled: places in the vector of numbers that stand for a sum of two equal parameters. Such a sum moves twice as
    far and counts twice in the norm, as when PyTorch trains its LSTM's two biases.
    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization"; clipping, Pascanu et al. 2013.
    """

    def __init__(self, weights: np.ndarray, decay: float, doubled: Sequence[slice] = ()):
        self.weights, self.decay, self.doubled = weights, decay, doubled
        self.mean, self.square = np.zeros_like(weights), np.zeros_like(weights)
        self.updates = 0
        self._pieces = [slice(at, at + PIECE) for at in range(0, len(weights), PIECE)]
        self._scratch = np.empty((2, min(PIECE, len(weights))), weights.dtype)

    def forget(self) -> None:
        """Reset the moments; keep the weights."""
        self.mean[:], self.square[:], self.updates = 0, 0, 0

    def update(self, gradient: np.ndarray, rate: float) -> None:
        """Take a step down the gradient, an array like the weights, clipped to a norm of 1."""
        self.updates += 1
        clip = min(1.0, 1.0 / (self._norm(gradient) + 1e-6))
        step = rate / (1 - BETAS[0] ** self.updates)
        root = 1 / math.sqrt(1 - BETAS[1] ** self.updates)
        before = [self.weights[place] * (1 - rate * self.decay) for place in self.doubled]
        for piece in self._pieces:
            self._move(piece, gradient[piece], clip, step, root, 1 - rate * self.decay)
        for place, kept in zip(self.doubled, before, strict=True):
            self.weights[place] += self.weights[place] - kept

    def _norm(self, gradient: np.ndarray) -> float:
        """Compute the norm, in which doubled numbers count twice."""
        square = float(np.dot(gradient, gradient))
        return math.sqrt(square + sum(float(np.dot(gradient[p], gradient[p])) for p in self.doubled))

    def _move(self, piece: slice, gradient: np.ndarray, clip: float, step: float, root: float, shrink: float) -> None:
        """Update one piece. root: makes the root of the mean square an unbiased estimate."""
        mean, square, weights = self.mean[piece], self.square[piece], self.weights[piece]
        one, two = self._scratch[:, : len(weights)]
        np.multiply(gradient, clip, one)
        np.multiply(one, one, two)
        one -= mean
        one *= 1 - BETAS[0]
        mean += one
        two -= square
        two *= 1 - BETAS[1]
        square += two
        np.sqrt(square, two)
        two *= root
        two += EPSILON
        np.divide(mean, two, one)
        one *= step
        weights *= shrink
        weights -= one
