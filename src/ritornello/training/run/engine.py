"""The engines that a run can be trained with: PyTorch, or NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.model.options import NetworkOptions
from ritornello.training.loop import Learner
from ritornello.training.plan import Plan, TrainOptions
from ritornello.training.run.ranks import ALONE, Ranks

if TYPE_CHECKING:
    import torch


class Engine(Learner, Protocol):
    """A network in training that can be saved: `SavedTorchEngine` or `NumpyEngine`."""

    steps_per_check_batch: int  # recurrent steps of a validation that are computed together

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights as the model file keeps them."""

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take such weights; forget the optimiser's moments and the carried state."""

    def state(self) -> dict[str, Any]:
        """Return arrays and plain values by name: all that is needed to resume to the bit."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from such a state."""


def make_engine(
    network: NetworkOptions,
    encoding: MelodyEncoding,
    plan: Plan,
    before: np.ndarray | None = None,
    ranks: Ranks = ALONE,
) -> Engine:
    """Make the engine that the plan names. Raises ImportError where PyTorch is missing."""
    if plan.engine == "numpy":
        if ranks.size > 1:
            raise ValueError("the numpy engine trains in one process alone; leave --engine out")
        from ritornello.training.numpy.engine import NumpyEngine

        return NumpyEngine(network, encoding, plan, before=before)
    require_torch()
    from ritornello.training.run.torch_engine import RankEngine, SavedTorchEngine

    if ranks.size > 1:
        assert before is not None
        return RankEngine(network, encoding, plan, before, ranks)
    return SavedTorchEngine(network, encoding, plan, before)


def choose_engine(options: TrainOptions) -> str:
    """Choose torch or numpy: as asked for, else PyTorch where it is installed."""
    if options.engine in ("torch", "numpy"):
        return options.engine
    return "torch" if _has_torch() else "numpy"


def choose_device(name: str) -> torch.device:
    """Find a device of this machine. Raises ValueError where it is not there.

    name: "auto" is CUDA or Apple's MPS where there is one, else the CPU.
    """
    require_torch()
    import torch

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


def require_torch() -> None:
    """Raise ImportError with the way to get PyTorch where it is missing."""
    if not _has_torch():
        raise ImportError(
            'training needs PyTorch: pip install "ritornello[train]" (on Linux without a GPU add '
            "--extra-index-url https://download.pytorch.org/whl/cpu to spare several gigabytes)"
        )


def _has_torch() -> bool:
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True
