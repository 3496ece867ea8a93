"""How fast do MIDI files become a corpus, and how often is the tune found among many tracks?

What a build does with a file by stage, the whole build, picking; `--files 100000` adds the long run (some minutes).
The ways take turns, a ratio is made within a turn.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.corpus import exercise_way, picking
from benchmarks.corpus.building import build, growth
from benchmarks.corpus.midi_tracks import piece_bytes
from benchmarks.corpus.stages import WHOLE, stages
from benchmarks.corpus.tunes import of_size, write_folder
from benchmarks.report import arguments, spread, tell

from ritornello.corpus.build.convert import convert
from ritornello.corpus.options import BuildOptions

SMALL = (1300, 1500)  # bytes: about 1.4 kB


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--stage-files", type=int, default=2000, help="files of the builds whose stages are timed")
    parser.add_argument("--build-files", type=int, default=5000, help="files of the builds on one and two processors")
    parser.add_argument("--files", type=int, default=0, help="files of the long run, beside one of 1,000")
    parser.add_argument("--arrangements", type=int, default=600, help="files of many tracks to pick from; 0 for none")
    options = parser.parse_args()
    rows = [*by_stage(options.turns, options.stage_files), *building(options.turns, options.build_files)]
    if options.arrangements:
        rows += picked(options.arrangements)
    if options.files:
        rows += long_run(options.files)
    tell(rows, options.json, cores_used=2)


def by_stage(turns: int, files: int) -> list[dict]:
    """Time what `corpus build` spends on a file, by stage, and the exercise's way with a file of 1.4 kB."""
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), files)
        took = [stages(Path(folder), files) for _ in range(turns)]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{n}.mid") for n in range(10)]
        for path, content in zip(paths, of_size(*SMALL, len(paths)), strict=True):
            path.write_bytes(content)
        theirs = [
            _microseconds(lambda path: exercise_way.looked_up(exercise_way.parsed(path)), paths) for _ in range(turns)
        ]
    return [
        *(
            _row(name, "us/file", [t[name] for t in took], "of all", [t[name] / t[WHOLE] for t in took])
            for name in took[0]
        ),
        _row(
            "the exercise's way",
            "us/file",
            theirs,
            "times all",
            [e / t[WHOLE] for e, t in zip(theirs, took, strict=True)],
        ),
    ]


def building(turns: int, files: int) -> list[dict]:
    """Time the whole of `corpus build`: pick, key, timing, fingerprint, families, split, report, all written."""
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), files)
        done = [(build(Path(folder), 1), build(Path(folder), 2)) for _ in range(turns)]
    rates = [[run["files"] / run["seconds"] for run in turn] for turn in done]
    return [
        _row(f"corpus build, {files} files, 1 core", "files/s", [r[0] for r in rates]),
        _row("the same on 2 cores", "files/s", [r[1] for r in rates], "times 1 core", [r[1] / r[0] for r in rates]),
        *(
            _row(f"processor time of {who}, 1 core", "ms/file", [1000 * one[key] / one["files"] for one, _ in done])
            for who, key in (("the program", "own_cpu_seconds"), ("the worker", "workers_cpu_seconds"))
        ),
    ]


def picked(arrangements: int) -> list[dict]:
    """Count how often the tune among many tracks is found, by the picker and by simpler ways; time the picker."""
    made = list(picking.arrangements(picking.SONGS if picking.SONGS.exists() else None, arrangements))
    results = [picking.judged(kind, seed, arrangement) for seed, kind, arrangement in made]
    groups = [
        row for row in picking.by_group(results) if row["files"] in ("all", "unnamed") or "hard" in row["files"]
    ]
    beside = "highest line {highest:.1%}, first track {first:.1%}"
    return (
        [_share(f"tune found, {g['files']} ({g['count']} files)", g["auto"], beside.format(**g)) for g in groups]
        + [
            _share(f"tune found, confidence {low:g} to {min(high, 1):g} ({count} files)", right)
            for low, high, right, count in picking.curve(results)
        ]
        + [several_tracks([piece_bytes(arrangement.piece) for _, _, arrangement in made[::10]])]
    )


def several_tracks(contents: Sequence[bytes]) -> dict:
    """Time the whole conversion of a file of several tracks: reading, picking, timing, key, fingerprint."""
    options = BuildOptions()
    took = _microseconds(lambda content: convert(content, "a.mid", options), contents)
    kilobytes = sum(map(len, contents)) / len(contents) / 1000
    return _row(
        f"converting several tracks, {kilobytes:.1f} kB", "us/file", [took], "for each kB", [took / kilobytes]
    )


def long_run(files: int) -> list[dict]:
    """Compare a build of many files with one of 1,000 of the same kind, with and without the start of the program."""
    few, small, large = growth([10, 1000, files], 2)
    start = few["seconds"]
    rates = [
        (run["files"], run["files"] / run["seconds"], run["files"] / (run["seconds"] - start))
        for run in (small, large)
    ]
    (_, first, first_net), _ = rates
    return [
        _row("starting up (a build of 10 files)", "s", [start]),
        *(
            _row(f"{n} files, 2 cores", "files/s", [rate], "times 1,000 files", [rate / first])
            for n, rate, _ in rates
        ),
        *(
            _row(f"{n} files, start-up taken off", "files/s", [net], "times 1,000 files", [net / first_net])
            for n, _, net in rates
        ),
    ] + [
        _row(f"memory of the {who}, {run['files']} files", "MB", [run[f"{who}_mb"]])
        for run in (small, large)
        for who in ("program", "worker")
    ]


def _row(what: str, unit: str, values: list[float], beside: str = "", ratios: list[float] | None = None) -> dict:
    return {
        "what": what,
        "unit": unit,
        "median (min-max)": spread(values),
        "beside": f"{spread(ratios)} {beside}" if ratios else "",
        "median": round(median(values), 3),
    }


def _share(what: str, share: float, beside: str = "") -> dict:
    """Make a row for a share that is counted once."""
    return {
        "what": what,
        "unit": "%",
        "median (min-max)": f"{100 * share:.1f}",
        "beside": beside,
        "median": round(100 * share, 1),
    }


def _microseconds(way: Callable, inputs: Sequence) -> float:
    """Measure microseconds of processor time for each input, the best of three rounds."""
    rounds = []
    for _ in range(3):
        began = time.process_time()
        for one in inputs:
            way(one)
        rounds.append((time.process_time() - began) / len(inputs) * 1e6)
    return min(rounds)


if __name__ == "__main__":
    main()
