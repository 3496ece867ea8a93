"""What every benchmark says of itself: where it ran, and its rows as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # force an old kernel or a small cache upon NumPy


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with --json; add what the question needs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="one JSON value instead of the table")
    return parser


def hardware() -> dict[str, str]:
    """Processor, cores, Python and the versions that count."""
    names = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    packages = {name: version(name) for name in ("numpy", "torch") if _installed(name)}
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        **packages,
    }


def tell(rows: list[dict], as_json: bool, **metadata) -> None:
    """Print rows (dicts with the same keys) and where they were measured."""
    if as_json:
        print(json.dumps({"hardware": hardware(), **metadata, "rows": rows}))
        return
    print(", ".join(f"{name} {value}" for name, value in {**hardware(), **metadata}.items()))
    print("\n| " + " | ".join(rows[0]) + " |\n|" + " --- |" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(_told(value) for value in row.values()) + " |")


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for a measured process, without what slows NumPy."""
    return {k: v for k, v in os.environ.items() if k not in SLOWING} | extra


def spread(values: list[float]) -> str:
    """ "median (min-max)"."""
    return f"{median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def inner_spread(values: list[float]) -> str:
    """Write the median of values, and in brackets the places of 5 and 95 % of them."""
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def write_between_marks(path: str | Path, text: str, marks: tuple[str, str]) -> None:
    """Put `text` between the two marks of a file. Raises ValueError unless each is there once."""
    from ritornello import atomic

    path = Path(path)
    old = path.read_text("utf-8")
    begin, end = marks
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        raise ValueError(f"{path}: put these two lines where the table is to stand:\n{begin}\n{end}")
    before, after = old[: old.index(begin)], old[old.index(end) :]
    atomic.rewrite(path, f"{before}{begin}\n\n{text}\n\n{after}".encode())


def _told(value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _installed(name: str) -> bool:
    try:
        version(name)
    except ImportError:
        return False
    return True
