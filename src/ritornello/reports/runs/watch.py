"""Watch a run: after each check a melody to hear, what the coach says, and the report on disk.

The n-gram's line is counted once, after the first check, so that training starts at once; a corpus that it would take
more than a few seconds for goes without.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ritornello import atomic
from ritornello.encoding import Encoding, counts_bars
from ritornello.evaluate.baselines import ngram_on_pairs
from ritornello.music.files import write
from ritornello.music.values import Melody
from ritornello.reports.runs.coach import Diagnosis, Log, Point, diagnose
from ritornello.reports.runs.log import RunLogError, read_run
from ritornello.reports.runs.samples import Sample, make_sample, note_names, opening_of
from ritornello.training.loop import Check, check_sample
from ritornello.training.run.folder import COACH_NAME, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Generator

    from ritornello.training.run.training import Training

MOST_NOTES = 200_000  # of training that the n-gram counts in a few seconds: 138,000 take two of a processor
MOST_SAMPLES = 48  # of a run, evenly: a melody at each check unless there are more checks than this
REPORT_SECONDS = 20  # between two reports while it runs; the last one is written at the end


@dataclass(frozen=True)
class Look:
    """What there is to see after a check.

    sample: None where this check has none. seconds_left: an estimate, NaN where there is none yet.
    """

    check: Check
    log: Log
    sample: Sample | None
    diagnoses: list[Diagnosis]
    seconds_left: float

    @property
    def point(self) -> Point:
        """This check in bits per note."""
        return self.log.points[-1]


def watch(
    training: Training, out: str | Path, on_update: Callable[[int, float], None] = lambda update, nll: None
) -> Iterator[Look]:
    """Train as `training.checks` does, yielding a Look at each check; report.html, curves and samples are in `out`.

    The report is written every REPORT_SECONDS and at the end, whatever ends it.
    Raises what `training.checks` raises.
    """
    from ritornello.reports.runs.page import write_report

    out, primer = Path(out), _primer(training)
    told: dict[str, Any] = {}
    reported, is_reported = time.monotonic(), True
    try:
        with closing(cast("Generator[Check, None, None]", training.checks(out, on_update))) as checks:
            for check in checks:
                told = told or _begun(training, out)
                sample = _sampled(training, primer, out, check, told)
                atomic.write_text(out / COACH_NAME, json.dumps(told) + "\n")
                log, is_reported = read_run(out).log, False
                if time.monotonic() - reported >= REPORT_SECONDS:
                    write_report(out)
                    reported, is_reported = time.monotonic(), True
                yield Look(check, log, sample, diagnose(log), _seconds_left(check, training.plan.seconds))
    except BaseException:  # Ctrl-C, a full disk, a caller who leaves off: what ended it is told, not this
        if not is_reported:
            with suppress(OSError, RunLogError):
                write_report(out)
        raise
    if not is_reported:
        write_report(out)


def _primer(training: Training) -> Melody | None:
    """The opening of the first held-out tune; of the first at all where none is held out."""
    first = (training.material.held_out or training.material.melodies)[0]
    return opening_of(training.encoding.decode(first))


def _begun(training: Training, out: Path) -> dict[str, Any]:
    """What is counted once: kept from the earlier part of a run that was resumed, else anew."""
    if training.is_resumed:
        old = read_run(out)
        earlier = {line["update"] for line in old.checks[:-1]}
        if old.coach:
            return {**old.coach, "samples": [s for s in old.coach["samples"] if s["update"] in earlier]}
    encoding, train = training.encoding, training.material.melodies
    watched = check_sample(training.material.held_out)
    notes = _notes(encoding, train)
    told = {
        "notes": notes,
        "has_held_out": bool(watched),
        "tokens_per_note": {
            "training": _per_note(encoding, train),
            "held_out": _per_note(encoding, watched or train),
        },
        "ngram_bits_per_note": None,
        "samples": [],
    }
    if watched and notes <= MOST_NOTES:
        likelihood, order = ngram_on_pairs(train, watched, watched, encoding)
        told |= {"ngram_bits_per_note": likelihood.bits_per_note, "ngram_order": order}
    return told


def _sampled(training: Training, primer: Melody | None, out: Path, check: Check, told: dict) -> Sample | None:
    """Make and keep a melody, unless the last one is too near or the encoding cannot."""
    if not counts_bars(training.encoding):
        return None
    samples = told["samples"]
    apart = training.plan.updates / MOST_SAMPLES
    if samples and check.update - samples[-1]["update"] < apart and not check.stopped:
        return None
    try:
        sample = make_sample(training.model_at(check), primer)
    except ValueError:  # a primer that this encoding or these bars have no room for
        sample = make_sample(training.model_at(check), None)
    name = f"epoch-{check.epochs:07.2f}-update-{check.update:06d}.mid"
    write(sample.melody, out / SAMPLES / name)
    samples.append(
        {
            "file": name,
            "update": check.update,
            "epochs": check.epochs,
            "names": note_names(sample.melody),
            "primer_notes": sample.primer_notes,
            "probabilities": [round(p, 4) for p in sample.probabilities],
            **sample.heard._asdict(),
        }
    )
    return sample


def _notes(encoding: Encoding, melodies: Sequence[np.ndarray]) -> int:
    return sum(len(encoding.pitches(m)) for m in melodies)


def _per_note(encoding: Encoding, melodies: Sequence[np.ndarray]) -> float:
    return sum(map(len, melodies)) / max(1, _notes(encoding, melodies))


def _seconds_left(check: Check, bound: float | None) -> float:
    if check.stopped:
        return 0.0
    if not check.update:  # a base that was checked before it learns: nothing says how fast it will
        return math.nan if bound is None else bound
    left = check.seconds * (check.updates - check.update) / check.update
    return left if bound is None else max(0.0, min(left, bound - check.seconds))
