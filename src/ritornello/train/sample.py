"""One melody to hear from a network in training: always the same primer and seed, so only learning changes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.model.file import ModelFile
from ritornello.model.lstm import NumpyLstm
from ritornello.music.values import Melody
from ritornello.render.roll import pitch_name
from ritornello.train.coach import Heard

PRIMER_NOTES = 4
PRIMER_QUARTERS = 4  # at most: a primer of whole notes would fill the tune
BARS = 4
SEED = 1
LEVELS = "▁▂▃▄▅▆▇█"
REST, HELD = " ", "·"


@dataclass(frozen=True)
class Sample:
    """A melody that a network in training made. probabilities: (notes,) what it gave to each note, 0 to 1.

    primer_notes: how many notes at its beginning were given.
    """

    melody: Melody
    probabilities: tuple[float, ...]
    primer_notes: int

    @property
    def heard(self) -> Heard:
        """What the coach is told of it."""
        own = self.melody.notes[self.primer_notes :]
        pitch, times = Counter(n.pitch for n in own).most_common(1)[0] if own else (0, 0)
        start = self.melody.notes[self.primer_notes - 1].end if self.primer_notes else 0
        room = self.melody.timeline.length - start
        sounding = sum(n.duration for n in own) / room if room > 0 else 0.0
        certain = self.probabilities[self.primer_notes :]
        return Heard(len(own), pitch, times, sounding, float(np.mean(certain)) if certain else 0.0)


def opening_of(melody: Melody) -> Melody:
    """The first notes of a melody, its rest before them kept; no more than start within PRIMER_QUARTERS quarters.

    Raises ValueError for a melody without notes.
    """
    if not melody.notes:
        raise ValueError("a melody without notes has no opening")
    room = melody.notes[0].start + PRIMER_QUARTERS * melody.timeline.ticks_per_quarter
    notes = [n for n in melody.notes[:PRIMER_NOTES] if n.end <= room] or [melody.notes[0]]
    end = min(notes[-1].end, room) if len(notes) == 1 else notes[-1].end
    return replace(melody.between(0, end), title="")


def make_sample(model: ModelFile, primer: Melody | None) -> Sample:
    """Compose the melody of these weights after `primer`. Raises ValueError for a primer that leaves no bar."""
    compass = model.facts.get("corpus", {}).get("compass", (0, 127))
    network, options = NumpyLstm(model.tensors), GenerateOptions(bars=BARS)
    made = compose(network, model.encoding, options, SEED, [0], primer, tuple(compass))[0]
    probabilities = tuple(float(2.0**-bits) for bits in made.surprise)
    given = min(len(primer.notes) if primer else 0, len(made.melody.notes))
    return Sample(made.melody, probabilities, given)


def one_line_roll(melody: Melody, per_quarter: int = 2, width: int | None = None) -> str:
    """A melody as one line of blocks, `per_quarter` signs to a quarter: higher is higher, · holds on, blank is rest.

    width: signs at most; what is longer is cut.
    """
    if not melody.notes:
        return ""
    tick = melody.timeline.ticks_per_quarter / per_quarter
    signs = [REST] * max(1, round(melody.notes[-1].end / tick))
    low, high = min(n.pitch for n in melody.notes), max(n.pitch for n in melody.notes)
    for note in melody.notes:
        first, end = round(note.start / tick), round(note.end / tick)
        for at in range(first + 1, min(end, len(signs))):
            signs[at] = HELD
        signs[min(first, len(signs) - 1)] = LEVELS[(note.pitch - low) * (len(LEVELS) - 1) // max(1, high - low)]
    return "".join(signs)[:width]


def note_names(melody: Melody, width: int | None = None) -> str:
    """The names of its notes with a stroke at each barline, "C4 E4 G4 | A4"; cut with … at `width` signs."""
    words: list[str] = []
    lines: Sequence[int] = melody.timeline.barlines()[1:-1]
    passed = 0
    for note in melody.notes:
        while passed < len(lines) and lines[passed] <= note.start:
            passed += 1
            if words:
                words.append("|")
        words.append(pitch_name(note.pitch))
    text = " ".join(words)
    return text if width is None or len(text) <= width else text[: width - 1].rstrip() + "…"
