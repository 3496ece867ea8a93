"""What the notes of all parts say about the bar, as channels along time.

After Lerdahl and Jackendoff 1983 and Temperley 2001 ("The Cognition of Basic Musical Structures", chapters 2 and 7):
strong beats are where many notes start, long ones, low ones, where the bass and the harmony change, and where little
is tied over; the profiles themselves are fitted, as Palmer and Krumhansl's (1990) are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOGETHER = 1 / 14  # of a quarter: onsets so close to the one before are one chord
LONGEST = 4.0  # quarters after which a note is no longer
CELLS = 12  # of a quarter, in which time is counted
LAGS = (1.0, 1.5, 2.0, 3.0, 4.0, 4.5, 6.0, 8.0, 9.0, 12.0)
"""Quarters after which the music is compared with itself."""


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes of all parts in order of start, (notes,) each: times in quarters, pitches."""

    starts: Floats
    ends: Floats
    pitches: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chords:
    """Notes that start together. starts: (chords,), in quarters. of: the chord of each note, (notes,)."""

    starts: Floats
    of: NDArray[np.int64]
    sizes: NDArray[np.int64]


def chords(notes: Notes, together: float = TOGETHER) -> Chords:
    """Group notes to chords by their starts.

    together: the longest wait inside one, in quarters.
    """
    of = np.cumsum((np.diff(notes.starts, prepend=notes.starts[:1]) > together).astype(np.int64))
    sizes = np.bincount(of)
    return Chords(np.bincount(of, notes.starts) / sizes, of, sizes)


@dataclass(frozen=True, slots=True)
class Strokes:
    """What accents a chord or a drum stroke: channels of ACCENTS. starts: (strokes,). values: (accents, strokes)."""

    starts: Floats
    values: Floats


ACCENTS = ("loud", "kick", "snare")
KICKS, SNARES = (35, 36), (38, 39, 40)  # of General MIDI percussion, claps among them
LOUD = 24  # steps of velocity above the middle of a piece from which a chord is as loud as can be


def strokes(chord: Chords, velocities: NDArray[np.int64], hits: Floats, drums: NDArray[np.int64]) -> Strokes:
    """Measure the accents of chords and drums.

    velocities: of the notes, (notes,). hits, drums: times in quarters and percussion keys, (strokes,) each.
    """
    loudest = np.zeros(len(chord.starts))
    np.maximum.at(loudest, chord.of, velocities)
    loud = np.clip((loudest - np.median(loudest)) / LOUD, 0, 1) if len(loudest) else loudest
    values = np.zeros((len(ACCENTS), len(loud) + len(hits)))
    values[0, : len(loud)] = loud
    values[1, len(loud) :] = np.isin(drums, KICKS)
    values[2, len(loud) :] = np.isin(drums, SNARES)
    return Strokes(np.concatenate((chord.starts, hits)), values)


def channels(notes: Notes, chord: Chords) -> Floats:
    """Measure each chord in each channel, (channels, chords), none negative.

    The weights of `metre` know the channels by their order.
    """
    count = len(chord.starts)
    firsts = np.concatenate(([0], np.cumsum(chord.sizes)[:-1]))
    low = np.minimum.reduceat(notes.pitches, firsts)
    top = np.maximum.reduceat(notes.pitches, firsts)
    lengths = np.minimum(notes.ends - notes.starts, LONGEST)
    through, lowest, highest = _held(notes, chord)
    is_bass, is_top = low <= lowest, top >= highest
    bass = np.flatnonzero(is_bass)
    new_bass, cadence, first, last, same = np.zeros((5, count))
    new_bass[bass[1:]] = np.diff(low[bass] % 12) != 0
    cadence[bass[1:]] = np.diff(low[bass]) % 12 == 5  # the bass rises a fourth or falls a fifth
    first[0] = last[-1] = 1
    same[1:] = (np.diff(low) == 0) & (np.diff(top) == 0)
    turns, turns2, turns4 = (_turned(*_chroma(notes, chord.starts, width)) for width in (1.0, 2.0, 4.0))
    wait = _until_next(chord.starts, np.arange(count))
    is_long = wait >= 1.9
    found = {
        "onset": np.ones(count),
        "notes": np.log1p(chord.sizes),
        "wait for the next": wait,
        "longest note": np.maximum.reduceat(lengths, firsts),
        "bass": is_bass,
        "wait for the next bass": _until_next(chord.starts, bass),
        "new bass": new_bass,
        "depth": np.clip((np.median(low) - low) / 12, 0, 2),
        "harmony turns": turns,
        "harmony turns, half notes": turns2,
        "held notes": through / (through + chord.sizes),
        "wait for the next top": _until_next(chord.starts, np.flatnonzero(is_top)),
        "first": first,
        "last": last,
        "harmony turns, whole notes": turns4,
        "cadence": cadence,
        "bass of the end": (low % 12 == low[-1] % 12) & is_bass,
        "bass and harmony": is_bass * turns2,
        "bass and wait": is_bass * wait,
        "long": is_long,
        "after a long one": np.concatenate(([0], is_long[:-1])),
        "lowest around": _peak(-low),
        "highest around": _peak(top),
        "repeated": same,
        "more notes than around": np.maximum(chord.sizes - np.convolve(chord.sizes, np.ones(9) / 9, "same"), 0),
        "all lengths": np.add.reduceat(lengths, firsts),
        "leap of the top": np.minimum(np.abs(np.diff(top, prepend=top[0])), 12),
        "harmony turns most": np.maximum(turns2 - 0.5 * (np.roll(turns2, 1) + np.roll(turns2, -1)), 0),
    }
    return np.stack([np.asarray(values, np.float64) for values in found.values()])


