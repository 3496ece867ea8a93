"""The file of results: one JSON value per line, appended as runs end, so that a bench that was stopped goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]
SAME = ("corpus", "fingerprint", "minutes", "updates", "threads", "tunes", "top_p", "checks")  # of one table


def read_results(path: str | Path) -> list[Record]:
    """Read the whole lines of the file; a last one that was cut off is left out. No file: none."""
    path = Path(path)
    lines = path.read_text("utf-8").split("\n") if path.exists() else []
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError:
            if number < len(lines) and "".join(lines[number:]).strip():
                raise ValueError(f"{path}, line {number}: not a result; take the line out") from None
    return records


def append_result(path: str | Path, record: Record) -> None:
    """Append a line; half a line that a stopped bench left is removed first."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        size = file.seek(0, 2)
        if size:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(record).encode() + b"\n")


def setting_of(record: Record) -> tuple[Any, ...]:
    """Return what runs must share to stand in one table."""
    return tuple(record["job"][name] for name in SAME)


def key_of(record: Record) -> str:
    """Return what identifies a run: no run is made twice."""
    job = record["job"]
    values = [job.get(name) for name in (*SAME, "encoding", "network", "seed")]
    return json.dumps([record["kind"], *values], sort_keys=True)
