"""A training run in words: engine, plan, sizes of a dry run, interruption, end."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ritornello.training.plan import Plan, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ritornello.reports.runs.coach import Log
    from ritornello.training.run.sizes import Sizes
    from ritornello.training.run.training import Training


def describe_interruption(training: Training, folder: Path) -> str:
    """Write a line after Ctrl-C: what there is, and how to resume."""
    from ritornello.training.run.folder import MODEL_NAME

    progress, resume = training.progress, f"`ritornello train --resume {folder}`"
    at = f"interrupted at update {progress.update} of {training.plan.updates}"
    if not (folder / MODEL_NAME).exists():
        return f"{at}, before the first check, so that there is no model yet; go on with {resume}"
    return (
        f"{at}; {folder / MODEL_NAME} holds the best so far (update {progress.best_update}): compose with "
        f"`ritornello generate {folder} -o tunes`, or go on with {resume}"
    )


def describe_setting(plan: Plan, timed: Sequence[Setting]) -> str:
    """Write in a line what trains, and why."""
    if not timed:
        why = "fixed, so that the run is reproducible"
    else:
        first, *others = sorted(timed, key=lambda s: -s.updates_per_second)
        rates = ", ".join(f"{s.dtype} x {s.threads}: {s.updates_per_second:.1f}" for s in others)
        why = f"{first.updates_per_second:.1f} updates/s" + (f", the fastest here now ({rates})" if others else "")
    return f"engine: {plan.engine}, {plan.device}, {plan.dtype}, {_counted(plan.threads, 'thread')}: {why}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def describe_plan(plan: Plan) -> str:
    """Write the plan in a line. A step takes as many tokens as a note has."""
    bound = f", {plan.seconds / 60:g} minutes at most" if plan.seconds else ""
    ranks = f"{plan.ranks} x " if plan.ranks > 1 else ""
    return (
        f"plan: {plan.updates} updates of {ranks}{plan.streams} x {plan.bptt_steps} steps "
        f"({plan.tokens_per_update:,} tokens){bound}; learning rate {plan.peak_rate:g}, dropout {plan.dropout:g}, "
        f"seed {plan.seed}; {plan.dtype}, {_counted(plan.threads, 'thread')}"
    )


def describe_tuning(training: Training) -> str:
    """Write what fine-tuning gained, in bits per note on validation tunes. There must be some."""
    assert training.base is not None
    sizes = training.metadata.validation
    per_note = sizes["tokens"] / max(1, sizes["notes"]) / math.log(2)
    checks = [line["validation_nll"] for line in training.log if "validation_nll" in line]
    return (
        f"on {_counted(sizes['melodies'], 'validation tune')} {training.base.name} has "
        f"{checks[0] * per_note:.3f} bits per note, the tuned model {training.progress.best * per_note:.3f}"
    )


def describe_sizes(found: Sizes, plan: Plan) -> str:
    """Write the sizes of a dry run, line by line."""
    minutes = found.seconds / 60
    old = f", {found.old_style_tokens:,} more in the old style" if found.old_style_tokens else ""
    return "\n".join(
        (
            f"network: {found.weights:,} weights",
            f"corpus: {_counted(found.train_melodies, 'tune')} of {found.train_tokens:,} tokens to learn from{old} "
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


def describe_end(training: Training, folder: Path, log: Log) -> str:
    """Write in a line what was learned, more than the n-gram or the base, and where it is."""
    from ritornello.reports.runs.coach import final_line
    from ritornello.training.run.folder import MODEL_NAME

    return f"{final_line(log)}; {folder / MODEL_NAME}, best at update {training.progress.best_update}"
