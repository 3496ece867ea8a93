"""Attention over the last outputs, as it is trained: PyTorch, all steps of a block at once.

The formula is in `model/attention.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

TorchMemory = tuple[Tensor, Tensor]  # the N - 1 outputs before a block, (S, N - 1, H); whether each is of this melody


class TorchAttention(nn.Module):
    """Attention of width H over the last `reach` = N outputs."""

    def __init__(self, width: int, reach: int):
        super().__init__()
        self.key = nn.Linear(width, max(1, width // 4), bias=False)
        self.query = nn.Linear(width, max(1, width // 4), bias=False)
        self.vector = nn.Parameter(torch.randn(max(1, width // 4)) / width**0.5)
        self.place = nn.Parameter(torch.zeros(reach))

    def forward(self, hidden: Tensor, begins: Tensor, memory: TorchMemory | None) -> tuple[Tensor, TorchMemory]:
        """Compute contexts, (S, T, H), and the memory after the last step.

        hidden: (S, T, H), the LSTM's outputs. begins: (S, T) of bool, where a melody begins: outputs before it are
        not attended to.
        """
        batch, time, width = hidden.shape
        reach = len(self.place)
        if memory is None:
            shape = (batch, reach - 1)
            memory = hidden.new_zeros(*shape, width), begins.new_zeros(shape)
        earlier, is_own = memory
        outputs = torch.cat([earlier.to(hidden.dtype), hidden], 1)  # (batch, reach - 1 + time, H)
        tune = begins.cumsum(1)
        tunes = torch.cat([torch.where(is_own, 0, -1), tune], 1)
        keys, query = self.key(outputs), self.query(hidden)
        # One pass per place: a window of keys for every step at once would be `reach` times as large.
        scores = [torch.tanh(keys[:, n : n + time] + query) @ self.vector for n in range(reach)]
        is_foreign = tunes.unfold(1, reach, 1) != tune[:, :, None]  # (batch, time, reach)
        found = (torch.stack(scores, 2) + self.place).masked_fill(is_foreign, float("-inf"))
        context = _along_the_band(torch.softmax(found, 2)).to(outputs.dtype) @ outputs
        return context, (outputs[:, time:].detach(), (tunes[:, time:] == tune[:, -1:]).detach())

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file."""
        return {
            "attention.key": self.key.weight,
            "attention.query": self.query.weight,
            "attention.vector": self.vector,
            "attention.place": self.place,
        }


def _along_the_band(shares: Tensor) -> Tensor:
    """Shift row t by t places to the right: (S, T, N) to (S, T, N - 1 + T)."""
    batch, time, reach = shares.shape
    padded = functional.pad(shares, (0, time)).flatten(1)  # rows of reach + time
    return padded[:, : time * (reach + time - 1)].reshape(batch, time, reach + time - 1)
