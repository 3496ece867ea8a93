"""The threads of NumPy's OpenBLAS, set while the process runs."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import numpy as np


def limit_blas(threads: int) -> bool:
    """Set the threads of NumPy's OpenBLAS in the whole process, like `torch.set_num_threads`.

    Returns False, and changes nothing, where NumPy came with another BLAS (Apple's, MKL) or does not show OpenBLAS's
    functions (Windows); the environment alone decides there.
    """
    setter = _function("set_num_threads")
    if setter is not None:
        setter(threads)
    return setter is not None


def blas_threads() -> int | None:
    """Count the threads that NumPy's OpenBLAS uses; None where it cannot be asked."""
    getter = _function("get_num_threads")
    return None if getter is None else int(getter())


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: few rows leave no work for more.

    Where the environment names a number, that stays.
    """
    before = blas_threads() if "OPENBLAS_NUM_THREADS" not in os.environ else None
    if before is not None:
        limit_blas(1)
    try:
        yield
    finally:
        if before is not None:
            limit_blas(before)


def _function(name: str):
    """Find a function of the OpenBLAS in NumPy's wheel, through the module linked to it."""
    core = "numpy._core" if np.__version__ >= "2" else "numpy.core"
    try:
        library = ctypes.CDLL(import_module(f"{core}._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    names = [f"{prefix}_{name}{suffix}" for prefix in ("scipy_openblas", "openblas") for suffix in ("64_", "")]
    return next((found for full in names if (found := getattr(library, full, None)) is not None), None)
