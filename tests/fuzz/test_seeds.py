"""What fuzzing starts from and what it once found goes through every reader without a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from targets import GUIDED

from ritornello.music import MusicFileError, UntrustedReader
from ritornello.music.files import readable

SEEDS = Path(__file__).parent / "seeds"


@pytest.mark.parametrize("name", GUIDED)
def test_seeds_and_old_crashers_do_no_harm(name):
    read = [GUIDED[name](path.read_bytes()) for path in sorted((SEEDS / name).iterdir())]
    assert sum(read) >= 3  # most seeds are sound; crashers need not be


@pytest.mark.parametrize("name", GUIDED)
def test_every_reader_refuses_what_is_meant_for_the_others(name):
    others = [p for p in sorted(SEEDS.rglob("*.*")) if p.is_file() and p.parent.name != name]
    for path in others:
        GUIDED[name](path.read_bytes())


def test_seeds_of_the_compiled_readers_are_read_or_refused_by_the_worker():
    read, refused = 0, {}
    with UntrustedReader(timeout_seconds=30) as reader:
        for path in sorted(p for p in SEEDS.rglob("*.*") if readable(p)):
            try:
                read += bool(reader.read(path))
            except MusicFileError as error:
                refused[path] = str(error)
    assert read >= 10
    assert all(line.startswith(f"{path}: ") and "crashed" not in line for path, line in refused.items())
