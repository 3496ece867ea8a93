"""The short way from a MIDI file to the exercise's tokens: note arrays as the parser holds them, no Note objects.

For files that you trust, since they are parsed in this process. It takes the top line of the first part with
notes and pitches and tells nothing of what it left out; `build` is the way that picks, doubts and reports.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pick.line import top_line
from ritornello.encoding.steps import plain_steps
from ritornello.music.values import Note, Part


def read_steps(content: bytes, steps_per_quarter: int = 4) -> NDArray[np.int16]:
    """The bytes of a MIDI file to tokens of the plain grid (0-127 note_on, 128 no_event, 129 note_off), (steps,).

    Raises ValueError where this is no MIDI file, or it has no notes with pitches.
    """
    from symusic import Score

    score: Any  # its own types do not know the columns
    try:
        score = Score.from_midi(content)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(f"damaged MIDI data ({' '.join(str(error).split())})") from None
    for track in score.tracks:
        if not track.is_drum and len(track.notes):
            columns = track.notes.numpy()
            line = _one_line(*(columns[name] for name in ("time", "duration", "pitch")))
            if len(line[0]):
                return plain_steps(*line, score.ticks_per_quarter, 0, steps_per_quarter)
    raise ValueError("no notes with pitches in this MIDI file")


Columns = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]


def _one_line(starts: NDArray, durations: NDArray, pitches: NDArray) -> Columns:
    """The top line of a part's columns; most melodies are one line as they stand."""
    if (durations > 0).all() and (starts[1:] >= starts[:-1] + durations[:-1]).all():
        return starts, durations, pitches
    columns = zip(starts.tolist(), durations.tolist(), pitches.tolist(), strict=True)
    line = top_line(Part(tuple(Note(*note) for note in columns if note[1] > 0)))
    table = np.array([note[:3] for note in line], np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
