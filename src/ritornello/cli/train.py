"""ritornello train: a corpus in, a run folder with the best model out."""

from __future__ import annotations

from typing import Annotated

from cyclopts import CycloptsError, Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet
from ritornello.training.plan import TrainOptions
from ritornello.training.run.request import NetworkRequest

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
) -> None:
    """Train a network on a corpus.

    Example: ritornello train songs -o my-run --minutes 3

    Resume a run that was stopped: ritornello train --resume my-run

    Two processes, or more on many machines:

    torchrun --nproc-per-node 2 -m ritornello train songs -o my-run

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
        Let the new run replace one that the folder holds, and other files of its names.
    dry_run
        Show sizes, memory and expected time; train and write nothing.
    """
    from ritornello.cli.train_screen import show_run

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
        on_report=console.report,
    ) as run:  # fmt: skip
        show_run(console, run, dry_run)
