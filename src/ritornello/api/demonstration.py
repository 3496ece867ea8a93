"""The whole story on the embedded corpus: train, test, compose, and a page to look at and listen to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.corpora import load_corpus
from ritornello.api.model import load_model
from ritornello.api.run import OpenRun, open_run
from ritornello.training.plan import TrainOptions

if TYPE_CHECKING:
    from ritornello.api.model import Tune
    from ritornello.render.page import Exhibit

DEMO_MINUTES = 1.3
BARS = 8
FORMATS = ("mid", "musicxml", "svg", "wav")


def demo(
    out: str | Path = "demo",
    minutes: float = DEMO_MINUTES,
    n: int = 4,
    seed: int = 1,
    say: Callable[[str], None] = lambda text: None,
    show: Callable[[OpenRun], object] = lambda run: list(run.looks()),
) -> dict[str, Any]:
    """Train on the embedded hymns and songs, compose melodies, and make a page of them.

    minutes: the most time that training may take. n: how many melodies. seed: of training and composing.
    say: called with a line at each step. show: trains the run that it is given, showing it.
    Returns bits_per_note, ngram_bits_per_note, seconds, melodies (what each shares with a training tune), page ...
    Raises ValueError where the folder holds a corpus, or a run that is not a demo's.
    """
    from ritornello import atomic
    from ritornello.evaluate.novelty import longest_shared_runs, run_in_words
    from ritornello.evaluate.scores import score_ngram
    from ritornello.render.page import page_html
    from ritornello.render.save import save_melody

    began, folder = time.perf_counter(), Path(out)
    if n < 1:
        raise ValueError(f"n must be 1 or more, not {n}")
    corpus = load_corpus("all")
    say(f"1. Train on {corpus}")
    with open_run("all", folder, options=TrainOptions(minutes=minutes, seed=seed), is_demo=True) as run:
        show(run)
    say("2. Test it on tunes that it never saw")
    model = load_model(folder)
    bits = model.evaluate("all")["bits_per_note"]
    ngram_bits = score_ngram(corpus, model.file.encoding).bits_per_note
    say(f"   network {bits:.3f} bits per note, n-gram {ngram_bits:.3f} (fewer is better)")
    say(f"3. Compose {n} melodies")
    tunes = model.generate(n=n, bars=BARS, seed=seed)
    shared = longest_shared_runs([tune.melody for tune in tunes], corpus)
    exhibits = []
    for number, (tune, shared_run) in enumerate(zip(tunes, shared, strict=True), 1):
        paths, words = [folder / f"melody-{number}.{suffix}" for suffix in FORMATS], run_in_words(shared_run)
        for path in paths:
            save_melody(tune.melody, path)
        exhibits.append(_exhibit(tune, f"Melody {number}", words, paths))
        say(f"   melody {number}: {len(tune.melody.notes)} notes; longest run shared: {words}")
    intro = "Composed by a small recurrent network that was trained on this machine a moment ago."
    figures = {
        "bits_per_note": round(bits, 4),
        "ngram_bits_per_note": round(ngram_bits, 4),
        "seed": seed,
        "update": run.progress.update,
    }
    names = ("bits per note on unseen tunes", "an n-gram's", "seed", "updates")
    head = dict(zip(names, figures.values(), strict=True))
    atomic.write_text(folder / "index.html", page_html(exhibits, "New melodies", intro, head))
    figures |= {"seconds": round(time.perf_counter() - began, 1), "melodies": shared}
    atomic.write_text(folder / "demo.json", json.dumps(figures, indent=1) + "\n")
    return figures | {"page": str(folder / "index.html")}


def _exhibit(tune: Tune, title: str, run: str, paths: Sequence[Path]) -> Exhibit:
    from ritornello.render.audio_file import encode_audio
    from ritornello.render.page import Exhibit
    from ritornello.render.sound import render_wave

    figures: dict[str, str | int | float] = {
        "notes": len(tune.melody.notes),
        "longest run shared with a training tune": run,
    }
    files = {path.name: path.read_bytes() for path in paths if path.suffix in (".mid", ".musicxml")}
    audio = encode_audio(render_wave(tune.melody), "mp3")
    return Exhibit(tune.melody, audio, "audio/mpeg", title, figures, tune.probabilities, files)
