"""Rank drafts of a tune: by what they cost the model, by their form, and by what is new in them.

Each figure scores 1 where it lies as half of people's tunes do, and falls to 0 towards where next to none lie. The
weights are a matter of taste: they are in one table, and change what `--best-of` keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ritornello.evaluate.endings import ends_on_its_tonic
from ritornello.evaluate.repetition import returning_bars
from ritornello.evaluate.statistics import ends_long
from ritornello.music.values import Melody

WEIGHTS = {"bits": 3.0, "returns": 2.0, "ending": 1.0, "range": 1.0, "leaps": 1.0, "repeats": 1.0, "novelty": 3.0}
"""How much each score counts."""

PEOPLE: dict[str, tuple[float, float, float, float]] = {
    "returns": (0.0, 0.14, 0.5, 1.01),  # share of bars whose rhythm or notes come again after 1, 2, 4 or 8 bars
    "range": (7, 11, 17, 23),  # semitones
    "leaps": (0.0, 0.09, 0.2, 0.4),  # share of steps of a fourth or more
    "repeats": (0.0, 0.09, 0.28, 0.55),  # share of notes that repeat a pitch
    "novelty": (-1, -1, 5, 12),  # notes of the longest run shared with a training tune
}
"""Percentiles of 2,081 embedded training tunes: 1 and 99, where a score is 0, and 25 and 75, between which it is 1.

Of novelty: eight bars of people's validation and test tunes share six notes with a training tune, 5 % eight or more.
"""

TYPICAL = 0.35  # of the drafts, by bits per note: cheaper ones are duller, dearer ones stranger
LAGS = (1, 2, 4, 8)  # bars


@dataclass(frozen=True)
class Rank:
    """Why a draft stands where it does. score: 0 to 1. figures: as measured. scores: of each, 0 to 1."""

    score: float
    figures: dict[str, float]
    scores: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"score": self.score, "figures": self.figures, "scores": self.scores}

    @property
    def words(self) -> str:
        """Say in a line what spoke for and against the draft."""
        good = [name for name, score in self.scores.items() if score >= 0.9]
        bad = [name for name, score in self.scores.items() if score < 0.5]
        against = f"; against it: {', '.join(bad)}" if bad else ""
        return f"{self.score:.2f} (for it: {', '.join(good) or 'nothing'}{against})"


def rank(melodies: Sequence[Melody], bits: Sequence[float], shared: Sequence[int] | None = None) -> list[Rank]:
    """Score drafts of one tune, (drafts,).

    bits: per note, of each. shared: notes of the longest run that each shares with a training tune; None where it is
    not known: then novelty does not count.
    """
    typical = float(np.quantile(bits, TYPICAL)) if len(bits) else 0.0
    spread = max(0.25, float(np.std(bits))) if len(bits) else 1.0
    found = []
    for n, melody in enumerate(melodies):
        figures = form_figures(melody) | {"bits": float(bits[n])}
        scores = {name: within(figures[name], PEOPLE[name]) for name in ("returns", "range", "leaps", "repeats")}
        scores["ending"] = figures["ending"]
        scores["bits"] = float(np.exp(-0.5 * ((bits[n] - typical) / spread) ** 2))
        if shared is not None:
            figures["novelty"] = float(shared[n])
            scores["novelty"] = within(figures["novelty"], PEOPLE["novelty"])
        weights = {name: WEIGHTS[name] for name in WEIGHTS if name in scores}
        total = sum(weight * scores[name] for name, weight in weights.items()) / sum(weights.values())
        found.append(Rank(round(total, 4), figures, {name: round(scores[name], 4) for name in weights}))
    return found


def form_figures(melody: Melody) -> dict[str, float]:
    """Measure the form of a melody: returns, ending, range, leaps and repeats.

    ending: a half each for the tonic and for a long note. The others as in PEOPLE.
    """
    pitches = [note.pitch for note in melody.notes]
    if len(pitches) < 2:
        return dict.fromkeys(("returns", "ending", "range", "leaps", "repeats"), 0.0)
    steps = [abs(after - before) for before, after in pairwise(pitches)]
    bars = len(melody.timeline.barlines()) - 1
    found = [returning_bars(melody, lag) for lag in LAGS if lag < bars]
    shares = [(r.exact + r.moved + r.rhythm) / r.able for r in found if r.able]
    return {
        "returns": max(shares, default=0.0),
        "ending": 0.5 * ends_on_its_tonic(melody) + 0.5 * ends_long(melody),
        "range": float(max(pitches) - min(pitches)),
        "leaps": sum(step >= 5 for step in steps) / len(steps),
        "repeats": sum(step == 0 for step in steps) / len(steps),
    }


def within(value: float, people: tuple[float, float, float, float]) -> float:
    """Score a figure by people's percentiles: 1 between the inner two, 0 at the outer ones."""
    lowest, low, high, highest = people
    if low <= value <= high:
        return 1.0
    away = (value - lowest) / (low - lowest) if value < low else (highest - value) / (highest - high)
    return float(min(1.0, max(0.0, away)))
