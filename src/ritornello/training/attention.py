"""The same attention as it trains: PyTorch, all steps of a block at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class TorchMemory(NamedTuple):
    """The N - 1 steps before a block. outputs: (batch, N - 1, H). is_own: whether of the tune under way."""

    outputs: Tensor
    is_own: Tensor


class TorchAttention(nn.Module):
    """See `attention.py` for the formula. width: H. reach: N steps."""

    def __init__(self, width: int, reach: int):
        super().__init__()
        self.key = nn.Linear(width, max(1, width // 4), bias=False)
        self.query = nn.Linear(width, max(1, width // 4), bias=False)
        self.vector = nn.Parameter(torch.randn(max(1, width // 4)) / width**0.5)
        self.place = nn.Parameter(torch.zeros(reach))

    def forward(self, hidden: Tensor, begins: Tensor, memory: TorchMemory | None) -> tuple[Tensor, TorchMemory]:
        """Contexts, (batch, time, H), and the memory after the last step.

        hidden: (batch, time, H), the LSTM's outputs. begins: (batch, time) of bool, where a tune begins: what was
        before it is not looked at.
        """
        batch, time, width = hidden.shape
        reach = len(self.place)
        if memory is None:
            shape = (batch, reach - 1)
            memory = TorchMemory(hidden.new_zeros(*shape, width), begins.new_zeros(shape))
        outputs = torch.cat([memory.outputs.to(hidden.dtype), hidden], 1)  # (batch, reach - 1 + time, H)
        tune = begins.cumsum(1)
        tunes = torch.cat([torch.where(memory.is_own, 0, -1), tune], 1)
        keys, query = self.key(outputs), self.query(hidden)
        # One pass per place: a window of keys for every step at once would be `reach` times as large.
        scores = [torch.tanh(keys[:, n : n + time] + query) @ self.vector for n in range(reach)]
        is_foreign = tunes.unfold(1, reach, 1) != tune[:, :, None]  # (batch, time, reach)
        found = (torch.stack(scores, 2) + self.place).masked_fill(is_foreign, float("-inf"))
        context = _along_the_band(torch.softmax(found, 2)).to(outputs.dtype) @ outputs
        return context, TorchMemory(outputs[:, time:].detach(), (tunes[:, time:] == tune[:, -1:]).detach())

    def named(self) -> dict[str, Tensor]:
        """Parameters by their name in the model file."""
        return {
            "attention.key": self.key.weight,
            "attention.query": self.query.weight,
            "attention.vector": self.vector,
            "attention.place": self.place,
        }


def _along_the_band(shares: Tensor) -> Tensor:
    """(batch, time, reach) as (batch, time, reach - 1 + time): row t moved t places to the right."""
    batch, time, reach = shares.shape
    padded = functional.pad(shares, (0, time)).flatten(1)  # rows of reach + time
    return padded[:, : time * (reach + time - 1)].reshape(batch, time, reach + time - 1)
