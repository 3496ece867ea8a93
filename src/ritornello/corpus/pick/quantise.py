"""Performed timing laid on a grid of the file's own beat, and swing evened out where that is asked for.

Written music lies on simple fractions of the beat already and stays exact. Played music does not: each beat is laid
on the division that fits its onsets best, a triplet one only where the grid holds it and it fits clearly better
(after Cemgil, Desain and Kappen 2000, "Rhythm quantization for transcription": an error term and a price for
complexity). A constant lateness of all onsets is taken out first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pick.meant import is_written, with_meant_lengths
from ritornello.music.values import TICKS_PER_QUARTER, ChordChanges, Melody, Note, Piece, Timeline, chords_moved

Floats = NDArray[np.float64]

FAR = 0.1
"""A grid does not fit where it moves more than this share of the onsets by a third of a step or more."""

FITTING = 0.35
"""Another grid is advised where onsets miss it by no more than this share of the square that random ones would."""

SPREAD = 0.05  # of played onsets around the beat, in quarters: 25 ms at 120
PRICE = {3: 2.0, 6: 4.0, 12: 6.0, 24: 9.0}  # of triplet divisions, in units of squared spreads
EARLY = 0.1  # of a quarter: onsets so shortly before a beat belong to it
OTHER_GRIDS = (4, 6, 8, 12, 16, 24)
SWUNG = (0.56, 0.73)  # where in the beat the second of two swung eighths falls


@dataclass(frozen=True, slots=True)
class Timed:
    """A melody on its grid and what that took.

    is_written: whether the timing was meant. far: share of onsets that the grid of `steps_per_quarter` moves by a
    third of a step or more (that a written melody would be moved, where it was kept). better: a finer grid that
    does not, if there is one and it is needed. merged: notes lost because another fell on their step.
    swing: where in the beat swung off-beats fell before they were evened out, None where nothing was.
    """

    melody: Melody
    is_written: bool = True
    far: float = 0.0
    better: int | None = None
    merged: int = 0
    swing: float | None = None


def timed(
    melody: Melody,
    steps_per_quarter: int = 4,
    timing: str = "auto",
    swing: str = "keep",
    is_counted: bool = True,
    states_rhythm: bool = False,
) -> Timed:
    """Quantise a melody to `steps_per_quarter`, as `BuildOptions.timing` and `swing` ask.

    is_counted, states_rhythm: of its piece. Where lengths are counted they may be shares of those that are meant.
    The rhythm of a score stays as it is, swing too, unless timing is "grid".
    Raises ValueError for steps_per_quarter below 1.
    """
    if steps_per_quarter < 1:
        raise ValueError(f"steps_per_quarter must be 1 or more, not {steps_per_quarter}")
    if not melody.notes:
        return Timed(melody)
    tpq = melody.timeline.ticks_per_quarter
    columns = np.array([(n.start, n.end) for n in melody.notes], np.int64)
    written = states_rhythm or is_written(columns[:, 0], tpq)
    starts, ends = columns[:, 0] / tpq, columns[:, 1] / tpq
    if not written:
        late = _lateness(starts, steps_per_quarter)
        starts, ends = starts - late, ends - late
    may_change = timing == "grid" or not states_rhythm
    ratio = _swing(starts) if swing == "straight" and may_change else None
    if ratio is not None:
        starts, ends = _straightened(starts, ratio), _straightened(ends, ratio)
    quantised, divisions = _quantised(starts, steps_per_quarter)
    far, better = _fit(starts, quantised, divisions, steps_per_quarter)
    if timing == "exact":
        return Timed(melody, written, far, better)
    if timing == "auto" and written and ratio is None:
        return Timed(with_meant_lengths(melody) if is_counted else melody, written, far, better)
    result, merged = _rebuilt(melody, quantised, ends, divisions, steps_per_quarter)
    return Timed(result, written, far, better, merged, ratio)


def on_steps(piece: Piece, steps_per_quarter: int, swing: str = "keep") -> tuple[Piece, int]:
    """Lay all notes of a piece on a grid of steps, and count those lost.

    A note is lost where another of its part and pitch falls on its step.

    A note takes up a step at least, and ends where its pitch is struck again.
    Raises ValueError for steps_per_quarter below 1.
    """
    if steps_per_quarter < 1:
        raise ValueError(f"steps_per_quarter must be 1 or more, not {steps_per_quarter}")
    tpq = piece.timeline.ticks_per_quarter
    notes = [(note, number) for number, part in enumerate(piece.parts) for note in part.notes]
    notes.sort(key=lambda item: item[0].start)
    edges = np.array([(n.start, n.end) for n, _ in notes], np.int64)
    starts, ends = edges[:, 0] / tpq, edges[:, 1] / tpq
    if not is_written(edges[:, 0], tpq):
        late = _lateness(starts, steps_per_quarter)
        starts, ends = starts - late, ends - late
    if swing == "straight" and (ratio := _swing(starts)) is not None:
        starts, ends = _straightened(starts, ratio), _straightened(ends, ratio)
    quantised, divisions = _quantised(starts, steps_per_quarter)
    new = _grid_resolution(tpq, steps_per_quarter)
    firsts = np.maximum(np.rint(quantised * new), 0).astype(np.int64)
    stops = np.rint(np.rint(ends * divisions) * new / divisions).astype(np.int64)
    lengths = np.maximum(stops - firsts, new // divisions)
    places: dict[tuple[int, int], dict[int, Note]] = {}
    for (note, number), start, length in zip(notes, firsts.tolist(), lengths.tolist(), strict=True):
        line = places.setdefault((number, note.pitch), {})
        if start not in line or line[start].duration < length:
            line[start] = Note(start, length, note.pitch, note.velocity)
    kept: list[list[Note]] = [[] for _ in piece.parts]
    for (number, _), line in places.items():
        ordered = [line[start] for start in sorted(line)]
        for note, following in zip(ordered, [*ordered[1:], None], strict=True):
            end = note.end if following is None else min(note.end, following.start)
            kept[number].append(note._replace(duration=end - note.start))
    parts = tuple(replace(part, notes=tuple(mine)) for part, mine in zip(piece.parts, kept, strict=True))
    timeline = _on_grid(piece.timeline, new, steps_per_quarter)
    chords = _chords_on_grid(piece, new, steps_per_quarter)
    return replace(piece, parts=parts, timeline=timeline, chords=chords), len(notes) - sum(map(len, kept))


def _grid_resolution(tpq: int, steps: int) -> int:
    """Find a resolution that holds the grid: the piece's own where it can."""
    if all(tpq % d == 0 for d in _divisions(steps)):
        return tpq
    return TICKS_PER_QUARTER if TICKS_PER_QUARTER % steps == 0 else steps * TICKS_PER_QUARTER


