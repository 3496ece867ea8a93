"""The PyTorch engines of a run: one that can be saved, and one that shares its gradients with other ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ritornello.encoding import MelodyEncoding
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Batch
from ritornello.training.memory import Memory
from ritornello.training.plan import Plan
from ritornello.training.run.ranks import Ranks
from ritornello.training.update import TorchEngine

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # of AdamW for each parameter, by PyTorch's names
OWN = ("carried.", "random")  # names in a state that differ from rank to rank


class SavedTorchEngine(TorchEngine):
    """A `TorchEngine` with a state."""

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to resume to the bit: weights, moments, carried and RNG state."""
        named = {f"weight.{name}": _array(value) for name, value in self.model.named_parameters()}
        for name, value in self.model.named_parameters():
            for key, moment in self.optimiser.state.get(value, {}).items():
                named[f"{key}.{name}"] = _array(moment)
        if self.carried is not None:
            named |= {f"carried.{n}": _array(v) for n, v in self.carried._asdict().items() if v is not None}
        named["random"] = torch.get_rng_state().numpy().copy()
        if self.device.type == "cuda":
            named["random.cuda"] = torch.cuda.get_rng_state(self.device).numpy().copy()
        return named

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state of the same network. Raises ValueError for another network's."""
        parameters = dict(self.model.named_parameters())
        shapes = {f"weight.{name}": value.shape for name, value in parameters.items()}
        if {name: value.shape for name, value in state.items() if name.startswith("weight.")} != shapes:
            raise ValueError("the checkpoint is another network's: resume with the same preset and encoding")
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(torch.from_numpy(state[f"weight.{name}"]))
                moments = {key: f"{key}.{name}" for key in MOMENTS if f"{key}.{name}" in state}
                self.optimiser.state[value] = {key: self._tensor(state[name]) for key, name in moments.items()}
        mark, carried_by = "carried.", self.model.Carried
        carried = {n.removeprefix(mark): self._tensor(value) for n, value in state.items() if n.startswith(mark)}
        self.carried = carried_by(**carried) if carried else None
        torch.set_rng_state(torch.from_numpy(state["random"].copy()))
        if self.device.type == "cuda" and "random.cuda" in state:
            torch.cuda.set_rng_state(torch.from_numpy(state["random.cuda"].copy()), self.device)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array)).to(self.device)


class RankEngine(SavedTorchEngine):
    """The engine of one rank of several, which train the same network on other streams.

    All begin with the same weights, average their gradients at each update and divide the melodies of a validation.
    """

    def __init__(
        self,
        network: NetworkOptions,
        encoding: MelodyEncoding,
        plan: Plan,
        before: np.ndarray,
        ranks: Ranks,
        memory: Memory | None = None,
    ):
        super().__init__(network, encoding, plan, before, memory)
        self._ranks = ranks
        if not ranks.is_first:
            torch.manual_seed(ranks.seed(plan.seed))  # the same weights, other dropout

    def backward(self, batch: Batch) -> tuple[float, int]:
        """Set the gradients of the mean nll over all ranks; return that nll and the own targets."""
        nll, targets = super().backward(batch)
        return self._ranks.average(list(self.model.parameters()), nll, targets), targets

    def nll(self, melodies: Sequence[np.ndarray]) -> float:
        """Measure the mean nats per token over whole melodies; each rank takes its part of them."""
        own = melodies[self._ranks.rank :: self._ranks.size]
        return self._ranks.mean(super().nll(own), sum(map(len, own)))

    def state(self) -> dict[str, np.ndarray]:
        """Join the states of all ranks."""
        return self._ranks.join(super().state(), OWN)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from this rank's part of a joined state."""
        super().restore(self._ranks.part(state))


def _array(value: Tensor) -> np.ndarray:
    """Copy a tensor to an array; bfloat16, which NumPy lacks, as float32."""
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy().copy()
