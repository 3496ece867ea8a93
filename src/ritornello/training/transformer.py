"""The transformer in PyTorch, as it is trained; `model/transformer.py` has its formulas and plays it with NumPy.

S streams are read side by side, T steps at a time, after L steps of the past. H: width, A: heads, D = H / A, P: parts
of a note group, F: feature columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ritornello.model.alphabet import Alphabet
from ritornello.model.options import SIDE_SPREAD, NetworkOptions
from ritornello.model.transformer import EPSILON, INNER
from ritornello.training.layers import Dropout, TorchNetwork, TorchRecall

SPREAD = 1.0  # of tokens' tables before training
PLACES = 64  # the past is cut to multiples of these: new shapes cost time


class Past(NamedTuple):
    """What blocks look back on.

    hidden: (layers, S, L, H), the input of each one's attention. is_own: (S, L), whether it is of the melody that
    goes on. is_over: (S,), whether another begins.
    """

    hidden: Tensor
    is_own: Tensor
    is_over: Tensor

    def detached(self) -> Past:
        """Cut the past off from the computation that led to it."""
        return Past(*(part.detach() for part in self))


class TorchTransformer(TorchNetwork):
    """Embeddings, blocks of attention, a softmax for each part of a note group.

    The past of a melody is carried from block to block of steps without its gradients. Source: Dai et al. 2019,
    "Transformer-XL" (arXiv 1901.02860).
    """

    Carried = Past

    def __init__(self, options: NetworkOptions, alphabet: Alphabet):
        super().__init__(alphabet)
        self._make_inputs(options, options.width)
        self.reach = options.attention
        self.blocks = nn.ModuleList(Block(options, self.dropout) for _ in range(options.layers))
        self._make_outputs(options, options.width)
        nn.init.normal_(self.embedding.weight, std=SPREAD)
        for table in self.side.parameters():
            nn.init.normal_(table, std=SPREAD * SIDE_SPREAD)

    def forward(
        self,
        inputs: Tensor,
        targets: Tensor,
        features: Tensor,
        past: Past | None,
        recalls: Sequence[TorchRecall] = (),
    ) -> tuple[list[Tensor], Past]:
        """Run the network over a block of steps; arguments and result are those of `TorchLstm`."""
        hidden = self.dropout(self._entry(inputs, features))  # (S, T, H)
        begins = (inputs == self.alphabet.nothing).all(2)  # (S, T)
        # A section of a long melody begins in its midst; the target before it is that of no melody.
        ends = (targets < 0).all(2)
        begins[:, 1:] |= ends[:, :-1]
        if past is None:
            nothing = hidden.new_zeros(len(self.blocks), len(hidden), 0, hidden.shape[2])
            past = Past(nothing, begins[:, :0], begins[:, 0])
        begins[:, 0] |= past.is_over
        melody = begins.cumsum(1)
        melodies = torch.cat([torch.where(past.is_own, 0, -1), melody], 1)  # (S, L + T)
        steps, places = hidden.shape[1], melodies.shape[1]
        back = torch.arange(places - steps, places, device=hidden.device)[:, None] - torch.arange(
            places, device=hidden.device
        )
        is_hidden = (melodies[:, None] != melody[:, :, None]) | (back < 0) | (back >= self.reach)  # (S, T, L + T)
        is_own = melodies == melody[:, -1:]
        longest = int(is_own.sum(1).max())
        kept = min(self.reach - 1, places, -(-longest // PLACES) * PLACES)
        carried = []
        for block, earlier in zip(self.blocks, past.hidden, strict=True):
            hidden, seen = block(hidden, earlier, is_hidden[:, None])
            carried.append(seen[:, places - kept :].detach())
        top = self.dropout(normal(hidden))
        past = Past(torch.stack(carried), is_own[:, places - kept :], ends[:, -1])
        return self._logits(top, targets, features, recalls), past

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file."""
        named = super().named()
        for n, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            named |= {f"block.{n}.{name}": value for name, value in block.named().items()}
        return named


class Block(nn.Module):
    """Attention over a melody so far, then two layers on its result."""

    def __init__(self, options: NetworkOptions, dropout: Dropout):
        super().__init__()
        width = options.width
        self.heads, self.dropout = options.heads, dropout
        self.query = nn.Linear(width, width)
        self.key, self.value, self.context = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.distance = nn.Parameter(torch.zeros(options.attention, width // options.heads))
        self.inner, self.outer = nn.Linear(width, INNER * width), nn.Linear(INNER * width, width)
        for bias in (self.query.bias, self.inner.bias, self.outer.bias):
            nn.init.zeros_(bias)

    def forward(self, hidden: Tensor, earlier: Tensor, is_hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the hidden values after the block, and what its attention looked back on.

        Shapes: (S, T, H) and (S, L + T, H). earlier: (S, L, H), of the latter what was carried. is_hidden: (S, 1, T,
        L + T), what must not be seen.
        """
        ours = normal(hidden)
        seen = torch.cat([earlier, ours], 1)
        query = self._split(self.query(ours)) * self.distance.shape[1] ** -0.5  # (S, A, T, D)
        key, value = self._split(self.key(seen)), self._split(self.value(seen))  # (S, A, L + T, D)
        places = seen.shape[1]
        distance = self.distance[-places:]  # (R or L + T, D)
        near = query @ distance.to(query.dtype).T
        near = functional.pad(near, (places - len(distance), 0))
        scores = query @ key.transpose(2, 3) + skewed(near)
        shares = torch.softmax(scores.masked_fill(is_hidden, float("-inf")), 3).to(value.dtype)
        context = (shares @ value).transpose(1, 2).flatten(2)  # (S, T, H)
        hidden = hidden + self.dropout(self.context(context))
        return hidden + self.dropout(self.outer(torch.relu(self.inner(normal(hidden))))), seen

    def _split(self, values: Tensor) -> Tensor:
        """Split (S, steps, H) in heads: (S, A, steps, D)."""
        return values.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def named(self) -> dict[str, Tensor]:
        """Return the parameters by their names in the model file."""
        layers = {name: getattr(self, name) for name in ("query", "key", "value", "context", "inner", "outer")}
        named = {name: layer.weight for name, layer in layers.items()}
        named |= {f"{name}_bias": layer.bias for name, layer in layers.items() if layer.bias is not None}
        return named | {"distance": self.distance}


def normal(hidden: Tensor) -> Tensor:
    """Scale each row to mean 0 and variance 1."""
    return functional.layer_norm(hidden, hidden.shape[-1:], eps=EPSILON)


def skewed(near: Tensor) -> Tensor:
    """Move row t of scores, (S, A, T, places), T - 1 - t places to the left.

    What comes in from the right is not to be seen. Distances become places so, without a table for each pair of
    steps. Source: Huang et al. 2019, section 3.4.
    """
    *_, steps, places = near.shape
    padded = functional.pad(near, (1, 0)).flatten(2)  # rows of places + 1, end to end
    return padded[:, :, steps:].unflatten(2, (steps, places))
