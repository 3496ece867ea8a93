"""Several processes that train one network together, on one machine or many: `torchrun` starts them.

Each process, a rank, reads its own share of the melodies in its own streams; the gradients of all are averaged, each
weighed by its targets, so that an update is that of one process with all the streams. Besides, the ranks do the
same: they hold the same weights and come to the same decisions, because whatever decides is told to all with the
gradients, in one exchange an update. The first rank alone writes and speaks.

Source: synchronous data-parallel training, Chen et al. 2016, "Revisiting distributed synchronous SGD".
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ritornello.training.plan import usable_cores

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

Value = TypeVar("Value")
OWN = ("carried.", "random")  # names in an engine's state that differ from rank to rank


class Ranks:
    """All the ranks, as one of them sees them. This class is for a process that trains alone.

    rank: which it is, from 0. size: how many there are. threads: for each, 0 where there is nothing to share.
    """

    rank = 0
    size = 1
    threads = 0

    @property
    def is_first(self) -> bool:
        """Whether this rank writes and speaks."""
        return self.rank == 0

    def first(self, work: Callable[[], Value]) -> Value:
        """What the first rank gets when it alone does the work, on all ranks; or the exception that it raises."""
        return work()

    def gather(self, value: Value) -> list[Value]:
        """Every rank's value, on all ranks."""
        return [value]

    def mean(self, value: float, weight: float) -> float:
        """The mean of all ranks' values by their weights."""
        return value

    def average(self, parameters: Sequence[Parameter], nll: Tensor, targets: int) -> float:
        """Average the gradients of all ranks, weighed by their targets, in place. Returns the nll of all."""
        return float(nll)

    def clock(self, seconds: float) -> float:
        """The first rank's clock, as all heard it last. seconds: since the run began, by this one's."""
        return seconds

    def agree(self, wish: str, is_wished: bool) -> bool:
        """Whether all do something now that some rank has wished for: "save" or "stop"."""
        return is_wished

    def seed(self, seed: int) -> int:
        """A random seed of this rank's own; the first keeps the run's."""
        return seed if self.is_first else int(np.random.SeedSequence([seed, self.rank]).generate_state(1)[0])

    def share_of(self, melodies: Sequence[Value], seed: int) -> list[Value]:
        """This rank's melodies: every size-th in an order of chance. Raises ValueError where some rank has none."""
        if self.size == 1:
            return list(melodies)
        if len(melodies) < self.size:
            raise ValueError(f"{len(melodies)} melodies are too few for {self.size} processes: start fewer")
        order = np.random.default_rng(seed).permutation(len(melodies))
        return [melodies[index] for index in order[self.rank :: self.size]]

    def join(self, state: Mapping[str, Any], own: Sequence[str] = ("",)) -> dict[str, Any]:
        """The first rank's state, and what is each other's own as "rank.N.NAME". own: beginnings of such names."""
        mine = {name: value for name, value in state.items() if name.startswith(tuple(own))}
        others = enumerate(self.gather(mine))
        return {**state, **{f"rank.{n}.{name}": v for n, theirs in others if n for name, v in theirs.items()}}

    def part(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """This rank's state out of a joined one."""
        common = {name: value for name, value in state.items() if not name.startswith("rank.")}
        mark = f"rank.{self.rank}."
        return common | {name.removeprefix(mark): v for name, v in state.items() if name.startswith(mark)}

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """While it lasts, Ctrl-C and the launcher's SIGTERM are wishes to stop: see `agree`."""
        yield

    def leave(self) -> None:
        """End the group."""


ALONE = Ranks()


class TorchRanks(Ranks):
    """One of several ranks, joined by `torch.distributed`: gloo on the CPU, nccl where CUDA is.

    Every method but `clock`, `agree`, `seed`, `share_of` and `part` is to be called by all ranks, in the same order.
    They raise ConnectionError when another rank is gone.
    """

    def __init__(self) -> None:
        import torch
        from torch import distributed

        self._on_gpu = torch.cuda.is_available()
        if self._on_gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        distributed.init_process_group("nccl" if self._on_gpu else "gloo")
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.threads = max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
        self._seconds = 0.0  # by this rank's clock, to be told with the next update
        self._agreed: float | None = None  # by the first's
        self._wishes = {"save": False, "stop": False}
        self._heard = {"save": False, "stop": False}

    def first(self, work: Callable[[], Value]) -> Value:
        from torch import distributed

        told: list[Any] = [None, None]
        if self.is_first:
            try:
                told[0] = work()
            except Exception as error:
                told[1] = error
        with self._together():
            distributed.broadcast_object_list(told)
        if told[1] is not None:
            raise told[1]
        return told[0]

    def gather(self, value: Value) -> list[Value]:
        from torch import distributed

        values: list[Any] = [None] * self.size
        with self._together():
            distributed.all_gather_object(values, value)
        return values

    def mean(self, value: float, weight: float) -> float:
        pairs = self.gather((value, weight))
        return sum(v * w for v, w in pairs if w) / max(sum(w for _, w in pairs), 1e-9)

    def average(self, parameters: Sequence[Parameter], nll: Tensor, targets: int) -> float:
        import torch
        from torch import distributed

        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        seconds = self._seconds if self.is_first else 0.0
        beside = torch.tensor([targets, seconds, *self._wishes.values()], dtype=torch.float32, device=nll.device)
        flat = torch.cat([nll.reshape(1) * targets, beside, *(s.flatten() * targets for s in gradients)])
        sent = flat if self._on_gpu else flat.cpu()
        with self._together():
            distributed.all_reduce(sent)
        nats, count, seconds, save, stop = sent[:5].tolist()
        self._agreed, self._heard = seconds, {"save": save > 0, "stop": stop > 0}
        mean = (sent[5:] / max(1.0, count)).to(nll.device)
        for parameter, part in zip(parameters, mean.split([s.numel() for s in gradients]), strict=True):
            parameter.grad = part.view_as(parameter)
        return nats / max(1.0, count)

    def clock(self, seconds: float) -> float:
        self._seconds = seconds
        if self._agreed is None:
            self._agreed = seconds
        return self._agreed

    def agree(self, wish: str, is_wished: bool) -> bool:
        is_agreed = self._heard[wish]
        self._wishes[wish] |= is_wished
        self._wishes[wish] &= not is_agreed
        self._heard[wish] = False
        return is_agreed

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, lambda *_: self._wishes.update(stop=True)) for number in numbers]
        is_lost = False
        try:
            yield
        except ConnectionError:  # the launcher sends SIGTERM to those who are left; they have a line to say yet
            is_lost = True
            raise
        finally:
            for number, handler in zip(numbers, before, strict=True):
                if not is_lost:
                    signal.signal(number, handler)

    def leave(self) -> None:
        from torch import distributed

        distributed.destroy_process_group()

    @contextmanager
    def _together(self) -> Iterator[None]:
        """An exchange with the others."""
        try:
            yield
        except RuntimeError as error:
            raise ConnectionError(
                f"another process of this run is gone (this is rank {self.rank} of {self.size}); what was saved "
                f"last is there: start {self.size} processes again with --resume"
            ) from error


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """While it lasts, the ranks that `torchrun` has started, this process among them; ALONE where it has not.

    Raises ImportError where PyTorch is missing.
    """
    ranks = TorchRanks() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else ALONE
    try:
        yield ranks
    finally:
        ranks.leave()


def is_restarted() -> bool:
    """Whether `torchrun --max-restarts` has started the processes again after one of them died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def job() -> str:
    """What the processes of one call of `torchrun` have in common, also after a restart; "" without it.

    It is the --rdzv-id; where none was given the launcher, of which the first rank's process is a child.
    """
    given = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return f"launched by {os.getppid()}" if given == "none" else given
