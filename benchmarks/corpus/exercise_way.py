"""The exercise's way from a MIDI file to a row of steps, written from its description.

music21 parses the file and the first part is taken, of chords the top note; onsets and lengths, each rounded to
sixteenths, go into a data frame, and for each sixteenth the frame is asked which note begins there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

NOTE_OFF, NO_EVENT = 128, 129


def parsed(path: Path) -> list[tuple[int, int, int]]:
    """Onset and length in sixteenths and pitch of each note of the first part."""
    from music21 import converter

    rows = []
    for element in converter.parse(path, forceSource=True).parts[0].flatten().notes:
        pitch = max(p.midi for p in element.pitches)
        rows.append((round(float(element.offset) * 4), round(float(element.quarterLength) * 4), pitch))
    return rows


def looked_up(rows: list[tuple[int, int, int]]) -> np.ndarray:
    """The steps: one look into the data frame for each."""
    import pandas

    frame = pandas.DataFrame(rows, columns=["onset", "length", "pitch"])
    steps = np.full(int((frame["onset"] + frame["length"]).max()) + 1, NO_EVENT)
    for step in range(len(steps)):
        begins = frame[frame["onset"] == step]
        if len(begins):
            note = begins.iloc[-1]
            steps[step] = note["pitch"]
            steps[step + note["length"]] = NOTE_OFF
    return steps
