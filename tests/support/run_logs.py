"""The log of a run, line by line."""

import json
from pathlib import Path


def read_log(folder: Path) -> list[dict]:
    """Read the lines of log.jsonl: the metadata, then a line for each check."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
