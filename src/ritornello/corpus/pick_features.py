"""What each part of a piece is like, in numbers from which a tune can be told from its company.

Every feature is a plain number, mostly between 0 and 1, computed from the notes of one part on the bars of its
piece. The features follow the literature on finding melody tracks (Madsen and Widmer 2007, "Towards a computational
model of melody identification in polyphonic music"; Rizo, Ponce de Leon, Perez-Sancho, Pertusa and Inesta 2006,
"A pattern recognition approach for melody track selection in MIDI files").
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pick_names import PROGRAMS, name_speaks
from ritornello.music.values import Note, Part, Piece

Floats = NDArray[np.float64]
Columns = NDArray[np.int64]  # (notes, 4): start, duration, pitch, velocity

FEATURES = (
    "words",
    "name",
    "program",
    "single notes",
    "hardly a chord",
    "highest",
    "above the others",
    "top of a choir",
    "singing register",
    "compass",
    "bars filled",
    "time sounding",
    "note rate",
    "steps",
    "repeated notes",
    "leaps",
    "rhythms",
    "bar repeats",
    "pitches",
    "louder",
    "long notes",
    "first track",
)
SIMULTANEOUS = 12  # notes that start within a twelfth of a quarter are struck together


def columns(notes: Sequence[Note]) -> Columns:
    """Notes as (notes, 4): start, duration, pitch, velocity."""
    flat = np.fromiter(chain.from_iterable(notes), np.int64, 4 * len(notes))
    return flat.reshape(-1, 4)


def part_features(piece: Piece, indices: Sequence[int], arrays: Sequence[Columns]) -> Floats:
    """What the parts `indices` of a piece, their notes in `arrays`, are like: (parts, features)."""
    tpq = piece.timeline.ticks_per_quarter
    bar = max(int(piece.timeline.bar_ticks(piece.timeline.metres[-1])), tpq)
    filled_bars = len(np.unique(np.concatenate([a[:, 0] for a in arrays]) // bar))
    rows = [_own(a, tpq, bar, filled_bars) for a in arrays]
    medians = np.array([row["median"] for row in rows])
    loudness = np.array([a[:, 3].mean() for a in arrays])
    choir = _choir(rows, medians, arrays, tpq)
    singers = _most_words([piece.parts[i] for i in indices])
    for k, (row, i) in enumerate(zip(rows, indices, strict=True)):
        part = piece.parts[i]
        row["words"] = float(singers[k])
        row["name"] = name_speaks(part.name)
        row["program"] = PROGRAMS[part.program]
        row["highest"] = float(medians[k] >= medians.max())
        row["above the others"] = float((medians < medians[k]).sum()) / max(len(rows) - 1, 1)
        row["louder"] = float(np.clip((loudness[k] - loudness.mean()) / 16, -1, 1))
        row["first track"] = float(i == indices[0])
        row["top of a choir"] = choir * row["highest"]
    return np.array([[row[name] for name in FEATURES] for row in rows])


def _most_words(parts: Sequence[Part]) -> list[bool]:
    """Which parts have at least half as many syllables as the fullest; a cue of a few words does not count."""
    most = max(part.syllables for part in parts)
    return [part.syllables >= 4 and 2 * part.syllables >= most for part in parts]


def _choir(rows: Sequence[dict[str, float]], medians: Floats, arrays: Sequence[Columns], tpq: int) -> float:
    """How far three or more single lines, and nothing else, move together and lie close, as four voices do: 0 to 1."""
    if len(rows) < 3 or any(row["single notes"] < 0.9 or not row["hardly a chord"] for row in rows):
        return 0.0
    half = max(tpq // 2, 1)
    places = [(a[:, 0] + half // 2) // half for a in arrays]
    struck = np.zeros((len(rows), int(max(p[-1] for p in places)) + 1), bool)
    for row, place in zip(struck, places, strict=True):
        row[place] = True
    counts = struck.sum(1)
    most = struck[int(counts.argmax())]
    together = float(((struck & most).sum(1) / counts).mean() * counts.mean() / counts.max())
    gaps = np.diff(np.sort(medians))
    spacing = _near(float(gaps.mean()), 6.2, 1.6) * _near(max(float(gaps.max()), 9.0), 9.0, 2.0)
    return min(1.0, 1.5 * together) * spacing


def _own(notes: Columns, tpq: int, bar: int, filled_bars: int) -> dict[str, float]:
    """The features that one part has by itself."""
    starts, durations, pitches = notes[:, 0], notes[:, 1], notes[:, 2]
    count = len(starts)
    heads = np.flatnonzero(np.diff(starts, prepend=starts[0] - tpq) > tpq // SIMULTANEOUS)
    top = np.maximum.reduceat(pitches, heads)
    onsets, ends = starts[heads], np.maximum.accumulate(starts + durations)
    covered = (ends[:-1] - starts[1:]) > durations[1:] // 2
    gaps = np.diff(onsets)
    bars, firsts = np.unique(onsets // bar, return_index=True)
    ordered = np.sort(top)
    median, span = ordered[len(top) // 2], ordered[-1 - len(top) // 20] - ordered[len(top) // 20]
    sounding = np.minimum(durations[heads][:-1], gaps).sum() + durations[heads[-1]]
    rate = len(onsets) * tpq / (len(bars) * bar)  # onsets a quarter, in the bars that have any
    together = 1 - len(heads) / count
    return {
        "median": float(median),
        "single notes": 1.0 - float(covered.mean() if count > 1 else 0.0),
        "hardly a chord": float(together < 0.1),
        "singing register": _near(float(median), 68.0, 9.0),
        "compass": _near(float(span), 14.0, 9.0),
        "bars filled": len(bars) / max(filled_bars, 1),
        "time sounding": min(1.0, float(sounding) / max(1, filled_bars * bar)),
        "note rate": _near(float(np.log2(rate)), 0.5, 1.5),
        "long notes": float(np.clip(np.log2(durations.mean() / tpq) / 3, -1, 1)),
        "pitches": min(1.0, len(np.unique(top)) / 12),
        "bar repeats": _bar_repeats(onsets - (onsets // bar) * bar, top, firsts),
        **_motion(top, gaps, tpq),
    }


def _near(value: float, middle: float, width: float) -> float:
    """1 where a value is what it mostly is in tunes, towards 0 away from it."""
    return float(np.exp(-(((value - middle) / width) ** 2)))


def _motion(top: Columns, gaps: Columns, tpq: int) -> dict[str, float]:
    """How a line moves: shares of steps, repeated notes and leaps, and how many kinds of rhythm (in bits, of 3)."""
    moves = np.abs(np.diff(top))
    if not len(moves):
        return {"steps": 0.0, "repeated notes": 0.0, "leaps": 0.0, "rhythms": 0.0}
    counts = np.bincount(np.minimum(np.rint(gaps * (8 / tpq)), 63).astype(np.int64))
    shares = counts[counts > 0] / len(gaps)
    kinds = np.bincount(np.minimum(moves, 8), minlength=9) / len(moves)
    return {
        "steps": float(kinds[1] + kinds[2]),
        "repeated notes": float(kinds[0]),
        "leaps": float(kinds[7] + kinds[8]),
        "rhythms": min(1.0, float(-(shares * np.log2(shares)).sum()) / 3),
    }


def _bar_repeats(places: Columns, top: Columns, firsts: Columns) -> float:
    """Share of bars that have the same onsets and pitches as the bar before them."""
    if len(firsts) < 2:
        return 0.0
    codes = np.add.reduceat((places + 1) * 131 + top * 7919 * (places % 97 + 1), firsts)
    return float((codes[1:] == codes[:-1]).mean())
