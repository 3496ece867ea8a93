"""The folder of a run: the names of its files, and removing what an earlier or a killed run left there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ritornello import atomic

MODEL_NAME = "model.safetensors"
LAST_NAME = "last.safetensors"
LOG_NAME = "log.jsonl"
COACH_NAME = "coach.json"
REPORT_NAME = "report.html"
CURVES_NAMES = ("curves.svg", "curves.png")
SAMPLES = "samples"
SAMPLE_NAMES = "epoch-*.mid"
REPORTS = (COACH_NAME, REPORT_NAME, *CURVES_NAMES)
WRITTEN = (LAST_NAME, MODEL_NAME, LOG_NAME, *REPORTS)


def holds_run(folder: Path) -> bool:
    """Tell whether a run was begun in this folder."""
    return any((folder / name).exists() for name in (LAST_NAME, LOG_NAME, MODEL_NAME))


def lasting(name: str | Path) -> str:
    """Return the absolute path of what exists, else the name, to find it from any directory."""
    return str(Path(name).absolute()) if Path(name).exists() else str(name)


def write_log(folder: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write `log.jsonl`, whole or not at all. Raises OSError naming it."""
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    atomic.write_text(folder / LOG_NAME, text)


def drop_model(folder: Path) -> None:
    """Remove the model of an earlier run. Raises OSError naming it."""
    _drop(folder / MODEL_NAME)


def drop_reports(folder: Path) -> None:
    """Remove the reports and samples of an earlier run. Raises OSError naming what stays."""
    for path in (*(folder / name for name in REPORTS), *(folder / SAMPLES).glob(SAMPLE_NAMES)):
        _drop(path)
    with suppress(OSError):  # it holds something else, which stays
        (folder / SAMPLES).rmdir()


def sweep(folder: Path) -> None:
    """Remove what a killed program left half-written."""
    for pattern in (*(f".{name}.*" for name in WRITTEN), f"{SAMPLES}/.{SAMPLE_NAMES}.*"):
        for path in folder.glob(pattern):
            with suppress(OSError):
                path.unlink()


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise atomic.not_written(path, error) from None
