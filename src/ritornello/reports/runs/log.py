"""Read a run folder back: its log, what its coach wrote, and the `Log` that diagnoses are made from.

`log.jsonl` holds the plan, then a line for each check and each way back; `coach.json` what was counted beside them:
tokens per note, the n-gram's line, the samples. Other lines are told apart by their names and passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ritornello.reports.runs.coach import Heard, Log, Point
from ritornello.training.run.folder import COACH_NAME, LOG_NAME

HEAD_PARTS = ("plan", "network", "encoding", "corpus")
CHECK_FIELDS = ("update", "epochs", "seconds", "train_nll", "validation_nll")


class RunLogError(ValueError):
    """A folder that is not a run, or one whose log cannot be read; the message names the file and the line."""


@dataclass(frozen=True)
class RunRecord:
    """What a run folder says. head: plan, network, corpus ... by name. checks: lines of the log, in order.

    setbacks: how often training went back to the last good point. coach: the contents of coach.json, {} without one.
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
        """What the coach is told, in bits per note; in bits per token where nothing says how many make a note."""
        per_note = self.tokens_per_note or {"training": 1.0, "held_out": 1.0}
        points = [_point(line, per_note["training"], per_note["held_out"]) for line in self.checks]
        samples = self.coach.get("samples", [])
        heard = Heard(*(samples[-1][name] for name in Heard._fields)) if samples else None
        return Log(
            points=tuple(points),
            notes=int(self.coach.get("notes", 0)),
            network=self.head.get("network", {}),
            plan=self.head.get("plan", {}),
            ngram=self.coach.get("ngram_bits_per_note"),
            heard=heard,
            has_held_out=bool(self.coach.get("has_held_out", True)),
            setbacks=self.setbacks,
            stopped=self.stopped,
        )

    @property
    def tokens_per_note(self) -> Mapping[str, float]:
        """By "training" and "held_out": the coach's, or the head's for both; {} where neither says it."""
        if self.coach:
            return self.coach["tokens_per_note"]
        watched = self.head.get("held_out")
        if not isinstance(watched, dict) or not (_is_number(watched.get("tokens")) and watched.get("notes")):
            return {}
        ratio = watched["tokens"] / watched["notes"]
        return {"training": ratio, "held_out": ratio}

    @property
    def is_in_notes(self) -> bool:
        """Whether its likelihoods are known per note."""
        return bool(self.tokens_per_note)


def read_run(folder: str | Path) -> RunRecord:
    """The record of a run folder, finished or not.

    Raises RunLogError for a folder without a log, or with one that is not a log; a last line that was cut off while
    it was written is passed over, as is a coach.json that cannot be read.
    """
    folder = Path(folder)
    lines = _log_lines(folder / LOG_NAME)
    head = lines[0] if lines else {}
    if "plan" not in head or not all(isinstance(head.get(name, {}), dict) for name in HEAD_PARTS):
        raise RunLogError(f"{folder / LOG_NAME}: its first line holds no plan; this is not the log of a run")
    checks: list[dict] = []
    setbacks = 0
    for line in lines[1:]:
        if _is_number(line.get("went_back")):  # what came after that update is undone
            setbacks += 1
            checks = [check for check in checks if check["update"] <= line["went_back"]]
        elif all(_is_number(line.get(name)) for name in CHECK_FIELDS):
            checks.append(line)
    return RunRecord(folder, head, tuple(checks), setbacks, _coach(folder / COACH_NAME))


def is_run(folder: Path) -> bool:
    """Whether a folder holds the log of a run."""
    return (folder / LOG_NAME).is_file()


def bits(nll: float, tokens_per_note: float) -> float:
    """Bits per note from nats per token."""
    return nll / math.log(2) * tokens_per_note


def _log_lines(path: Path) -> list[dict]:
    try:
        texts = path.read_text("utf-8").splitlines()
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


def _coach(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text("utf-8"))
        numbers = [sample[name] for sample in told["samples"] for name in (*Heard._fields, "update", "epochs")]
        numbers += [told["tokens_per_note"][name] for name in ("training", "held_out")]
        numbers += [told.get("notes", 0), told.get("ngram_bits_per_note") or 0]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return told if all(map(_is_number, numbers)) else {}


def _point(line: Mapping[str, Any], training: float, held_out: float) -> Point:
    return Point(
        int(line["update"]),
        float(line["epochs"]),
        float(line["seconds"]),
        bits(line["train_nll"], training),
        bits(line["validation_nll"], held_out),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
