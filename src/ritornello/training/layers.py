"""Layers of the network besides PyTorch's own: dropout, the head of a second part, gates over memory, and attention.

The formulas of the last two are in `model/memory.py` and `model/attention.py`. S streams, T steps. H: width of an
LSTM layer, K: hidden units of the chain, N: outputs that attention looks back on.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ritornello.model.alphabet import Alphabet
from ritornello.model.memory import FIRST_WEIGHT, UNITS, Recalled, gate_inputs

RANDOM_VALUES = 1 << 16  # dropout is drawn from 16-bit integers
TorchMemory = tuple[Tensor, Tensor]  # the N - 1 outputs before a block, (S, N - 1, H); whether each is of this melody


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


class TorchRecall(NamedTuple):
    """What `model.memory.Recalled` holds, as tensors.

    place, weight: of each entry among all logits, and among the weights of all levels.
    """

    place: Tensor
    weight: Tensor
    gain: Tensor
    evidence: Tensor

    @classmethod
    def of(cls, recalled: Recalled, ids: int, device: torch.device) -> TorchRecall:
        """Make tensors for a part with so many ids."""
        levels = recalled.evidence.shape[1] + 1
        arrays = recalled.row * ids + recalled.token, recalled.row * levels + recalled.level
        evidence = gate_inputs(recalled.evidence)
        return cls(*(torch.from_numpy(each).to(device) for each in (*arrays, recalled.gain, evidence)))


class TorchGate(nn.Module):
    """The gate of one part over its levels of memory. width: H, of the softmax's input."""

    def __init__(self, levels: int, width: int):
        super().__init__()
        self.evidence = nn.Linear(3 * levels, UNITS)
        self.seen = nn.Linear(width, UNITS, bias=False)
        self.gate = nn.Linear(UNITS, levels + 1)
        nn.init.zeros_(self.seen.weight)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, FIRST_WEIGHT)
        with torch.no_grad():
            self.gate.bias[-1] = 1

    def forward(self, logits: Tensor, seen: Tensor, recalled: TorchRecall) -> Tensor:
        """Raise the logits, (S, T, ids), by what is recalled. seen: (S, T, H), the softmax's input."""
        evidence = recalled.evidence.to(self.evidence.weight.dtype)
        units = torch.tanh(self.evidence(evidence) + self.seen(seen).flatten(0, 1))
        weights = self.gate(units)
        weights = weights.to(torch.promote_types(weights.dtype, torch.float32))
        flat = (logits.flatten(0, 1).to(weights.dtype) * weights[:, -1:]).flatten()
        raised = weights.flatten().index_select(0, recalled.weight) * recalled.gain
        return flat.index_add(0, recalled.place, raised).view(logits.shape)

    def named(self, part: int) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file."""
        values = {"evidence": self.evidence.weight, "seen": self.seen.weight, "bias": self.evidence.bias}
        values |= {"gate": self.gate.weight, "level": self.gate.bias}
        return {f"memory.{part}.{name}": value for name, value in values.items()}


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
