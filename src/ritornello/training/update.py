"""The one object that differs between trainers: a network that can be updated, checked and read out.

This one is PyTorch's LSTM, on the CPU through oneDNN. The loop knows nothing of PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ritornello.encoding import Encoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.training.data import IGNORED, Batch, batch_of, melody_rows, whole_melodies
from ritornello.training.network import TorchLstm, TorchState
from ritornello.training.plan import Plan
from ritornello.training.run.ranks import ALONE, Ranks

STEPS_PER_CHECK_BATCH = 16_384
STEPS_PER_CHECK = 256  # of every melody at a time, so that memory does not grow with their length
MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's memory of each parameter, by PyTorch's names


class TorchEngine:
    """A network in training. Raises ValueError for a device that this machine does not have.

    before: tokens of a melody. In training every melody but the first follows another, so the state that the
    network learns to begin from is never the empty one; a tune is therefore checked, and later played, from the
    state that this melody leaves.
    ranks: processes that train the same network with other streams; all begin with the same weights.
    """

    def __init__(
        self,
        network: NetworkOptions,
        encoding: Encoding,
        plan: Plan,
        before: np.ndarray | None = None,
        ranks: Ranks = ALONE,
    ):
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)
        self.device = choose_device(plan.device)
        self._encoding, self._alphabet = encoding, Alphabet.of(encoding)
        self._model = TorchLstm(network, self._alphabet).to(self.device)
        self._optimiser = torch.optim.AdamW(
            self._model.parameters(), plan.peak_rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay, fused=True
        )
        self._bf16 = plan.dtype == "bf16"
        self._before = np.zeros(0, np.int64) if before is None else before
        self._state: TorchState | None = None
        self._ranks = ranks
        if not ranks.is_first:
            torch.manual_seed(ranks.seed(plan.seed))  # the same weights, another dropout

    def update(self, batch: Batch, rate: float) -> float:
        """One step of AdamW on a chunk; the state goes on from the chunk before.

        Returns the mean nll in nats per target. Source: truncated back-propagation through time, Williams &
        Peng 1990; gradient norm clipped at 1, Pascanu et al. 2013.
        """
        self._model.train()
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        total, count, state = self._cost(batch, self._state)
        loss = total / max(1, count)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nll = self._ranks.average(list(self._model.parameters()), loss.detach(), count)
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimiser.step()
        self._state = state.detached()
        return nll

    @torch.inference_mode()
    def nll(self, melodies: Sequence[np.ndarray]) -> float:
        """Mean nats per token over whole melodies, each from its beginning, dropout off."""
        self._model.eval()
        total, count = 0.0, 0
        begin = self._beginning()
        for batch in whole_melodies(self._encoding, melodies, STEPS_PER_CHECK_BATCH):
            tunes = len(batch.inputs)
            state = TorchState(begin.output.repeat(1, tunes, 1), begin.cell.repeat(1, tunes, 1))
            for at in range(0, batch.inputs.shape[1], STEPS_PER_CHECK):
                part = Batch(*(values[:, at : at + STEPS_PER_CHECK] for values in batch))
                nats, targets, state = self._cost(part, state)
                total, count = total + float(nats), count + targets
        return total / max(1, count)

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights as the model file keeps them, and the state to begin from."""
        named = self._model.tensors()
        begin = self._beginning()
        for n in range(len(begin.output)):
            named[f"start.{n}.output"] = _array(begin.output[n, 0])
            named[f"start.{n}.cell"] = _array(begin.cell[n, 0])
        return named

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take a model file's weights; what the optimiser knew and what was carried is forgotten.

        Raises ValueError where they are another network's.
        """
        self._model.load_tensors(tensors)
        self._optimiser.state.clear()
        self._state = None

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to go on to the bit: weights, AdamW's moments, the carried state, the chance."""
        named = {f"weight.{name}": _array(value) for name, value in self._model.named_parameters()}
        for name, value in self._model.named_parameters():
            for key, moment in self._optimiser.state.get(value, {}).items():
                named[f"{key}.{name}"] = _array(moment)
        if self._state is not None:
            named |= {f"carried.{n}": _array(v) for n, v in self._state._asdict().items() if v is not None}
        named["random"] = torch.get_rng_state().numpy().copy()
        if self.device.type == "cuda":
            named["random.cuda"] = torch.cuda.get_rng_state(self.device).numpy().copy()
        return named

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a `state` of the same network and plan. Raises ValueError where it is another network's."""
        parameters = dict(self._model.named_parameters())
        stored = {name.removeprefix("weight.") for name in state if name.startswith("weight.")}
        if stored != set(parameters) or any(
            state[f"weight.{name}"].shape != value.shape for name, value in parameters.items()
        ):
            raise ValueError("the saved state is another network's: resume with the same preset and encoding")
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(torch.from_numpy(state[f"weight.{name}"]))
                self._optimiser.state[value] = self._moments(name, state)
        carried = {n: self._tensor(state[f"carried.{n}"]) for n in TorchState._fields if f"carried.{n}" in state}
        self._state = TorchState(**carried) if carried else None
        torch.set_rng_state(torch.from_numpy(state["random"].copy()))
        if self.device.type == "cuda" and "random.cuda" in state:
            torch.cuda.set_rng_state(torch.from_numpy(state["random.cuda"].copy()), self.device)

    def _moments(self, name: str, state: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        """AdamW's memory of one parameter; empty before the first update."""
        return {key: self._tensor(state[f"{key}.{name}"]) for key in ("step", *MOMENTS) if f"{key}.{name}" in state}

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array)).to(self.device)

    def _cost(self, batch: Batch, state: TorchState | None) -> tuple[Tensor, int, TorchState]:
        """Nats of all targets of a batch, how many these are, and the state after it."""
        inputs, targets, side = (torch.from_numpy(part).to(self.device) for part in batch)
        total = torch.zeros((), device=self.device)
        with self._precision():
            logits, state = self._model(inputs, targets, side, state)
            for part, scores in enumerate(logits):
                wanted = targets[:, :, part].flatten()
                local = torch.where(wanted == IGNORED, IGNORED, wanted - self._alphabet.first(part))
                total = total + functional.cross_entropy(
                    scores.flatten(0, 1).float(), local, ignore_index=IGNORED, reduction="sum"
                )
        return total, int((batch.targets != IGNORED).sum()), state

    @torch.inference_mode()
    def _beginning(self) -> TorchState:
        """Output and cell after the melody `before`, in full precision: each (layers, 1, H)."""
        self._model.eval()
        [rows] = melody_rows(self._encoding, [self._before])
        rows = np.concatenate([rows, rows[:1]])  # the block's last row is a target alone
        inputs, targets, side = (torch.from_numpy(part) for part in batch_of(rows[None], self._alphabet))
        _, state = self._model(inputs.to(self.device), targets.to(self.device), side.to(self.device), None)
        return TorchState(state.output, state.cell)

    def _precision(self):
        return torch.autocast(self.device.type, torch.bfloat16) if self._bf16 else nullcontext()


def _array(value: Tensor) -> np.ndarray:
    """A copy; bfloat16, which NumPy has not, as float32, which holds it exactly."""
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy().copy()


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
