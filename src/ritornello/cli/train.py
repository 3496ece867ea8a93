"""ritornello train: a corpus in, a run folder with the best model out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ritornello.cli.console import AsJson, Console, Out, Quiet
from ritornello.train.plan import Plan, TrainOptions

if TYPE_CHECKING:
    from ritornello.train.loop import Check


def train(
    corpus: str,
    /,
    *,
    out: Out,
    preset: str = "lstm",
    encoding: str = "grid",
    plain: Annotated[bool, Parameter(negative=())] = False,
    steps_per_quarter: int = 4,
    options: Annotated[TrainOptions, Parameter(name="*")] = TrainOptions(),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Train a network on a corpus.

    Example: ritornello train songs -o my-run --minutes 3

    Parameters
    ----------
    corpus
        A corpus folder, a file or folder of tunes, or an embedded corpus: all, hymns or songs.
    out
        The run folder to write.
    preset
        The network: tiny, lstm or large.
    encoding
        How notes are written down: grid.
    plain
        The exercise's 130 symbols alone, without metre and end.
    steps_per_quarter
        Resolution of the grid.
    """
    from ritornello.encoding import make_encoding
    from ritornello.model.options import load_preset
    from ritornello.music.atomic import check_place
    from ritornello.train.run import MODEL_NAME, prepare_training

    console, model = Console(quiet, as_json), Path(out) / MODEL_NAME
    check_place(out)
    material = open_corpus(corpus, console)
    code = make_encoding(encoding, steps_per_quarter=steps_per_quarter, plain=plain)
    training = prepare_training(material, load_preset(preset), code, options)
    console.say(f"{material}: {training.train_tokens} training tokens")
    console.say(describe_plan(training.plan))
    if not training.has_held_out:
        console.say("the corpus is too small to hold tunes out: the training likelihood is watched instead")
    best: Check | None = None
    began = time.time_ns()
    try:
        with console.progress("training", training.plan.updates) as progress:
            for check in training.checks(Path(out), lambda update, nll: progress.at(update, f"nll {nll:.3f}")):
                console.say(describe_check(check))
                best = check if check.is_best else best
    except KeyboardInterrupt:
        raise KeyboardInterrupt(describe_interruption(model, began)) from None
    assert best is not None
    console.result(
        {"model": str(model), "update": best.update, "validation_nll": best.validation_nll},
        f"{model}: held-out {best.validation_nll:.4f} nats per token, best at update {best.update}",
    )
    return 0


def open_corpus(name: str, console: Console):
    """A corpus by folder or name; a file or a folder of tunes is built into one first, and its report told."""
    from ritornello.api import build_corpus, load_corpus
    from ritornello.corpus.folder import is_corpus

    path = Path(name)
    if not path.exists() or is_corpus(path):
        return load_corpus(name)
    corpus = build_corpus(path)
    for line in corpus.report:
        console.say(str(line))
    return corpus


def describe_interruption(model: Path, began: int) -> str:
    """What there is after Ctrl-C, in a line, and how to go on. began, ns: an older model is not of this run."""
    if not model.exists() or model.stat().st_mtime_ns < began:
        return "interrupted before the first check, so that no model was kept; train again"
    return (
        f"interrupted; {model} holds the best so far: compose with `ritornello generate {model.parent} -o tunes`, "
        "or train again for more"
    )


def describe_plan(plan: Plan) -> str:
    """The plan in a line."""
    bound = f", {plan.seconds / 60:g} minutes at most" if plan.seconds else ""
    return (
        f"plan: {plan.updates} updates of {plan.streams} x {plan.bptt_steps} tokens{bound}; {plan.dtype}, "
        f"{plan.threads} thread{'s' * (plan.threads != 1)}, dropout {plan.dropout:g}, seed {plan.seed}"
    )


def describe_check(check: Check) -> str:
    """A check in a line."""
    ends = {"": "", "finished": "; finished", "early": "; stopped: no gain for a while", "time": "; time is up"}
    return (
        f"{check.seconds:6.0f} s  update {check.update:>6} of {check.updates}  epoch {check.epochs:5.1f}  "
        f"training {check.train_nll:.4f}  held-out {check.validation_nll:.4f} nats per token"
        f"{'  best' if check.is_best else ''}{ends[check.stopped]}"
    )
