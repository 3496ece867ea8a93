"""Measure which setting trains fastest on this machine now: number format and threads of the engine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.options import NetworkOptions
from ritornello.training.data import Batch, batch_of
from ritornello.training.numpy.blas import blas_threads, limit_blas
from ritornello.training.plan import Plan, Setting, TrainOptions, make_plan
from ritornello.training.run.engine import choose_device, choose_engine, make_engine
from ritornello.training.run.ranks import usable_cores

MEASURING_SECONDS = 1.0  # for all settings together; loading PyTorch's optimisers takes about as long again
MOST_UPDATES_TIMED = 8
FEW = (1, 4, 16)  # threads that may beat a whole large machine: the products of a small network are small
PROBE_WIDTH, PROBES = 256, 20  # wide as a layer: threads are used, and each takes a fifth of a millisecond


class Machine(NamedTuple):
    """What decides which settings are worth trying. blas_threads: of NumPy; None where they cannot be set."""

    cores: int
    has_bf16: bool
    blas_threads: int | None


Timer = Callable[[Setting, float], float | None]  # setting, seconds to measure -> updates per second; None: no gain


def choose_setting(
    network: NetworkOptions,
    encoding: MelodyEncoding,
    options: TrainOptions,
    machine: Machine | None = None,
    timer: Timer | None = None,
) -> tuple[Setting, Sequence[Setting]]:
    """Choose the setting to train with; return it and all that were timed to find it.

    Each is tried for a moment, under two seconds in all. For a number of updates the dtype is fixed, bf16 where the
    processor has it, and nothing is timed where the threads are given too: then the run is reproducible.
    machine, timer: None for this machine, and to time updates of the network on it.
    Raises ImportError or ValueError for options that this machine cannot fulfil.
    """
    possible = possible_settings(options, machine)
    if options.updates is not None:
        possible = [setting for setting in possible if setting.dtype == possible[0].dtype]
        if len(possible) == 1:
            return possible[0], ()
    timed = measured(possible, timer or update_timer(network, encoding, options, possible[0]))
    return max(timed, key=lambda setting: setting.updates_per_second), timed


def possible_settings(options: TrainOptions, machine: Machine | None = None) -> list[Setting]:
    """List the settings worth trying: those with few threads first, then bf16.

    In this order, since many threads are slow on a busy machine. bf16 is among them only where the hardware has it:
    elsewhere it is many times slower.
    """
    engine = choose_engine(options)
    device = "cpu" if engine == "numpy" else choose_device(options.device or "auto").type
    if engine == "numpy" and (options.device not in (None, "auto", "cpu") or options.dtype == "bf16"):
        raise ValueError("the numpy engine trains on the cpu in fp32 alone; leave --device and --dtype out")
    machine = machine or this_machine(engine, device)
    is_given = options.dtype not in (None, "auto")
    dtypes = [str(options.dtype)] if is_given else ["bf16", "fp32"][not machine.has_bf16 :]
    if engine == "numpy":
        dtypes = ["fp32"]
    cores = machine.cores
    threads = [options.threads] if options.threads else [*(few for few in FEW if few < cores), cores]
    if device != "cpu" or (engine == "numpy" and machine.blas_threads is None):  # their number is not ours to choose
        threads = threads[-1:]
    return [Setting(engine, device, dtype, count) for count in threads for dtype in dtypes]


def this_machine(engine: str, device: str) -> Machine:
    """Ask this machine for its cores, for bfloat16 on the device, and for NumPy's threads."""
    if engine == "numpy":
        return Machine(usable_cores(), False, blas_threads())
    if device == "cuda":
        import torch

        return Machine(usable_cores(), torch.cuda.is_bf16_supported(), None)
    return Machine(usable_cores(), device == "cpu" and has_bf16(), None)


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


def update_timer(network: NetworkOptions, encoding: MelodyEncoding, options: TrainOptions, first: Setting) -> Timer:
    """Make a timer of updates on random tokens.

    first: a setting whose engine is loaded now, so that loading is not timed.
    """
    make_engine(network, encoding, make_plan(options, 1, first))

    def timer(setting: Setting, seconds: float) -> float | None:
        if not threads_help(setting):
            return None
        plan = replace(make_plan(options, 1, setting), dropout=network.dropout)
        return _updates_per_second(network, encoding, plan, seconds)

    return timer


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


def has_bf16() -> bool:
    """Tell whether this processor multiplies bfloat16 itself (AVX512-BF16 or AMX)."""
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "ignore")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def random_batch(alphabet: Alphabet, streams: int, steps: int) -> Batch:
    """Fill a block with random tokens and features, for measuring how fast an engine is."""
    random = np.random.default_rng(0)
    sizes = [*alphabet.parts, *alphabet.feature_sizes]
    first = [alphabet.first(n) for n in range(len(alphabet.parts))] + [0] * len(alphabet.feature_sizes)
    columns = [low + random.integers(0, size, (streams, steps + 1)) for low, size in zip(first, sizes, strict=True)]
    return batch_of(np.stack(columns, 2), alphabet)


def _updates_per_second(network: NetworkOptions, encoding: MelodyEncoding, plan: Plan, seconds: float) -> float:
    """Take the median of a few updates on random tokens, after one or two to warm up."""
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
