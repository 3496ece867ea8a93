"""Real files and damaged ones together: every file is accounted for, and the same files give the same corpus.

The small test runs by default; the large one mixes all of the shared data with three hundred damaged variants.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ritornello.corpus.build.build import build_corpus

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fuzz"))
from accounts import check_accounts
from mutations import damaged

SEEDS = Path(__file__).resolve().parents[2] / "fuzz/seeds"
KINDS = (
    ".mid",
    ".rmi",
    ".krn",
    ".abc",
    ".mscx",
    ".mscz",
    ".musicxml",
    ".mxl",
    ".mei",
    ".npz",
    ".npy",
    ".zip",
    ".tar",
)


def spoil(originals: Sequence[Path], folder: Path, count: int, seed: int) -> None:
    """Write `count` damaged variants into `folder`, each kind of file in its turn."""
    chance = random.Random(seed)
    by_kind = {kind: [p for p in originals if p.suffix == kind] for kind in KINDS}
    kinds = [kind for kind in KINDS if by_kind[kind]]
    folder.mkdir()
    for number in range(count):
        kind = kinds[number % len(kinds)]
        original = chance.choice(by_kind[kind])
        (folder / f"{number:03} {original.stem}{kind}").write_bytes(damaged(original.read_bytes(), chance))


def folder_bytes(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(path.iterdir())}


def test_sixty_damaged_variants_of_small_files_twice(tmp_path):
    originals = [p for p in sorted(SEEDS.rglob("*")) if p.suffix in KINDS]
    spoil(originals, tmp_path / "spoilt", 60, seed=3)
    sources = [SEEDS / "abc", SEEDS / "midi", SEEDS / "archives", SEEDS / "arrays", tmp_path / "spoilt"]
    for name in ("one", "two"):
        check_accounts(build_corpus(sources, out=tmp_path / name), sources)
    assert folder_bytes(tmp_path / "one") == folder_bytes(tmp_path / "two")


@pytest.mark.slow  # about five minutes on one core
def test_all_of_the_shared_data_with_three_hundred_damaged_variants_twice(shared_data, tmp_path):
    sources = [shared_data(name) for name in ("chorales", "exercise", "hymns", "melodies", "lieder.tar.xz")]
    originals = [p for s in [*sources, SEEDS] for p in sorted(s.rglob("*")) if p.suffix in KINDS]
    spoil(originals, tmp_path / "spoilt", 300, seed=300)
    sources.append(tmp_path / "spoilt")
    for name in ("one", "two"):
        corpus = build_corpus(sources, out=tmp_path / name)
        check_accounts(corpus, sources)
        assert sum(line.path.endswith(".mscx") and "lieder.tar.xz/" in line.path for line in corpus.report) == 1026
        assert len(corpus) > 2000
    assert folder_bytes(tmp_path / "one") == folder_bytes(tmp_path / "two")