def _lateness(starts: Floats, steps: int) -> float:
    """Estimate how much later than the grid all onsets lie, in quarters; 0 where they disagree."""
    phases = np.exp(2j * np.pi * starts * steps).mean()
    return float(np.angle(phases)) / (2 * np.pi * steps) if abs(phases) > 0.5 else 0.0


def _divisions(steps: int) -> list[int]:
    """List the divisions of a beat on a grid of `steps`: the finest duple one, each triple one."""
    duple = steps & -steps
    triple = [3 << k for k in range(4) if steps % (3 << k) == 0]
    return list(dict.fromkeys([*([duple] if duple > 1 else []), *triple, steps]))


def _quantised(starts: Floats, steps: int) -> tuple[Floats, NDArray[np.int64]]:
    """Quantise onsets, in quarters, and choose for each onset the division of its beat."""
    divisions = _divisions(steps)
    if len(divisions) == 1:
        return np.rint(starts * steps) / steps, np.full(len(starts), steps)
    beats = np.floor(starts + EARLY)
    firsts = np.flatnonzero(np.diff(beats, prepend=beats[0] - 1))
    rounded = np.stack([np.rint(starts * d) / d for d in divisions])
    costs = np.add.reduceat(((rounded - starts) / SPREAD) ** 2, firsts, axis=1)
    costs += np.array([PRICE.get(d, 0.0) for d in divisions])[:, None]
    lengths = np.diff(firsts, append=len(starts))
    best = np.repeat(costs.argmin(0), lengths)
    return rounded[best, np.arange(len(starts))], np.array(divisions)[best]


def _fit(starts: Floats, quantised: Floats, divisions: NDArray[np.int64], steps: int) -> tuple[float, int | None]:
    """Compute the share of onsets moved far, and where it is large a finer grid that moves few."""
    far = _far(starts, quantised, divisions)
    if far <= FAR:
        return far, None
    finer = [g for g in OTHER_GRIDS if g > steps]
    finer.sort(key=lambda g: g % steps > 0)  # first those that hold what this grid holds
    return far, next((g for g in finer if _fits(starts, *_quantised(starts, g))), None)


