"""The engine that a run is trained with, PyTorch or NumPy alone, and its fastest setting on this machine now."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.blas import blas_threads, limit_blas
from ritornello.model.memory import Recalled
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Batch, batch_of
from ritornello.training.loop import Learner
from ritornello.training.memory import Memory
from ritornello.training.numpy.engine import NumpyEngine
from ritornello.training.plan import Plan, Setting, TrainOptions, make_plan, usable_cores
from ritornello.training.run.ranks import ALONE, Ranks
from ritornello.wording import option, options_named

if TYPE_CHECKING:
    import torch

RECALLED = 4  # tokens that a level of memory suggests, about
MEASURING_SECONDS = 1.0  # for all settings together; loading PyTorch's optimisers takes about as long again
MOST_UPDATES_TIMED = 8
FEW = (1, 4, 16)  # threads that may beat a whole large machine: the products of a small network are small
PROBE_WIDTH, PROBES = 256, 20  # wide as a layer: threads are used, and each takes a fifth of a millisecond
Timer = Callable[[Setting, float], float | None]  # setting, seconds to measure -> updates per second; None: no gain


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
    memory: Memory | None = None,
) -> Engine:
    """Make the engine that the plan names. Raises ImportError where PyTorch is missing."""
    if plan.engine == "numpy":
        if ranks.size > 1:
            raise ValueError(f"the numpy engine trains in one process alone; leave {option('engine')} out")
        return NumpyEngine(network, encoding, plan, before, memory)
    require_torch()
    from ritornello.training.run.torch_engine import RankEngine, SavedTorchEngine

    if ranks.size > 1:
        assert before is not None
        return RankEngine(network, encoding, plan, before, ranks, memory)
    return SavedTorchEngine(network, encoding, plan, before, memory)


def choose_engine(options: TrainOptions) -> str:
    """Choose torch or numpy: as asked for, else PyTorch where it is installed."""
    if options.engine in ("torch", "numpy"):
        return options.engine
    with suppress(ImportError):
        require_torch()
        return "torch"
    return "numpy"


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
    except (RuntimeError, AssertionError, NotImplementedError):
        there = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise ValueError(f"there is no device {name!r} on this machine: choose {' or '.join(there)}") from None
    return device


def require_torch() -> None:
    """Raise ImportError with the way to get PyTorch where it is missing."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise ImportError(
            "training needs PyTorch: pip install torch (on Linux without a GPU add "
            "--extra-index-url https://download.pytorch.org/whl/cpu to spare several gigabytes)"
        ) from None


def choose_setting(
    network: NetworkOptions, encoding: MelodyEncoding, options: TrainOptions, timer: Timer | None = None
) -> tuple[Setting, Sequence[Setting]]:
    """Choose the setting to train with; return it and all that were timed to find it.

    Each is tried for a moment, under two seconds in all. For a number of updates the dtype is fixed, bf16 where the
    processor has it, and nothing is timed where the threads are given too: then the run is reproducible.
    timer: None to time updates of the network.
    Raises ImportError or ValueError for options that this machine cannot fulfil.
    """
    possible = possible_settings(options)
    if options.updates is not None:
        possible = [setting for setting in possible if setting.dtype == possible[0].dtype]
        if len(possible) == 1:
            return possible[0], ()
    if timer is None:
        make_engine(network, encoding, make_plan(options, 1, possible[0]))  # loaded now, so that this is not timed
        timer = partial(updates_per_second, network, encoding, options)
    timed = measured(possible, timer)
    return max(timed, key=attrgetter("updates_per_second")), timed


def possible_settings(options: TrainOptions) -> list[Setting]:
    """List the settings worth trying on this machine: those with few threads first, then bf16.

    In this order, since many threads are slow on a busy machine. bf16 is among them only where the hardware has it:
    elsewhere it is many times slower.
    """
    engine, cores = choose_engine(options), usable_cores()
    if engine == "numpy":
        if options.device not in (None, "auto", "cpu") or options.dtype == "bf16":
            raise ValueError(
                f"the numpy engine trains on the cpu in fp32 alone; leave {options_named(('device', 'dtype'))} out"
            )
        device, dtypes = "cpu", ["fp32"]
    else:
        device = choose_device(options.device or "auto").type
        dtypes = ["bf16", "fp32"] if has_bf16(device) else ["fp32"]
        if options.dtype not in (None, "auto"):
            dtypes = [str(options.dtype)]
    threads = [options.threads] if options.threads else [*(few for few in FEW if few < cores), cores]
    if device != "cpu" or (engine == "numpy" and blas_threads() is None):  # their number is not ours to choose
        threads = threads[-1:]
    return [Setting(engine, device, dtype, count) for count in threads for dtype in dtypes]


