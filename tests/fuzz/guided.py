"""One coverage-guided run: python tests/fuzz/guided.py TARGET SEEDS FOUND [libFuzzer options].


SEEDS: a folder of files to start from, which is not changed. FOUND: where new inputs and crashes go. What follows
is handed to libFuzzer (-max_total_time=60 ...). Needs atheris.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import atheris

with atheris.instrument_imports(include=["ritornello", "zipfile", "targets"]):
    import targets

REPAIRS = {"archives": (targets.with_checksums, targets.with_directory)}


def main(arguments: list[str]) -> None:
    """Fuzz until told to stop; libFuzzer ends the process."""
    name, seeds, found, *options = arguments
    target = targets.GUIDED[name]
    repairs = REPAIRS.get(name, ())

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        data = atheris.Mutate(data, most)
        chance = random.Random(seed)
        for repair in repairs:
            if chance.random() < 0.8:
                data = repair(data)
        return data

    os.makedirs(os.path.join(found, "corpus"), exist_ok=True)
    words = [sys.argv[0], os.path.join(found, "corpus"), seeds, f"-artifact_prefix={found}/", *options]
    atheris.Setup(words, lambda data: int(not target(data)) * 0, custom_mutator=mutated if repairs else None)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
