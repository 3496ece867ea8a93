"""A training run on the screen: engine, plan, checks, sizes of a dry run, interruption, end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ritornello.api import OpenRun, estimate_dict
from ritornello.cli.console import Console
from ritornello.cli.live_view import LiveView
from ritornello.corpus.tokens import losses_in_words
from ritornello.plural import counted
from ritornello.reports.runs.coach import final_line, more_time
from ritornello.reports.runs.watch import Look
from ritornello.training.plan import Plan, Setting
from ritornello.training.run.folder import MODEL_NAME
from ritornello.training.run.sizes import Sizes
from ritornello.training.run.training import Material, Training
from ritornello.wording import as_argument


def show_run(console: Console, run: OpenRun, dry_run: bool = False) -> None:
    """Train a run to its end and show it; of a dry run show the sizes."""
    if not run.ranks.is_first:
        for _ in run.looks():
            pass
        return
    training, folder = run.training, run.folder
    if training is None:
        console.result(
            run.outcome(run.last_log()),
            f"{folder}: this run is at its end ({run.progress.stopped}); give it more time with "
            f"`{more_time(folder, run.progress.seconds)}`",
        )
        return
    _show_plan(console, run, training)
    if dry_run:
        sizes = run.sizes()
        console.result(estimate_dict(training, sizes), describe_sizes(sizes, training.plan))
        return
    if not training.has_validation:
        console.say("too few tunes to hold some out for validation: the likelihood in training decides instead")
    log = show_checks(console, run, training).log
    if training.base and training.has_validation:
        console.say(describe_tuning(training, training.base.name))
    end = f"{final_line(log)}; {folder / MODEL_NAME}, best at update {training.progress.best_update}"
    console.result(run.outcome(log), end)


def show_checks(console: Console, run: OpenRun, training: Training) -> Look:
    """Train to the end, showing each check, and return the last."""
    try:
        with LiveView(console, training.plan.updates) as view:
            for look in run.looks(lambda update, nll: view.at(update, training.plan.updates)):
                view.show(look)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(describe_interruption(training, run.folder)) from None
    return look


def _show_plan(console: Console, run: OpenRun, training: Training) -> None:
    if training.is_resumed:
        console.say(f"{run.folder}: going on at update {training.progress.update} of {training.plan.updates}")
    else:
        console.say(f"{run.corpus}: {describe_material(training.material)}")
        if lost := losses_in_words(training.material.losses, training.encoding):
            console.say(lost)
        console.say(describe_setting(training.plan, training.timed))
    console.say(describe_plan(training.plan))


def describe_material(material: Material) -> str:
    """Write in a line how many tunes are learned from, and what becomes of the others."""
    counts = material.pieces
    uses = {"validation": "for validation", "test": "for the test"}
    others = "".join(f", {counts[split]:,} {use}" for split, use in uses.items() if counts[split])
    if material.validation and not counts["validation"]:
        others = f", the end of what is very long for validation{others}"
    tunes = counted(counts.total(), "tune")
    return f"learning from {counts['train']:,} of {tunes}, {material.tokens:,} tokens{others}"


def describe_interruption(training: Training, folder: Path) -> str:
    """Write a line after Ctrl-C: what there is, and how to resume."""
    progress, run = training.progress, as_argument(folder)
    resume = f"`ritornello train --resume {run}`"
    at = f"interrupted at update {progress.update} of {training.plan.updates}"
    if not (folder / MODEL_NAME).exists():
        return f"{at}, before the first check, so that there is no model yet; go on with {resume}"
    return (
        f"{at}; {folder / MODEL_NAME} holds the best so far (update {progress.best_update}): compose with "
        f"`ritornello generate {run} -o tunes`, or go on with {resume}"
    )


def describe_setting(plan: Plan, timed: Sequence[Setting]) -> str:
    """Write in a line what trains, and why."""
    if not timed:
        why = "fixed, so that the run is reproducible"
    else:
        first, *others = sorted(timed, key=lambda s: -s.updates_per_second)
        rates = ", ".join(f"{s.dtype} x {s.threads}: {s.updates_per_second:.1f}" for s in others)
        why = f"{first.updates_per_second:.1f} updates/s" + (f", the fastest here now ({rates})" if others else "")
    return f"engine: {plan.engine}, {plan.device}, {plan.dtype}, {counted(plan.threads, 'thread')}: {why}"


def describe_plan(plan: Plan) -> str:
    """Write the plan in a line. A step takes as many tokens as a note has."""
    bound = f", {plan.seconds / 60:.3g} minutes at most" if plan.seconds else ""
    about = "about " if plan.check_seconds else ""
    ranks = f"{plan.ranks} x " if plan.ranks > 1 else ""
    return (
        f"plan: {about}{plan.updates} updates of {ranks}{plan.streams} x {plan.bptt_steps} steps "
        f"({plan.tokens_per_update:,} tokens){bound}; learning rate {plan.peak_rate:g}, dropout {plan.dropout:g}, "
        f"seed {plan.seed}; {plan.dtype}, {counted(plan.threads, 'thread')}"
    )


def describe_tuning(training: Training, base: str) -> str:
    """Write what fine-tuning gained, in bits per note on validation tunes. There must be some."""
    sizes = training.metadata.validation
    per_note = sizes["tokens"] / max(1, sizes["notes"]) / math.log(2)
    checks = [line["validation_nll"] for line in training.log if "validation_nll" in line]
    return (
        f"on {counted(sizes['melodies'], 'validation tune')} {base} has "
        f"{checks[0] * per_note:.3f} bits per note, the tuned model {training.progress.best * per_note:.3f}"
    )


def describe_sizes(found: Sizes, plan: Plan) -> str:
    """Write the sizes of a dry run, line by line."""
    minutes = found.seconds / 60
    old = f", {found.old_style_tokens:,} more in the old style" if found.old_style_tokens else ""
    return "\n".join(
        (
            f"network: {found.weights:,} weights",
            f"corpus: {counted(found.train_melodies, 'tune')} of {found.train_tokens:,} tokens to learn from{old} "
            f"(one epoch), {found.held_out_melodies} for validation",
            f"an update: {found.tokens_per_update:,} tokens; an epoch: {found.updates_per_epoch:.1f} updates; "
            f"in all {plan.updates} updates, {found.epochs:.1f} epochs",
            f"memory: {_memory(found)}",
            f"time: about {minutes:.1f} minutes at {found.updates_per_second:.1f} updates/s, checks not counted",
            "dry run: nothing was trained or written",
        )
    )


def _memory(found: Sizes) -> str:
    parts = {
        "program, network and an update": found.program_bytes,
        "a check": found.check_bytes,
        "the n-gram": found.ngram_bytes,
        "saving": found.save_bytes,
        "tunes as rows": found.kept_bytes,
    }
    parts_text = ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in parts.items() if size)
    about = "about" if found.program_bytes else "more than"
    return f"{about} {found.memory_bytes / 1e6:,.0f} MB ({parts_text}; not all at once)"
