"""Seeded damage for the whole of `corpus build`: folders of damaged files, under options that change.

python tests/fuzz/builds.py SEEDS FOUND SECONDS SEED prints one JSON line: builds, files, and how many files ended
with which reason. A build that raises, a file without its line, or a file at which our own code met something that
it did not foresee is a fault; its folder or file is kept in FOUND.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from accounts import check_accounts, check_lines
from mutations import damaged

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find.archives import ARCHIVE_SUFFIXES
from ritornello.corpus.find.find import name_problem
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.report import FileReport

FILES = 150  # in a folder
UNFORESEEN = "cannot be read ("  # how a worker tells of an exception that no reader raises on purpose


def main(seeds: str, found: str, seconds: float, seed: int) -> Counter[str]:
    """Damage and build until the time is over."""
    chance = random.Random(seed)
    originals = [
        p
        for p in sorted(Path(seeds).rglob("*.*"))
        if p.name.lower().endswith(ARCHIVE_SUFFIXES) or not name_problem(p.name)
    ]
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        folder = Path(tempfile.mkdtemp(prefix="build-"))
        for number in range(FILES):
            original = chance.choice(originals)
            content = damaged(original.read_bytes(), chance)
            (folder / f"{number:03} {original.name}").write_bytes(content)
        options = _options(chance)
        try:
            report = _built(folder, options)
            counts.update(line.reason for line in report)
            _keep_unforeseen(report, Path(found), seed, counts)
        except Exception:
            kept = Path(found, f"fault-{seed}-{counts['builds']}")
            shutil.copytree(folder, kept)
            (kept / "why.txt").write_text(f"{options}\n{traceback.format_exc()}")
        counts["builds"] += 1
        counts["files"] += FILES
        shutil.rmtree(folder)
    return counts


def _options(chance: random.Random) -> BuildOptions:
    return BuildOptions(
        pick=chance.choice(("auto", "first", "highest", "every-part", "track:1")),
        repeats=chance.choice(("unfold", "written")),
        timing=chance.choice(("auto", "grid", "exact")),
        swing=chance.choice(("keep", "straight")),
        steps_per_quarter=chance.choice((1, 4, 12, 24)),
        rest_bars=chance.choice((None, 1.0, 2.0)),
        split=chance.choice(("hash", "last:0.2")),
        keep_copies=chance.random() < 0.5,
        workers=1,
    )


def _built(folder: Path, options: BuildOptions) -> tuple[FileReport, ...]:
    try:
        corpus = build_corpus(folder, options)
    except CorpusError as error:
        if not error.report:
            raise
        check_lines(error.report, [folder])
        return error.report
    check_accounts(corpus, [folder])
    corpus.melodies()  # every one must be a melody still
    return corpus.report


def _keep_unforeseen(report: tuple[FileReport, ...], found: Path, seed: int, counts: Counter[str]) -> None:
    for line in report:
        if UNFORESEEN in line.detail:
            counts["unforeseen"] += 1
            if Path(line.path).is_file():
                shutil.copy(line.path, found / f"fault-{seed}-{counts['files']}-{Path(line.path).name}")
            print(line, file=sys.stderr)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))
