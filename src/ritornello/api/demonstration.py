"""The whole story on the embedded corpus: train, test, compose, and a page to look at and listen to."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.corpora import load_corpus
from ritornello.api.model import load_model
from ritornello.api.options import checked
from ritornello.api.run import OpenRun, open_run
from ritornello.training.plan import TrainOptions

if TYPE_CHECKING:
    from ritornello.api.tunes import Tune
    from ritornello.render.page import Exhibit

DEMO_MINUTES = 1.3
BARS = 8
FORMATS = ("mid", "musicxml", "svg", "wav")


@checked
def demo(
    out: str | Path = "demo",
    minutes: float = DEMO_MINUTES,
    n: int = 4,
    seed: int = 1,
    say: Callable[[str], None] = lambda text: None,
    show: Callable[[OpenRun], object] = lambda run: list(run.looks()),
    replace: bool = False,
) -> dict[str, Any]:
    """Train on the embedded hymns and songs, compose melodies, and make a page of them.

    minutes: the most time that training may take. n: how many melodies. seed: of training and composing.
    say: called with a line at each step. show: trains the run that it is given, showing it.
    Returns bits_per_note, ngram_bits_per_note, seconds, melodies (what each shares with a training tune), page ...
    replace: a demo that nobody changed is replaced anyway, with this also other files of its names, and a run.
    Raises FileExistsError, before anything is written, for a file that must be kept, ValueError where the folder
    holds a corpus.
    """
    from ritornello import atomic
    from ritornello.evaluate.novelty import longest_shared_runs, run_in_words
    from ritornello.evaluate.scores import score_ngram
    from ritornello.render.page import page_html
    from ritornello.training.run.folder import DEMO

    began, folder = time.perf_counter(), Path(out)
    if n < 1:
        raise ValueError(f"n must be 1 or more, not {n}")
    pages = [folder / name for name in ("index.html", "demo.json")]
    names = [[folder / f"melody-{number}.{suffix}" for suffix in FORMATS] for number in range(1, n + 1)]
    atomic.check_files([*pages, *chain.from_iterable(names)], DEMO, replace)
    corpus = load_corpus("all")
    say(f"1. Train on {corpus}")
    with open_run(
        "all", folder, options=TrainOptions(minutes=minutes, seed=seed), replace=replace, is_demo=True
    ) as run:
        show(run)
    say("2. Test it on tunes that it never saw")
    model = load_model(folder)
    bits = model.evaluate("all")["bits_per_note"]
    ngram_bits = score_ngram(corpus, model.file.encoding).bits_per_note
    say(f"   network {bits:.3f} bits per note, n-gram {ngram_bits:.3f} (fewer is better)")
    say(f"3. Compose {n} melodies")
    tunes = model.generate(n=n, bars=BARS, seed=seed)
    shared = longest_shared_runs([tune.melody for tune in tunes], corpus)
    exhibits: list[Exhibit] = []
    files: dict[Path, bytes] = {}
    for number, (tune, shared_run, paths) in enumerate(zip(tunes, shared, names, strict=True), 1):
        written, words = {path: tune.encoded(path) for path in paths}, run_in_words(shared_run)
        files |= written
        exhibits.append(_exhibit(tune, f"Melody {number}", words, written))
        say(f"   melody {number}: {len(tune.melody.notes)} notes; longest run shared: {words}")
    intro = "Composed by a small recurrent network that was trained on this machine a moment ago."
    figures = {
        "bits_per_note": round(bits, 4),
        "ngram_bits_per_note": round(ngram_bits, 4),
        "seed": seed,
        "update": run.progress.update,
    }
    labels = ("bits per note on unseen tunes", "an n-gram's", "seed", "updates")
    head = dict(zip(labels, figures.values(), strict=True))
    page = page_html(exhibits, "New melodies", intro, head)
    figures |= {"seconds": round(time.perf_counter() - began, 1), "melodies": shared}
    files |= zip(pages, (page.encode(), (json.dumps(figures, indent=1) + "\n").encode()), strict=True)
    atomic.write_files(files.items(), DEMO, replace)
    return figures | {"page": str(pages[0])}


def _exhibit(tune: Tune, title: str, run: str, written: Mapping[Path, bytes]) -> Exhibit:
    from ritornello.render.save import exhibit_of

    figures: dict[str, str | int | float] = {
        "notes": len(tune.melody.notes),
        "longest run shared with a training tune": run,
    }
    files = {path.name: content for path, content in written.items() if path.suffix in (".mid", ".musicxml")}
    return dataclasses.replace(exhibit_of(tune.melody, tune.probabilities, figures=figures), title=title, files=files)
