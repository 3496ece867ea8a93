"""The executor for many machines: Ray Data in, Parquet shards out, the same rows as from the pool.

Files are named on the machine that builds and read on those that convert, so all of them must see the same paths.
Each task converts some hundreds of files through a worker of its own (a hostile file costs its line, not the task),
writes them as one shard, and reports their places. A task that is lost with its machine is run again elsewhere.
"""

from __future__ import annotations

import atexit
import json
import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from ritornello.corpus.build.pool import CONVERT, Job, batches, content_of, converted
from ritornello.corpus.build.rows import FileRows, Journal, content_key
from ritornello.corpus.build.shards import read_shard, shards_in, write_shard
from ritornello.corpus.find.find import Source
from ritornello.corpus.options import BuildOptions
from ritornello.music.worker import Worker

SHARD_FILES = 1024
TASKS_PER_PROCESSOR = 4
"""So many tasks at least for each processor of the cluster, so that the last ones do not keep the others waiting."""


def convert_on_ray(
    sources: Sequence[Source], options: BuildOptions, journal: Journal, shards: str
) -> Generator[int, None, None]:
    """Convert every source on the Ray cluster at hand (RAY_ADDRESS, else one on this machine).

    Rows go to Parquet files at `shards` (a folder that all machines see, or a URL) and from there into the journal;
    yields the place of each file as it is there. Shards that an earlier run left are taken up.
    Raises ImportError, saying what to install, where Ray or pyarrow is missing.
    """
    ray = _ray()
    left = set(journal.keys())
    for path in shards_in(shards):
        for key, rows in read_shard(shards, path):
            if key not in left:
                journal.put(None, key, rows.to_bytes())
    known = ray.put(frozenset(journal.keys()))
    items = [{"place": place, "source": json.dumps(source)} for place, source in enumerate(sources)]
    processors = int(ray.cluster_resources().get("CPU", 1))
    size = max(1, min(SHARD_FILES, -(-len(items) // (processors * TASKS_PER_PROCESSOR))))
    data = ray.data.from_items(items, override_num_blocks=-(-len(items) // size)).map_batches(
        _convert_batch,
        batch_size=None,  # a block is a shard
        fn_kwargs={"options": asdict(options), "known": known, "shards": shards},
        num_cpus=1,
        concurrency=options.workers or None,
    )
    for row in data.iter_rows():
        yield from _received(row, journal, shards)


def _ray():
    """Connect to Ray and load its data library."""
    try:
        import pyarrow  # noqa: F401  # shards are written with it
        import ray
        import ray.data
    except ImportError:
        raise ImportError('engine "ray" needs Ray and pyarrow: pip install "ray[data]" pyarrow') from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of plans and bars; what fails is raised
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray


def _convert_batch(batch: dict[str, Any], options: dict[str, Any], known, shards: str) -> dict[str, list]:
    """Convert the files of a block where it lies, and write a shard.

    Returns one row: places and keys of the files, and the shard.
    """
    import ray

    earlier = ray.get(known)
    places, keys, done, jobs = [], [], [], []
    for place, text in zip(batch["place"].tolist(), batch["source"], strict=True):
        source = Source.from_list(json.loads(text))
        content = content_of(source)
        key = content_key(source.name, content)
        places.append(place)
        keys.append(key)
        if key in earlier:
            continue
        if isinstance(content, FileRows):
            done.append((source.name, key, content))
        else:
            jobs.append(Job(place, key, source.name, content))
    for group in batches(jobs):
        rows_of_jobs = converted(_worker(), group, BuildOptions(**options))
        done.extend((job.name, job.key, FileRows.from_bytes(rows)) for job, rows in rows_of_jobs)
    shard = write_shard(shards, done) if done else ""
    return {"places": [places], "keys": [keys], "shard": [shard]}


@lru_cache(maxsize=1)
def _worker() -> Worker:
    """Start the worker of this process, which is kept from task to task."""
    worker = Worker(CONVERT)
    atexit.register(worker.stop)
    return worker


def _received(row: dict[str, Any], journal: Journal, shards: str) -> Iterator[int]:
    """Put the files of a finished task into the journal."""
    rows = dict(read_shard(shards, row["shard"])) if row["shard"] else {}
    for place, key in zip(row["places"], row["keys"], strict=True):
        if key in rows:
            journal.put(int(place), key, rows[key].to_bytes())
        else:
            journal.take_up(int(place), key)
        yield int(place)
