"""The LSTM in PyTorch, as it is trained; `model/lstm.py` plays the same weights with NumPy.

S streams are read side by side, T steps at a time. E: embedding, H: width of a layer, P: parts of a note group,
F: feature columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ritornello.model.alphabet import Alphabet
from ritornello.model.options import SIDE_SPREAD, NetworkOptions
from ritornello.training.layers import Chain, Dropout, TorchAttention, TorchGate, TorchMemory, TorchRecall


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


class TorchLstm(nn.Module):
    """Embeddings, LSTM layers, a softmax for each part of a note group; the formulas are in `model/lstm.py`."""

    def __init__(self, options: NetworkOptions, alphabet: Alphabet):
        super().__init__()
        self.alphabet = alphabet
        self.embedding = nn.Embedding(alphabet.size + 1, options.embedding)
        self.side = nn.ModuleList(nn.Embedding(size, options.embedding) for size in alphabet.features)
        self.dropout = Dropout(options.dropout)
        widths = [options.embedding, *[options.width] * options.layers]
        # One module per layer, for the sake of our own dropout between them.
        self.layers = nn.ModuleList(
            nn.LSTM(inputs, outputs, batch_first=True) for inputs, outputs in zip(widths, widths[1:], strict=False)
        )
        self.mix = nn.Parameter(torch.ones(options.layers)) if options.is_mixed else None
        self.attention = TorchAttention(options.width, options.attention) if options.attention else None
        seen = options.width * (2 if options.attention else 1)
        self.output = nn.Linear(seen, alphabet.parts[0])
        self.chain = Chain(seen, options.chain, alphabet) if len(alphabet.parts) == 2 else None
        widths = [seen, options.chain]
        self.gates = nn.ModuleList(TorchGate(*sizes) for sizes in zip(alphabet.levels, widths, strict=False))
        self._open_forget_gates(options)
        for table in self.side.parameters():
            nn.init.normal_(table, std=SIDE_SPREAD)

    def forward(
        self,
        inputs: Tensor,
        targets: Tensor,
        features: Tensor,
        state: TorchState | None,
        recalls: Sequence[TorchRecall] = (),
    ) -> tuple[list[Tensor], TorchState]:
        """Run the network over a block.

        inputs, targets: (S, T, P). features: (S, T, F), int64 (see `data.Batch`). recalls: of each part, where there
        is memory. Returns for each part its logits, (S, T, ids of the part), given the targets of the parts before
        it, and the state after the last step.
        """
        hidden = self.embedding(inputs).sum(2)  # (S, T, E)
        for n, table in enumerate(self.side):
            hidden = hidden + table(features[:, :, n])
        outputs, last, cells, memory = [], [], [], None
        for n, layer in enumerate(self.layers):
            carried = None if state is None else (state.output[n : n + 1], state.cell[n : n + 1])
            hidden, (output, cell) = layer(self.dropout(hidden), carried)  # (S, T, H)
            outputs.append(hidden)
            last.append(output)
            cells.append(cell)
        if self.mix is not None:
            hidden = sum((w * output for w, output in zip(self.mix, outputs, strict=True)), torch.zeros(()))
        if self.attention is not None:
            begins = inputs[:, :, 0] == self.alphabet.nothing
            context, memory = self.attention(hidden, begins, None if state is None else state.attention)
            hidden = torch.cat([hidden, context], 2)  # (S, T, 2H)
        top = self.dropout(hidden)
        return self._logits(top, targets, recalls), TorchState(torch.cat(last), torch.cat(cells), *(memory or ()))

    def _logits(self, top: Tensor, targets: Tensor, recalls: Sequence[TorchRecall]) -> list[Tensor]:
        """Compute the logits of each part. top: (S, T, H), with attention (S, T, 2H)."""
        logits = self.output(top)
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

    def _open_forget_gates(self, options: NetworkOptions) -> None:
        """Set the bias of forget gates to 1, so that a new network remembers (Jozefowicz 2015)."""
        with torch.no_grad():
            for layer in self.layers:
                layer.get_parameter("bias_ih_l0").zero_()
                layer.get_parameter("bias_hh_l0").zero_()
                layer.get_parameter("bias_ih_l0")[options.width : 2 * options.width] = 1.0

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights under their names in the model file (see `lstm.py`), float32."""
        named = self.named()
        for n, layer in enumerate(self.layers):
            named[f"lstm.{n}.bias"] = named[f"lstm.{n}.bias"] + layer.get_parameter("bias_hh_l0")
        return {name: value.detach().float().cpu().numpy().copy() for name, value in named.items()}

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take the weights of a model file. Raises ValueError where one is missing or unfit."""
        with torch.no_grad():
            for name, target in self.named().items():
                value = torch.from_numpy(np.asarray(tensors.get(name, np.zeros(0)), np.float32))
                if value.shape != target.shape:
                    shapes = f"shape {tuple(value.shape)}, this network needs {tuple(target.shape)}"
                    raise ValueError(f"{name} has {shapes}")
                target.copy_(value)
            for layer in self.layers:
                layer.get_parameter("bias_hh_l0").zero_()

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file; of a layer's two biases the first."""
        named = {"embedding": self.embedding.weight}
        named |= {f"side.{n}": table for n, table in enumerate(self.side.parameters())}
        for n, layer in enumerate(self.layers):
            named[f"lstm.{n}.input"] = layer.get_parameter("weight_ih_l0")
            named[f"lstm.{n}.recurrent"] = layer.get_parameter("weight_hh_l0")
            named[f"lstm.{n}.bias"] = layer.get_parameter("bias_ih_l0")
        named |= {} if self.mix is None else {"mix": self.mix}
        head = "output" if self.chain is None else "output.0"
        named |= {f"{head}.weight": self.output.weight, f"{head}.bias": self.output.bias}
        for module in (self.chain, self.attention):
            named |= {} if module is None else module.named()
        for part, gate in enumerate(self.gates):
            assert isinstance(gate, TorchGate)
            named |= gate.named(part)
        return named
