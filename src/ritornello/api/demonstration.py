"""The whole story on the embedded corpus: train, test, compose, and a page to look at and listen to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.corpora import load_corpus
from ritornello.api.model import Model, load_model
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

    began, folder = time.perf_counter(), Path(out)
    if n < 1:
        raise ValueError(f"n must be 1 or more, not {n}")
    say(f"1. Train on {load_corpus('all')}")
    with open_run("all", folder, options=TrainOptions(minutes=minutes, seed=seed), is_demo=True) as run:
        show(run)
    say("2. Test it on tunes that it never saw")
    model = load_model(folder)
    figures = _figures(model, seed, run.progress.update)
    say(
        f"   network {figures['bits_per_note']:.3f} bits per note, "
        f"n-gram {figures['ngram_bits_per_note']:.3f} (fewer is better)"
    )
    say(f"3. Compose {n} melodies")
    tunes = model.generate(n=n, bars=BARS, seed=seed)
    shared = _write_tunes(tunes, folder, figures, say)
    figures |= {"seconds": round(time.perf_counter() - began, 1), "melodies": shared}
    atomic.write_text(folder / "demo.json", json.dumps(figures, indent=1) + "\n")
    return figures | {"page": str(folder / "index.html")}


def _figures(model: Model, seed: int, update: int) -> dict[str, Any]:
    from ritornello.evaluate.scores import score_ngram

    ngram = score_ngram(load_corpus("all"), model.file.encoding)
    return {
        "bits_per_note": round(model.evaluate("all")["bits_per_note"], 4),
        "ngram_bits_per_note": round(ngram.bits_per_note, 4),
        "seed": seed,
        "update": update,
    }


def _write_tunes(
    tunes: Sequence[Tune], folder: Path, figures: dict[str, Any], say: Callable[[str], None]
) -> list[dict]:
    """Write the tunes in every format and their page; return what each shares with training."""
    from ritornello import atomic
    from ritornello.evaluate.novelty import longest_shared_runs, run_in_words
    from ritornello.render.page import page_html
    from ritornello.render.save import save_melody

    shared = longest_shared_runs([tune.melody for tune in tunes], load_corpus("all"))
    exhibits = []
    for number, (tune, run) in enumerate(zip(tunes, shared, strict=True), 1):
        paths = [folder / f"melody-{number}.{suffix}" for suffix in FORMATS]
        for path in paths:
            save_melody(tune.melody, path)
        exhibits.append(_exhibit(tune, f"Melody {number}", run_in_words(run), paths))
        say(f"   melody {number}: {len(tune.melody.notes)} notes; longest run shared: {run_in_words(run)}")
    intro = "Composed by a small recurrent network that was trained on this machine a moment ago."
    head = {
        "bits per note on unseen tunes": figures["bits_per_note"],
        "an n-gram's": figures["ngram_bits_per_note"],
        "seed": figures["seed"],
        "updates": figures["update"],
    }
    atomic.write_text(folder / "index.html", page_html(exhibits, "New melodies", intro, head))
    return shared


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
