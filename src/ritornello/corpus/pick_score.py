"""How much speaks for each part as the tune: its features weighed, and the shares that follow.

The weights were fitted to arrangements of hymns and art songs whose tune is known (`benchmarks/corpus/multitrack.py`,
two thirds of the pieces), names, words and programs set by hand; the other third judged them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ritornello.corpus.pick_features import FEATURES, Columns, part_features
from ritornello.corpus.pick_names import PROGRAMS, name_speaks
from ritornello.music.values import Piece

WEIGHTS: dict[str, float] = {
    "words": 6.0,
    "name": 4.0,
    "program": 0.5,
    "single notes": 7.4,
    "hardly a chord": 3.5,
    "highest": 0.5,
    "above the others": 0.2,
    "top of a choir": 6.0,
    "singing register": 3.6,
    "compass": 5.5,
    "bars filled": 0.8,
    "time sounding": 1.7,
    "note rate": 4.3,
    "steps": 7.1,
    "repeated notes": -2.7,
    "leaps": -4.7,
    "rhythms": 3.5,
    "bar repeats": -1.3,
    "pitches": -1.0,
    "louder": 0.5,
    "long notes": 0.5,
    "first track": 0.3,
}
_ROW = np.array([WEIGHTS[name] for name in FEATURES])

DOUBLED = 0.8  # share of notes that two parts must have in common to be one line on two instruments


@dataclass(frozen=True, slots=True)
class PartScore:
    """What speaks for one part: its place among the piece's parts, its points in all and by feature, its share.

    share: how likely it is the tune by the points of all, 0 to 1. doubles: places of parts that play the same.
    """

    index: int
    points: float
    share: float
    by_feature: Mapping[str, float]
    doubles: tuple[int, ...] = ()


def scored(piece: Piece, indices: Sequence[int], arrays: Sequence[Columns]) -> list[PartScore]:
    """The parts `indices` of a piece, their notes in `arrays`, best first; of doubled parts the most telling one."""
    groups = _doubles(piece, indices, arrays)
    places = [indices.index(group[0]) for group in groups]
    if len(groups) == 1:
        return [PartScore(groups[0][0], 0.0, 1.0, {}, tuple(groups[0][1:]))]
    features = part_features(piece, [indices[k] for k in places], [arrays[k] for k in places])
    weighed = features * _ROW
    points = weighed.sum(1)
    shares = np.exp(points - points.max())
    shares /= shares.sum()
    scores = [
        PartScore(group[0], float(p), float(share), dict(zip(FEATURES, row.tolist())), tuple(group[1:]))
        for group, p, share, row in zip(groups, points, shares, weighed)
    ]
    return sorted(scores, key=lambda s: (-s.points, s.index))


def _doubles(piece: Piece, indices: Sequence[int], arrays: Sequence[Columns]) -> list[list[int]]:
    """Parts grouped by line, in file order; in each group first the part whose name, words or program say most."""
    half = max(piece.timeline.ticks_per_quarter // 2, 1)
    prints = [set(((a[:, 0] + half // 2) // half * 12 + a[:, 2] % 12).tolist()) for a in arrays]
    groups: list[list[int]] = []
    for k, mine in enumerate(prints):
        for group in groups:
            theirs = prints[group[0]]
            least, most = sorted((len(mine), len(theirs)))
            if least >= DOUBLED * most and len(mine & theirs) >= DOUBLED * most:
                group.append(k)
                break
        else:
            groups.append([k])
    return [_by_telling(piece, [(indices[k], arrays[k]) for k in group]) for group in groups]


def _by_telling(piece: Piece, group: list[tuple[int, Columns]]) -> list[int]:
    if len(group) > 1:
        group = sorted(group, key=lambda item: _telling(piece, *item))
    return [index for index, _ in group]


def _telling(piece: Piece, index: int, notes: Columns) -> tuple[float, ...]:
    """Less for a part that says more clearly that it is the tune; then the singing register, then file order."""
    part = piece.parts[index]
    register = abs(float(np.median(notes[:, 2])) - 68) // 6
    return (-part.syllables, -name_speaks(part.name), -PROGRAMS[part.program], register, index)
