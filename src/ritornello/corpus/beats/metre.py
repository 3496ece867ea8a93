"""Weigh metres and first barlines by fitted profiles of the bar.

A hypothesis is a metre and a place of its barline, to a twelfth of a quarter. Its points are linear in the channels
of all chords, folded modulo the bar, and in the likeness of the music to itself some quarters later; the shares of
all hypotheses follow as those of a softmax (conditional logit, McFadden 1974). `benchmarks/corpus/beat_fitting.py`
fits the weights to performances of hymns and songs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from ritornello.corpus.beats.evidence import (
    ACCENTS,
    CELLS,
    Chords,
    Floats,
    Notes,
    Strokes,
    channels,
    folded,
    likeness,
)

WEIGHTS = files("ritornello") / "data" / "beats" / "bars.npz"

METRES: Mapping[str, tuple[int, int]] = {
    "4/4": (48, 12),
    "3/4": (36, 12),
    "6/8": (36, 18),
    "9/8": (54, 18),
    "12/8": (72, 18),
    "6/4": (72, 36),
    "3/2": (72, 24),
}
"""Cells (twelfths of a quarter) of the bar, and of the beat whose profile a metre shares with others."""

SAME = {"2/4": "4/4", "2/2": "4/4", "4/8": "4/4", "8/8": "4/4", "3/8": "6/8"}
"""Metres whose bars are found as those of another one: half as long, or written otherwise."""

TYPICAL = 150  # chords of a piece
GROWTH = 0.25  # with this power of the number of chords the evidence grows
FEWEST, MOST = 30, 600  # chords


@dataclass(frozen=True, slots=True)
class Bars:
    """Where the bars of a piece begin, and how sure that is.

    metre: its name. late: quarters from the start of the piece to a barline. share: how likely that is, 0 to 1.
    other: the likeliest other metre and barline, with its share; "" where only one came into question.
    """

    metre: str
    late: float
    share: float
    other: tuple[str, float, float] | None = None


ACCENTED: Mapping[str, tuple[dict[float, float], dict[float, float], dict[float, float]]] = {
    "4/4": ({0: 1.0, 2: 0.5, 1: 0.2, 3: 0.2}, {0: 2.0, 2: 1.0}, {1: 2.0, 3: 2.0, 0: -1.0}),
    "3/4": ({0: 1.0, 1: 0.2, 2: 0.2}, {0: 2.0}, {1: 1.0, 2: 1.0, 0: -1.0}),
    "6/8": ({0: 1.0, 1.5: 0.5}, {0: 2.0, 1.5: 0.3}, {1.5: 2.0, 0: -1.0}),
    "12/8": ({0: 1.0, 3: 0.5, 1.5: 0.3, 4.5: 0.3}, {0: 2.0, 3: 1.0}, {1.5: 2.0, 4.5: 2.0, 0: -1.0}),
}
"""Points for accents (loud chords, kicks, snares) at quarters of the bar, set by hand: hymns and songs cannot teach
them (Temperley 2001; a snare on the backbeat: Moore 2001, "Rock: The Primary Text")."""


class Belief(NamedTuple):
    """Points for barlines `late` quarters after the first note and every `period` from there.

    metre: in which it counts, "" for all.
    """

    points: float
    late: float
    period: float
    metre: str = ""


def strength(count: int) -> float:
    """Weigh the evidence of a piece by the number of its chords."""
    return float((min(max(count, FEWEST), MOST) / TYPICAL) ** GROWTH)


def bars_of(
    notes: Notes, chord: Chords, accents: Strokes, metre: str | None = None, beliefs: Sequence[Belief] = ()
) -> Bars:
    """Find the likeliest bars of notes in a steady tempo.

    chord: their chords. accents: of chords and drums.
    metre: where it is given, only the barline is sought. beliefs: what else speaks for some.
    """
    values, alike = channels(notes, chord), likeness(notes)
    profiles = _weights()
    if metre:
        profiles = {metre: profiles.get(SAME.get(metre, metre)) or _made(metre)}
    shown = {}
    for name, (profile, scalars) in profiles.items():
        cells = profile.shape[1]
        place = _placed(folded(values, chord.starts, cells), profile)
        place += _placed(folded(accents.values, accents.starts, cells), _accented(name, cells))
        shown[name] = place * strength(len(chord.starts)) + scalars[:-1] @ alike + scalars[-1] - np.log(cells / 36)
        for belief in beliefs:
            if not belief.metre or SAME.get(belief.metre, belief.metre) == SAME.get(name, name):
                away = (np.arange(cells) / CELLS - belief.late) % belief.period
                shown[name] += belief.points * (np.minimum(away, belief.period - away) < 0.75 / CELLS)
    return _likeliest(shown)


def _placed(folds: Floats, profile: Floats) -> Floats:
    """Sum the points of each place of the barline, (cells,), over folded channels."""
    cells = folds.shape[1]
    there = folds.any(1)
    above = (folds[there] * cells - 1) / cells
    return np.fft.irfft((np.fft.rfft(above) * np.conj(np.fft.rfft(profile[there]))).sum(0), cells)


def _accented(metre: str, cells: int) -> Floats:
    """Spread the points of ACCENTED over the cells of a bar, (accents, cells)."""
    found = np.zeros((len(ACCENTS), cells))
    for row, points in zip(found, ACCENTED.get(SAME.get(metre, metre), ()), strict=False):
        for place, value in points.items():
            row[[int(place * CELLS) + step for step in (-1, 0, 1)]] += (0.5 * value, value, 0.5 * value)
    return found


def _likeliest(points: Mapping[str, Floats]) -> Bars:
    """Choose the hypothesis with most points, and the next that is not its neighbour."""
    top = max(float(p.max()) for p in points.values())
    total = sum(float(np.exp(p - top).sum()) for p in points.values())
    found: list[tuple[str, float, float]] = []
    left = {name: np.exp(p - top) / total for name, p in points.items()}
    for _ in range(2):
        name = max(left, key=lambda n: float(left[n].max()))
        cell, cells = int(left[name].argmax()), len(left[name])
        near = [(cell + step) % cells for step in (-1, 0, 1)]
        found.append((name, cell / CELLS, float(left[name][near].sum())))
        left[name] = left[name].copy()
        left[name][near] = 0
    (metre, late, share), other = found
    return Bars(metre, late, share, other)


def _made(metre: str) -> tuple[Floats, Floats]:
    """Make weights of a metre that none were fitted for, from the beats of those that have some.

    Compound eighths (15/8) are made from those of 6/8, all others from those of 4/4.
    """
    numerator, denominator = map(int, metre.split("/"))
    cells = round(4 * CELLS * numerator / denominator)
    is_compound = denominator >= 8 and numerator % 3 == 0
    profile, scalars = _weights()["6/8" if is_compound else "4/4"]
    beat = METRES["6/8" if is_compound else "4/4"][1]
    weak = np.stack([profile[:, at : at + beat] for at in range(beat, profile.shape[1], beat)]).mean(0)
    whole = np.hstack([profile[:, :beat]] + [weak] * -(-cells // beat))
    return whole[:, :cells], scalars


@cache
def _weights() -> dict[str, tuple[Floats, Floats]]:
    """Read the fitted weights: profiles, (channels, cells), and scalars, (lags + 1,), by metre."""
    with WEIGHTS.open("rb") as file, np.load(file, allow_pickle=False) as data:
        return {
            name: (data[f"profile {name}"].astype(np.float64), data[f"scalars {name}"].astype(np.float64))
            for name in METRES
        }
