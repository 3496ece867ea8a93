"""One update of the network: the loss of a chunk, its gradients, a step of AdamW. PyTorch, on the CPU by oneDNN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ritornello.encoding import MelodyEncoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.training.data import IGNORED, Batch, lead_in, whole_melodies
from ritornello.training.layers import Carried, TorchNetwork, TorchRecall, TorchState
from ritornello.training.memory import Memory
from ritornello.training.network import TorchLstm
from ritornello.training.plan import Plan
from ritornello.training.transformer import TorchTransformer

NETWORKS: dict[str, type[TorchLstm] | type[TorchTransformer]] = {"lstm": TorchLstm, "transformer": TorchTransformer}
STEPS_PER_CHECK = 256  # of every melody at a time, so that memory does not grow with their length


class TorchEngine:
    """A network in training.

    before: tokens of a melody. In training every melody but the first follows another, so the network never learns to
    begin from the empty state; a melody is therefore validated, and later composed, from the state after this one.
    memory: what melodies are validated with, for an encoding with memory.
    """

    steps_per_check_batch = 4_096

    def __init__(
        self,
        network: NetworkOptions,
        encoding: MelodyEncoding,
        plan: Plan,
        before: np.ndarray | None = None,
        memory: Memory | None = None,
    ):
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)
        self.device = torch.device(plan.device)
        self._encoding, self._alphabet, self._memory = encoding, Alphabet.of(encoding), memory
        self.model: TorchNetwork = NETWORKS[network.kind](network, self._alphabet).to(self.device)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), plan.peak_rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay, fused=True
        )
        self._is_bf16 = plan.dtype == "bf16"
        self._before = lead_in(encoding, np.zeros(0, np.int64) if before is None else before)
        self.carried: Carried | None = None  # from the chunk before

    @property
    def dropout(self) -> float:
        """Share of activations silenced in training."""
        return self.model.dropout.share

    @dropout.setter
    def dropout(self, share: float) -> None:
        self.model.dropout.share = share

    def update(self, batch: Batch, rate: float) -> float:
        """Update the weights from a chunk at this learning rate; return the mean nll in nats.

        Source: truncated back-propagation through time, Williams & Peng 1990; gradient norm clipped at 1, Pascanu et
        al. 2013.
        """
        nll, _ = self.backward(batch)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        return nll

    def backward(self, batch: Batch) -> tuple[float, int]:
        """Set the gradients of a chunk's mean nll; return the nll and the number of targets."""
        self.model.train()
        nats, targets, state = self._cost(batch, self.carried)
        nll = nats / max(1, targets)
        self.optimiser.zero_grad(set_to_none=True)
        nll.backward()
        self.carried = state.detached()
        return float(nll.detach()), targets

    @torch.inference_mode()
    def nll(self, melodies: Sequence[np.ndarray]) -> float:
        """Measure the mean nats per token over whole melodies, without dropout."""
        self.model.eval()
        total, count = 0.0, 0
        begin = self._beginning()
        for batch in whole_melodies(self._encoding, melodies, self.steps_per_check_batch, self._memory):
            state: Carried | None = begin and begin.repeated(len(batch.inputs))
            for at in range(0, batch.inputs.shape[1], STEPS_PER_CHECK):
                part = batch.between(at, at + STEPS_PER_CHECK)
                nats, targets, state = self._cost(part, state)
                total, count = total + float(nats), count + targets
        return total / max(1, count)

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights as the model file keeps them, and the state to begin a melody from."""
        named, begin = self.model.tensors(), self._beginning()
        for n in range(len(begin.output) if begin else 0):
            assert begin
            named[f"start.{n}.output"] = begin.output[n, 0].float().cpu().numpy().copy()
            named[f"start.{n}.cell"] = begin.cell[n, 0].float().cpu().numpy().copy()
        return named

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take a model file's weights; forget AdamW's moments and the carried state.

        Raises ValueError where they are another network's.
        """
        self.model.load_tensors(tensors)
        self.optimiser.state.clear()
        self.carried = None

    def _cost(self, batch: Batch, state: Carried | None) -> tuple[Tensor, int, Carried]:
        """Compute the nats of all targets of a batch, how many these are, and the state after it."""
        inputs, targets, features = (torch.from_numpy(part).to(self.device) for part in batch[:3])
        sizes = self._alphabet.parts
        recalls = [TorchRecall.of(*each, self.device) for each in zip(batch.memory, sizes, strict=False)]
        total = torch.zeros((), device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16) if self._is_bf16 else nullcontext():
            logits, state = self.model(inputs, targets, features, state, recalls)
            for part, scores in enumerate(logits):
                wanted = targets[:, :, part].flatten()
                local = torch.where(wanted == IGNORED, IGNORED, wanted - self._alphabet.firsts[part])
                total = total + functional.cross_entropy(
                    scores.flatten(0, 1).float(), local, ignore_index=IGNORED, reduction="sum"
                )
        return total, int((batch.targets != IGNORED).sum()), state

    @torch.inference_mode()
    def _beginning(self) -> TorchState | None:
        """Compute the state after the melody `before`, in full precision; None for an empty one."""
        self.model.eval()
        return self.model.beginning([torch.from_numpy(part).to(self.device) for part in self._before[:3]])
