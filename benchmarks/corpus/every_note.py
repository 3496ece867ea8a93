"""What does `corpus build --keep all` cost beside `--keep melody`, and does its memory grow with the songs?

    python -m benchmarks.corpus.every_note

Whole builds of 250, 500 and all 1,026 songs, one after the other, each in a process of its own with one worker.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
from pathlib import Path

from benchmarks.corpus.building import build
from benchmarks.corpus.picking import SONGS
from benchmarks.report import arguments, tell

KEEPS = ("melody", "all")


def main() -> None:
    """Build the songs both ways, and print a row for each build."""
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--songs", type=Path, default=SONGS, help="archive of the art songs (.mscx)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[250, 500, 1026])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        songs = unpack(options.songs, Path(folder))
        tell([row for size in options.sizes for row in of_size(songs, size)], options.json)


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Unpack the songs of an archive, each a file of the folder, in the order of the archive."""
    paths = []
    with tarfile.open(archive) as songs:
        for member in songs:
            if member.name.endswith(".mscx"):
                content = songs.extractfile(member)
                assert content is not None
                paths.append(folder / f"{len(paths):04d}.mscx")
                paths[-1].write_bytes(content.read())
    return paths


def of_size(songs: list[Path], size: int) -> list[dict]:
    """Build a corpus of so many songs, spread evenly, both ways."""
    with tempfile.TemporaryDirectory() as folder:
        for n in range(size):
            path = songs[n * len(songs) // size]
            Path(folder, path.name).symlink_to(path)
        runs = {keep: build(Path(folder), 1, keep) for keep in KEEPS}
    seconds = {keep: run["own_cpu_seconds"] + run["workers_cpu_seconds"] for keep, run in runs.items()}
    return [
        {
            "songs": run["files"],
            "keep": keep,
            "notes": run["notes"],
            "songs a second of processor time": run["files"] / seconds[keep],
            "rate beside melody": seconds["melody"] / seconds[keep],
            "most memory, program, MB": round(run["program_mb"]),
            "most memory, worker, MB": round(run["worker_mb"]),
        }
        for keep, run in runs.items()
    ]


if __name__ == "__main__":
    main()
