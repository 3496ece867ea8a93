"""How the time of `corpus build` divides into stages, for each file; everything runs in one process.

Processor time is counted, which other programs hardly change. The functions below are timed where the build looks
them up, each without what others of them take within it. Only the executor is another one: files are converted here
and not in a worker, whose time could not be divided.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from ritornello.atomic import write_text
from ritornello.corpus.build import build
from ritornello.corpus.build.convert import convert
from ritornello.corpus.build.pool import content_of
from ritornello.corpus.build.rows import FileRows, content_key
from ritornello.corpus.store import PAGE
from ritornello.reports.corpora import page

STAGES = {
    "open the file": ["corpus.find.find:Source.read"],
    "read the music": ["corpus.build.convert:scan_content"],
    "pick the melody, find its key": ["corpus.build.convert:pick_melodies"],
    "quantise": ["corpus.pick.pick:timed"],
    "fingerprint": ["corpus.build.convert:fingerprint"],
    "make rows of it": ["corpus.build.convert:corpus_of", "corpus.build.rows:FileRows.to_bytes"],
    "check the rows": ["corpus.build.rows:FileRows.from_bytes"],
    "journal": ["corpus.build.rows:Journal.put", "corpus.build.rows:Journal.rows"],
    "duplicates, families, splits": [
        "corpus.build.build:judged",
        "corpus.families.families:Comparison.variant_pairs",
    ],
    "report lines": ["corpus.build.build:report_line", "corpus.report:Lines.put"],
    "write": ["corpus.store:Corpus.save"],
    "the page": ["reports.corpora.page:report_page"],
}
WHOLE, REST = "all stages", "the rest"


def stages(folder: Path, files: int) -> dict[str, float]:
    """Build a corpus of a folder of so many files; returns microseconds for each file, by stage and in all."""
    took: Counter[str] = Counter()
    running: list[str] = []
    undo = [_timed(name, place, took, running) for name, places in STAGES.items() for place in places]
    executor, build.convert_here = build.convert_here, _in_process
    try:
        with tempfile.TemporaryDirectory() as out:
            began = time.process_time()
            corpus = build.build_corpus(folder, out=Path(out, "corpus"))
            write_text(Path(out, "corpus", PAGE), page.report_page(corpus))
            took[WHOLE] = time.process_time() - began
    finally:
        build.convert_here = executor
        for put_back in undo:
            put_back()
    took[REST] = took[WHOLE] - sum(took[name] for name in STAGES)
    return {name: took[name] / files * 1e6 for name in (*STAGES, REST, WHOLE)}


def _in_process(sources, options, journal) -> Generator[int, None, None]:
    """Convert each source in this process."""
    for place, source in enumerate(sources):
        content = content_of(source)
        rows = content if isinstance(content, FileRows) else convert(content, source.name, options)
        journal.put(place, content_key(source.name, content), rows.to_bytes())
        yield place


def _timed(stage: str, place: str, took: Counter[str], running: list[str]) -> Callable[[], None]:
    """Put a clock around a function, which stops while another such function runs; returns what puts it back."""
    module, _, path = place.partition(":")
    holder: Any = importlib.import_module(f"ritornello.{module}")
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner)
    kept = holder.__dict__[name]
    function = kept.__func__ if isinstance(kept, classmethod) else kept

    def clocked(*arguments, **named):
        began = time.process_time()
        running.append(stage)
        try:
            return function(*arguments, **named)
        finally:
            spent = time.process_time() - began
            running.pop()
            took[stage] += spent
            if running:
                took[running[-1]] -= spent

    setattr(holder, name, classmethod(clocked) if isinstance(kept, classmethod) else clocked)
    return lambda: setattr(holder, name, kept)
