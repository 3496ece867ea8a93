"""The record of a run: its log and its coach's figures, from memory or from its folder.

`log.jsonl` holds the plan, then a line for each check and each return to the best weights; `coach.json` tokens per
note, the n-gram's bits per note, the samples. Other lines are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ritornello.reports.runs.coach import Log, Point, SampleFigures
from ritornello.training.run.folder import COACH_NAME, LOG_NAME

HEAD_PARTS = ("plan", "network", "encoding", "corpus")
CHECK_FIELDS = ("update", "epochs", "seconds", "train_nll", "validation_nll")

ENDINGS = {
    "": "still running, or interrupted",
    "finished": "finished",
    "early": "stopped: no gain for a while",
    "time": "stopped: time was up",
    "diverged": "stopped: training blew up again and again",
}  # of a run, by the last check's `stopped`


class RunLogError(ValueError):
    """A folder that is not a run, or one whose log cannot be read; the message names the file and the line."""


@dataclass(frozen=True)
class RunRecord:
    """A run as its files describe it. head: plan, network, corpus ... by name. checks: lines of the log, in order.

    setbacks: how often training went back to the best weights. coach: the contents of coach.json, {} without one.
    """

    folder: Path
    head: Mapping[str, Any]
    checks: tuple[Mapping[str, Any], ...]
    setbacks: int = 0
    coach: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stopped(self) -> str:
        """Why it ended: "finished", "early", "time" ...; "" for one that runs or was interrupted."""
        return str(self.checks[-1].get("stopped", "")) if self.checks else ""

    @property
    def log(self) -> Log:
        """The input of the coach, in bits per note; in bits per token where the tokens per note are not known."""
        per_note = self.tokens_per_note or {"training": 1.0, "held_out": 1.0}
        points = [
            Point(
                int(line["update"]),
                float(line["epochs"]),
                float(line["seconds"]),
                line["train_nll"] / math.log(2) * per_note["training"],
                line["validation_nll"] / math.log(2) * per_note["held_out"],
            )
            for line in self.checks
        ]
        samples = self.coach.get("samples", [])
        sample = SampleFigures(*(samples[-1][name] for name in SampleFigures._fields)) if samples else None
        return Log(
            points=tuple(points),
            notes=int(self.coach.get("notes", 0)),
            network=self.head.get("network", {}),
            plan=self.head.get("plan", {}),
            ngram=self.coach.get("ngram_bits_per_note"),
            sample=sample,
            has_validation=bool(self.coach.get("has_held_out", True)),
            setbacks=self.setbacks,
            stopped=self.stopped,
            folder=str(self.folder),
        )

    @property
    def tokens_per_note(self) -> Mapping[str, float]:
        """By "training" and "held_out": the coach's, or the head's for both; {} where neither has them."""
        if self.coach:
            return self.coach["tokens_per_note"]
        sample = self.head.get("held_out")
        if not isinstance(sample, dict) or not (_is_number(sample.get("tokens")) and sample.get("notes")):
            return {}
        ratio = sample["tokens"] / sample["notes"]
        return {"training": ratio, "held_out": ratio}


def read_run(folder: str | Path) -> RunRecord:
    """Read the record of a run folder, finished or not.

    Raises RunLogError for a folder without a log, or with one that is not a log; a last line that was cut off while
    it was written is passed over, as is a coach.json that cannot be read.
    """
    folder = Path(folder)
    lines = _log_lines(folder / LOG_NAME)
    head = lines[0] if lines else {}
    if "plan" not in head or not all(isinstance(head.get(name, {}), dict) for name in HEAD_PARTS):
        raise RunLogError(f"{folder / LOG_NAME}: its first line holds no plan; this is not the log of a run")
    return record_of(folder, lines, read_coach(folder / COACH_NAME))


def record_of(folder: Path, lines: Sequence[Mapping[str, Any]], coach: Mapping[str, Any]) -> RunRecord:
    """Make a record of the lines of a log; checks that were undone by going back are left out."""
    checks: list[Mapping[str, Any]] = []
    setbacks = 0
    for line in lines[1:]:
        if _is_number(line.get("went_back")):  # the updates since then are undone
            setbacks += 1
            checks = [check for check in checks if check["update"] <= line["went_back"]]
        elif all(_is_number(line.get(name)) for name in CHECK_FIELDS):
            checks.append(line)
    return RunRecord(folder, lines[0], tuple(checks), setbacks, coach)


def _log_lines(path: Path) -> list[dict]:
    """Read the lines of a log, but for a last one that was cut off. Raises RunLogError."""
    try:
        texts = path.read_text("utf-8").split("\n")  # not splitlines: JSON may hold other line separators
        texts = texts[:-1] if not texts[-1] else texts
    except FileNotFoundError:
        raise RunLogError(f"{path.parent}: not a run (it has no {LOG_NAME})") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunLogError(f"{path}: cannot be read ({error})") from None
    lines = []
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            if number == len(texts) > 1:
                break
            raise RunLogError(f"{path}: line {number} is not JSON; the log is damaged") from None
        if not isinstance(line, dict):
            raise RunLogError(f"{path}: line {number} is not an object; the log is damaged")
        lines.append(line)
    return lines


def read_coach(path: Path) -> dict[str, Any]:
    """Read the coach's figures; {} where they cannot be read or are not numbers."""
    try:
        figures = json.loads(path.read_text("utf-8"))
        numbers = [
            sample[name] for sample in figures["samples"] for name in (*SampleFigures._fields, "update", "epochs")
        ]
        numbers += [figures["tokens_per_note"][name] for name in ("training", "held_out")]
        numbers += [figures.get("notes", 0), figures.get("ngram_bits_per_note") or 0]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return figures if all(map(_is_number, numbers)) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
