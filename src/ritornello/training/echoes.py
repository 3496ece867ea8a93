"""Copy gates as they are trained: PyTorch. The formula is in `model/echoes.py`.

C: echoes, K: the chain's hidden units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ritornello.model.alphabet import Alphabet


class TorchEchoes(nn.Module):
    """The gates of all parts. width: H, of the input of the first softmax. hidden: K, of the second."""

    def __init__(self, alphabet: Alphabet, width: int, hidden: int):
        super().__init__()
        sources, strengths = len(alphabet.echoes), max(alphabet.echoes)
        self._places = alphabet.echo_places
        self.of_first = TorchGates(width, (sources, strengths))
        self.of_second = TorchGates(hidden, (sources, strengths, 2)) if len(alphabet.parts) == 2 else None

    def first(self, logits: Tensor, top: Tensor, features: Tensor) -> Tensor:
        """Raise the logits of suggested tokens of part 0. top: (S, T, H). features: (S, T, F)."""
        token, _, strength = (features[:, :, place] for place in self._places)
        return self.of_first(logits, top, token, strength)

    def second(self, logits: Tensor, hidden: Tensor, first: Tensor, features: Tensor) -> Tensor:
        """Raise the logits of part 1. hidden: (S, T, K). first: (S, T), ids of part 0."""
        assert self.of_second is not None  # there is a second part
        before, token, strength = (features[:, :, place] for place in self._places)
        is_same = before == first[:, :, None] + 1
        return self.of_second(logits, hidden, token, 2 * strength + is_same)

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file."""
        second = {} if self.of_second is None else self.of_second.named("echo.1")
        return self.of_first.named("echo") | second


class TorchGates(nn.Module):
    """The gates of one part, which begin without an effect. table: shape of the table of strengths."""

    def __init__(self, width: int, table: tuple[int, ...]):
        super().__init__()
        self.gate = nn.Linear(width, table[0])
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)
        self.strength = nn.Parameter(torch.zeros(table))

    def forward(self, logits: Tensor, seen: Tensor, token: Tensor, evidence: Tensor) -> Tensor:
        """Add a bonus to the logits, (S, T, ids), of suggested tokens.

        seen: the softmax's input. token: (S, T, C), id within the part + 1, 0 for none. evidence: (S, T, C), a row of
        each table.
        """
        sources = len(self.strength)
        step = self.strength.numel() // sources
        rows = evidence + torch.arange(0, step * sources, step, device=evidence.device)
        # Not an embedding, whose backward pass costs five times as much on a table this small.
        strengths = self.strength.reshape(-1).index_select(0, rows.reshape(-1)).view(rows.shape)
        raised = (self.gate(seen) + strengths) * (token > 0)
        return logits.to(raised.dtype).scatter_add(2, (token - 1).clamp(min=0), raised)

    def named(self, name: str) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file."""
        return {
            f"{name}.gate.weight": self.gate.weight,
            f"{name}.gate.bias": self.gate.bias,
            f"{name}.strength": self.strength,
        }
