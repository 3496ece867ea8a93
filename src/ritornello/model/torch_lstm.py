"""The same LSTM as it trains: PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ritornello.model.options import NetworkOptions

TorchState = tuple[Tensor, Tensor]  # outputs and cells, each (layers, batch, H)


class TorchLstm(nn.Module):
    """Embedding, LSTM layers, softmax. vocabulary_size: V; the embedding has a last row for "nothing yet"."""

    def __init__(self, options: NetworkOptions, vocabulary_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size + 1, options.embedding)
        self.dropout = nn.Dropout(options.dropout)
        between = options.dropout if options.layers > 1 else 0.0
        self.lstm = nn.LSTM(options.embedding, options.width, options.layers, dropout=between, batch_first=True)
        self.output = nn.Linear(options.width, vocabulary_size)
        self._open_forget_gates(options)

    def forward(self, tokens: Tensor, state: TorchState | None) -> tuple[Tensor, TorchState]:
        """tokens: (batch, time) of int64. Returns logits (batch, time, V) and the state after the last."""
        hidden, state = self.lstm(self.dropout(self.embedding(tokens)), state)  # (batch, time, H)
        return self.output(self.dropout(hidden)), state

    def _open_forget_gates(self, options: NetworkOptions) -> None:
        """Bias 1 at every forget gate, so that a new network remembers (Jozefowicz et al. 2015)."""
        with torch.no_grad():
            for n in range(options.layers):
                for name in (f"bias_ih_l{n}", f"bias_hh_l{n}"):
                    getattr(self.lstm, name).zero_()
                getattr(self.lstm, f"bias_ih_l{n}")[options.width : 2 * options.width] = 1.0

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights under the names of the model file (see `lstm.py`), float32."""
        named = {"embedding": self.embedding.weight}
        for n in range(self.lstm.num_layers):
            named[f"lstm.{n}.input"] = getattr(self.lstm, f"weight_ih_l{n}")
            named[f"lstm.{n}.recurrent"] = getattr(self.lstm, f"weight_hh_l{n}")
            named[f"lstm.{n}.bias"] = getattr(self.lstm, f"bias_ih_l{n}") + getattr(self.lstm, f"bias_hh_l{n}")
        named |= {"output.weight": self.output.weight, "output.bias": self.output.bias}
        return {name: value.detach().float().cpu().numpy().copy() for name, value in named.items()}

    def load_tensors(self, tensors: dict[str, np.ndarray]) -> None:
        """Take the weights of a model file. Raises ValueError where a shape does not fit."""
        targets = {
            "embedding": self.embedding.weight,
            "output.weight": self.output.weight,
            "output.bias": self.output.bias,
        }
        for n in range(self.lstm.num_layers):
            targets[f"lstm.{n}.input"] = getattr(self.lstm, f"weight_ih_l{n}")
            targets[f"lstm.{n}.recurrent"] = getattr(self.lstm, f"weight_hh_l{n}")
            targets[f"lstm.{n}.bias"] = getattr(self.lstm, f"bias_ih_l{n}")
        with torch.no_grad():
            for name, target in targets.items():
                value = torch.from_numpy(np.asarray(tensors[name], np.float32))
                if value.shape != target.shape:
                    raise ValueError(
                        f"{name} has shape {tuple(value.shape)}, this network needs {tuple(target.shape)}"
                    )
                target.copy_(value)
            for n in range(self.lstm.num_layers):
                getattr(self.lstm, f"bias_hh_l{n}").zero_()
