"""Every encoding in each way of using it, and tunes drawn from what it allows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from real_tunes import in_quarters

from ritornello.music.values import Melody

CASES = {
    "grid": {"name": "grid"},
    "grid1": {"name": "grid", "steps_per_quarter": 1},
    "grid12": {"name": "grid", "steps_per_quarter": 12},
    "plain": {"name": "grid", "plain": True},
    "note": {"name": "note"},
    "interval": {"name": "interval"},
    "lookback": {"name": "lookback"},
    "lookback2": {"name": "lookback", "steps_per_quarter": 2},
    "previous": {"name": "interval", "relative_to": "previous"},
}


# kinds of many rows
SPREAD = ("begin", "quarters", "key", "Pitch", "NoteOn", "NoteOff", "Duration", "TimeShift", "Position", "TimeSig")


def walked(encoding, seed: int, most: int, allowed=None):
    """A tune drawn at random from what is legal (or from what `allowed(tracker)` says), and the tracker behind it.

    A row of the table is drawn first, so that rare kinds of tokens come often. A seed makes one tune.
    """
    random = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(len(encoding.vocabulary.rows)), [row.size for row in encoding.vocabulary.rows])
    kinds = np.unique([_kind(encoding.vocabulary.rows[kind].name) for kind in kinds], return_inverse=True)[1]
    tracker, tokens = encoding.tracker(1), []
    while len(tokens) < most:
        legal = (allowed(tracker) if allowed else tracker.legal())[0]
        if not legal.any():
            break
        kind = random.choice(np.unique(kinds[legal]))
        tokens.append(int(random.choice(np.flatnonzero(legal & (kinds == kind)))))
        tracker.advance(np.array(tokens[-1:]))
    return tokens, tracker


def streamed(encoding, tokens: list[int]) -> list[list[int]]:
    """What the tracker says beside the tokens before each group."""
    tracker, rows = encoding.tracker(1), []
    for token in tokens:
        if tracker.part[0] == 0:
            rows.append(tracker.side()[0].tolist())
        tracker.advance(np.array([token]))
    return rows


PLACES = ("time", "onset", "opening", "notes", "bar", "beat", "begun", "done", "sounding", "part")


def assert_a_batch_is_its_tunes(encoding, tunes: list[list[int]], asked=("legal", "pitches", "side")) -> None:
    """Three tunes in one tracker stand where each stands alone and say the same, also when one has left midway."""
    length = min(len(tune) for tune in tunes)
    batch, alone = encoding.tracker(3), [encoding.tracker(1) for _ in tunes]
    rows = np.arange(3)
    for step in range(length):
        if step == length // 2:
            rows = np.array([2, 0])
            batch.keep(rows)
        batch.advance(np.array([tunes[row][step] for row in rows]))
        for row in rows:
            alone[row].advance(np.array([tunes[row][step]]))
        for place, row in enumerate(rows):
            for name in PLACES:
                assert getattr(batch, name)[place] == getattr(alone[row], name)[0], name
            for name in asked:
                assert getattr(batch, name)()[place].tolist() == getattr(alone[row], name)()[0].tolist(), name


def _kind(name: str) -> str:
    return name.split("_")[0] if name.startswith(SPREAD) else name


def exact(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    """Onset and duration in quarters, and pitch, of each note."""
    return in_quarters(melody.notes, melody.timeline.ticks_per_quarter)
