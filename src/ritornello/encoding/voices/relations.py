"""What a token of four voices means beside the key, the other voices, and what followed before.

    degree    semitones above the tonic of the key found so far
    interval  semitones above what each other voice sings, without octaves
    distance  the same with octaves
    echo      to do what followed in this piece where it went on as now, of all voices and of the one due

A move of three semitones may be a step to the fifth of the key and to the third of the bass; the softmax shares what
it learns of either among all moves that lead there, and among holds what stays there. Of a voice each.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ritornello.encoding.features import Aspect
from ritornello.encoding.voices.echo import FARTHEST, FOLLOWED, HOLD, SAME, SURE

FAR = 24  # semitones between voices that are told apart
DISTANCES = 2 * FAR + 2
COLUMNS = {
    "degree": ("own_degree",),
    "interval": ("apart_1", "apart_2", "apart_3"),
    "distance": ("far_1", "far_2", "far_3"),
    "echo": ("echo_token", "line_token"),
}
OWN_DEGREE = "own_degree"


@lru_cache(maxsize=256)
def chorale_aspects(relations: tuple[str, ...], columns: tuple[str, ...], ids: int) -> tuple[Aspect, ...]:
    """Make the aspects of these relations.

    columns: names of the encoding's features. ids: of its vocabulary.
    """
    makers = {"degree": _above, "interval": _below, "distance": _distances, "echo": _followed}
    places = [
        (relation, columns.index(name)) for relation in relations for name in COLUMNS[relation] if name in columns
    ]
    return tuple(makers[relation](column, ids) for relation, column in places)


def _above(column: int, ids: int) -> Aspect:
    """Make the aspect of a pitch class that lies so many semitones below the voice's own."""
    return _pitch_classes(column, ids, 1)


def _below(column: int, ids: int) -> Aspect:
    """Make the aspect of a pitch class that lies so many semitones above the voice's own."""
    return _pitch_classes(column, ids, -1)


def _pitch_classes(column: int, ids: int, sign: int) -> Aspect:
    """Make the aspect of a pitch class: where moves and holds stand above it.

    sign: 1 if the voice's own lies above it, -1 if below.
    """
    table = np.full((1 + 48, ids), -1, np.int16)
    moves = np.append(np.arange(HOLD) - SAME, 0)
    for value in range(48):
        table[1 + value, : HOLD + 1] = value // 12 * 12 + (sign * (value % 12) + moves) % 12
        table[1 + value, HOLD] += 48
    return Aspect(column, 96, table)


def _distances(column: int, ids: int) -> Aspect:
    """Make the aspect of a pitch so many semitones above the voice's own."""
    size = 4 * DISTANCES
    table = np.full((1 + size, ids), -1, np.int16)
    moves = np.append(np.arange(HOLD) - SAME, 0)
    for value in range(size):
        above = np.clip(moves - (value % DISTANCES - FAR), -FAR, FAR + 1) + FAR
        table[1 + value, : HOLD + 1] = value // DISTANCES * DISTANCES + above
        table[1 + value, HOLD] += size
    return Aspect(column, 2 * size, table)


def _followed(column: int, ids: int) -> Aspect:
    """Make the aspect of what followed: of one id alone, how sure that is."""
    sure = len(SURE) + 1  # line_token has as many
    table = np.full((1 + sure * FOLLOWED, ids), -1, np.int16)
    for value in range(sure * FOLLOWED):
        followed = value % FOLLOWED
        is_move = followed < FOLLOWED - 2
        table[1 + value, SAME - FARTHEST + followed if is_move else HOLD + followed - (FOLLOWED - 2)] = (
            value // FOLLOWED
        )
    return Aspect(column, sure, table)
