"""Does the representation matter more than the network? Every encoding with every network, on the same tunes.

Same tunes, same number of weights, same minutes or same updates, several seeds. Each run is a process of its own with
a fixed number of threads; its result is appended to a file, so that a bench that was stopped goes on where it was.

    python -m benchmarks.representations --minutes 0.75 --checks 10 --results results.jsonl
    python -m benchmarks.representations --ablation --updates 400 --tunes 0 --checks 4 --results results.jsonl
    python -m benchmarks.representations --table results.jsonl --write benchmarks/representations/README.md \\
        --brief README.md
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.report import ROOT, arguments, clean_environment, write_between_marks
from benchmarks.representations.entrants import ENTRANTS, ablation_entrants, chosen
from benchmarks.representations.material import CORPORA, available, load, shared_tunes
from benchmarks.representations.results import Record, append_result, key_of, read_results

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> int:
    options = _options()
    if options.table:
        return _show(read_results(options.table), options)
    if options.minutes is None and options.updates is None:
        options.minutes = 3.0
    failed = bench(options)
    _show(read_results(options.results), options)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = arguments(__doc__.split("\n")[0])
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="of training, the same for all; default: 3")
    length.add_argument("--updates", type=int, help="the same number of updates for all instead")
    parser.add_argument("--corpus", default="embedded", choices=CORPORA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side, each on cores of its own")
    parser.add_argument("--tunes", type=int, default=500, help="that each run composes; 0 to leave composing out")
    parser.add_argument("--top-p", type=float, default=0.98, help="of composing; 1 draws from everything")
    parser.add_argument("--checks", type=int, default=16, help="of each run")
    parser.add_argument("--ablation", action="store_true", help="which ingredient gives what")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help='entrants by name: "note*" "grid, lstm"'
    )
    parser.add_argument("--list", action="store_true", help="name the entrants and do nothing")
    parser.add_argument("--results", type=Path, default=Path("representations.jsonl"), help="file to append to")
    parser.add_argument("--table", type=Path, metavar="FILE", help="make the table from these results; run nothing")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the marks of this file")
    parser.add_argument("--brief", type=Path, metavar="FILE", help="put the short ones between those of this one")
    return parser.parse_args()


def _show(records: Sequence[Record], options: argparse.Namespace) -> int:
    """Print the tables (or all results as JSON) and write them where asked."""
    from benchmarks.representations.brief import brief
    from benchmarks.representations.tables import MARKS, markdown

    text = markdown(records)
    if options.write:
        write_between_marks(options.write, text, MARKS)
    if options.brief:
        write_between_marks(options.brief, brief(records), MARKS)
    print(json.dumps(records) if options.json else text)
    return 0


def bench(options: argparse.Namespace) -> int:
    """Make the runs that the results do not hold yet. Returns how many failed."""
    from benchmarks.representations.people import people

    everybody, missing = available([*ENTRANTS, *ablation_entrants()])
    wanted = chosen(ablation_entrants() if options.ablation else ENTRANTS, options.only)
    for entrant in wanted:
        if entrant.name in missing:
            _say(f"{entrant.name}: left out: {missing[entrant.name]}")
        elif options.list:
            _say(entrant.name)
    if options.list:
        return 0
    tunes = shared_tunes(load(options.corpus), everybody)
    _say(str(tunes))
    _say("not reproduced: " + ", ".join(f"{count} by {name}" for name, count in tunes.refused.items()))
    same = job_of(options, tunes.corpus.fingerprint, str(tunes))
    done = {key_of(record) for record in read_results(options.results)}
    of_people = {"kind": "people", "job": same}
    if key_of(of_people) not in done:
        append_result(options.results, of_people | {"people": people(tunes.corpus)})
    jobs = [
        same | {"encoding": e.encoding, "network": e.network, "seed": seed, "name": e.name}
        for seed in range(1, options.seeds + 1)
        for e in wanted
        if e.name not in missing
    ]
    jobs = [job for job in jobs if key_of({"kind": "run", "job": job}) not in done]
    with tempfile.TemporaryDirectory() as folder:
        tunes.corpus.save(Path(folder) / "corpus")
        return _run_all(jobs, Path(folder) / "corpus", options)


def job_of(options: argparse.Namespace, fingerprint: str, shared: str) -> dict[str, Any]:
    """Collect what all runs share: corpus, its tunes, length of training, threads, composing."""
    names = ("corpus", "minutes", "updates", "threads", "tunes", "top_p", "checks")
    return {name: getattr(options, name) for name in names} | {"fingerprint": fingerprint, "shared": shared}


def _run_all(jobs: Sequence[dict[str, Any]], corpus: Path, options: argparse.Namespace) -> int:
    """Run the jobs, some side by side, and append each result as it comes."""
    places: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
    for cores in cores_for(options.jobs, options.threads):
        places.put(cores)
    lock, failed = threading.Lock(), []

    def one(number: int, job: dict[str, Any]) -> None:
        cores = places.get()
        try:
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
            result = _run(job | {"corpus": str(corpus), "cores": cores})
            with lock:
                record = {"kind": "run", "job": job, "load": load, "job_count": options.jobs}
                append_result(options.results, record | result)
            _say(_in_a_line(number, len(jobs), job, result))
        except subprocess.CalledProcessError as error:
            failed.append(job)
            _say(f"{number}/{len(jobs)} {job['name']}, seed {job['seed']}: FAILED\n{error.stderr[-2000:]}")
        finally:
            places.put(cores)

    with ThreadPoolExecutor(options.jobs) as pool:
        for future in [pool.submit(one, n, job) for n, job in enumerate(jobs, 1)]:
            future.result()
    return len(failed)


def cores_for(jobs: int, threads: int) -> list[list[int]]:
    """Assign cores to `jobs` runs side by side; none where the system cannot, or has too few."""
    if not hasattr(os, "sched_getaffinity"):
        return [[] for _ in range(jobs)]
    ours = sorted(os.sched_getaffinity(0))
    if len(ours) < jobs * threads:
        return [[] for _ in range(jobs)]
    return [ours[n * threads : (n + 1) * threads] for n in range(jobs)]


def _run(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in a process of its own. Raises CalledProcessError where it fails."""
    command = [sys.executable, "-m", "benchmarks.representations.run", json.dumps(job)]
    env = clean_environment(**dict.fromkeys(THREADS, str(job["threads"])))
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _in_a_line(number: int, count: int, job: dict[str, Any], result: dict[str, Any]) -> str:
    composed = result["composed"]
    form = f", {100 * composed['well_formed']:.1f} % well formed {composed['faults'] or ''}" if composed else ""
    return (
        f"{number}/{count} {job['name']}, seed {job['seed']}: {result['test']['bits_per_note']:.3f} bits per note, "
        f"{result['weights']:,} weights, {result['updates']} updates in {result['seconds']:.0f} s{form}"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
