"""The run folder: what its files are called, and what an earlier or a killed run left there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ritornello import atomic

MODEL_NAME = "model.safetensors"
LAST_NAME = "last.safetensors"
LOG_NAME = "log.jsonl"
COACH_NAME = "coach.json"
REPORT_NAME = "report.html"
CURVES_NAMES = ("curves.svg", "curves.png")
SAMPLES = "samples"
SAMPLE_NAMES = "epoch-*.mid"
BESIDE = (COACH_NAME, REPORT_NAME, *CURVES_NAMES)
WRITTEN = (LAST_NAME, MODEL_NAME, LOG_NAME, *BESIDE)


def holds_run(folder: Path) -> bool:
    """Whether a run was begun in this folder."""
    return any((folder / name).exists() for name in (LAST_NAME, LOG_NAME, MODEL_NAME))


def drop_model(folder: Path) -> None:
    """Take away the model of an earlier run. Raises OSError naming it."""
    _drop(folder / MODEL_NAME)


def clear_beside(folder: Path) -> None:
    """Take away what an earlier run left beside its model, its log and its place to go on from.

    Raises OSError naming what stays.
    """
    for path in (*(folder / name for name in BESIDE), *(folder / SAMPLES).glob(SAMPLE_NAMES)):
        _drop(path)
    with suppress(OSError):  # it holds something else, which stays
        (folder / SAMPLES).rmdir()


def sweep(folder: Path) -> None:
    """Take away what a killed program left half-written."""
    for pattern in (*(f".{name}.*" for name in WRITTEN), f"{SAMPLES}/.{SAMPLE_NAMES}.*"):
        for path in folder.glob(pattern):
            with suppress(OSError):
                path.unlink()


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise atomic.not_written(path, error) from None
