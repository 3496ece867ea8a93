"""One layer of the LSTM, forward and backward through time, written out in NumPy.

The gates are in the order i, f, o, g, so that the three sigmoids are contiguous, and these are computed as scaled
tanh: one tanh serves all four. Its inputs are therefore halved for i, f, o (see `halved`); the gradients that it
returns are those by the true sums.

Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; back-propagation through time,
Werbos 1990.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# OpenBLAS copies a matrix into its own layout before each product, which costs as much as the product itself when
# few rows meet large weights, unless rows * depth * columns is at most this. So weights are cut into column blocks.
SMALL_PRODUCT = 1_000_000

Step = tuple[np.ndarray, ...]
"""Views of one step: gates, sigmoids, i and f as a pair, each gate, the cell before, the cell, its tanh, the output
before, the output."""


class Recurrence:
    """A layer of width H over T steps of S streams; all arrays are allocated once.

    gates (T, S, 4H): before `forward`, what the layer's input adds to the sums, halved for the sigmoids; after it,
    the gates; after `backward`, the gradient of the nll by the sums.
    output, cell (T + 1, S, H): [0] is the state carried in, [-1] the one to carry on.
    """

    def __init__(self, steps: int, streams: int, width: int, dtype: np.dtype):
        self.width = width
        self.gates = np.empty((steps, streams, 4 * width), dtype)
        self.output = np.zeros((steps + 1, streams, width), dtype)
        self.cell = np.zeros((steps + 1, streams, width), dtype)
        self._squashed = np.empty((steps, streams, width), dtype)  # tanh of the cell
        self._sums = np.empty((streams, 4 * width), dtype)
        self._scratch = np.empty((3, streams, width), dtype)
        self._gradients = np.empty((2, streams, width), dtype)  # by the output and by the cell
        # Views of each step are made once: to make them anew would cost as much as some of the arithmetic.
        self._steps: list[Step] = []
        for t, gates in enumerate(self.gates):
            i, f, o, g = (gates[:, n * width : (n + 1) * width] for n in range(4))
            pair = gates[:, : 2 * width].reshape(-1, 2, width)
            cells = (self.cell[t], self.cell[t + 1], self._squashed[t])
            outputs = (self.output[t], self.output[t + 1])
            self._steps.append((gates, gates[:, : 3 * width], pair, i, f, o, g, *cells, *outputs))

    def forward(self, weights: np.ndarray) -> None:
        """Run through all steps. weights: recurrent, (4H, H), halved."""
        product = blocked_product(weights.T, self.output[0], self._sums)
        sums, scratch = self._sums, self._scratch[0]
        for gates, sigmoids, _, i, f, o, g, before, cell, squashed, last, output in self._steps:
            product(last)
            gates += sums
            np.tanh(gates, gates)
            sigmoids *= 0.5
            sigmoids += 0.5
            np.multiply(f, before, cell)
            np.multiply(i, g, scratch)
            cell += scratch
            np.tanh(cell, squashed)
            np.multiply(o, squashed, output)

    def backward(self, weights: np.ndarray, gradient: np.ndarray) -> None:
        """Run backward through all steps; turn the gates into the gradients by their sums.

        weights: recurrent, (4H, H), not halved. gradient: (T, S, H), of the nll by the outputs.
        With s a sigmoid, its gradient is s - s^2; with h = o tanh(c), that of h by c is o - h tanh(c).
        """
        by_output, by_cell = self._gradients
        product = blocked_product(weights, self.gates[0], by_output)
        self._gradients[:] = 0
        one, two, three = self._scratch
        squares = self._sums[:, : 3 * self.width]
        for step, by_this in zip(reversed(self._steps), gradient[::-1], strict=True):
            gates, sigmoids, pair, i, f, o, g, before, _, squashed, _, output = step
            by_output += by_this
            np.multiply(by_output, squashed, one)
            np.multiply(by_output, o, two)
            np.multiply(one, output, three)
            two -= three
            by_cell += two
            np.multiply(i, g, two)
            np.multiply(two, g, three)
            np.subtract(i, three, two)  # i (1 - g^2)
            np.multiply(by_cell, f, three)  # for the cell before
            np.multiply(sigmoids, sigmoids, squares)
            sigmoids -= squares
            o *= one
            i *= g
            f *= before
            pair *= by_cell[:, None]
            np.multiply(two, by_cell, g)
            by_cell[:] = three
            product(gates)


def blocked_product(matrix: np.ndarray, like: np.ndarray, out: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function that computes x @ matrix into `out`, in blocks of columns.

    like: an array of the shape of x, (rows, depth).
    """
    depth, columns = matrix.shape
    smallest = SMALL_PRODUCT // (len(like) * depth)  # columns of a block, at least 16 of them
    possible = (n for n in range(1, columns // 16 + 1) if columns % n == 0 and columns // n <= smallest)
    blocks = next(possible, 1)
    cut = np.ascontiguousarray(
        matrix.reshape(depth, blocks, -1).transpose(1, 0, 2)
    )  # (blocks, depth, columns / blocks)
    parts = out.reshape(len(like), blocks, -1).transpose(1, 0, 2)
    return lambda x: np.matmul(x, cut, parts)


def halved(sums: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Halve the rows of the sigmoids i, f, o among those of i, f, o, g, (4H, ...)."""
    scale = np.ones(len(sums), sums.dtype)
    scale[: 3 * len(sums) // 4] = 0.5
    return np.multiply(sums, scale.reshape(-1, *[1] * (sums.ndim - 1)), out)
