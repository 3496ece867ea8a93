"""A listening vote over the models of a class: the page, and the sums of the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ritornello.api.model import MODEL_NAME, Model, load_model
from ritornello.api.options import checked

STYLE = "the tunes that the models learned"
MOST_SECONDS = 60.0  # of one tune


@checked
def vote(
    folder: str | Path,
    out: str | Path = "vote.html",
    pairs: int | None = None,
    tunes: int = 2,
    bars: int = 8,
    seed: int = 1,
    style: str = STYLE,
    title: str = "Which tune do you like?",
    on_remark: Callable[[str], None] = lambda text: None,
    on_progress: Callable[[float], None] | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Make one offline page of blind pairs from all models in a folder.

    folder: run folders and model files, at least two. pairs: how many each voter hears; without it so many that each
    model is heard once or twice, 15 of thirty models. tunes: of each model, of so many bars, composed with this seed.
    style: ends the question "Which of the two is nearer to ...?". on_remark: called with a line on each file that is
    no model. on_progress: called with the share that is done, 0 to 1.
    Returns page, models, tunes, pairs, left_out.
    Raises ValueError for fewer than two models or a number out of range, FileExistsError for a page to be kept.
    """
    from ritornello import atomic
    from ritornello.render.audio_file import encode_audio
    from ritornello.render.save import SMALL_SOUND
    from ritornello.render.sound import render_wave
    from ritornello.reports.vote.page import vote_html

    for name, value in (("tunes", tunes), ("bars", bars), ("pairs", 1 if pairs is None else pairs)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, not {value}")
    if Path(out).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{out}: a vote is a page: name it .html")
    maker = atomic.maker_of("vote", folder)
    atomic.check_ahead([out], maker, replace)
    models, left_out = _models(Path(folder), on_remark)
    if len(models) < 2:
        raise ValueError(f"{folder}: a vote needs two models or more, here {'is one' if models else 'are none'}")
    rate, compression = SMALL_SOUND
    sounds: dict[str, list[bytes]] = {}
    for number, (name, model) in enumerate(models.items()):
        made = [tune.melody for tune in model.generate(n=tunes, bars=bars, seed=seed) if tune.melody.notes]
        waves = [render_wave(melody, rate, is_mono=True)[: round(MOST_SECONDS * rate)] for melody in made]
        if waves:
            sounds[name] = [encode_audio(wave, "mp3", rate, compression) for wave in waves]
        if on_progress:
            on_progress((number + 1) / len(models))
    if len(sounds) < 2:
        raise ValueError(f"{folder}: fewer than two of its models compose notes: train them longer")
    count = pairs if pairs is not None else max(-(-len(sounds) // 2), 6)
    atomic.write_text(out, vote_html(sounds, count, style, title), maker, replace)
    return {"page": str(out), "models": list(sounds), "tunes": tunes, "pairs": count, "left_out": left_out}


@checked
def count_votes(files: Sequence[str | Path]) -> dict[str, Any]:
    """Sum the files that voters saved.

    For each model the share of its pairs that it won, with an interval.

    files: of one vote; a folder stands for its .json files. Returns what `reports.vote.count` does.
    Raises ValueError for a file that is no voter's, or of another vote, OSError where one cannot be read.
    """
    from ritornello.reports.vote.count import count_ballots, read_ballot

    paths = [path for file in map(Path, files) for path in (sorted(file.glob("*.json")) if file.is_dir() else [file])]
    return count_ballots([read_ballot(path) for path in paths if path.name != ".ritornello.json"])


def _models(folder: Path, on_remark: Callable[[str], None]) -> tuple[dict[str, Model], list[str]]:
    """Load the models of a folder by name, and list the files that are none."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: not a folder of models")
    places = sorted([*folder.glob("*.safetensors"), *(p.parent for p in folder.glob(f"*/{MODEL_NAME}"))])
    models: dict[str, Model] = {}
    left_out = []
    for place in places:
        try:
            models[place.name.removesuffix(".safetensors")] = load_model(place)
        except (ValueError, OSError) as error:
            left_out.append(place.name)
            on_remark(f"{error}; it is left out")
    return models, left_out
