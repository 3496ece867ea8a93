"""ritornello demo: the whole story on the embedded corpus, in under two minutes on two cores."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Out, Quiet

if TYPE_CHECKING:
    from ritornello.api import Tune
    from ritornello.corpus.store import Corpus
    from ritornello.render.page import Exhibit

MINUTES = 1.3
BARS = 8
FORMATS = ("mid", "musicxml", "svg", "wav")


def demo(
    *,
    out: Out = "demo",
    minutes: float = MINUTES,
    melodies: Annotated[int, Parameter(name=["--number", "-n"])] = 4,
    seed: int = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Train on the embedded hymns and songs, compose four melodies, and make a page that shows and plays them.

    Example: ritornello demo -o demo

    Parameters
    ----------
    out
        The folder to write; open its index.html.
    minutes
        The most time that training may take.
    melodies
        How many melodies to compose.
    seed
        Random seed of training and composing.
    """
    from ritornello import api
    from ritornello.atomic import check_place
    from ritornello.cli.live_view import LiveView
    from ritornello.cli.train_words import describe_plan
    from ritornello.evaluate.scores import score_ngram
    from ritornello.reports.runs.watch import watch
    from ritornello.training.plan import TrainOptions
    from ritornello.training.run.claim import claimed
    from ritornello.training.run.folder import MODEL_NAME
    from ritornello.training.run.prepare import prepare_training
    from ritornello.training.run.request import Request

    console, began, folder = Console(quiet, as_json), time.perf_counter(), Path(out)
    check_place(folder)
    if melodies < 1:
        raise ValueError(f"-n must be 1 or more, not {melodies}")
    corpus = api.load_corpus("all")
    console.say(f"1. Train on {corpus}")
    request = Request(options=TrainOptions(minutes=minutes, seed=seed), source="all", is_demo=True)
    with claimed(folder, request) as saved:
        training = prepare_training(request, corpus, saved)
        console.say(describe_plan(training.plan))
        with LiveView(console, training.plan.updates) as view:
            for look in watch(training, folder, view.at):
                view.show(look)
    console.say("2. Test it on tunes that it never saw")
    model = api.load_model(folder / MODEL_NAME)
    score = model.evaluate(corpus)
    ngram = score_ngram(corpus, model.file.encoding)
    console.say(
        f"   network {score['bits_per_note']:.3f} bits per note, n-gram {ngram.bits_per_note:.3f} (fewer is better)"
    )
    console.say(f"3. Compose {melodies} melodies")
    tunes = model.generate(n=melodies, bars=BARS, seed=seed)
    facts = {
        "bits_per_note": round(score["bits_per_note"], 4),
        "ngram_bits_per_note": round(ngram.bits_per_note, 4),
        "seed": seed,
        "update": look.check.update,
    }
    shared = write_tunes(tunes, corpus, folder, facts, console)
    facts |= {"seconds": round(time.perf_counter() - began, 1), "melodies": shared}
    _write_json(folder / "demo.json", facts)
    page = folder / "index.html"
    console.result(facts | {"page": str(page)}, f"{page}: open it in a browser ({facts['seconds']:.0f} s)")
    return 0


def write_tunes(tunes: list[Tune], corpus: Corpus, folder: Path, facts: dict, console: Console) -> list[dict]:
    """Write every tune in every format and the page of them all; tell what each shares with the corpus."""
    from ritornello.evaluate.novelty import longest_shared_runs, run_in_words
    from ritornello.render.save import save_melody

    shared = longest_shared_runs([tune.melody for tune in tunes], corpus)
    exhibits = []
    for number, (tune, run) in enumerate(zip(tunes, shared, strict=True), 1):
        files = {f"melody-{number}.{suffix}": folder / f"melody-{number}.{suffix}" for suffix in FORMATS}
        for path in files.values():
            save_melody(tune.melody, path)
        exhibits.append(_exhibit(tune, number, run, files))
        console.say(f"   melody {number}: {len(tune.melody.notes)} notes; longest run shared: {run_in_words(run)}")
    _write_page(folder, exhibits, facts)
    return shared


def _exhibit(tune: Tune, number: int, run: dict, files: dict[str, Path]) -> Exhibit:
    from ritornello.evaluate.novelty import run_in_words
    from ritornello.render.audio_file import encode_audio
    from ritornello.render.page import Exhibit
    from ritornello.render.sound import render_wave

    told: dict[str, str | int | float] = {
        "notes": len(tune.melody.notes),
        "longest run shared with a training tune": run_in_words(run),
    }
    saved = {name: path.read_bytes() for name, path in files.items() if path.suffix in (".mid", ".musicxml")}
    audio = encode_audio(render_wave(tune.melody), "mp3")
    probabilities = [float(2.0**-bits) for bits in tune.surprise]
    return Exhibit(tune.melody, audio, "audio/mpeg", f"Melody {number}", told, probabilities, saved)


def _write_page(folder: Path, exhibits: list, facts: dict) -> None:
    from ritornello import atomic
    from ritornello.render.page import page_html

    told = {
        "bits per note on unseen tunes": facts["bits_per_note"],
        "an n-gram's": facts["ngram_bits_per_note"],
        "seed": facts["seed"],
        "updates": facts["update"],
    }
    intro = "Composed by a small recurrent network that was trained on this machine a moment ago."
    atomic.write_text(folder / "index.html", page_html(exhibits, "New melodies", intro, told))


def _write_json(path: Path, value: dict) -> None:
    from ritornello import atomic

    atomic.write_text(path, json.dumps(value, indent=1) + "\n")
