"""ritornello evaluate: how well a model expects tunes it has not seen, and whether its own tunes are like them."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

from cyclopts import CycloptsError, Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace, late_bar
from ritornello.plural import counted

UNITS = ("bits_per_note", "bits_per_quarter", "nll_per_token")
HABITS = ("tonic_endings", "long_endings", "ties", "long_repeats")


def evaluate(
    model: str,
    corpus: str | None = None,
    /,
    *,
    split: Literal["train", "validation", "test", "all"] = "test",
    others: Annotated[list[str] | None, Parameter(name="--beside", negative=())] = None,
    baselines: bool = True,
    tunes: int = 0,
    per_note: str = "",
    folds: int = 0,
    minutes: float | None = None,
    updates: int | None = None,
    seed: int | None = None,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score a model on a corpus, in nats per token, bits per note and bits per quarter.

    Example: ritornello evaluate my-run songs --tunes 200

    Parameters
    ----------
    model
        A model file, a run folder, or a shipped model.
    corpus
        A corpus folder, a folder of tunes, an embedded corpus (all, hymns, songs, hymns-voices, songs-piano or
        songs-piano-played), or a music file, which is scored whole; default: the embedded one of the kind that the
        model writes.
    split
        Which melodies to score.
    others
        Another model to score on the same tunes, those that the encodings of all reproduce exactly; may be given more
        than once.
    baselines
        Score uniform, unigram and n-grams too (not for a single file, which has nothing to train them on).
    tunes
        Also compose so many tunes, and compare their endings and shared runs with those of the corpus.
    per_note
        Write what each note cost to this .csv file: bits of pitch and of duration, entropy and rank.
    folds
        Cross-validate: train the model's network anew so many times, each time without a part of the corpus, and
        score that part. Tunes of one family are in one part.
    minutes
        With --folds: the most time that the training of each may take.
    updates
        With --folds: exactly so many updates of training instead.
    seed
        With --folds: the random seed of training.
    """
    console = Console(quiet, as_json)
    if tunes < 0:
        raise ValueError(f"--tunes must be 0 or more, not {tunes}")
    chosen = api.load_model(model)
    if folds:
        if others or tunes or per_note or split != "test":
            raise CycloptsError(
                msg="--folds scores one model on all tunes: leave --split, --beside, --tunes and --per-note out"
            )
        with late_bar("folds", sys.stderr, is_wanted=not quiet, after_seconds=0) as show:
            if show:
                show(0)

            def on_fold(done: int, total: int, name: object) -> None:
                show(done / total) if show else console.warn(f"{name} of {total} is done")

            value = api.cross_validate(
                chosen,
                corpus,
                folds,
                baselines=baselines,
                on_fold=on_fold,
                minutes=minutes,
                updates=updates,
                seed=seed,
            )
    else:
        if (minutes, updates, seed) != (None, None, None):
            raise CycloptsError(msg="--minutes, --updates and --seed are those of training: give --folds too")
        compared = others[0] if others and len(others) == 1 else others
        value = chosen.evaluate(corpus, split, compared, baselines, tunes, per_note or None, replace, console.report)
        if reason := value.pop("no_baselines", ""):
            console.say(f"no baselines: {reason}")
    value.setdefault("baselines", {})
    console.result(value, _in_words(chosen, value, console))


def _in_words(model: api.Model, value: dict[str, Any], console: Console) -> str:
    """Write the scores as lines and tables for a person."""
    from ritornello.corpus.tokens import losses_in_words
    from ritornello.evaluate.novelty import run_in_words

    rows = {model.name: value}
    if found := value.get("beside"):
        others = found if isinstance(found, list) else [found]
        rows |= {other["model"]: other for other in others}
        every = "both" if len(others) == 1 else "all"
        first = f"{value['tunes']} of {value['of_tunes']} tunes, those that {every} encodings reproduce exactly"
    else:
        first = losses_in_words(value["losses"], model.file.encoding)
    what = value["split"] if value["split"] != "all" else value["corpus"]
    counts = f"{what}: {value['notes']} notes, {value['tokens']} tokens; {_terms(value, rows)}"
    if value["learned"]:
        counts += f"\n{model.name} has learned from these tunes: this is no score on music that is new to it"
    for name, scores in rows.items():
        if scores.get("learned_tunes") and not (name == model.name and value["learned"]):
            counts += f"\n{name} has learned {scores['learned_tunes']} of these tunes, perhaps in another key"
    models = dict(rows)
    rows |= value["baselines"]
    table = [
        [name, *(f"{scores[unit]:.3f}" if unit in scores else "-" for unit in UNITS)] for name, scores in rows.items()
    ]
    lines = [first, counts, console.table(["", *(unit.replace("_", " ") for unit in UNITS)], table)]
    lines += [
        f"{name}, knowing how many bars are left: {scores['bits_per_note_with_countdown']:.3f} bits per note"
        for name, scores in models.items()
        if "bits_per_note_with_countdown" in scores
    ]
    lines += [
        f"{name}, knowing the chords of {counted(scores['tunes_with_chords'], 'tune')}: "
        f"{scores['bits_per_note_with_chords']:.3f} bits per note, else {scores['bits_per_note_without_chords']:.3f}"
        for name, scores in models.items()
        if "tunes_with_chords" in scores
    ]
    lines += _intervals(models, value)
    lines += [
        f"fold {number}: {fold['bits_per_note']:.3f} bits per note, {fold['tunes']} tunes"
        for number, fold in enumerate(value.get("folds", ()), 1)
    ]
    lines += [f"longest run shared with training: {run_in_words(run)}" for run in value.get("shared_runs", ())]
    if habits := value.get("habits"):
        habit_rows = [
            [name, *(f"{shares[habit]:.3f}" for habit in HABITS), str(max(shares["shared_runs"], default="-"))]
            for name, shares in habits.items()
        ]
        lines += ["", console.table(["", *HABITS, "longest shared run"], habit_rows)]
    return "\n".join(lines[0 if first else 1 :])


def _intervals(models: dict[str, Any], value: dict[str, Any]) -> list[str]:
    """Write how far bits per note depend on the tunes, and how far models differ on them."""
    if not value["bits_per_note_interval"]:
        return []
    tunes, families = len(value["per_tune"]), len({tune["family"] for tune in value["per_tune"]})
    drawn = f"{families} families of {tunes} tunes" if families < tunes else counted(tunes, "tune")
    lines = ["", f"bits per note, 95 % by bootstrap over {drawn}:"]
    for name, scores in models.items():
        low, high = scores["bits_per_note_interval"]
        line = f"{name}: {low:.3f} to {high:.3f}; mean of tunes {scores['bits_per_note_of_tunes']:.3f}"
        if "difference" in scores:
            own, (low, high) = next(iter(models)), scores["difference"]["interval"]
            line += f"; minus {own} {scores['difference']['bits_per_note']:+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(line)
    return lines


def _terms(value: dict[str, Any], rows: dict[str, Any]) -> str:
    """Write what each model's bits pay for; baselines pay for what the first model does."""
    paid = {name: ", ".join(scores["pays_for"]) for name, scores in rows.items()}
    name, *_ = paid
    if len(set(paid.values())) == 1:
        return f"paid for: {paid[name]}"
    words = "; ".join(f"{name} pays for {what}" for name, what in paid.items())
    return f"{words}; the baselines for what {name} does" if value["baselines"] else words
