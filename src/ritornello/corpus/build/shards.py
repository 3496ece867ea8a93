"""Rows as Parquet shards: what many machines write and any program can read.

A row for each file: name, key (of the journal), the notes of its melodies end to end as the lists start, duration
(ticks), pitch, velocity and part, the tokens of array files as steps, and header, the JSON of everything else (pieces
with their slices of those lists, timelines, problems, warnings, losses). Any place that pyarrow can write to will do:
a folder that all machines see, or a URL such as "s3://bucket/shards".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import numpy as np

from ritornello.atomic import to_utf8
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import NOTE_DTYPE


def write_shard(place: str, files: Sequence[tuple[str, bytes, FileRows]]) -> str:
    """Write name, key and rows of some files as one shard in a folder or at a URL.

    Returns its path there.

    Its name follows from the keys, so that a task which is run again replaces what it wrote before. It appears whole
    or not at all. Raises OSError where it cannot be written.
    """
    import pyarrow.parquet as pq

    system, folder = _system(place)
    digest = hashlib.sha256(b"".join(key for _, key, _ in files)).hexdigest()[:24]
    path = f"{folder}/{digest}.parquet"
    system.create_dir(folder, recursive=True)
    written = f"{path}.part" if system.type_name == "local" else path  # elsewhere an object appears when it is whole
    with system.open_output_stream(written) as stream:
        pq.write_table(_table(files), stream, compression="zstd")
    if written != path:
        system.move(written, path)
    return path


def shards_in(place: str) -> list[str]:
    """List the paths of shards in a folder or at a URL, by name; none where it does not exist."""
    from pyarrow import fs

    system, folder = _system(place)
    found = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
    return sorted(info.path for info in found if info.is_file and info.path.endswith(".parquet"))


def read_shard(place: str, path: str) -> Iterator[tuple[bytes, FileRows]]:
    """Read the files of a shard: key and rows of each. Raises CorpusError where it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    system, _ = _system(place)
    try:
        table = pq.read_table(system.open_input_file(path))
        for row in table.to_pylist():
            notes = np.zeros(len(row["start"]), NOTE_DTYPE)
            for name in ("start", "duration", "pitch", "velocity"):
                notes[name] = row[name]
            notes["part"] = row.get("part", 0)  # an older shard holds melodies alone
            steps = None if row["steps"] is None else np.array(row["steps"], np.uint8)
            yield row["key"], FileRows.from_dict(json.loads(row["header"]), notes, steps)
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"{path}: the shard is damaged ({' '.join(str(error).split())}); delete it") from None


def _table(files: Sequence[tuple[str, bytes, FileRows]]):
    import pyarrow as pa

    ticks, small = pa.list_(pa.int64()), pa.list_(pa.uint8())
    columns = {
        "name": ([to_utf8(name).decode() for name, _, _ in files], pa.string()),
        "key": ([key for _, key, _ in files], pa.binary()),
        "header": ([json.dumps(rows.to_dict()) for _, _, rows in files], pa.string()),
        **{name: ([rows.notes[name] for _, _, rows in files], ticks) for name in ("start", "duration")},
        **{name: ([rows.notes[name] for _, _, rows in files], small) for name in ("pitch", "velocity", "part")},
        "steps": ([rows.corpus.steps for _, _, rows in files], small),
    }
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})


def _system(place: str):
    """Find the file system of a place, and the path of the place in it."""
    import os

    from pyarrow import fs

    if "://" in place:
        return fs.FileSystem.from_uri(place)
    return fs.LocalFileSystem(), os.path.abspath(place)
