"""Watch a run: after each check a melody to hear, the coach's diagnoses, and the report on disk.

The n-gram is counted once, after the first check, so that training starts at once; for a corpus that takes more than
a few seconds it is not.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ritornello import atomic
from ritornello.corpus.tokens import count_notes
from ritornello.encoding import counts_bars, is_melodic
from ritornello.evaluate.baselines import ngram_on_pairs, ngram_on_tokens
from ritornello.music.files import write
from ritornello.music.values import Melody
from ritornello.reports.runs.coach import Diagnosis, Log, Point, diagnose
from ritornello.reports.runs.log import RunLogError, RunRecord, read_coach, record_of
from ritornello.reports.runs.samples import Sample, make_sample, note_names, opening_of
from ritornello.training.loop import Check, check_sample
from ritornello.training.run.folder import COACH_NAME, REPORT, SAMPLES
from ritornello.training.run.sizes import MAX_NGRAM_NOTES

if TYPE_CHECKING:
    from collections.abc import Generator

    from ritornello.training.plan import Plan
    from ritornello.training.run.training import Training

MAX_SAMPLES = 48  # of a run, evenly: a melody at each check unless there are more checks than this
REPORT_SECONDS = 20  # between two reports while it runs; the last one is written at the end


@dataclass(frozen=True)
class Look:
    """What can be shown after a check.

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
    training: Training, out: str | Path, on_update: Callable[[int, float], None] | None = None
) -> Iterator[Look]:
    """Train as `training.checks` does, yielding a Look at each check.

    Report, curves and samples are in the folder `out`. The report is written every REPORT_SECONDS and at the end,
    whatever ends it. Raises what `training.checks` raises.
    """
    out = Path(out)
    watcher: _Watcher | None = None
    try:
        with closing(cast("Generator[Check, None, None]", training.checks(out, on_update))) as checks:
            for check in checks:
                watcher = watcher or _Watcher(training, out)
                yield watcher.look(check)
    except BaseException:  # Ctrl-C, a full disk, a caller who stops asking: that is raised, not what comes now
        if watcher is not None:
            with suppress(OSError, RunLogError):
                watcher.report()
        raise
    if watcher is not None:
        watcher.report()


class _Watcher:
    """Samples, diagnoses and the report of a run under way.

    figures: what coach.json holds. kept: files that somebody changed. melodies: the samples of this process
    by file name, which need not be read back.
    """

    def __init__(self, training: Training, out: Path):
        self.training, self.out = training, out
        self.figures, self.melodies = _figures(training, out), dict[str, Melody]()
        first = (training.material.validation or training.material.train)[0]
        has_bars = counts_bars(training.encoding)
        self.primer = opening_of(training.encoding.decode(first)) if has_bars else None
        self.reported, self.is_reported = time.monotonic(), True
        self.kept = set[str]()

    @property
    def record(self) -> RunRecord:
        """The run so far."""
        return record_of(self.out, self.training.log_lines, self.figures)

    def look(self, check: Check) -> Look:
        """Sample a melody and diagnose the run after a check; write the report where it is due."""
        sample = self._sample(check)
        atomic.write_text(self.out / COACH_NAME, json.dumps(self.figures) + "\n", REPORT, replace=True)
        log, self.is_reported = self.record.log, False
        if time.monotonic() - self.reported >= REPORT_SECONDS:
            self.report()
        return Look(check, log, sample, diagnose(log), _seconds_left(check, self.training.plan))

    def report(self) -> None:
        """Write the report, unless it is written already."""
        from ritornello.reports.runs.page import write_report

        if not self.is_reported:
            with self._keeping():
                write_report(self.record, self.melodies)
            self.reported, self.is_reported = time.monotonic(), True

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Go on where a file must be kept, because somebody changed it; say so once."""
        try:
            yield
        except atomic.FileKeptError as error:
            if error.filename not in self.kept:
                self.kept.add(error.filename)
                print(f"ritornello: {error.filename}: {error.strerror}", file=sys.stderr)

    def _sample(self, check: Check) -> Sample | None:
        """Make and keep a melody, unless the last one is too near or the encoding cannot compose."""
        training, samples = self.training, self.figures["samples"]
        if not counts_bars(training.encoding):
            return None
        apart = training.plan.updates / MAX_SAMPLES
        if samples and check.update - samples[-1]["update"] < apart and not check.stopped:
            return None
        try:
            sample = make_sample(training.model_at(check), self.primer)
        except ValueError:  # a primer that this encoding or these bars have no room for
            sample = make_sample(training.model_at(check), None)
        name = f"epoch-{check.epochs:07.2f}-update-{check.update:06d}.mid"
        with self._keeping():
            write(sample.melody, self.out / SAMPLES / name, REPORT)
        self.melodies[name] = sample.melody
        samples.append(
            {
                "file": name,
                "update": check.update,
                "epochs": check.epochs,
                "names": note_names(sample.melody),
                "primer_notes": sample.primer_notes,
                "probabilities": [round(p, 4) for p in sample.probabilities],
                **sample.figures._asdict(),
            }
        )
        return sample


def _figures(training: Training, out: Path) -> dict[str, Any]:
    """Compute the figures that do not change in a run, or take those of a resumed run."""
    if training.is_resumed and (old := read_coach(out / COACH_NAME)):
        earlier = {line["update"] for line in record_of(out, training.log_lines, old).checks[:-1]}
        return {**old, "samples": [s for s in old["samples"] if s["update"] in earlier]}
    encoding, train = training.encoding, training.material.train
    sample = check_sample(training.material.validation)
    both = (train, sample or train)
    notes, checked = (count_notes(encoding, melodies) for melodies in both)
    learned, validated = (sum(map(len, m)) / max(1, n) for m, n in zip(both, (notes, checked), strict=True))
    figures = {
        "notes": notes,
        "has_held_out": bool(sample),
        "tokens_per_note": {"training": learned, "held_out": validated},
        "ngram_bits_per_note": None,
        "samples": [],
    }
    if sample and is_melodic(encoding) and notes <= MAX_NGRAM_NOTES:
        likelihood, order = ngram_on_pairs(train, sample, sample, encoding)
        figures |= {"ngram_bits_per_note": likelihood.bits_per_note, "ngram_order": order}
    elif sample and not is_melodic(encoding) and sum(map(len, train)) <= MAX_NGRAM_NOTES:
        likelihood, order = ngram_on_tokens(train, sample, sample, encoding)
        figures |= {"ngram_bits_per_note": likelihood.bits_per_note, "ngram_order": order}
    return figures


def _seconds_left(check: Check, plan: Plan) -> float:
    """Estimate the seconds left; NaN where it is not known how fast a run learns."""
    if check.stopped:
        return 0.0
    bound = math.inf if plan.seconds is None else max(0.0, plan.seconds - check.seconds)
    if plan.check_seconds is not None and check.updates != plan.most_updates:
        return bound  # which it will use
    if not check.update:  # a base before it learns: how fast it will is not known
        return math.nan if math.isinf(bound) else bound
    return min(bound, check.seconds * (check.updates - check.update) / check.update)
