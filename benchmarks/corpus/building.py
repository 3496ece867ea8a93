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
import json, os, re, resource, sys, threading, time
from pathlib import Path
from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.options import BuildOptions
if sys.argv[3] and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(core) for core in sys.argv[3].split(",")})

def peak_mb(process):  # since it began: ru_maxrss of a child counts the memory of the program that started it
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) / 1024
    except (OSError, TypeError):
        return 0.0

def watch(peaks, ended):
    while not ended.wait(0.1):
        started = [p for task in Path("/proc/self/task").iterdir() for p in (task / "children").read_text().split()]
        peaks.append(max([peaks.pop(), *(peak_mb(p) for p in started if b"music.worker" in command(p))]))

def command(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""

peaks, ended = [0.0], threading.Event()
threading.Thread(target=watch, args=(peaks, ended), daemon=True).start()
began = time.perf_counter()
corpus = build_corpus(sys.argv[1], BuildOptions(workers=int(sys.argv[4]), keep=sys.argv[5]), out=sys.argv[2])
seconds = time.perf_counter() - began
ended.set()
own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "seconds": seconds,
    "own_cpu_seconds": own.ru_utime + own.ru_stime,
    "workers_cpu_seconds": workers.ru_utime + workers.ru_stime,
    "program_mb": peak_mb("self"),
    "worker_mb": peaks[0],
    "files": len(corpus.report),
    "pieces": len(corpus),
    "notes": len(corpus.notes),
}))
"""


def build(folder: Path, cores: int, keep: str = "melody") -> dict:
    """Build a folder on that many processors with as many workers; seconds, memory and counts."""
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pinned = ",".join(str(core) for core in there[:cores])
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-c", CHILD, str(folder), f"{out}/corpus", pinned, str(cores), keep]
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
