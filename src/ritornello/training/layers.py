"""Layers of the network besides PyTorch's own: dropout, and the head of a note group's second part."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ritornello.model.alphabet import Alphabet

RANDOM_VALUES = 1 << 16  # dropout is drawn from 16-bit integers


class Dropout(nn.Module):
    """Silence a share of the numbers while training and scale the others, so that the mean stays.

    On the CPU four 16-bit random values are cut from each number of PyTorch's generator, which is five times as fast
    as its own dropout: that took a tenth of all training. Source: Srivastava et al. 2014.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        """Apply dropout to values of any shape."""
        if not self.training or not self.share:
            return values
        if values.device.type != "cpu":
            return functional.dropout(values, self.share)
        count = values.numel()
        drawn = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        silent = round(self.share * RANDOM_VALUES)
        is_kept = drawn[:count].view(values.shape) >= silent - RANDOM_VALUES // 2
        return values * is_kept.to(values.dtype).mul_(RANDOM_VALUES / (RANDOM_VALUES - silent))


class Chain(nn.Module):
    """Predict part 1 (duration) of a group from the LSTM's output and part 0 (event): one small hidden layer.

    Source of the idea: notes as a chain of softmaxes within a step, as in Boulanger-Lewandowski et al. 2012.
    """

    def __init__(self, width: int, hidden: int, alphabet: Alphabet):
        super().__init__()
        self.input = nn.Linear(width, hidden, bias=False)
        self.embedding = nn.Embedding(alphabet.parts[0], hidden)
        self.output = nn.Linear(hidden, alphabet.parts[1])

    def forward(self, top: Tensor, first: Tensor) -> Tensor:
        """Compute the input of the softmax `output`, (batch, time, K).

        top: (batch, time, H), the LSTM's output. first: (batch, time), ids of part 0.
        """
        return torch.tanh(self.input(top) + self.embedding(first))

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file."""
        return {
            "chain.input": self.input.weight,
            "chain.embedding": self.embedding.weight,
            "output.1.weight": self.output.weight,
            "output.1.bias": self.output.bias,
        }
