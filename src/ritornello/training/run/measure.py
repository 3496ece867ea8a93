"""What trains here, and what trains fastest now: PyTorch or NumPy, which number format, how many threads."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ritornello.encoding import Encoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Batch, batch_of
from ritornello.training.loop import Engine
from ritornello.training.numpy.blas import blas_threads, limit_blas
from ritornello.training.plan import Plan, Setting, TrainOptions, has_bf16, make_plan, usable_cores
from ritornello.training.run.ranks import ALONE, Ranks

MEASURING_SECONDS = 1.0  # for all settings together; loading PyTorch's optimisers takes about as long again
MOST_UPDATES_TIMED = 8
FEW = (1, 4, 16)  # threads that may beat a whole large machine: the products of a small network are small
PROBE_WIDTH, PROBES = 256, 20  # wide as a layer: threads are used, and each takes a fifth of a millisecond


def make_engine(
    network: NetworkOptions, encoding: Encoding, plan: Plan, before: np.ndarray | None = None, ranks: Ranks = ALONE
) -> Engine:
    """The trainer that the plan names. Raises ImportError, naming the extra, where PyTorch is missing."""
    if plan.engine == "numpy":
        if ranks.size > 1:
            raise ValueError("the numpy engine trains in one process alone; leave --engine out")
        from ritornello.training.numpy.engine import NumpyEngine

        return NumpyEngine(network, encoding, plan, before=before)
    require_torch()
    from ritornello.training.update import TorchEngine

    return TorchEngine(network, encoding, plan, before=before, ranks=ranks)


def choose_setting(
    network: NetworkOptions, encoding: Encoding, options: TrainOptions
) -> tuple[Setting, Sequence[Setting]]:
    """The setting to train with, and all that were timed to find it.

    Each is tried for a moment, under two seconds in all. For a number of updates the dtype goes by rule, bf16 where
    the processor has it, and nothing is timed where the threads are given too: then the run can be repeated.
    Raises ImportError or ValueError for a wish that this machine cannot fulfil.
    """
    possible = possible_settings(options)
    if options.updates is not None:
        possible = [setting for setting in possible if setting.dtype == possible[0].dtype]
        if len(possible) == 1:
            return possible[0], ()
    timed = measured(network, encoding, options, possible)
    return max(timed, key=lambda setting: setting.updates_per_second), timed


def possible_settings(options: TrainOptions) -> list[Setting]:
    """Settings worth trying here, those first that are safe to try on a busy machine: few threads, then bf16.

    bf16 is among them only where the hardware has it: elsewhere it is many times slower.
    """
    engine = choose_engine(options)
    device = "cpu" if engine == "numpy" else _device(options.device)
    if engine == "numpy" and (options.device not in ("auto", "cpu") or options.dtype == "bf16"):
        raise ValueError("the numpy engine trains on the cpu in fp32 alone; leave --device and --dtype out")
    dtypes = [options.dtype] if options.dtype != "auto" else ["bf16", "fp32"][not _has_bf16(device) :]
    if engine == "numpy":
        dtypes = ["fp32"]
    cores = usable_cores()
    threads = [options.threads] if options.threads else [*(few for few in FEW if few < cores), cores]
    if device != "cpu" or (engine == "numpy" and blas_threads() is None):  # their number is not ours to choose
        threads = threads[-1:]
    return [Setting(engine, device, dtype, count) for count in threads for dtype in dtypes]


def measured(
    network: NetworkOptions, encoding: Encoding, options: TrainOptions, possible: Sequence[Setting]
) -> list[Setting]:
    """The settings with their updates per second, each timed for its share of MEASURING_SECONDS.

    On a busy machine an update with many threads can take seconds: those are left out where threads do not help
    with a small product, and whatever is left when the time is up.
    """
    make_engine(network, encoding, make_plan(options, 1, possible[0]))  # the first loads its modules: no time of ours
    began = time.perf_counter()
    timed: list[Setting] = []
    for setting in possible:
        if timed and (time.perf_counter() - began > MEASURING_SECONDS or not _threads_help(setting)):
            continue
        plan = replace(make_plan(options, 1, setting), dropout=network.dropout)
        rate = _updates_per_second(network, encoding, plan, MEASURING_SECONDS / len(possible))
        timed.append(setting._replace(updates_per_second=rate))
    return timed


def choose_engine(options: TrainOptions) -> str:
    """torch or numpy: as asked for, else PyTorch where it is installed."""
    if options.engine != "auto":
        return options.engine
    return "torch" if _has_torch() else "numpy"


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


def _device(name: str) -> str:
    require_torch()
    from ritornello.training.update import choose_device

    return choose_device(name).type


def _has_bf16(device: str) -> bool:
    if device == "cuda":
        import torch

        return torch.cuda.is_bf16_supported()
    return device == "cpu" and has_bf16()


def _threads_help(setting: Setting) -> bool:
    """Whether this many threads multiply small matrices at least as fast as one: not where others hold the cores."""
    if setting.threads == 1 or setting.device != "cpu":
        return True
    one = _probe(setting.engine, 1)
    return _probe(setting.engine, setting.threads, one) <= one


def _probe(engine: str, threads: int, limit: float = math.inf) -> float:
    """Seconds that PROBES small products take; what takes longer than `limit` is left off."""
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
    """Fill a block with random tokens and features, for measuring how fast an engine is."""
    random = np.random.default_rng(0)
    sizes = [*alphabet.parts, *alphabet.beside]
    first = [alphabet.first(n) for n in range(len(alphabet.parts))] + [0] * len(alphabet.beside)
    columns = [low + random.integers(0, size, (streams, steps + 1)) for low, size in zip(first, sizes, strict=True)]
    return batch_of(np.stack(columns, 2), alphabet)


def _updates_per_second(network: NetworkOptions, encoding: Encoding, plan: Plan, seconds: float) -> float:
    """The median of a few updates on random tokens, after one or two to warm up."""
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
    warm = times[min(2, len(times) - 1) :]
    return 1 / float(np.median(warm))