def _peak(values: NDArray[np.int64]) -> Floats:
    """Measure how far each value stands above both its neighbours, 0 to 1, an octave."""
    padded = np.pad(values, 1, mode="edge")
    return np.clip(np.minimum(values - padded[:-2], values - padded[2:]), 0, 12) / 12


def folded(values: Floats, starts: Floats, cells: int) -> Floats:
    """Fold channels modulo `cells` twelfths of a quarter, each to a sum of 1.

    values: (channels, chords). Returns (channels, cells).
    """
    at = starts * CELLS
    below = np.floor(at).astype(np.int64)
    share = at - below
    found = np.stack(
        [
            np.bincount(below % cells, row * (1 - share), cells)
            + np.bincount((below + 1) % cells, row * share, cells)
            for row in values
        ]
    )
    return found / np.maximum(found.sum(1, keepdims=True), 1e-9)


def likeness(notes: Notes) -> Floats:
    """Compare the music with itself after each of LAGS by chroma, onsets, lengths: (3 * lags,)."""
    cells = np.rint(notes.starts * 4).astype(np.int64)
    size = int(cells.max()) + 1
    chroma = np.zeros((12, size))
    np.add.at(chroma, (notes.pitches % 12, cells), 1.0)
    onsets = np.bincount(cells, minlength=size)
    lengths = np.zeros(size)
    np.maximum.at(lengths, cells, np.minimum(notes.ends - notes.starts, LONGEST))
    rows = (np.minimum(chroma, 1), np.log1p(onsets)[None], lengths[None])
    return np.concatenate([[_correlation(row, round(4 * lag)) for lag in LAGS] for row in rows])


def _held(notes: Notes, chord: Chords) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Count the notes held through each chord, and find their lowest and highest, (chords,)."""
    starts = chord.starts
    begins = np.searchsorted(starts, notes.starts + 2 * TOGETHER)
    stops = np.searchsorted(starts, notes.ends - 0.15)
    through = np.zeros(len(starts) + 1)
    held = stops > begins
    np.add.at(through, begins[held], 1)
    np.add.at(through, stops[held], -1)
    lowest, highest = np.full(len(starts), 128), np.full(len(starts), -1)
    for begin, stop, pitch in zip(begins[held], stops[held], notes.pitches[held], strict=True):
        np.minimum(lowest[begin:stop], pitch, out=lowest[begin:stop])
        np.maximum(highest[begin:stop], pitch, out=highest[begin:stop])
    return np.cumsum(through)[:-1], lowest, highest


def _until_next(starts: Floats, places: NDArray[np.int64]) -> Floats:
    """Measure the wait from some chords to the next of them, (chords,), 0 at the others."""
    found = np.zeros(len(starts))
    found[places] = np.minimum(np.diff(starts[places], append=starts[-1] + LONGEST), LONGEST)
    return found


def _chroma(notes: Notes, times: Floats, width: float) -> tuple[Floats, Floats]:
    """Sum the sound of each pitch class before and after times, (12, times) each.

    width: quarters that count on each side.
    """
    size = int(max(notes.ends.max(), times[-1])) + 6
    cells = np.zeros((12, size * CELLS))
    begin = np.rint(notes.starts * CELLS).astype(np.int64)
    end = np.maximum(np.rint(np.minimum(notes.ends, notes.starts + LONGEST) * CELLS).astype(np.int64), begin + 1)
    np.add.at(cells, (notes.pitches % 12, begin), 1.0)
    np.add.at(cells, (notes.pitches % 12, end), -1.0)
    total = np.pad(np.cumsum(np.cumsum(cells, 1), 1), ((0, 0), (1, 0)))
    at = np.rint(times * CELLS).astype(np.int64)
    span = int(width * CELLS)
    return total[:, at] - total[:, np.maximum(at - span, 0)], total[:, at + span] - total[:, at]


def _turned(before: Floats, after: Floats) -> Floats:
    """Measure how far the harmony turns, 0 to 1: (12, times) each, to (times,)."""
    size = np.sqrt((before**2).sum(0) * (after**2).sum(0))
    return 1 - (before * after).sum(0) / np.maximum(size, 1e-9)


def _correlation(rows: Floats, lag: int) -> float:
    """Compute the correlation of rows, (rows, cells), with themselves `lag` cells later."""
    if rows.shape[1] <= 2 * lag:
        return 0.0
    a, b = rows[:, :-lag], rows[:, lag:]
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return float((a * b).sum() / max(np.sqrt((a**2).sum() * (b**2).sum()), 1e-9))
