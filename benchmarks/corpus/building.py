"""How fast, and in how much memory, `corpus build` goes through a folder; each build is a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus.tunes import write_folder
from benchmarks.report import clean_environment

CHILD = r"""
import json, os, re, resource, sys, time
from ritornello.corpus.build import build_corpus
if sys.argv[3] and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(core) for core in sys.argv[3].split(",")})
began, cpu = time.perf_counter(), time.process_time()
corpus = build_corpus(sys.argv[1], out=sys.argv[2], workers=int(sys.argv[4]))
peak_mb = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024  # since this program began
own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "seconds": time.perf_counter() - began,
    "cpu_seconds": own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime,
    "own_cpu_seconds": own.ru_utime + own.ru_stime,
    "program_mb": peak_mb,
    "worker_mb": workers.ru_maxrss / 1024,
    "files": len(corpus.report),
    "pieces": len(corpus),
}))
"""


def build(folder: Path, cores: int) -> dict:
    """Build a folder on that many processors with as many workers; seconds, memory and counts."""
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pinned = ",".join(str(core) for core in there[:cores])
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-c", CHILD, str(folder), f"{out}/corpus", pinned, str(cores)]
        done = subprocess.run(command, check=False, env=clean_environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def growth(sizes: list[int], cores: int) -> list[dict]:
    """Builds of folders of several sizes, one after the other."""
    rows = []
    for files in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_folder(Path(folder), files)
            rows.append(build(Path(folder), cores))
    return rows
