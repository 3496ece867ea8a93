"""Every encoding in each way of using it, and tunes drawn from what it allows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from real_tunes import in_quarters

from ritornello.encoding.features import feature_rows
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
    "note in keys": {"name": "note", "with_key": True},
    "grid in keys": {"name": "grid", "with_key": True},
    "lookback in keys": {"name": "lookback", "with_key": True},
}


# kinds of many rows
SPREAD = ("begin", "quarters", "key", "Pitch", "NoteOn", "NoteOff", "Duration", "TimeShift", "Position", "TimeSig")


def whole(encoding, tracker, due: np.ndarray, other=False) -> np.ndarray:
    """A row of the ids of the due part among all ids of the vocabulary, `other` for those of other parts."""
    row = np.full(encoding.vocabulary.size, other, due.dtype)
    first = sum(encoding.parts[: tracker.part])
    assert len(due) == encoding.parts[tracker.part]
    row[first : first + len(due)] = due
    return row


def legal_of(encoding, tracker) -> np.ndarray:
    """Which ids of the vocabulary may come next."""
    return whole(encoding, tracker, tracker.legal())


def pitches_of(encoding, tracker) -> np.ndarray:
    """The pitch that each id of the vocabulary would start now, -1 for none."""
    return whole(encoding, tracker, tracker.pitches(), -1)


def walked(encoding, seed: int, most: int, allowed=None):
    """A tune drawn at random from what is legal (or from what `allowed(tracker)` says), and the tracker behind it.

    A row of the table is drawn first, so that rare kinds of tokens come often. A seed makes one tune.
    """
    random = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(len(encoding.vocabulary.rows)), [row.size for row in encoding.vocabulary.rows])
    kinds = np.unique([_kind(encoding.vocabulary.rows[kind].name) for kind in kinds], return_inverse=True)[1]
    tracker, tokens = encoding.tracker(), []
    while len(tokens) < most:
        legal = whole(encoding, tracker, allowed(tracker) if allowed else tracker.legal())
        if not legal.any():
            break
        kind = random.choice(np.unique(kinds[legal]))
        tokens.append(int(random.choice(np.flatnonzero(legal & (kinds == kind)))))
        tracker.advance(tokens[-1])
    return tokens, tracker


PLACES = ("time", "onset", "opening", "notes", "bar", "beat", "begun", "done", "sounding", "part")


def assert_a_copy_goes_on_by_itself(encoding, tune: list[int], other: list[int]) -> None:
    """A copy made midway goes on as the tune does, whatever is fed to the tracker that it was made from."""
    tracker, alone = encoding.tracker(), encoding.tracker()
    for token in tune[: len(tune) // 2]:
        tracker.advance(token)
        alone.advance(token)
    copied = tracker.copy()
    for token in other:
        tracker.advance(token)
    for token in tune[len(tune) // 2 :]:
        copied.advance(token)
        alone.advance(token)
        for name in PLACES:
            assert getattr(copied, name) == getattr(alone, name), name
        assert copied.legal().tolist() == alone.legal().tolist()
        assert copied.pitches().tolist() == alone.pitches().tolist()
        assert list(copied.features()) == list(alone.features())


def checked_rows(encoding, tokens: list[int]) -> np.ndarray:
    """The features of a tune, once it is certain that all lie within the sizes of their columns."""
    rows = feature_rows(encoding, np.array(tokens, np.int16))
    assert rows.dtype == np.int16
    assert rows.shape == (-(-len(tokens) // len(encoding.parts)), len(encoding.features))
    assert (rows >= 0).all()
    assert (rows < [column.size for column in encoding.features]).all()
    return rows


def _kind(name: str) -> str:
    return name.split("_")[0] if name.startswith(SPREAD) else name


def exact(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    """Onset and duration in quarters, and pitch, of each note."""
    return in_quarters(melody.notes, melody.timeline.ticks_per_quarter)
