"""The LSTM in PyTorch, as it is trained; `model/lstm.py` plays the same weights with NumPy.

S streams are read side by side, T steps at a time. E: embedding, H: width of a layer, P: parts of a note group,
F: feature columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ritornello.model.alphabet import Alphabet
from ritornello.model.options import SIDE_SPREAD, NetworkOptions
from ritornello.training.layers import TorchAttention, TorchNetwork, TorchRecall, TorchState


class TorchLstm(TorchNetwork):
    """Embeddings, LSTM layers, a softmax for each part of a note group; the formulas are in `model/lstm.py`."""

    Carried = TorchState

    def __init__(self, options: NetworkOptions, alphabet: Alphabet):
        super().__init__(alphabet)
        self._make_inputs(options, options.embedding)
        widths = [options.embedding, *[options.width] * options.layers]
        # One module per layer, for the sake of our own dropout between them.
        self.layers = nn.ModuleList(
            nn.LSTM(inputs, outputs, batch_first=True) for inputs, outputs in zip(widths, widths[1:], strict=False)
        )
        self.mix = nn.Parameter(torch.ones(options.layers)) if options.is_mixed else None
        self.attention = TorchAttention(options.width, options.attention) if options.attention else None
        self._make_outputs(options, options.width * (2 if options.attention else 1))
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
        hidden = self._entry(inputs, features)
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
        return self._logits(top, targets, features, recalls), TorchState(
            torch.cat(last), torch.cat(cells), *(memory or ())
        )

    def _open_forget_gates(self, options: NetworkOptions) -> None:
        """Set the bias of forget gates to 1, so that a new network remembers (Jozefowicz 2015)."""
        with torch.no_grad():
            for layer in self.layers:
                layer.get_parameter("bias_ih_l0").zero_()
                layer.get_parameter("bias_hh_l0").zero_()
                layer.get_parameter("bias_ih_l0")[options.width : 2 * options.width] = 1.0

    def beginning(self, before: Sequence[Tensor]) -> TorchState:
        """Compute output and cell after the melody `before`: each (layers, 1, H)."""
        _, state = self(*before, None)
        return state.alone()

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights under their names in the model file, float32."""
        tensors = super().tensors()
        for n, layer in enumerate(self.layers):
            tensors[f"lstm.{n}.bias"] += layer.get_parameter("bias_hh_l0").detach().float().cpu().numpy()
        return tensors

    def load_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take the weights of a model file. Raises ValueError where one is missing or unfit."""
        super().load_tensors(tensors)
        with torch.no_grad():
            for layer in self.layers:
                layer.get_parameter("bias_hh_l0").zero_()

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file; of a layer's two biases the first."""
        named = super().named()
        for n, layer in enumerate(self.layers):
            named[f"lstm.{n}.input"] = layer.get_parameter("weight_ih_l0")
            named[f"lstm.{n}.recurrent"] = layer.get_parameter("weight_hh_l0")
            named[f"lstm.{n}.bias"] = layer.get_parameter("bias_ih_l0")
        named |= {} if self.mix is None else {"mix": self.mix}
        return named | ({} if self.attention is None else self.attention.named())
