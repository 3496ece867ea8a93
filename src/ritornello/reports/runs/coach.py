"""The coach: what a training run's log says, in plain language.

Each diagnosis is a pure function of a `Log` and gives a sentence or None. Likelihoods are in bits per note, so that
a number means the same under every encoding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ritornello.music.keys import pitch_name
from ritornello.wording import as_argument, by_face, call, option

ENOUGH_NOTES = 8  # fewer than this in a sample show nothing: two bars of quarters
ONE_PITCH = 0.9  # share of a sample's notes on one pitch; of 2,520 people's tunes all but two stay under 0.89
SILENCE = 0.1  # share of a sample's time that sounds; people's tunes sound half of it or more
RISE = 0.1  # bits per note; twice the error of a check's even choice of validation melodies
CHECKS_OF_RISE = 2  # one worse check is noise
JUMP = 0.5  # bits per note by which training gets worse; dropout and the choice of tunes move it by a tenth of that
LEAST_GAIN = 0.005  # bits per note over a base: what two decimals show
GAIN = 0.05  # bits per note over the last quarter of a run: more than a check's error
CHECKS_TO_JUDGE = 4  # a shorter curve has no quarter to look at
WEIGHTS_PER_NOTE = 20  # of the network for each training note
ALONE = "left alone, without the rules that the melodies here are composed by,"  # a sample's figures are of that
SMALL_WEIGHTS = 140_000  # of the recurrent layers: the preset `tiny` has 131,584, the fewest that there are


class Point(NamedTuple):
    """One check. training, validation: bits per note. epochs: times that every tune has been seen."""

    update: int
    epochs: float
    seconds: float
    training: float
    validation: float


class SampleFigures(NamedTuple):
    """The last sample in figures, its primer left out.

    notes: how many. pitch: the commonest, heard `times` times. sounding: share of the time that is not rest, 0 to 1.
    certainty: mean probability that the network gave to its notes, 0 to 1.
    """

    notes: int
    pitch: int
    times: int
    sounding: float
    certainty: float


@dataclass(frozen=True)
class Log:
    """A run as the coach sees it.

    points: its checks; the first of a fine-tuned run is of its base, at update 0. notes: in the training split.
    network, plan: their options by name. ngram: bits per note to beat on the validation melodies, None where it is
    not known. has_validation: False where the corpus is too small for validation melodies; the validation numbers are
    then those of training. setbacks: times that training went back to the last good point. stopped: "" while it runs,
    else "finished", "early", "time" ... folder: of the run, "" where it is not known.
    """

    points: tuple[Point, ...]
    notes: int = 0
    network: Mapping = field(default_factory=dict)
    plan: Mapping = field(default_factory=dict)
    ngram: float | None = None
    sample: SampleFigures | None = None
    has_validation: bool = True
    setbacks: int = 0
    stopped: str = ""
    folder: str = ""

    @property
    def best(self) -> Point:
        """The check that the kept weights come from. Raises ValueError before the first check."""
        return min(self.points, key=lambda point: point.validation)

    @property
    def base(self) -> float | None:
        """Validation bits per note of the base of a fine-tuned run, before it learned anything."""
        first = self.points[0] if self.points else None
        return first.validation if first and not first.update else None

    @property
    def gain_on_base(self) -> float | None:
        """Bits per note by which it is better than the model it began from, 0 where that is too little to be shown.

        None for a run that began from none. Raises ValueError before the first check.
        """
        if self.base is None:
            return None
        gain = self.base - self.best.validation
        return gain if gain >= LEAST_GAIN else 0.0


class Diagnosis(NamedTuple):
    """A finding. name: of the function that found it. text: a sentence for people. is_good: no cause for worry."""

    name: str
    text: str
    is_good: bool = False


def diagnose(log: Log) -> list[Diagnosis]:
    """List all findings, the most urgent first; none before the first check."""
    if not log.points:
        return []
    found = ((rule.__name__, rule(log)) for rule in DIAGNOSES)
    return [Diagnosis(name, text, name in GOOD) for name, text in found if text]


def all_rests(log: Log) -> str | None:
    """Find a sample that hardly sounds."""
    if log.sample is None or log.sample.sounding > SILENCE:
        return None
    return f"all rests: {ALONE} it writes hardly a note: {_what_to_do(log)}"


def one_note(log: Log) -> str | None:
    """Find a sample that stays on one pitch."""
    sample = log.sample
    if sample is None or sample.notes < ENOUGH_NOTES or sample.times < ONE_PITCH * sample.notes:
        return None
    repeated = f"{pitch_name(sample.pitch)}, {sample.times} of {sample.notes}"
    return f"{ALONE} it only repeats one note ({repeated}): {_what_to_do(log)}"


def _what_to_do(log: Log) -> str:
    """Advise on a network that writes too little: more training may mend it."""
    may_pass = not log.stopped or still_improving(log)
    return "early in training that passes" if may_pass else f"look at the corpus ({call('show')})"


def rate_too_high(log: Log) -> str | None:
    """Find that training diverged and was set back, or got much worse."""
    rate = log.plan.get("peak_rate")
    # Each way back halved the rate; where training blew up once more, the last half was too high as well.
    halvings = max(1, log.setbacks + (log.stopped == "diverged"))
    lower = f"try {option('peak_rate', rate * 0.5**halvings)}" if rate else f"try a lower {option('peak_rate')}"
    if log.setbacks:
        times = "once" if log.setbacks == 1 else "twice" if log.setbacks == 2 else f"{log.setbacks} times"
        return f"the learning rate is too high: it went back {times} to the last good point; {lower}"
    # A base is checked before it learns: by validation tunes alone and without dropout, which is another number.
    lowest = min((point.training for point in log.points if point.update), default=math.inf)
    now = min(point.training for point in log.points[-CHECKS_OF_RISE:])
    if now < lowest + JUMP:
        return None
    return f"the learning rate is too high: training rose from {lowest:.2f} to {now:.2f} bits per note; {lower}"


def memorises(log: Log) -> str | None:
    """Find that training falls while validation rises."""
    best, last = log.best, log.points[-1]
    later = [point.validation for point in log.points if point.update > best.update]
    rises = len(later) >= CHECKS_OF_RISE and min(later[-CHECKS_OF_RISE:]) >= best.validation + RISE
    learning = [p for p in log.points if p.update and p.update >= best.update]  # not as a base
    if not (log.has_validation and rises and last.training < learning[0].training):
        return None
    kept = f"the model of epoch {best.epochs:.0f}" if best.update else "the model it began from"
    return f"it memorises: training falls, validation rises since epoch {best.epochs:.0f}; what is kept is {kept}"


def corpus_too_small(log: Log) -> str | None:
    """Find a run that memorises with many weights for each note of training."""
    weights = recurrent_weights(log.network)
    if memorises(log) is None or not log.notes or weights < WEIGHTS_PER_NOTE * log.notes:
        return None
    base = option("base", "hymns-and-songs")
    is_large = weights > SMALL_WEIGHTS
    smaller = f"try {option('preset', 'tiny')} or {base}" if is_large else f"add tunes, or try {base}"
    smaller = smaller if log.base is None else "add tunes"
    return f"your corpus is too small for this network ({log.notes:,} notes, {weights:,} weights): {smaller}"


def still_improving(log: Log) -> str | None:
    """Find a run that ended while its validation figures were still falling."""
    if log.stopped not in ("finished", "time") or len(log.points) < CHECKS_TO_JUDGE:
        return None
    if memorises(log) or rate_too_high(log):
        return None
    early = [p.validation for p in log.points if p.update <= 0.75 * log.points[-1].update]
    gain = min(early or [log.points[0].validation]) - log.best.validation
    if gain < GAIN:
        return None
    return (
        f"still improving: give it more time, `{more_time(log.folder or 'RUN', log.points[-1].seconds)}` "
        f"(the last quarter of it gained {gain:.2f} bits per note)"
    )


def beats_ngram(log: Log) -> str | None:
    """Find since when it is better than the n-gram, unless its base was so already."""
    if log.ngram is None or log.best.validation >= log.ngram or (log.base is not None and log.base < log.ngram):
        return None
    since = next(point for point in log.points if point.validation < log.ngram)
    return (
        f"it beats the n-gram since epoch {since.epochs:.1f} ({clock(since.seconds)}), its best by "
        f"{log.ngram - log.best.validation:.2f} bits per note"
    )


def below_ngram(log: Log) -> str | None:
    """Find that it is not better than the n-gram yet."""
    if log.ngram is None or log.best.validation < log.ngram:
        return None
    missing = log.best.validation - log.ngram
    if log.stopped:
        return f"it has not beaten the n-gram: {missing:.2f} bits per note are missing"
    return f"it has not beaten the n-gram yet: {missing:.2f} bits per note to go"


def betters_base(log: Log) -> str | None:
    """Find that it is better than its base."""
    if not log.gain_on_base:
        return None
    return f"it is {log.gain_on_base:.2f} bits per note better than the model it began from"


def keeps_base(log: Log) -> str | None:
    """Find that it has learned, and its base is still as good."""
    if log.gain_on_base != 0 or len(log.points) == 1:
        return None
    return f"nothing was gained{'' if log.stopped else ' yet'} over the model it began from"


DIAGNOSES: tuple[Callable[[Log], str | None], ...] = (
    rate_too_high,
    all_rests,
    one_note,
    memorises,
    corpus_too_small,
    still_improving,
    keeps_base,
    below_ngram,
    beats_ngram,
    betters_base,
)
GOOD = frozenset({"beats_ngram", "betters_base", "still_improving"})


def final_line(log: Log) -> str:
    """Write what was learned, compared with the n-gram or the base, in bits per note.

    Raises ValueError before the first check.
    """
    learned = log.best.validation
    if not log.has_validation:
        return f"learned: {learned:.2f} bits per note in training; there were no validation tunes to test it on"
    text = f"learned: {learned:.2f} bits per note on validation tunes"
    if log.gain_on_base is not None:
        ngram = f"; an n-gram has {log.ngram:.2f}" if log.ngram is not None else ""
        if log.gain_on_base:
            return f"{text}, {log.gain_on_base:.2f} fewer than the model it began from{ngram}"
        return f"nothing was gained over the model it began from: {text.removeprefix('learned: ')}{ngram}"
    if log.ngram is None:
        return f"{text} (without an n-gram to compare: `ritornello evaluate` has one)"
    gain = log.ngram - learned
    if gain <= 0:
        return f"{text}, {-gain:.2f} more than the n-gram's {log.ngram:.2f}: nothing yet that counting does not know"
    return f"{text}, {gain:.2f} fewer than the n-gram's {log.ngram:.2f}"


def recurrent_weights(network: Mapping) -> int:
    """Count the weights of a network's LSTM layers; 0 where its options have no layers."""
    layers, width, inside = (int(network.get(name, 0)) for name in ("layers", "width", "embedding"))
    return sum(4 * width * ((inside if n == 0 else width) + width + 1) for n in range(layers))


def more_time(folder: str | Path, seconds: float) -> str:
    """Write the command that trains a run on for as long again; seconds: that it took."""
    minutes = f"+{max(1, round(seconds / 60))}"
    return by_face(
        f"ritornello train --resume {as_argument(folder)} --minutes {minutes}",
        f'rito.train(out="{folder}", resume=True, minutes="{minutes}")',
    )


def clock(seconds: float) -> str:
    """Write minutes and seconds, "3:07"; with hours from one on; "?" for NaN."""
    if math.isnan(seconds):
        return "?"
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
