"""ritornello evaluate: how well a model expects tunes it has not seen, and whether its own tunes are like them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from ritornello.cli.console import AsJson, Console, Quiet

if TYPE_CHECKING:
    from ritornello.api import Model
    from ritornello.corpus.store import Corpus
    from ritornello.encoding import Encoding
    from ritornello.evaluate.likelihood import Likelihood

UNITS = ("bits_per_note", "bits_per_quarter", "nll_per_token")
HABITS = ("tonic_endings", "long_endings", "ties", "long_repeats")


def evaluate(
    model: str,
    corpus: str = "all",
    /,
    *,
    split: Literal["train", "validation", "test"] = "test",
    beside: str | None = None,
    baselines: bool = True,
    tunes: int = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Score a model on a corpus: nats per token, bits per note and bits per quarter, beside simple baselines.

    Example: ritornello evaluate my-run songs --tunes 200

    Parameters
    ----------
    model
        A model file, a run folder, or a shipped model.
    corpus
        A corpus folder, a folder of tunes, an embedded corpus (all, hymns or songs), or a music file, which is
        scored whole.
    split
        Which melodies to score.
    beside
        Another model to score on the same tunes, those that the encodings of both reproduce exactly.
    baselines
        Score uniform, unigram and n-grams beside it (not for a single file, which has nothing to train them on).
    tunes
        Also compose so many tunes and set their endings, and what they share with the corpus, beside its own.
    """
    from ritornello.api import load_model

    console = Console(quiet, as_json)
    if tunes < 0:
        raise ValueError(f"--tunes must be 0 or more, not {tunes}")
    chosen = load_model(model)
    other = load_model(beside) if beside else None
    material, scored = _material(corpus, split, console)
    found = _beside(chosen, other, material, scored) if other else _alone(chosen, material, scored)
    value: dict = {"split": scored or "all", **found.value}
    simple = _baselines(material, chosen.file.encoding, scored, found.only, console) if baselines and scored else {}
    words = f"{found.line}{scored or corpus}: {found.sums}; {_terms(chosen, other, bool(simple))}\n"
    value["baselines"] = {n: s.to_dict() for n, s in simple.items()}
    scores = found.rows | simple
    rows = [[name, *(f"{getattr(s, unit):.3f}" for unit in UNITS)] for name, s in scores.items()]
    words += console.table(["", *(unit.replace("_", " ") for unit in UNITS)], rows)
    if scored is None and (runs := _shared_runs(chosen, material)):
        value["shared_runs"] = runs
        words += "".join(f"\nlongest run shared with training: {run['notes']} notes, {run['title']}" for run in runs)
    if tunes:
        value["habits"] = _habits(chosen, material, scored, tunes)
        words += "\n\n" + console.table(["", *HABITS, "longest shared run"], _habit_rows(value["habits"]))
    console.result(value, words)
    return 0


class _Scores(NamedTuple):
    """One model's score, or two models'. value: for JSON. line: what to say first. only: which tunes were scored."""

    rows: dict[str, Likelihood]
    value: dict
    line: str
    only: list[int] | None = None

    @property
    def sums(self) -> str:
        """How much was scored."""
        score = next(iter(self.rows.values()))
        return f"{score.notes} notes, {score.tokens} tokens"


def _alone(model: Model, corpus: Corpus, split: str | None) -> _Scores:
    from ritornello.corpus.tokens import losses_in_words
    from ritornello.evaluate.scores import figures, score_and_losses

    encoding = model.file.encoding
    score, losses = score_and_losses(model.file, corpus, split)
    lost = losses_in_words(losses, encoding)
    return _Scores({model.name: score}, figures(score, encoding) | {"losses": losses}, f"{lost}\n" if lost else "")


def _beside(model: Model, other: Model, corpus: Corpus, split: str | None) -> _Scores:
    """Both on the tunes that both encodings reproduce exactly: nothing of them is lost."""
    from ritornello.evaluate.scores import compare, figures

    found = compare(model.file, other.file, corpus, split)
    name = other.name if other.name != model.name else f"{other.name} (beside)"
    value = figures(found.one, model.file.encoding) | found.told(other.name, other.file.encoding)
    line = f"{len(found.only)} of {found.of_tunes} tunes, those that both encodings reproduce exactly\n"
    return _Scores({model.name: found.one, name: found.other}, value, line, found.only)


def _baselines(
    corpus: Corpus, encoding: Encoding, split: str, only: list[int] | None, console: Console
) -> dict[str, Likelihood]:
    """The baselines; none, and why, where the encoding cannot write the tunes that they learn from."""
    from ritornello.corpus.errors import CorpusError
    from ritornello.evaluate.scores import score_baselines

    try:
        return score_baselines(corpus, encoding, split, only)
    except CorpusError as error:
        console.say(f"no baselines: {error}")
        return {}


def _terms(model: Model, other: Model | None, has_baselines: bool) -> str:
    """What each model's bits pay for. Baselines pay for what the first model does."""
    from ritornello.evaluate.scores import pays_for

    paid = {m.name: ", ".join(pays_for(m.file.encoding)) for m in (model, other) if m}
    if len(set(paid.values())) == 1:
        return f"paid for: {paid[model.name]}"
    words = "; ".join(f"{name} pays for {what}" for name, what in paid.items())
    return f"{words}; the baselines for what {model.name} does" if has_baselines else words


def _material(name: str, split: str, console: Console) -> tuple[Corpus, str | None]:
    """The corpus to score, and which split of it: all of it where it is a music file."""
    from ritornello.api import build_corpus
    from ritornello.cli.train import open_corpus
    from ritornello.music.files import readable

    if readable(name):
        return build_corpus(name), None
    if Path(name).suffix.lower() in (".npz", ".npy"):
        return build_corpus(name, split="last:0.1"), split
    return open_corpus(name, console), split


def _shared_runs(model: Model, corpus: Corpus) -> list[dict]:
    """What a file's melodies share with the model's training corpus, where that comes with the program."""
    from ritornello.evaluate.novelty import longest_shared_runs, training_corpus

    trained = training_corpus(model.metadata)
    return [] if trained is None else longest_shared_runs(corpus.melodies(), trained)


def _habits(model: Model, corpus: Corpus, split: str | None, tunes: int) -> dict[str, dict]:
    """How composed tunes and the corpus's own end and move, and the longest run that each shares with training."""
    from ritornello.evaluate.novelty import longest_shared_runs
    from ritornello.evaluate.statistics import habits

    groups = {
        "composed": [tune.melody for tune in model.generate(n=tunes, seed=1)],
        "people": [model.file.encoding.decode(model.file.encoding.encode(m).tokens) for m in corpus.melodies(split)],
    }
    told = {}
    for name, melodies in groups.items():
        told[name] = habits(melodies) | {
            "shared_runs": [run["notes"] for run in longest_shared_runs(melodies, corpus)]
        }
    return told


def _habit_rows(habits: dict[str, dict]) -> list[list[str]]:
    return [
        [name, *(f"{shares[habit]:.3f}" for habit in HABITS), str(max(shares["shared_runs"], default=0))]
        for name, shares in habits.items()
    ]
