"""The folder of a run: its files, its checkpoint and metadata, and the job of `torchrun` that it belongs to.

`last.safetensors` is the checkpoint, from which a run is resumed. Arrays are its tensors, "engine/NAME" and
"streams/NAME"; all else is JSON in its header, with a checksum of both. No pickled objects.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ritornello import atomic
from ritornello.model.file import digest
from ritornello.model.options import NetworkOptions
from ritornello.training.plan import Plan
from ritornello.training.progress import Progress

MODEL_NAME = "model.safetensors"
LAST_NAME = "last.safetensors"
LOG_NAME = "log.jsonl"
COACH_NAME = "coach.json"
REPORT_NAME = "report.html"
CURVES_NAMES = ("curves.svg", "curves.png")
SAMPLES = "samples"
SAMPLE_NAMES = "epoch-*.mid"
REPORTS = (COACH_NAME, REPORT_NAME, *CURVES_NAMES)
STATE = (LAST_NAME, MODEL_NAME, LOG_NAME)
WRITTEN = (*STATE, *REPORTS)

TRAIN, DEMO = "train", "demo"  # makers of a run
REPORT = "train report"  # maker of what is written anew as a run goes on

FORMAT = 1
OPTIONAL = ("parent", "base", "job", "demo")  # left out where the run has none
PRIVATE = ("options", "source", "base", "job")  # needed to resume alone: they may name places on this machine
VALIDATION = "held_out"  # its name in files

State = Mapping[str, Any]


class CheckpointError(ValueError):
    """A run that cannot be resumed; the message names its folder, says why and what to do."""


@dataclass(frozen=True)
class RunMetadata:
    """Plan, network and data of a run.

    encoding: its options. corpus: see `material.corpus_metadata`. validation: melodies, tokens and notes of a check.
    options: of training. source: where the corpus was read from. parent, base: of a fine-tuned run, the base as its
    model file describes it, and where it is. job: of `torchrun`. demo: whether a demo began it.
    """

    plan: Plan
    network: NetworkOptions
    encoding: dict[str, Any]
    corpus: dict[str, Any]
    validation: dict[str, int]
    options: dict[str, Any]
    source: str = ""
    parent: dict[str, Any] | None = None
    base: str = ""
    job: str = ""
    demo: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunMetadata:
        """Read the metadata of a checkpoint back."""
        plan, network = Plan(**values["plan"]), NetworkOptions(**values["network"])
        named = {VALIDATION: "validation"}
        return cls(**{named.get(k, k): v for k, v in values.items()} | {"plan": plan, "network": network})

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values by their names in files."""
        values = {name: value for name, value in asdict(self).items() if value or name not in OPTIONAL}
        values[VALIDATION] = values.pop("validation")
        values["network"] = self.network.to_dict()
        return values

    @property
    def maker(self) -> str:
        """What made the run: its files may be replaced by the same alone."""
        return DEMO if self.demo else TRAIN


@dataclass(frozen=True)
class Checkpoint:
    """A run at one moment between two updates. log: its lines so far. engine, streams: their states."""

    folder: Path
    metadata: RunMetadata
    progress: Progress
    log: list[dict[str, Any]]
    engine: State
    streams: State


def save_checkpoint(checkpoint: Checkpoint) -> None:
    """Write `last.safetensors` over the one before. Raises OSError naming it."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    for part, state in (("engine", checkpoint.engine), ("streams", checkpoint.streams)):
        for name, value in state.items():
            is_array = isinstance(value, np.ndarray)
            (arrays if is_array else values)[f"{part}/{name}"] = np.array(value, order="C") if is_array else value
    header = {
        "format": FORMAT,
        "story": checkpoint.metadata.to_dict(),
        "progress": asdict(checkpoint.progress),
        "log": checkpoint.log,
        "values": values,
        "sha256": digest(arrays),
    }
    text = json.dumps(header, sort_keys=True)
    metadata = {"ritornello-run": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    content = save(arrays, metadata)
    atomic.write_bytes(checkpoint.folder / LAST_NAME, content, checkpoint.metadata.maker, replace=True)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read the checkpoint of a run. Raises CheckpointError without one, or for a bad one."""
    header, arrays = _read(folder / LAST_NAME, with_arrays=True)
    states: dict[str, dict[str, Any]] = {"engine": {}, "streams": {}}
    for name, value in (arrays | header["values"]).items():
        part, _, rest = name.partition("/")
        states[part][rest] = value
    metadata, progress = RunMetadata.from_dict(header["story"]), Progress(**header["progress"])
    return Checkpoint(folder, metadata, progress, header["log"], **states)


def read_metadata(folder: Path) -> RunMetadata:
    """Read the metadata of the run in a folder. Raises CheckpointError as `load_checkpoint`."""
    return RunMetadata.from_dict(_read(folder / LAST_NAME, with_arrays=False)[0]["story"])


def _read(path: Path, with_arrays: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the header, and the arrays if wanted. Raises CheckpointError for a bad file."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(f"{path.parent}: no run to resume (there is no {LAST_NAME}); give the folder of a run")
    best = path.parent / MODEL_NAME
    damaged = CheckpointError(f"{path}: damaged, so that the run cannot be resumed; {best} may still hold its best")
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()} if with_arrays else {}  # noqa: SIM118
    except (SafetensorError, UnicodeDecodeError):
        raise damaged from None
    text = metadata.get("ritornello-run", "")
    if hashlib.sha256(text.encode()).hexdigest() != metadata.get("sha256"):
        raise damaged
    header = json.loads(text)
    if with_arrays and digest(arrays) != header["sha256"]:
        raise damaged
    if header["format"] > FORMAT:
        raise CheckpointError(f"{path}: made by a newer ritornello (format {header['format']}); update this one")
    return header, arrays


def lasting(name: str | Path) -> str:
    """Return the absolute path of what exists, else the name, to find it from any directory."""
    return str(Path(name).absolute()) if Path(name).exists() else str(name)


def sweep(folder: Path) -> None:
    """Remove what a killed program left half-written."""
    record = f".{atomic.RECORD}.*"
    for pattern in (
        *(f".{name}.*" for name in WRITTEN),
        f"{SAMPLES}/.{SAMPLE_NAMES}.*",
        record,
        f"{SAMPLES}/{record}",
    ):
        for path in folder.glob(pattern):
            with suppress(OSError):
                path.unlink()


def job() -> str:
    """Name the job that the processes of one call of `torchrun` share; "" without it.

    It is the --rdzv-id; where none was given the launcher, of which the first rank's process is a child.
    """
    given = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return f"launched by {os.getppid()}" if given == "none" else given
