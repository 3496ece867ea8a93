"""Fuzz every reader for a while: python tests/fuzz --minutes 30 [--found DIR] [--only TARGET] [--seed N].

Our own readers (ABC, MuseScore, token arrays, archives) with coverage as the guide, the compiled ones with seeded
damage through the worker, and the whole of `corpus build` with folders of damaged files. The time is shared out
evenly. Prints one row for each, and exits with 1 where something
was found; the bytes lie in DIR, to be kept in tests/fuzz/seeds once the fault is corrected.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
GUIDED = ("abc", "musescore", "arrays", "archives")
SEEDED = ("compiled", "builds")
LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=8192", "-print_final_stats=1", "-verbosity=1")
FAULTS = ("crash-*", "timeout-*", "oom-*", "fault-*")


def main() -> int:
    """Run what was asked for and say what came of it."""
    asked = argparse.ArgumentParser(prog="tests/fuzz", description=__doc__.splitlines()[0])
    asked.add_argument("--minutes", type=float, default=30)
    asked.add_argument("--found", default="fuzz-found")
    asked.add_argument("--only", choices=(*GUIDED, *SEEDED))
    asked.add_argument("--seed", type=int, default=int(time.time()))
    options = asked.parse_args()
    names = [options.only] if options.only else [*GUIDED, *SEEDED]
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: our own readers are not fuzzed; pip install atheris", flush=True)
        names = [name for name in names if name in SEEDED]
    seconds = max(1, int(options.minutes * 60 / max(1, len(names))))
    faults = 0
    for name in names:
        found = Path(options.found, name)
        found.mkdir(parents=True, exist_ok=True)
        before = set(_kept(found))
        told = (_seeded if name in SEEDED else _guided)(name, found, seconds, options.seed)
        new = sorted(set(_kept(found)) - before)
        faults += len(new)
        print(f"{name:10} {seconds} s  {told}  faults: {len(new)} {' '.join(map(str, new))}", flush=True)
    return 1 if faults else 0


def _guided(name: str, found: Path, seconds: int, seed: int) -> str:
    """One libFuzzer run, begun again after a crash while there is time."""
    end = time.monotonic() + seconds
    runs = covered = starts = 0
    while (left := int(end - time.monotonic())) > 0 and starts < 20:
        words = [sys.executable, str(HERE / "guided.py"), name, str(HERE / "seeds" / name), str(found)]
        words += [f"-max_total_time={left}", f"-seed={(seed + starts) % 2**31}", *LIMITS]
        dictionary = HERE / "seeds" / f"{name}.dict"
        words += [f"-dict={dictionary}"] if dictionary.exists() else []
        said = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace").stderr
        (found / f"log-{starts}.txt").write_text(said[-200_000:])
        runs += int((re.findall(r"number_of_executed_units: (\d+)", said) or ["0"])[-1])
        covered = max([covered, *map(int, re.findall(r"cov: (\d+)", said))])
        starts += 1
    return f"{runs} runs, {covered} branches covered, {starts} starts"


def _seeded(name: str, found: Path, seconds: int, seed: int) -> str:
    """One run of compiled.py or builds.py."""
    words = [sys.executable, str(HERE / f"{name}.py"), str(HERE / "seeds"), str(found), str(seconds), str(seed)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    (found / "log.txt").write_text(done.stderr)
    if done.returncode:
        (found / f"fault-{seed}.txt").write_text(done.stderr)
        return f"the main process died (status {done.returncode}): {done.stderr[-300:]}"
    return ", ".join(f"{count} {name}" for name, count in json.loads(done.stdout).items())


def _kept(found: Path) -> list[Path]:
    return [path for pattern in FAULTS for path in found.glob(pattern)]


if __name__ == "__main__":
    sys.exit(main())
