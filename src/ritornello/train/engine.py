"""The one object that differs between trainers: a network that can be updated, checked and read out.

This one is PyTorch's LSTM, on the CPU through oneDNN. The loop knows nothing of PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch.nn import functional

from ritornello.model.options import NetworkOptions
from ritornello.model.torch_lstm import TorchLstm, TorchState
from ritornello.train.plan import Plan

TOKENS_PER_CHECK_BATCH = 16_384


class TorchEngine:
    """A network in training. Raises ValueError for a device that this machine does not have.

    before: tokens of a melody. In training every melody but the first follows another, so the state that the
    network learns to begin from is never the empty one; a tune is therefore checked, and later played, from the
    state that this melody leaves.
    """

    def __init__(self, network: NetworkOptions, vocabulary_size: int, plan: Plan, before: np.ndarray | None = None):
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)
        self.device = choose_device(plan.device)
        self._model = TorchLstm(network, vocabulary_size).to(self.device)
        self._optimiser = torch.optim.AdamW(
            self._model.parameters(), plan.peak_rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay, fused=True
        )
        self._bf16 = plan.dtype == "bf16"
        self._nothing_yet = vocabulary_size
        self._before = np.concatenate([[vocabulary_size], [] if before is None else before]).astype(np.int64)
        self._state: TorchState | None = None

    def update(self, inputs: np.ndarray, targets: np.ndarray, rate: float) -> float:
        """One step of AdamW on a chunk, (streams, steps) of int64 each; the state goes on from the chunk before.

        Returns the mean nll in nats per target. Source: truncated back-propagation through time, Williams &
        Peng 1990; gradient norm clipped at 1, Pascanu et al. 2013.
        """
        self._model.train()
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        with self._precision():
            logits, state = self._model(torch.from_numpy(inputs).to(self.device), self._state)
            flat = logits.flatten(0, 1).float()  # (streams * steps, vocabulary)
            loss = functional.cross_entropy(
                flat, torch.from_numpy(targets).flatten().to(self.device), ignore_index=-100
            )
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimiser.step()
        self._state = (state[0].detach(), state[1].detach())
        return float(loss.detach())

    @torch.inference_mode()
    def nll(self, melodies: Sequence[np.ndarray]) -> float:
        """Mean nats per token over whole melodies, each from its beginning, dropout off."""
        self._model.eval()
        total, count = 0.0, 0
        output, cell = self._beginning()
        for batch in _batches(melodies):
            length = max(len(m) for m in batch)
            targets = np.full((len(batch), length), -100, np.int64)
            for row, melody in zip(targets, batch, strict=True):
                row[: len(melody)] = melody
            inputs = np.concatenate([np.full((len(batch), 1), self._nothing_yet), np.maximum(targets[:, :-1], 0)], 1)
            state = (output.repeat(1, len(batch), 1), cell.repeat(1, len(batch), 1))
            with self._precision():
                logits, _ = self._model(torch.from_numpy(inputs).to(self.device), state)
            flat, wanted = logits.flatten(0, 1).float(), torch.from_numpy(targets).flatten().to(self.device)
            total += float(functional.cross_entropy(flat, wanted, ignore_index=-100, reduction="sum"))
            count += int((targets >= 0).sum())
        return total / max(1, count)

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights as the model file keeps them, and the state to begin from."""
        named = self._model.tensors()
        output, cell = self._beginning()
        for n in range(len(output)):
            named[f"start.{n}.output"] = output[n, 0].cpu().numpy().copy()
            named[f"start.{n}.cell"] = cell[n, 0].cpu().numpy().copy()
        return named

    @torch.inference_mode()
    def _beginning(self) -> TorchState:
        """The state after the melody `before`, in full precision: outputs and cells, each (layers, 1, H)."""
        self._model.eval()
        _, state = self._model(torch.from_numpy(self._before)[None].to(self.device), None)
        return state

    def _precision(self):
        return torch.autocast(self.device.type, torch.bfloat16) if self._bf16 else nullcontext()


def choose_device(name: str) -> torch.device:
    """ "auto": CUDA or Apple's MPS where PyTorch finds one, else the CPU. Raises ValueError for one not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used here ({reason}); try --device cpu") from None
    return device


def _batches(melodies: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Melodies of like length together, so that padding costs little."""
    batches: list[list[np.ndarray]] = []
    for melody in sorted(melodies, key=len):
        if not batches or (len(batches[-1]) + 1) * len(melody) > TOKENS_PER_CHECK_BATCH:
            batches.append([])
        batches[-1].append(melody)
    return batches