def has_bf16(device: str = "cpu") -> bool:
    """Tell whether the device multiplies bfloat16 itself; a processor by AVX512-BF16 or AMX."""
    if device == "cuda":
        import torch

        return torch.cuda.is_bf16_supported()
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "ignore")
    except OSError:
        return False
    return device == "cpu" and ("avx512_bf16" in flags or "amx_bf16" in flags)


def measured(possible: Sequence[Setting], timer: Timer) -> list[Setting]:
    """Time the updates per second of each setting, for its share of MEASURING_SECONDS.

    On a busy machine an update with many threads can take seconds: settings whose threads are no gain are left out,
    and whatever is left when the time is up.
    """
    began = time.perf_counter()
    timed: list[Setting] = []
    for setting in possible:
        if timed and time.perf_counter() - began > MEASURING_SECONDS:
            break
        rate = timer(setting, MEASURING_SECONDS / len(possible))
        if rate is not None:
            timed.append(setting._replace(updates_per_second=rate))
    return timed


def updates_per_second(
    network: NetworkOptions, encoding: MelodyEncoding, options: TrainOptions, setting: Setting, seconds: float
) -> float | None:
    """Time a few updates on random tokens: their median, after one or two to warm up.

    None where the threads are no gain. seconds: the most that it may take, about.
    """
    if not threads_help(setting):
        return None
    plan = replace(make_plan(options, 1, setting), dropout=network.dropout)
    began = time.perf_counter()
    engine = make_engine(network, encoding, plan)
    batch = random_batch(Alphabet.of(encoding), plan.streams, plan.bptt_steps)
    times: list[float] = []
    for _ in range(MOST_UPDATES_TIMED):
        before = time.perf_counter()
        engine.update(batch, 1e-4)
        now = time.perf_counter()
        times.append(now - before)
        if now - began + times[-1] > seconds:
            break
    return 1 / float(np.median(times[min(2, len(times) - 1) :]))


def threads_help(setting: Setting, probe: Callable[[str, int, float], float] | None = None) -> bool:
    """Tell whether these threads multiply small matrices as fast as one thread does.

    They do not where other programs hold the cores. probe: see `time_products`.
    """
    if setting.threads == 1 or setting.device != "cpu":
        return True
    probe = probe or time_products
    one = probe(setting.engine, 1, math.inf)
    return probe(setting.engine, setting.threads, one) <= one


def time_products(engine: str, threads: int, limit: float) -> float:
    """Time PROBES small products, in seconds; stop where it takes longer than `limit`."""
    matrix: Any = np.ones((PROBE_WIDTH, PROBE_WIDTH), np.float32)
    if engine == "torch":
        import torch

        torch.set_num_threads(threads)
        matrix = torch.from_numpy(matrix)
    else:
        limit_blas(threads)
    _ = matrix @ matrix
    began = time.perf_counter()
    took = 0.0
    for _ in range(PROBES):
        _ = matrix @ matrix
        took = time.perf_counter() - began
        if took > limit:
            break
    return took


def random_batch(alphabet: Alphabet, streams: int, steps: int) -> Batch:
    """Fill a block with random numbers, for measuring how fast an engine is."""
    random = np.random.default_rng(0)
    sizes = [*alphabet.parts, *alphabet.features]
    first = [*alphabet.firsts[:-1], *[0] * len(alphabet.features)]
    columns = [low + random.integers(0, size, (streams, steps + 1)) for low, size in zip(first, sizes, strict=True)]
    batch, groups = batch_of(np.stack(columns, 2), alphabet), streams * steps
    return batch._replace(
        memory=tuple(
            Recalled(
                np.repeat(np.arange(groups), RECALLED * levels),
                random.integers(0, ids, groups * RECALLED * levels),
                random.integers(0, levels, groups * RECALLED * levels),
                np.ones(groups * RECALLED * levels, np.float32),
                np.ones((groups, levels, 2), np.uint8),
            )
            for ids, levels in zip(alphabet.parts, alphabet.levels, strict=False)
        )
    )