def _fits(starts: Floats, quantised: Floats, divisions: NDArray[np.int64]) -> bool:
    """Tell whether onsets lie close to a grid, compared with random ones.

    Those miss it on average by the uniform deviation of its step.
    """
    missed = float((((quantised - starts) * divisions) ** 2).mean()) * 12
    return _far(starts, quantised, divisions) <= FAR and missed <= FITTING


def _far(starts: Floats, quantised: Floats, divisions: NDArray[np.int64]) -> float:
    return float((np.abs(quantised - starts) * divisions >= 1 / 3 - 1e-6).mean())


def _swing(starts: Floats) -> float | None:
    """Find where the off-beat eighth falls if the line swings, else None.

    It swings where a fifth of its onsets or more fall late in the beat, few on its half, and few on its second
    third, which would make triplets of it, or on its first quarter, which would make sixteenths.
    """
    phases = starts + EARLY - np.floor(starts + EARLY) - EARLY
    late = phases[(phases > SWUNG[0]) & (phases < SWUNG[1])]
    even = int((np.abs(phases - 0.5) <= SWUNG[0] - 0.5).sum())
    early = int(((phases > 0.17) & (phases < 0.42)).sum())
    if len(late) < max(0.2 * len(starts), 2) or 3 * even > len(late) or 5 * early > len(late):
        return None
    return float(np.median(late))


def _straightened(times: Floats, ratio: float) -> Floats:
    """Move the beat's swung half to its middle, everything between in proportion."""
    beats = np.floor(times + EARLY)
    phases = times - beats
    half = np.where(phases < ratio, phases * (0.5 / ratio), 0.5 + (phases - ratio) * (0.5 / (1 - ratio)))
    return beats + np.where(phases < 0, phases, half)


def _rebuilt(
    melody: Melody, quantised: Floats, ends: Floats, divisions: NDArray[np.int64], steps: int
) -> tuple[Melody, int]:
    """Rebuild the melody with quantised onsets, its ends on the divisions of their beats."""
    tpq = melody.timeline.ticks_per_quarter
    new = _grid_resolution(tpq, steps)
    starts = np.maximum(np.rint(quantised * new), 0).astype(np.int64).tolist()
    cells = (new // divisions).tolist()
    stops = np.rint(np.rint(ends * divisions) * new / divisions).astype(np.int64).tolist()
    found: list[Note] = []
    for note, start, cell, stop in zip(melody.notes, starts, cells, stops, strict=True):
        if found and start <= found[-1].start:
            if note.duration > found[-1].duration * tpq / new:  # of an ornament and its note the longer one stays
                found[-1] = Note(found[-1].start, max(stop - found[-1].start, cell), note.pitch, note.velocity)
            continue
        if found and found[-1].end > start:
            found[-1] = found[-1]._replace(duration=start - found[-1].start)
        found.append(Note(start, max(stop - start, cell), note.pitch, note.velocity))
    timeline, chords = _on_grid(melody.timeline, new, steps), _chords_on_grid(melody, new, steps)
    return replace(melody, notes=tuple(found), timeline=timeline, chords=chords), len(melody.notes) - len(found)


def _chords_on_grid(music: Melody | Piece, tpq: int, steps: int) -> ChordChanges:
    """Move chords to the grid, counted in another resolution."""
    step, scale = tpq // steps, steps / music.timeline.ticks_per_quarter
    return chords_moved(music.chords, lambda tick: round(tick * scale) * step)


def _on_grid(timeline: Timeline, tpq: int, steps: int) -> Timeline:
    """Convert a timeline to another resolution, its barlines and its end on the grid."""
    step, scale = tpq // steps, steps / timeline.ticks_per_quarter

    def moved(changes: tuple) -> tuple:
        by_tick = {round(c.tick * scale) * step: c for c in changes}  # of two on a step the later one holds
        return tuple(c._replace(tick=tick) for tick, c in sorted(by_tick.items()))

    return Timeline(
        tpq,
        round(timeline.length * scale) * step,
        moved(timeline.metres),
        moved(timeline.keys),
        moved(timeline.tempos),
    )
