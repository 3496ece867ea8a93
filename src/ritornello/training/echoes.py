"""The same copy gates as they train: PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ritornello.model.alphabet import Alphabet


class TorchEchoes(nn.Module):
    """See `echoes.py` for the formula. width: H, what the first softmax sees. hidden: K, what the second sees."""

    def __init__(self, alphabet: Alphabet, width: int, hidden: int):
        super().__init__()
        sources, strengths = len(alphabet.echoes), max(alphabet.echoes)
        self._places = alphabet.echo_places
        self.of_first = TorchGates(width, (sources, strengths))
        self.of_second = TorchGates(hidden, (sources, strengths, 2)) if len(alphabet.parts) == 2 else None

    def first(self, logits: Tensor, above: Tensor, side: Tensor) -> Tensor:
        """Logits of part 0, (batch, time, ids), with what is named raised. above: (batch, time, H). side: ..., F."""
        token, _, strength = (side[:, :, place] for place in self._places)
        return self.of_first(logits, above, token, strength)

    def second(self, logits: Tensor, hidden: Tensor, first: Tensor, side: Tensor) -> Tensor:
        """Logits of part 1, (batch, time, ids), likewise. hidden: (batch, time, K). first: ids of part 0."""
        assert self.of_second is not None  # there is a second part
        before, token, strength = (side[:, :, place] for place in self._places)
        is_same = before == first[:, :, None] + 1
        return self.of_second(logits, hidden, token, 2 * strength + is_same)

    def named(self) -> dict[str, Tensor]:
        """Parameters by their name in the model file."""
        second = {} if self.of_second is None else self.of_second.named("echo.1")
        return self.of_first.named("echo") | second


class TorchGates(nn.Module):
    """The gates of one part, which begin as if they were not there. table: shape of the table of strengths."""

    def __init__(self, width: int, table: tuple[int, ...]):
        super().__init__()
        self.gate = nn.Linear(width, table[0])
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)
        self.strength = nn.Parameter(torch.zeros(table))

    def forward(self, logits: Tensor, seen: Tensor, token: Tensor, evidence: Tensor) -> Tensor:
        """token: (batch, time, C), id within the part + 1, 0 for nothing. evidence: likewise, a row of each table."""
        sources = len(self.strength)
        step = self.strength.numel() // sources
        rows = evidence + torch.arange(0, step * sources, step, device=evidence.device)
        # Not an embedding, whose way back costs five times as much on a table this small.
        strengths = self.strength.reshape(-1).index_select(0, rows.reshape(-1)).view(rows.shape)
        raised = (self.gate(seen) + strengths) * (token > 0)
        return logits.to(raised.dtype).scatter_add(2, (token - 1).clamp(min=0), raised)

    def named(self, name: str) -> dict[str, Tensor]:
        """Parameters by their name in the model file."""
        return {
            f"{name}.gate.weight": self.gate.weight,
            f"{name}.gate.bias": self.gate.bias,
            f"{name}.strength": self.strength,
        }
