"""What do the programs that this one grew out of write, and what does each cost? All from one folder of tunes.

    python -m benchmarks.ancestors --minutes 0.75 --page docs/ancestors.html --write benchmarks/ancestors/README.md

Each ancestor is trained from the folder for the same minutes on one core, scored on the same held-out pieces, and
composes one piece, with the functions of the README's verbs. The folder is by default that of 282 hymns in four
voices. Bits per note compare within a kind of music: a melody's notes, the notes of four voices on a grid, and notes
with loudness and time to 10 ms are not the same thing to foresee.
"""

from __future__ import annotations

import json
import tempfile
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import DATA, arguments, hardware, write_between_marks

import ritornello as rito
from ritornello import atomic
from ritornello.model.file import find_model
from ritornello.render.page import Exhibit, page_html

MARKS = ("<!-- ancestors: made by python -m benchmarks.ancestors -->", "<!-- /ancestors -->")
SEED = 1
BARS: dict[str, Any] = {"bars": 8}
SECONDS: dict[str, Any] = {"seconds": 20.0}
COLUMNS = ("ancestor", "writes", "trained with", "minutes", "bits per note", "n-gram", "weights", "MB", "notes/s")


class Ancestor(NamedTuple):
    """An ancestor of this program, and how its like is trained here.

    keep: of `build_corpus`. length: of the piece that it composes.
    """

    name: str
    writes: str
    keep: str
    options: dict[str, Any]
    length: dict[str, Any]

    @property
    def command(self) -> str:
        """The options of `ritornello train`."""
        return " ".join(
            f"--{key} {value}" if value is not True else f"--{key}" for key, value in self.options.items()
        )


ANCESTORS = (
    Ancestor("the exercise", "melody, 130 symbols", "melody", {"encoding": "grid", "plain": True}, BARS),
    Ancestor("char-rnn, folk-rnn", "melody, ABC letters", "melody", {"encoding": "text"}, BARS),
    Ancestor("Melody RNN (lookback)", "melody, repeats by name", "melody", {"encoding": "lookback"}, BARS),
    Ancestor("Melody RNN (attention)", "melody", "melody", {"encoding": "grid", "preset": "attention"}, BARS),
    Ancestor("the default here", "melody, intervals and durations, memory", "melody", {"encoding": "interval"}, BARS),
    Ancestor("Performance RNN", "notes as played", "all", {"encoding": "events", "preset": "performance"}, SECONDS),
    Ancestor("Music Transformer", "notes as played", "all", {"encoding": "events", "preset": "transformer"}, SECONDS),
    Ancestor("REMI (Pop Music Transformer)", "notes in bars", "all", {"encoding": "events-beats"}, BARS),
    Ancestor("BachBot, DeepBach", "four voices", "voices", {"encoding": "chorale"}, {}),
)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        corpora = {keep: rito.build_corpus(options.folder, keep=keep) for keep in ("melody", "voices", "all")}
        rows, exhibits = [], []
        for number, ancestor in enumerate(ANCESTORS):
            row, exhibit = measure(ancestor, corpora[ancestor.keep], Path(folder) / str(number), options.minutes)
            rows.append(row)
            exhibits.append(exhibit)
            print(row, flush=True)
    if options.page:
        learned = f"{len(corpora['melody'])} tunes in {options.minutes:g} minutes"
        intro = f"One piece of each, seed {SEED}, learned from the same {learned}."
        page = page_html(exhibits, "The ancestors", intro)
        atomic.write_text(options.page, page, "benchmarks.ancestors", replace=True)
    if options.json:
        print(json.dumps({"hardware": hardware(), "rows": rows}))
    if options.write:
        write_between_marks(options.write, table(rows), MARKS)


def _options() -> Namespace:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=DATA / "hymns")
    parser.add_argument("--minutes", type=float, default=3.0, help="of training, for each")
    parser.add_argument("--page", type=Path, help="write one page with a player each")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this file")
    return parser.parse_args()


def measure(ancestor: Ancestor, corpus: rito.Corpus, out: Path, minutes: float) -> tuple[dict[str, Any], Exhibit]:
    """Train, score and compose. Returns a row of the table and the piece."""
    began = time.perf_counter()
    run = rito.train(corpus, out, minutes=minutes, seed=SEED, threads=1, **ancestor.options)
    took = (time.perf_counter() - began) / 60
    model = rito.load_model(run)
    figures = model.evaluate(corpus, baselines=True)
    ngrams = [value["bits_per_note"] for name, value in figures["baselines"].items() if name.startswith("ngram")]
    began = time.perf_counter()
    tune = model.generate(seed=SEED, **ancestor.length)
    seconds = time.perf_counter() - began
    row = {
        "ancestor": ancestor.name,
        "writes": ancestor.writes,
        "trained with": f"`{ancestor.command}`",
        "minutes": round(took, 1),
        "bits per note": round(figures["bits_per_note"], 2),
        "n-gram": round(min(ngrams), 2) if ngrams else "-",
        "weights": f"{sum(tensor.size for tensor in model.file.tensors.values()):,}",
        "MB": round(find_model(run.folder).stat().st_size / 1e6, 1),
        "notes/s": round(tune_notes(tune) / seconds),
    }
    return row, replace(tune.exhibit(), title=ancestor.name)


def tune_notes(tune: Any) -> int:
    """Count the notes of a composed piece, of all its parts."""
    music = tune.music
    return sum(len(part.notes) for part in music.parts) if hasattr(music, "parts") else len(music.notes)


def table(rows: list[dict[str, Any]]) -> str:
    """Lay the rows out as Markdown, with where they were measured."""
    where = ", ".join(f"{name} {value}" for name, value in hardware().items())
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    body = ["| " + " | ".join(str(row[name]) for name in COLUMNS) + " |" for row in rows]
    return "\n".join([f"Measured on: {where}; one thread.", "", *head, *body])


if __name__ == "__main__":
    main()
