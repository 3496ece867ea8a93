"""What networks are made of besides PyTorch's own layers, and what all of them have in common.

The formulas of gates over memory and of attention are in `model/memory.py` and `model/attention.py`. S streams, T
steps. P: parts of a note group, F: feature columns, E: embedding, H: width of a layer, K: hidden units of the chain,
N: outputs that attention looks back on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ritornello.model.alphabet import Alphabet
from ritornello.model.memory import FIRST_WEIGHT, UNITS, Recalled, gate_inputs
from ritornello.model.options import NetworkOptions

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


class TorchAspects(nn.Module):
    """Scores of what ids mean beside features (see `encoding.features.Aspect`). width: H, of the softmax's input."""

    def __init__(self, alphabet: Alphabet, width: int):
        super().__init__()
        self.columns = [aspect.feature for aspect in alphabet.aspects]
        self.output = nn.Linear(width, alphabet.meanings, bias=False)
        for n, rows in enumerate(alphabet.aspect_rows):
            self.register_buffer(f"rows_{n}", torch.from_numpy(rows), persistent=False)

    def forward(self, logits: Tensor, top: Tensor, features: Tensor) -> Tensor:
        """Add to the logits, (S, T, ids). top: (S, T, H). features: (S, T, F)."""
        scores = functional.pad(self.output(top), (0, 1))  # (S, T, meanings + 1), the last for none
        for n, column in enumerate(self.columns):
            logits = logits + scores.gather(2, self.get_buffer(f"rows_{n}")[features[:, :, column]])
        return logits


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


class Carried(Protocol):
    """What is carried from one block to the next, a named tuple of tensors: `TorchState` or `transformer.Past`."""

    def detached(self) -> Self:
        """Cut it off from the computation that led to it."""

    def _asdict(self) -> dict[str, Any]:
        """Return the tensors by name."""


class TorchState(NamedTuple):
    """The state carried from one block to the next. output, cell: (layers, S, H). The rest: `TorchMemory`."""

    output: Tensor
    cell: Tensor
    memory: Tensor | None = None
    is_own: Tensor | None = None

    @property
    def attention(self) -> TorchMemory | None:
        """The outputs that attention looks back on, if any."""
        return None if self.memory is None or self.is_own is None else (self.memory, self.is_own)

    def detached(self) -> TorchState:
        """Cut the state off from the computation that led to it."""
        return TorchState(*(None if part is None else part.detach() for part in self))  # type: ignore[arg-type]

    def alone(self) -> TorchState:
        """Return output and cell without what attention looks back on: a melody begins."""
        return TorchState(self.output, self.cell)

    def repeated(self, streams: int) -> TorchState:
        """Repeat the state of one stream for so many."""
        return TorchState(self.output.repeat(1, streams, 1), self.cell.repeat(1, streams, 1))


class TorchNetwork(nn.Module):
    """Embeddings, a body that a subclass brings, a softmax for each part of a note group.

    Carried: the type of what is carried from block to block.
    """

    Carried: type[Any]
    embedding: nn.Embedding
    side: nn.ModuleList
    dropout: Dropout
    output: nn.Linear
    chain: Chain | None
    gates: nn.ModuleList
    aspects: TorchAspects | None

    def __init__(self, alphabet: Alphabet):
        super().__init__()
        self.alphabet = alphabet

    def _make_inputs(self, options: NetworkOptions, width: int) -> None:
        """Make tables of tokens and features with so many numbers each."""
        self.embedding = nn.Embedding(self.alphabet.size + 1, width)
        self.side = nn.ModuleList(nn.Embedding(size, width) for size in self.alphabet.features)
        self.dropout = Dropout(options.dropout)

    def _make_outputs(self, options: NetworkOptions, seen: int) -> None:
        """Make softmaxes and gates that see so many numbers."""
        self.output = nn.Linear(seen, self.alphabet.parts[0])
        self.chain = Chain(seen, options.chain, self.alphabet) if len(self.alphabet.parts) == 2 else None
        widths = [seen, options.chain]
        self.gates = nn.ModuleList(TorchGate(*sizes) for sizes in zip(self.alphabet.levels, widths, strict=False))
        self.aspects = TorchAspects(self.alphabet, seen) if self.alphabet.aspects else None

    def _entry(self, inputs: Tensor, features: Tensor) -> Tensor:
        """Sum the embeddings of inputs, (S, T, P), and features, (S, T, F): (S, T, E)."""
        hidden = self.embedding(inputs).sum(2)
        for n, table in enumerate(self.side):
            hidden = hidden + table(features[:, :, n])
        return hidden

    def _logits(self, top: Tensor, targets: Tensor, features: Tensor, recalls: Sequence[TorchRecall]) -> list[Tensor]:
        """Compute the logits of each part. top: (S, T, H), for an LSTM with attention (S, T, 2H)."""
        logits = self.output(top)
        if self.aspects is not None:
            logits = self.aspects(logits, top, features)
        if recalls:
            logits = self.gates[0](logits, top, recalls[0])
        if self.chain is None:
            return [logits]
        first = targets[:, :, 0].clamp(min=0)
        hidden = self.chain(top, first)
        second = self.chain.output(hidden)
        if recalls:
            second = self.gates[1](second, hidden, recalls[1])
        return [logits, second]

    def beginning(self, before: Sequence[Tensor]) -> TorchState | None:
        """Compute the state that a melody begins from, after another; None for an empty one.

        before: inputs, targets and features of that melody.
        """
        return None

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights under their names in the model file, float32."""
        return {name: value.detach().float().cpu().numpy().copy() for name, value in self.named().items()}

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take the weights of a model file. Raises ValueError where one is missing or unfit."""
        with torch.no_grad():
            for name, target in self.named().items():
                value = torch.from_numpy(np.asarray(tensors.get(name, np.zeros(0)), np.float32))
                if value.shape != target.shape:
                    shapes = f"shape {tuple(value.shape)}, this network needs {tuple(target.shape)}"
                    raise ValueError(f"{name} has {shapes}")
                target.copy_(value)

    def named(self) -> dict[str, Tensor]:
        """Return the parameters of inputs and outputs by their names in the model file."""
        named = {"embedding": self.embedding.weight}
        named |= {f"side.{n}": table for n, table in enumerate(self.side.parameters())}
        head = "output" if self.chain is None else "output.0"
        named |= {f"{head}.weight": self.output.weight, f"{head}.bias": self.output.bias}
        named |= {} if self.chain is None else self.chain.named()
        named |= {} if self.aspects is None else {"aspects": self.aspects.output.weight}
        for part, gate in enumerate(self.gates):
            assert isinstance(gate, TorchGate)
            named |= gate.named(part)
        return named
