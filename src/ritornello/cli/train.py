"""ritornello train: a corpus in, a run folder with the best model out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import CycloptsError, Parameter

from ritornello.cli.console import AsJson, Console, Quiet
from ritornello.cli.train_words import (
    describe_end,
    describe_interruption,
    describe_plan,
    describe_setting,
    describe_sizes,
    describe_tuning,
)
from ritornello.training.plan import Setting, TrainOptions

if TYPE_CHECKING:
    from ritornello.corpus.store import Corpus
    from ritornello.reports.runs.coach import Log
    from ritornello.training.loop import Progress
    from ritornello.training.run.checkpoint import Checkpoint
    from ritornello.training.run.ranks import Ranks
    from ritornello.training.run.request import Request
    from ritornello.training.run.training import Training

Flag = Annotated[bool, Parameter(negative=())]


def train(
    corpus: str = "",
    /,
    *,
    out: Annotated[str, Parameter(name=["--out", "-o"])] = "",
    preset: str = "",
    encoding: str = "",
    plain: Flag = False,
    steps_per_quarter: int | None = None,
    inputs: str = "",
    echoes: str = "",
    relative_to: str | None = None,
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
    Go on with a run that was stopped: ritornello train --resume my-run
    Two processes, or more on many machines: torchrun --nproc-per-node 2 -m ritornello train songs -o my-run

    Parameters
    ----------
    corpus
        A corpus folder, a file or folder of tunes, or an embedded corpus: all, hymns or songs.
    out
        The run folder to write.
    preset
        The network: tiny, lstm, large, ...; lstm where nothing is said.
    encoding
        How notes are written down: interval (where nothing is said), note, grid (the exercise's way), lookback, or
        miditok[:TOKENIZER[:FILE.json]].
    plain
        The exercise's 130 symbols alone, without metre and end.
    steps_per_quarter
        Resolution of grid and lookback; 4 where nothing is said.
    inputs
        Further inputs of the network, with commas between: position,strength,metre,key,degree,bar_ago,two_bars_ago;
        or none.
    echoes
        What the network may copy from the tune so far, with commas between: bar_ago,two_bars_ago,four_bars_ago,
        eight_bars_ago, and (encodings note and interval, which have all by themselves) motif,contour,sequence;
        or none.
    relative_to
        What the encoding interval tells pitches by: key, or the previous note.
    base
        Go on from this model (a file, a run folder or a shipped name) with a few tunes of your own.
    resume
        Go on with a run that was stopped, by its stored plan, as if nothing had happened.
    replace
        Let the new run take the place of one that the folder holds.
    dry_run
        Show sizes, memory and expected time; train and write nothing.
    """
    from ritornello.atomic import check_place
    from ritornello.training.run.claim import claimed
    from ritornello.training.run.finetune import load_base
    from ritornello.training.run.folder import lasting
    from ritornello.training.run.ranks import joined_ranks
    from ritornello.training.run.request import Request, requested_encoding, requested_network

    network = requested_network(preset)
    wanted = requested_encoding(encoding, plain, steps_per_quarter, inputs, relative_to, echoes)
    if resume:
        if base or replace or dry_run:
            raise CycloptsError(msg="--resume goes on with a run as it is: leave --from, --replace and --dry-run out")
        corpus, out = (corpus, out) if out else ("", corpus)
        _named(out, "the run folder to go on with")
    elif not corpus:
        raise CycloptsError(msg="name what to learn from: a corpus, a folder of tunes, or all, hymns or songs")
    with joined_ranks() as ranks:
        console = Console(quiet, as_json) if ranks.is_first else _Silent(quiet=True)
        if not (dry_run or resume):
            check_place(_named(out, "the run folder to write: -o RUN"))
        source = lasting(corpus) if corpus else ""
        request = Request(network, wanted, options, load_base(base) if base else None, source)
        if dry_run:
            return _dry_run(console, _prepared(console, request, None, ranks), options)
        with claimed(out, request, resume, replace, ranks) as saved:
            if saved and saved.progress.stopped:
                return _finished(console, saved, ranks)
            return _train(console, _prepared(console, request, saved, ranks), Path(out))


