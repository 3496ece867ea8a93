"""ritornello train: a corpus in, a run folder with the best model out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import CycloptsError, Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet
from ritornello.training.plan import TrainOptions
from ritornello.training.run.request import NetworkRequest

if TYPE_CHECKING:
    from ritornello.api import OpenRun
    from ritornello.reports.runs.watch import Look

Flag = Annotated[bool, Parameter(negative=())]


def train(
    corpus: str = "",
    /,
    *,
    out: Annotated[str, Parameter(name=["--out", "-o"])] = "",
    network: Annotated[NetworkRequest, Parameter(name="*", negative=())] = NetworkRequest(),
    base: Annotated[str, Parameter(name="--from")] = "",
    resume: Flag = False,
    replace: Flag = False,
    dry_run: Flag = False,
    options: Annotated[TrainOptions, Parameter(name="*")] = TrainOptions(),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Train a network on a corpus.

    Example: ritornello train songs -o my-run --minutes 3

    Resume a run that was stopped: ritornello train --resume my-run

    Two processes, or more on many machines: torchrun --nproc-per-node 2 -m ritornello train songs -o my-run

    Parameters
    ----------
    corpus
        A corpus folder, a file or folder of tunes, or an embedded corpus: all, hymns or songs.
    out
        The run folder to write.
    base
        Fine-tune this model (a file, a run folder or a shipped name) on a few tunes of your own.
    resume
        Continue a run that was stopped, by its stored plan, as if nothing had happened.
    replace
        Let the new run replace one that the folder holds.
    dry_run
        Show sizes, memory and expected time; train and write nothing.
    """
    if resume and (base or replace or dry_run):
        raise CycloptsError(msg="--resume continues a run as it is: leave --from, --replace and --dry-run out")
    if resume and not out:
        corpus, out = "", corpus  # `train --resume my-run` names the run alone, which knows its corpus
    if not (corpus or resume):
        raise CycloptsError(msg="missing CORPUS: a corpus, a folder of tunes, or all, hymns or songs")
    if not (out or dry_run):
        raise CycloptsError(msg=f"missing the run folder to {'resume' if resume else 'write: -o RUN'}")
    console = Console(quiet, as_json)
    with api.open_run(
        corpus or None, out, network, options, base=base or None, resume=resume, replace=replace, dry_run=dry_run,
        on_report=lambda line: console.say(str(line)),
    ) as run:  # fmt: skip
        if not run.ranks.is_first:
            for _ in run.looks():
                pass
        elif run.training is None:
            _print_finished(console, run)
        elif dry_run:
            _print_plan(console, run)
            _print_sizes(console, run)
        else:
            _print_plan(console, run)
            show_training(console, run)
    return 0


def show_training(console: Console, run: OpenRun) -> None:
    """Train to the end, showing the run, and print what was learned."""
    from ritornello.cli.train_words import describe_end, describe_tuning

    assert run.training is not None
    if not run.training.has_validation:
        console.say("the corpus is too small for validation tunes: the likelihood in training decides instead")
    last = show_checks(console, run)
    if run.training.base and run.training.has_validation:
        console.say(describe_tuning(run.training))
    console.result(run.outcome(last.log), describe_end(run.training, run.folder, last.log))


def show_checks(console: Console, run: OpenRun) -> Look:
    """Train to the end, showing each check, and return the last."""
    from ritornello.cli.live_view import LiveView
    from ritornello.cli.train_words import describe_interruption

    assert run.training is not None
    try:
        with LiveView(console, run.training.plan.updates) as view:
            for look in run.looks(view.at):
                view.show(look)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(describe_interruption(run.training, run.folder)) from None
    return look


def _print_plan(console: Console, run: OpenRun) -> None:
    from ritornello.cli.train_words import describe_plan, describe_setting
    from ritornello.corpus.tokens import losses_in_words

    training = run.training
    assert training is not None
    if training.is_resumed:
        console.say(f"{run.folder}: going on at update {training.progress.update} of {training.plan.updates}")
    else:
        console.say(f"{run.corpus}: {training.material.tokens} training tokens")
        if lost := losses_in_words(training.material.losses, training.encoding):
            console.say(lost)
        console.say(describe_setting(training.plan, training.timed))
    console.say(describe_plan(training.plan))


def _print_sizes(console: Console, run: OpenRun) -> None:
    from ritornello.cli.train_words import describe_sizes

    assert run.training is not None
    found = run.sizes()
    console.result(api.estimate_dict(run.training, found), describe_sizes(found, run.training.plan))


def _print_finished(console: Console, run: OpenRun) -> None:
    console.result(
        run.outcome(run.last_log()),
        f"{run.folder}: this run is at its end ({run.progress.stopped}); train on from its best with "
        f"`ritornello train CORPUS --from {run.folder} -o another-run`",
    )
