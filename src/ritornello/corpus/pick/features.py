"""Features of each part of a piece, numbers that separate a melody from its accompaniment.

Every feature is a plain number, mostly between 0 and 1, computed from the notes of one part on the bars of its
piece. The features follow the literature on finding melody tracks (Madsen and Widmer 2007, "Towards a computational
model of melody identification in polyphonic music"; Rizo, Ponce de Leon, Perez-Sancho, Pertusa and Inesta 2006,
"A pattern recognition approach for melody track selection in MIDI files").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pick.line import Columns
from ritornello.corpus.pick.names import PROGRAMS, name_speaks
from ritornello.music.values import Piece

Floats = NDArray[Any]

WEIGHTS: dict[str, float] = {
    "words": 6.0,
    "name": 4.0,
    "program": 0.5,
    "single notes": 7.9,
    "hardly a chord": 3.9,
    "highest": 0.5,
    "above the others": -1.0,
    "top of a choir": 4.0,
    "singing register": 3.5,
    "compass": 5.6,
    "bars filled": 2.5,
    "time sounding": 1.2,
    "note rate": 5.1,
    "steps": 8.1,
    "repeated notes": -1.9,
    "leaps": -5.2,
    "rhythms": 2.7,
    "bar repeats": -2.7,
    "pitches": -1.4,
    "louder": 0.5,
    "long notes": 1.7,
    "first track": 0.3,
    "follows another": -3.0,
}
"""What speaks for a part, by feature; how it was found stands in `score`."""

FEATURES = tuple(WEIGHTS)
FOLLOWED = 0.7  # of the notes of a line lie a third or a sixth from those of a line with more notes
MORE = 1.15  # times as many notes has the line that is followed
BELOW = 0.25  # of the points against a second voice, for a line below one with as many notes
PARALLEL = np.array([k % 12 in (3, 4, 8, 9) for k in range(128)])  # intervals of a second voice, in semitones
SIMULTANEOUS = 12  # notes that start within a twelfth of a quarter are struck together


def part_features(
    piece: Piece, indices: Sequence[int], arrays: Sequence[Columns], lines: Sequence[int] | None = None
) -> Floats:
    """Compute the features of the parts `indices` of a piece, their notes in `arrays`.

    Returns (parts, features).
    lines: places in `arrays` of parts that do not double one another; all of them where None.
    Computed for all parts at once: their notes end to end, with the number of its part beside each note.
    """
    tpq = piece.timeline.ticks_per_quarter
    parts = [piece.parts[i] for i in indices]
    found, medians = _by_itself(arrays, tpq, max(int(piece.timeline.bar_ticks(piece.timeline.metres[-1])), tpq))
    highest = (medians >= medians.max()).astype(float)
    syllables = np.array([part.syllables for part in parts])  # (parts,); fewer than half the fullest's are cues
    found["words"] = ((syllables >= 4) & (2 * syllables >= syllables.max())).astype(float)
    found["name"] = np.array([name_speaks(part.name) for part in parts])
    found["program"] = np.array([PROGRAMS[part.program] for part in parts])
    found["highest"] = highest
    found["above the others"] = (medians[:, None] > medians).sum(1) / max(len(parts) - 1, 1)
    places = list(range(len(parts)) if lines is None else lines)
    found["top of a choir"] = highest * _choir(found, medians, arrays, places, tpq)
    found["first track"] = np.array([i == indices[0] for i in indices], float)
    found["follows another"] = _followers(found["single notes"], arrays, tpq)
    return np.stack([found[name] for name in FEATURES], axis=1)


def _followers(singleness: Floats, arrays: Sequence[Columns], tpq: int) -> Floats:
    """Tell which single lines are the second voice of another, (parts,)."""
    follows = np.zeros(len(arrays))
    lines = {k: by_sixteenths(arrays[k], tpq) for k in np.flatnonzero(singleness > 0.9).tolist()}
    for k, line in lines.items():
        follows[k] = max((second_voice(line, other) for place, other in lines.items() if place != k), default=0.0)
    return follows


def second_voice(line: tuple[NDArray, NDArray], other: tuple[NDArray, NDArray]) -> float:
    """Tell whether a line follows a longer one in thirds or sixths (1), or one as long (BELOW).

    line, other: as `by_sixteenths` lists them.
    """
    (places, pitches), (longer, theirs) = line, other
    if len(longer) < len(places) / MORE:
        return 0.0
    at = np.minimum(np.searchsorted(longer, places), len(longer) - 1)
    together = longer[at] == places
    moves = theirs[at] - pitches
    if (together & PARALLEL[np.abs(moves)]).sum() < FOLLOWED * len(places):
        return 0.0
    if len(longer) >= MORE * len(places):
        return 1.0
    return BELOW if moves[together].mean() > 0 else 0.0


def by_sixteenths(notes: Columns, tpq: int) -> tuple[NDArray, NDArray]:
    """List the sixteenths in which notes of a line start, and the pitch of the first in each."""
    places, first = np.unique((notes[:, 0] * 8 + tpq) // (2 * tpq), return_index=True)
    return places, notes[first, 2]


def _by_itself(arrays: Sequence[Columns], tpq: int, bar: int) -> tuple[dict[str, Floats], Floats]:
    """Compute the features of each part alone, (parts,) each, and the median of its top line."""
    count = len(arrays)
    sizes = np.array([len(a) for a in arrays])
    notes, owner = np.concatenate(arrays), np.repeat(np.arange(count), sizes)
    starts, durations, velocities = notes[:, 0], notes[:, 1], notes[:, 3]
    fresh = np.diff(starts, prepend=0) > tpq // SIMULTANEOUS
    fresh[np.cumsum(sizes) - sizes] = True
    heads = np.flatnonzero(fresh)
    top, of, onsets = np.maximum.reduceat(notes[:, 2], heads), owner[heads], starts[heads]
    struck = np.bincount(of, minlength=count)
    filled = np.zeros(int(starts.max()) // bar + 1, bool)
    filled[starts // bar] = True
    whole = int(filled.sum())

    def summed(values: NDArray, of: NDArray = of) -> Floats:
        return np.bincount(of, values, count)

    codes = np.sort(of * 128 + top) & 127
    first = np.cumsum(struck) - struck
    medians, edge = codes[first + struck // 2].astype(float), struck // 20
    span = codes[first + struck - 1 - edge] - codes[first + edge]
    in_bars = of * len(filled) + onsets // bar
    bars = np.flatnonzero(np.diff(in_bars, prepend=-1))
    barred = np.bincount(of[bars], minlength=count)
    gaps = np.diff(onsets, append=0)
    inside = np.append(of[1:] == of[:-1], False)
    sounding = np.where(inside, np.minimum(durations[heads], gaps), durations[heads])
    loudness = summed(velocities, owner) / sizes
    found = {
        "single notes": 1 - summed(_covered(starts, durations, owner), owner) / np.maximum(sizes - 1, 1),
        "hardly a chord": (struck > 0.9 * sizes).astype(float),
        "singing register": _near(medians, 68.0, 9.0),
        "compass": _near(span, 14.0, 9.0),
        "bars filled": barred / whole,
        "time sounding": np.minimum(1.0, summed(sounding) / (whole * bar)),
        "note rate": _near(np.log2(struck * tpq / (barred * bar)), 0.5, 1.5),
        "pitches": np.minimum(
            1.0, (np.bincount(of * 128 + top, minlength=128 * count).reshape(-1, 128) > 0).sum(1) / 12
        ),
        "louder": np.clip((loudness - loudness.mean()) / 16, -1, 1),
        "long notes": np.clip(np.log2(summed(durations, owner) / sizes / tpq) / 3, -1, 1),
        "bar repeats": _bar_repeats(onsets % bar, top, bars, of[bars], barred),
        **_motion(top[1:] - top[:-1], gaps[:-1], of[:-1], inside[:-1], count, tpq),
    }
    return found, medians


def _near(value: Floats, middle: float, width: float) -> Floats:
    """Weigh a value by a bell: 1 at what is usual in melodies, towards 0 away from it."""
    return np.exp(-(((value - middle) / width) ** 2))


def _covered(starts: NDArray, durations: NDArray, owner: NDArray) -> NDArray:
    """Tell which notes lie half or more under a note of the same part that started before."""
    apart = owner * int(starts.max() + durations.max() + 1)  # parts end to end in time
    ends = np.maximum.accumulate(starts + durations + apart)
    return np.append(False, ends[:-1] - (starts + apart)[1:] > durations[1:] // 2)


def _motion(moves: NDArray, gaps: NDArray, of: NDArray, inside: NDArray, count: int, tpq: int) -> dict[str, Floats]:
    """Compute shares of steps, repeated notes and leaps, and kinds of rhythm (in bits, of 3).

    moves, gaps: from one onset to the next; only those `inside` a part count, for part `of`.
    """
    moves, gaps, of = np.abs(moves[inside]), gaps[inside], of[inside]
    total = np.maximum(np.bincount(of, minlength=count), 1)[:, None]
    kinds = np.bincount(of * 9 + np.minimum(moves, 8), minlength=9 * count).reshape(-1, 9) / total
    lengths = np.minimum((gaps * 16 + tpq) // (2 * tpq), 63)  # in 32nds, rounded
    shares = np.bincount(of * 64 + lengths, minlength=64 * count).reshape(-1, 64) / total
    entropy = -(shares * np.log2(np.maximum(shares, 1e-12))).sum(1)
    return {
        "steps": kinds[:, 1] + kinds[:, 2],
        "repeated notes": kinds[:, 0],
        "leaps": kinds[:, 7] + kinds[:, 8],
        "rhythms": np.minimum(1.0, entropy / 3),
    }


def _bar_repeats(places: NDArray, top: NDArray, bars: NDArray, of: NDArray, barred: NDArray) -> Floats:
    """Compute the share of bars with the onsets and pitches of the filled bar before them."""
    codes = np.add.reduceat((places + 1) * 131 + top * 7919 * (places % 97 + 1), bars)
    again = (codes[1:] == codes[:-1]) & (of[1:] == of[:-1])
    return np.bincount(of[1:], again, len(barred)) / np.maximum(barred - 1, 1)


def _choir(found: dict[str, Floats], medians: Floats, arrays: Sequence[Columns], lines: list[int], tpq: int) -> float:
    """Measure, 0 to 1, how far three or more single lines move together and lie close."""
    if len(lines) < 3 or found["single notes"].min() < 0.9 or not found["hardly a chord"].all():
        return 0.0
    half = max(tpq // 2, 1)
    places = [(arrays[k][:, 0] + half // 2) // half for k in lines]
    struck = np.zeros((len(lines), int(max(p[-1] for p in places)) + 1), bool)
    for row, place in zip(struck, places, strict=True):
        row[place] = True
    counts = struck.sum(1)
    most = struck[int(counts.argmax())]
    together = float(((struck & most).sum(1) / counts).mean() * counts.mean() / counts.max())
    gaps = np.diff(np.sort(medians[lines]))
    spread = max(abs(float(gaps.mean()) - 6.5) - 0.9, 0.0)  # semitones from what is usual between voices
    spacing = float(_near(np.array(spread), 0.0, 0.6) * _near(np.maximum(gaps.max(), 10.0), 10.0, 2.0))
    return min(1.0, 1.5 * together) * spacing