class _Silent(Console):
    """For all but the first of several processes."""

    def result(self, value: Any, text: str) -> None:
        """Say nothing."""


def _named(folder: str, what: str) -> str:
    if not folder:
        raise CycloptsError(msg=f"name {what}")
    return folder


def _prepared(console: Console, request: Request, saved: Checkpoint | None, ranks: Ranks) -> Training:
    """Read the corpus and prepare the run; print its plan."""
    from ritornello.corpus.tokens import losses_in_words
    from ritornello.training.run.prepare import find_source, prepare_training

    try:
        source = request.source or (find_source(saved) if saved else "")
        corpus = open_corpus(source, console)
        training = prepare_training(request, corpus, saved, ranks)
    except KeyboardInterrupt:
        if saved:
            raise
        raise KeyboardInterrupt("interrupted before training began; nothing was written") from None
    if saved:
        console.say(f"{saved.folder}: going on at update {training.progress.update} of {training.plan.updates}")
    else:
        console.say(f"{corpus}: {training.material.tokens} training tokens")
        if lost := losses_in_words(training.material.losses, training.encoding):
            console.say(lost)
        console.say(describe_setting(training.plan, training.timed))
    console.say(describe_plan(training.plan))
    return training


def _finished(console: Console, saved: Checkpoint, ranks: Ranks) -> int:
    """Print the outcome of a finished run; write its report, in case the run was killed just before that."""
    folder, progress = saved.folder, saved.progress
    console.result(
        _outcome(folder, progress, ranks.first(lambda: _reported(folder))),
        f"{folder}: this run is at its end ({progress.stopped}); train on from its best with "
        f"`ritornello train CORPUS --from {folder} -o another-run`",
    )
    return 0


def _reported(folder: Path) -> Log | None:
    """Write the report of the run in a folder; return its log, None where there is none."""
    from ritornello.reports.runs.log import read_run
    from ritornello.reports.runs.page import write_report

    try:
        record = read_run(folder)
        write_report(record)
    except (OSError, ValueError):
        return None
    return record.log


def _outcome(folder: Path, progress: Progress, log: Log | None) -> dict[str, Any]:
    """What a run has come to, by name; bits per note are None where no tunes were held out to tell."""
    from ritornello.training.run.folder import MODEL_NAME

    known = log if log and log.points and log.has_held_out else None
    return {
        "model": str(folder / MODEL_NAME),
        "update": progress.best_update,
        "validation_nll": progress.best,
        "bits_per_note": known.best.held_out if known else None,
        "ngram_bits_per_note": known.ngram if known else None,
        "base_bits_per_note": known.base if known else None,
    }


def _train(console: Console, training: Training, out: Path) -> int:
    """Train to the end, showing it."""
    from ritornello.cli.live_view import LiveView
    from ritornello.reports.runs.watch import watch

    if not training.has_validation:
        console.say("the corpus is too small to hold tunes out: the training likelihood is watched instead")
    if not training.ranks.is_first:
        for _ in training.checks(out):
            pass
        return 0
    try:
        with LiveView(console, training.plan.updates) as view:
            for look in watch(training, out, view.at):
                view.show(look)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(describe_interruption(training, out)) from None
    if training.base and training.has_validation:
        console.say(describe_tuning(training))
    console.result(
        _outcome(out, training.progress, look.log) | {"losses": dict(training.material.losses)},
        describe_end(training, out, look.log),
    )
    return 0


def _dry_run(console: Console, training: Training, options: TrainOptions) -> int:
    from dataclasses import asdict

    from ritornello.training.run.measure import measured, update_timer
    from ritornello.training.run.sizes import sizes

    plan = training.plan
    setting = Setting(plan.engine, plan.device, plan.dtype, plan.threads)
    rates = [s for s in training.timed if s[:4] == setting[:4]]
    rates = rates or measured([setting], update_timer(training.network, training.encoding, options, setting))
    found = sizes(training, rates[0].updates_per_second)
    value = {"plan": plan.to_dict(), **asdict(found), "memory_bytes": found.memory_bytes}
    value["losses"] = dict(training.material.losses)
    console.result(value, describe_sizes(found, plan))
    return 0


def open_corpus(name: str, console: Console) -> Corpus:
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
