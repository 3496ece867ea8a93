"""What a network may see beside MidiTok's tokens: the `side_inputs` that follow from the time and the notes so far.

A whole tune at once, for training and scoring; the trackers know the same token by token. A note counts, and gives
its pitch to `degree`, with the token that tells it whole; `key` goes by the lengths told so far, in ticks.
"""

from __future__ import annotations

import numpy as np

from ritornello.encoding.metres import METRES
from ritornello.encoding.miditok.table import BAR, BEGIN, DURATION, NOTE_OFF, PITCH, POSITION, TIME_SHIFT, TokenTable
from ritornello.encoding.side_inputs import Present, fitting_key

OFFERED = ("position", "strength", "metre", "key", "degree")


def present_before(table: TokenTable, tokens: np.ndarray) -> Present:
    """Where a tune stands before each of its tokens; arrays of their length. tokens: as `encode` writes them."""
    tokens = np.asarray(tokens, np.int64)
    kind = table.kind[tokens]
    metre = int(tokens[0]) - table.begin if (kind[:1] == BEGIN).any() else len(METRES) - 1
    ticks = table.amount[tokens] * table.steps[metre]
    time = _times(table, kind, ticks, int(table.bars[metre]))
    pitch = _pitches(table, tokens, kind)
    known = np.arange(len(tokens)) > 0
    return Present(
        time=_before(time, 0),
        bar=np.where(known, table.bars[metre], table.bars[-1]),
        beat=np.where(known, table.beats[metre], table.beats[-1]),
        metre=np.where(known, metre, -1),
        key=fitting_key(_heard(table, kind, ticks, pitch)),
        pitch=_before(pitch, -1),
        ago={},
    )


def _times(table: TokenTable, kind: np.ndarray, ticks: np.ndarray, bar: int) -> np.ndarray:
    """Tick reached after each token: by bars and places in them where there are bars, else by the shifts' sum."""
    if (table.kind == BAR).any():
        bars = np.maximum(np.cumsum(kind == BAR) - 1, 0) * bar
        start = bars + np.where(
            _last(kind, (BAR, POSITION), kind) == POSITION, _last(kind, (BAR, POSITION), ticks), 0
        )
    else:
        start = np.cumsum(np.where(kind == TIME_SHIFT, ticks, 0))
    return np.maximum.accumulate(start + np.where(kind == DURATION, ticks, 0))


def _pitches(table: TokenTable, tokens: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Pitch of the last note that is told whole, after each token; -1 before the first."""
    told = DURATION if (table.kind == DURATION).any() else table.announced
    return _last(kind, (told,), _last(kind, (PITCH,), table.pitch[tokens]))


def _heard(table: TokenTable, kind: np.ndarray, ticks: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """(tokens, 12): how long each pitch class has sounded before each token, as far as that is told."""
    sounds = kind == DURATION
    if (table.kind == NOTE_OFF).any():
        sounds = (kind == TIME_SHIFT) & (_last(kind, (table.announced, NOTE_OFF), kind) == table.announced)
    lasted = np.zeros((len(kind), 12), np.int64)
    rows = np.flatnonzero(sounds)
    lasted[rows, pitch[rows] % 12] = ticks[rows]
    return np.cumsum(lasted, 0) - lasted


def _last(kind: np.ndarray, kinds: tuple[int, ...], values: np.ndarray) -> np.ndarray:
    """The value at the last token of one of these kinds, up to and with each token; -1 before the first."""
    places = np.maximum.accumulate(np.where(np.isin(kind, kinds), np.arange(len(kind)), -1))
    return np.where(places < 0, -1, values[places])


def _before(values: np.ndarray, first: int) -> np.ndarray:
    """What was so before each token."""
    return np.concatenate([[first], values[:-1]])
