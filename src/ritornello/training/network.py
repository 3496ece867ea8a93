"""The same LSTM as it trains: PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ritornello.model.alphabet import Alphabet
from ritornello.model.options import SIDE_SPREAD, NetworkOptions
from ritornello.training.attention import TorchAttention, TorchMemory
from ritornello.training.echoes import TorchEchoes

CHANCES = 1 << 16  # dropout is drawn from 16-bit integers


class TorchState(NamedTuple):
    """What is carried from one block to the next. output, cell: (layers, batch, H). The rest: `TorchMemory`."""

    output: Tensor
    cell: Tensor
    memory: Tensor | None = None
    is_own: Tensor | None = None

    @property
    def looked_back_on(self) -> TorchMemory | None:
        """What attention carries, if any."""
        if self.memory is None or self.is_own is None:
            return None
        return TorchMemory(self.memory, self.is_own)

    def detached(self) -> TorchState:
        """The same, cut off from how it came to be."""
        cut = {name: part.detach() for name, part in self._asdict().items() if part is not None}
        return TorchState(**cut)


class TorchLstm(nn.Module):
    """Embeddings, LSTM layers, a softmax for each part of the alphabet; see `lstm.py`."""

    def __init__(self, options: NetworkOptions, alphabet: Alphabet):
        super().__init__()
        self.alphabet = alphabet
        self.embedding = nn.Embedding(alphabet.size + 1, options.embedding)
        self.side = nn.ModuleList(nn.Embedding(size, options.embedding) for size in alphabet.side)
        self.dropout = Dropout(options.dropout)
        widths = [options.embedding, *[options.width] * options.layers]
        # One module per layer, for the sake of our own dropout between them.
        self.layers = nn.ModuleList(
            nn.LSTM(below, above, batch_first=True) for below, above in zip(widths, widths[1:], strict=False)
        )
        self.mix = nn.Parameter(torch.ones(options.layers)) if options.is_mixed else None
        self.attention = TorchAttention(options.width, options.attention) if options.attention else None
        seen = options.width * (2 if options.attention else 1)
        self.output = nn.Linear(seen, alphabet.parts[0])
        self.chain = Chain(seen, options.chain, alphabet) if len(alphabet.parts) == 2 else None
        self.echoes = TorchEchoes(alphabet, seen, options.chain) if alphabet.echoes else None
        self._open_forget_gates(options)
        for table in self.side.parameters():
            nn.init.normal_(table, std=SIDE_SPREAD)

    def forward(
        self, inputs: Tensor, targets: Tensor, side: Tensor, state: TorchState | None
    ) -> tuple[list[Tensor], TorchState]:
        """One block: inputs and targets (batch, time, parts), side (batch, time, F), int64 (see `train.batches`).

        Returns for each part its logits, (batch, time, ids of the part), given the targets of the parts before
        it, and the state after the last step.
        """
        below = self.embedding(inputs).sum(2)  # (batch, time, E)
        for n, table in enumerate(self.side):
            below = below + table(side[:, :, n])
        above, heard, outputs, cells, memory = below, [], [], [], None
        for n, layer in enumerate(self.layers):
            carried = None if state is None else (state.output[n : n + 1], state.cell[n : n + 1])
            above, (output, cell) = layer(self.dropout(above), carried)
            heard.append(above)
            outputs.append(output)
            cells.append(cell)
        if self.mix is not None:
            above = sum((share * output for share, output in zip(self.mix, heard, strict=True)), torch.zeros(()))
        if self.attention is not None:
            begins = inputs[:, :, 0] == self.alphabet.nothing
            context, memory = self.attention(above, begins, None if state is None else state.looked_back_on)
            above = torch.cat([above, context], 2)
        above = self.dropout(above)  # (batch, time, H, or 2H with attention)
        return self._logits(above, targets, side), TorchState(torch.cat(outputs), torch.cat(cells), *(memory or ()))

    def _logits(self, above: Tensor, targets: Tensor, side: Tensor) -> list[Tensor]:
        """Logits of each part, given what the softmax of the first sees."""
        logits = self.output(above)
        if self.echoes is not None:
            logits = self.echoes.first(logits, above, side)
        if self.chain is None:
            return [logits]
        first = targets[:, :, 0].clamp(min=0)
        hidden = self.chain(above, first)
        further = self.chain.output(hidden)
        if self.echoes is not None:
            further = self.echoes.second(further, hidden, first, side)
        return [logits, further]

    def _open_forget_gates(self, options: NetworkOptions) -> None:
        """Bias 1 at every forget gate, so that a new network remembers (Jozefowicz et al. 2015)."""
        with torch.no_grad():
            for layer in self.layers:
                layer.get_parameter("bias_ih_l0").zero_()
                layer.get_parameter("bias_hh_l0").zero_()
                layer.get_parameter("bias_ih_l0")[options.width : 2 * options.width] = 1.0

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights under the names of the model file (see `lstm.py`), float32."""
        named = dict(self._named())
        for n, layer in enumerate(self.layers):
            named[f"lstm.{n}.bias"] = named[f"lstm.{n}.bias"] + layer.get_parameter("bias_hh_l0")
        return {name: value.detach().float().cpu().numpy().copy() for name, value in named.items()}

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take the weights of a model file. Raises ValueError where one is missing or its shape does not fit."""
        with torch.no_grad():
            for name, target in self._named().items():
                value = torch.from_numpy(np.asarray(tensors.get(name, np.zeros(0)), np.float32))
                if value.shape != target.shape:
                    raise ValueError(
                        f"{name} has shape {tuple(value.shape)}, this network needs {tuple(target.shape)}"
                    )
                target.copy_(value)
            for layer in self.layers:
                layer.get_parameter("bias_hh_l0").zero_()

    def _named(self) -> dict[str, Tensor]:
        """Parameters by their name in the model file; of a layer's two biases (they only add up) the first."""
        named = {"embedding": self.embedding.weight}
        named |= {f"side.{n}": table for n, table in enumerate(self.side.parameters())}
        for n, layer in enumerate(self.layers):
            named[f"lstm.{n}.input"] = layer.get_parameter("weight_ih_l0")
            named[f"lstm.{n}.recurrent"] = layer.get_parameter("weight_hh_l0")
            named[f"lstm.{n}.bias"] = layer.get_parameter("bias_ih_l0")
        named |= {} if self.mix is None else {"mix": self.mix}
        head = "output" if self.chain is None else "output.0"
        named |= {f"{head}.weight": self.output.weight, f"{head}.bias": self.output.bias}
        for further in (self.chain, self.attention, self.echoes):
            named |= {} if further is None else further.named()
        return named


