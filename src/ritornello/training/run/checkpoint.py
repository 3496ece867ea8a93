"""Everything that a run needs to go on, in one file: `last.safetensors`.

Arrays are its tensors, "engine/NAME" and "streams/NAME"; all else is JSON in its header, with a checksum of both.
No pickled objects.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ritornello import atomic
from ritornello.model.file import digest
from ritornello.training.loop import Check, Progress
from ritornello.training.run.folder import LAST_NAME, LOG_NAME, MODEL_NAME

FORMAT = 1

State = Mapping[str, Any]


class CheckpointError(ValueError):
    """A run that cannot be gone on with; the message names its folder, says why and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A run at one moment between two updates.

    story: what the run is (plan, network, encoding, corpus, ...), plain values. log: its lines so far.
    engine, streams: their states.
    """

    story: dict[str, Any]
    progress: Progress
    log: list[dict[str, Any]]
    engine: State
    streams: State


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write `last.safetensors` in the run folder, whole or not at all. Raises OSError naming it."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    for part, state in (("engine", checkpoint.engine), ("streams", checkpoint.streams)):
        for name, value in state.items():
            is_array = isinstance(value, np.ndarray)
            (arrays if is_array else values)[f"{part}/{name}"] = np.array(value, order="C") if is_array else value
    header = {
        "format": FORMAT,
        "story": checkpoint.story,
        "progress": asdict(checkpoint.progress),
        "log": checkpoint.log,
        "values": values,
        "sha256": digest(arrays),
    }
    text = json.dumps(header, sort_keys=True)
    metadata = {"ritornello-run": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    atomic.write_bytes(folder / LAST_NAME, save(arrays, metadata))


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read it back. Raises CheckpointError where there is none, or it is damaged or of a newer program."""
    header, arrays = _read(folder / LAST_NAME, with_arrays=True)
    states: dict[str, dict[str, Any]] = {"engine": {}, "streams": {}}
    for name, value in (arrays | header["values"]).items():
        part, _, rest = name.partition("/")
        states[part][rest] = value
    return Checkpoint(header["story"], Progress(**header["progress"]), header["log"], **states)


def read_story(folder: Path) -> dict[str, Any]:
    """What the run in a folder is, without its weights. Raises CheckpointError as `load_checkpoint` does."""
    return _read(folder / LAST_NAME, with_arrays=False)[0]["story"]


def lasting(name: str | Path) -> str:
    """What is found again from any other working directory too: the absolute path of what exists, else the name."""
    return str(Path(name).absolute()) if Path(name).exists() else str(name)


def write_log(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Write `log.jsonl`, whole or not at all. Raises OSError naming it."""
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    atomic.write_text(folder / LOG_NAME, text)


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of `log.jsonl`: the story, then a line for each check. Raises OSError or ValueError."""
    return [json.loads(line) for line in (folder / LOG_NAME).read_text("utf-8").splitlines()]


def read_checks(folder: Path) -> list[Check]:
    """The checks of a run so far. Raises OSError or ValueError."""
    names = {f.name for f in fields(Check)}
    return [Check(**line) for line in read_log(folder)[1:] if names <= line.keys()]


def _read(path: Path, with_arrays: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header, and the arrays or {}. Raises CheckpointError where there is no file, or it is damaged or newer."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(
            f"{path.parent}: no run to go on with (there is no {LAST_NAME}); give the folder of a run"
        )
    damaged = f"{path}: damaged, so that the run cannot go on; {path.parent / MODEL_NAME} may still hold its best"
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()} if with_arrays else {}  # noqa: SIM118
    except (SafetensorError, UnicodeDecodeError):
        raise CheckpointError(damaged) from None
    text = metadata.get("ritornello-run", "")
    if hashlib.sha256(text.encode()).hexdigest() != metadata.get("sha256"):
        raise CheckpointError(damaged)
    header = json.loads(text)
    if with_arrays and digest(arrays) != header["sha256"]:
        raise CheckpointError(damaged)
    if header["format"] > FORMAT:
        raise CheckpointError(f"{path}: made by a newer ritornello (format {header['format']}); update this one")
    return header, arrays
