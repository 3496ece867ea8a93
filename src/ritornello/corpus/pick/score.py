"""How much speaks for each part as the tune: its features weighed, and the shares that follow.

The weights were fitted to arrangements of hymns and art songs whose tune is known (`benchmarks/corpus/multitrack.py`,
two thirds of the pieces; the other third judged them). Set by hand, for those arrangements cannot teach them: words,
name, program, louder, first track, highest, bars filled and the top of a choir.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ritornello.corpus.pick.features import FEATURES, WEIGHTS, Floats, part_features
from ritornello.corpus.pick.line import Columns
from ritornello.music.values import Piece

LEADS = (-1.0, 0.0, 0.5, 1.5, 2.5, 3.5, 5.0, 8.0)
RIGHT = (0.3, 0.58, 0.7, 0.73, 0.9, 0.955, 0.98, 0.993)
"""How often a choice with such a lead (points more than all rivals together, as log-odds) was right.

Among made files of pieces whose name has a CRC-32 that three does not divide; the others judge it
(`benchmarks/corpus/README.md`).
"""

DOUBLED = 0.8  # share of notes that two parts must have in common to be one line on two instruments


@dataclass(frozen=True, slots=True)
class PartScore:
    """What speaks for one part: its place among the piece's parts, its points in all and by feature, its share.

    share: how likely it is the tune by the points of all, 0 to 1; all shares make 1.
    doubles: places of parts that play the same.
    """

    index: int
    points: float
    share: float
    by_feature: Mapping[str, float]
    doubles: tuple[int, ...] = ()


def scored(piece: Piece, indices: Sequence[int], arrays: Sequence[Columns]) -> list[PartScore]:
    """Score the parts `indices` of a piece, their notes in `arrays`, best first.

    Of parts that double one another the best one stands for all.
    """
    groups = _doubles(arrays, piece.timeline.ticks_per_quarter)
    weighed = part_features(piece, indices, arrays, [group[0] for group in groups]) * np.array(list(WEIGHTS.values()))
    points = weighed.sum(1)
    groups = [sorted(group, key=lambda k: (-points[k], k)) for group in groups]
    shares = _shares(points[[group[0] for group in groups]])
    scores = [
        PartScore(
            indices[first],
            float(points[first]),
            float(share),
            dict(zip(FEATURES, weighed[first].tolist())),
            tuple(indices[k] for k in sorted(others)),
        )
        for (first, *others), share in zip(groups, shares)
    ]
    return sorted(scores, key=lambda s: (-s.points, s.index))


def sureness(points: float, rivals: Sequence[float]) -> float:
    """Estimate how likely a choice is right, 0 to 1, by its points and its rivals'."""
    if not len(rivals):
        return 1.0
    return float(np.interp(points - np.logaddexp.reduce(rivals), LEADS, RIGHT))


def _shares(points: Floats) -> Floats:
    """Share 1 between lines: the best gets its sureness, the others the rest by points."""
    best = int(points.argmax())
    shares = np.exp(points - points.max())
    shares[best] = 0
    first = sureness(float(points[best]), np.delete(points, best).tolist())
    shares *= (1 - first) / max(float(shares.sum()), 1e-300)
    shares[best] = first
    return shares


def _doubles(arrays: Sequence[Columns], tpq: int) -> list[list[int]]:
    """Group the places of parts by line, at any octave, in file order."""
    half = max(tpq // 2, 1)
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
    return groups
