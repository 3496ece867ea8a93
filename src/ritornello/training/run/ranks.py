"""Several processes that train one network together, on one machine or many: `torchrun` starts them.

Each process, a rank, reads its own share of the melodies in its own streams; the gradients of all are averaged, each
weighted by its targets, so that an update is that of one process with all the streams. Otherwise the ranks do the
same: they hold the same weights and come to the same decisions, because all values that decide are exchanged with the
gradients, once an update. The loop knows nothing of this: engine (`torch_engine.py`), streams and clock do it. The
first rank alone writes and prints.

Source: synchronous data-parallel training, Chen et al. 2016, "Revisiting distributed synchronous SGD".
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ritornello.training.data import Streams
from ritornello.training.plan import usable_cores
from ritornello.wording import option

if TYPE_CHECKING:
    from torch.nn import Parameter

Value = TypeVar("Value")


class Ranks:
    """The ranks as one of them sees them. This class is for a process that trains alone.

    rank: its number, from 0. size: how many there are. threads: for each, 0 where there is nothing to share.
    """

    rank = 0
    size = 1
    threads = 0
    is_first = True  # which writes and prints

    def first(self, work: Callable[[], Value]) -> Value:
        """Run the work on rank 0 alone; return its result or raise its exception on all ranks."""
        return work()

    def gather(self, value: Value) -> list[Value]:
        """Collect the values of all ranks, on all ranks."""
        return [value]

    def mean(self, value: float, weight: float) -> float:
        """Average the values of all ranks by their weights."""
        return value

    def average(self, parameters: Sequence[Parameter], nll: float, targets: int) -> float:
        """Average the gradients of all ranks, weighted by targets, in place; return the mean nll."""
        return nll

    def clock(self) -> float:
        """Read rank 0's clock, in seconds, as of the last all-reduce."""
        return time.perf_counter()

    def agree(self, is_due: bool) -> tuple[bool, bool]:
        """Ask for a checkpoint where it is due; tell whether all ranks agreed to save, and to stop."""
        return is_due, False

    def seed(self, seed: int) -> int:
        """Derive a random seed of this rank's own; the first keeps the run's."""
        return seed if self.rank == 0 else int(np.random.SeedSequence([seed, self.rank]).generate_state(1)[0])

    def share_of(self, melodies: Sequence[Value], seed: int) -> list[Value]:
        """Choose this rank's melodies: every size-th in a random order.

        Raises ValueError where a rank would have none.
        """
        if self.size == 1:
            return list(melodies)
        if len(melodies) < self.size:
            raise ValueError(f"{len(melodies)} melodies are too few for {self.size} processes: start fewer")
        order = np.random.default_rng(seed).permutation(len(melodies))
        return [melodies[index] for index in order[self.rank :: self.size]]

    def join(self, state: Mapping[str, Any], own: Sequence[str] = ("",)) -> dict[str, Any]:
        """Add to the first rank's state what differs on rank N, as "rank.N.NAME".

        own: prefixes of names that differ.
        """
        mine = {name: value for name, value in state.items() if name.startswith(tuple(own))}
        others = enumerate(self.gather(mine))
        return {**state, **{f"rank.{n}.{name}": v for n, theirs in others if n for name, v in theirs.items()}}

    def part(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Take this rank's state out of a joined one."""
        common = {name: value for name, value in state.items() if not name.startswith("rank.")}
        mark = f"rank.{self.rank}."
        return common | {name.removeprefix(mark): v for name, v in state.items() if name.startswith(mark)}

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Turn Ctrl-C and the launcher's SIGTERM into requests to stop (see `agree`) while it lasts."""
        yield

    def leave(self) -> None:
        """End the group."""


ALONE = Ranks()


class TorchRanks(Ranks):
    """One of several ranks, joined by `torch.distributed`: gloo on the CPU, nccl where CUDA is.

    Every method but `clock`, `agree`, `seed`, `share_of` and `part` must be called by all ranks, in the same order.
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
        self.is_first = self.rank == 0
        self.threads = max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
        self._began = time.perf_counter()
        self._seconds = 0.0  # rank 0's, since it began
        self._requests = {"save": False, "stop": False}  # raised on this rank
        self._agreed = {"save": False, "stop": False}  # by all

    def first(self, work: Callable[[], Value]) -> Value:
        from torch import distributed

        result: list[Any] = [None, None]  # value, exception
        if self.is_first:
            try:
                result[0] = work()
            except Exception as error:
                result[1] = error
        with self._together():
            distributed.broadcast_object_list(result)
        if result[1] is not None:
            raise result[1]
        return result[0]

    def gather(self, value: Value) -> list[Value]:
        from torch import distributed

        values: list[Any] = [None] * self.size
        with self._together():
            distributed.all_gather_object(values, value)
        return values

    def mean(self, value: float, weight: float) -> float:
        pairs = self.gather((value, weight))
        return sum(v * w for v, w in pairs if w) / max(sum(w for _, w in pairs), 1e-9)

    def average(self, parameters: Sequence[Parameter], nll: float, targets: int) -> float:
        import torch
        from torch import distributed

        device = parameters[0].device
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        seconds = time.perf_counter() - self._began if self.is_first else 0.0
        scalars = torch.tensor([nll * targets, targets, seconds, *self._requests.values()], device=device)
        flat = torch.cat([scalars, *(g.flatten() * targets for g in gradients)])
        summed = flat if self._on_gpu else flat.cpu()
        with self._together():
            distributed.all_reduce(summed)
        nats, count, self._seconds, save, stop = summed[:5].tolist()
        self._agreed = {"save": save > 0, "stop": stop > 0}
        mean = (summed[5:] / max(1.0, count)).to(device)
        for parameter, part in zip(parameters, mean.split([g.numel() for g in gradients]), strict=True):
            parameter.grad = part.view_as(parameter)
        return nats / max(1.0, count)

    def clock(self) -> float:
        return self._seconds

    def agree(self, is_due: bool) -> tuple[bool, bool]:
        save, stop = self._agreed["save"], self._agreed["stop"]
        self._agreed = {"save": False, "stop": False}
        self._requests["save"] = (self._requests["save"] or is_due) and not save
        if stop:
            self._requests["stop"] = False
        return save, stop

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, lambda *_: self._requests.update(stop=True)) for number in numbers]
        is_lost = False
        try:
            yield
        except ConnectionError:  # the launcher sends SIGTERM to the others, which still have a line to print
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
        """Name a failed exchange with the other ranks."""
        try:
            yield
        except RuntimeError as error:
            raise ConnectionError(
                f"another process of this run is gone (this is rank {self.rank} of {self.size}); what was saved "
                f"last is there: start {self.size} processes again with {option('resume', True)}"
            ) from error


class SharedStreams(Streams):
    """The streams of one rank of several. epochs, state: of all ranks."""

    ranks: Ranks = ALONE

    @property
    def epochs(self) -> float:
        """How often each melody was taken, on average over all ranks."""
        return self.ranks.mean(super().epochs, 1)

    def state(self) -> dict[str, Any]:
        """Join the states of all ranks."""
        return self.ranks.join(super().state())

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from this rank's part of a joined state."""
        super().restore(self.ranks.part(state))


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the ranks that `torchrun` has started; ALONE where it has not.

    Raises ImportError where PyTorch is missing.
    """
    ranks = TorchRanks() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else ALONE
    try:
        yield ranks
    finally:
        ranks.leave()