class Dropout(nn.Module):
    """Silences a share of the numbers while training and raises the others, so that the mean stays.

    On the CPU four 16-bit chances are cut from each random number of PyTorch's generator, which is five times as
    fast as its own dropout: that took a tenth of all training. Source: Srivastava et al. 2014.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        """values: of any shape. Returns the same shape."""
        if not self.training or not self.share:
            return values
        if values.device.type != "cpu":
            return functional.dropout(values, self.share)
        count = values.numel()
        drawn = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        silent = round(self.share * CHANCES)
        is_heard = drawn[:count].view(values.shape) >= silent - CHANCES // 2
        return values * is_heard.to(values.dtype).mul_(CHANCES / (CHANCES - silent))


class Chain(nn.Module):
    """The second part of a group given the first: one small hidden layer over the network's output.

    Source of the idea: notes as a chain of softmaxes within a step, as in Boulanger-Lewandowski et al. 2012.
    """

    def __init__(self, width: int, hidden: int, alphabet: Alphabet):
        super().__init__()
        self.input = nn.Linear(width, hidden, bias=False)
        self.embedding = nn.Embedding(alphabet.parts[0], hidden)
        self.output = nn.Linear(hidden, alphabet.parts[1])

    def forward(self, above: Tensor, first: Tensor) -> Tensor:
        """What the softmax `output` sees, (batch, time, hidden).

        above: (batch, time, width). first: (batch, time), ids of part 0.
        """
        return torch.tanh(self.input(above) + self.embedding(first))

    def named(self) -> dict[str, Tensor]:
        """Parameters by their name in the model file."""
        return {
            "chain.input": self.input.weight,
            "chain.embedding": self.embedding.weight,
            "output.1.weight": self.output.weight,
            "output.1.bias": self.output.bias,
        }
