"""Seeded damage for the readers that are compiled: MIDI and scores, through the worker as every command reads them.

python tests/fuzz/compiled.py SEEDS FOUND SECONDS SEED prints one JSON line: files, read, refused, and of those how
many brought the worker down or hung it. What reaches this process as anything but a refusal is a crash of ours:
its bytes are kept in FOUND.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from mutations import damaged

from ritornello.music.errors import MusicFileError
from ritornello.music.worker import UntrustedReader

SUFFIXES = (".mid", ".rmi", ".krn", ".musicxml", ".mxl", ".mei", ".mscx", ".abc")
OUTCOMES = {
    "crashed": "crashed",
    "gave up": "hung",
    "memory": "swelled",
    "MB to read": "swelled",
    "valid answer": "odd",
    "impossible answer": "odd",
}


def main(seeds: str, found: str, seconds: float, seed: int) -> Counter[str]:
    """Damage and read until the time is over."""
    chance = random.Random(seed)
    originals = [p for p in sorted(Path(seeds).rglob("*")) if p.suffix in SUFFIXES]
    folder = Path(found)
    folder.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with UntrustedReader(timeout_seconds=10) as reader:
        while time.monotonic() < end:
            original = chance.choice(originals)
            content = damaged(original.read_bytes(), chance)
            path = folder / f"now{original.suffix}"
            path.write_bytes(content)
            outcome = _outcome(reader, path)
            counts["files"] += 1
            counts[outcome] += 1
            if outcome in ("fault", "crashed", "hung", "swelled", "odd"):
                (folder / f"{outcome}-{seed}-{counts['files']}{original.suffix}").write_bytes(content)
    return counts


def _outcome(reader: UntrustedReader, path: Path) -> str:
    try:
        reader.read(path)
    except MusicFileError as error:
        line = str(error)
        if not line.startswith(str(path)) or "\n" in line:
            return "fault"
        return next((name for words, name in OUTCOMES.items() if words in line), "refused")
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return "fault"
    return "read"


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))
