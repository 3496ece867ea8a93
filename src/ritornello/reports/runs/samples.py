"""One melody to hear from a network in training: always the same primer and seed, so only learning changes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.generate.compose import compose, sample
from ritornello.generate.constraints import Form
from ritornello.generate.draw import Dice
from ritornello.generate.openings import without_end
from ritornello.generate.options import GenerateOptions
from ritornello.model.file import ModelFile
from ritornello.model.network import Network
from ritornello.model.players import Players
from ritornello.music.keys import pitch_name
from ritornello.music.values import Melody
from ritornello.reports.runs.coach import SampleFigures

PRIMER_NOTES = 4
PRIMER_QUARTERS = 4  # at most: a primer of whole notes would fill the tune
BARS = 4
SEED = 1
LEVELS = "▁▂▃▄▅▆▇█"
REST, HELD = " ", "·"


@dataclass(frozen=True)
class Sample:
    """A melody that a network in training made. probabilities: (notes,) what it gave to each note, 0 to 1.

    primer_notes: how many notes at its beginning were given. bare: what the network writes after them by itself, as
    nothing that composing favours or leaves out hides what it does not know; None where that is not known.
    """

    melody: Melody
    probabilities: tuple[float, ...]
    primer_notes: int
    bare: Melody | None = None

    @property
    def figures(self) -> SampleFigures:
        """How the network writes by itself, and how sure it was of the melody, for the coach."""
        judged = self.melody if self.bare is None else self.bare
        given = min(self.primer_notes, len(judged.notes))
        own = judged.notes[given:]
        pitch, times = Counter(n.pitch for n in own).most_common(1)[0] if own else (0, 0)
        start = judged.notes[given - 1].end if given else 0
        room = judged.timeline.length - start
        sounding = sum(n.duration for n in own) / room if room > 0 else 0.0
        certain = self.probabilities[self.primer_notes :]
        return SampleFigures(len(own), pitch, times, sounding, float(np.mean(certain)) if certain else 0.0)


def opening_of(melody: Melody) -> Melody:
    """Cut the first notes of a melody out, with the rest before them.

    At most PRIMER_NOTES notes, which end within PRIMER_QUARTERS quarters.
    Raises ValueError for a melody without notes.
    """
    if not melody.notes:
        raise ValueError("a melody without notes has no opening")
    room = melody.notes[0].start + PRIMER_QUARTERS * melody.timeline.ticks_per_quarter
    notes = [n for n in melody.notes[:PRIMER_NOTES] if n.end <= room] or [melody.notes[0]]
    end = min(notes[-1].end, room) if len(notes) == 1 else notes[-1].end
    return replace(melody.between(0, end), title="")


def make_sample(model: ModelFile, primer: Melody | None) -> Sample:
    """Compose a melody with these weights. Raises ValueError where the primer leaves no bar."""
    pitch_range = model.metadata.get("corpus", {}).get("compass", (0, 127))
    network, options = model.build(), GenerateOptions(bars=BARS)
    made = compose(network, model.encoding, options, SEED, [0], primer, tuple(pitch_range))[0]
    probabilities = tuple(float(2.0**-bits) for bits in made.surprise)
    given = min(len(primer.notes) if primer else 0, len(made.melody.notes))
    bare: Melody | None = None
    with suppress(ValueError):  # an encoding whose tokens make no melody before they are all there
        bare = _written_alone(network, model.encoding, primer)
    return Sample(made.melody, probabilities, given, bare)


def _written_alone(network: Network, encoding: MelodyEncoding, primer: Melody | None) -> Melody:
    """Draw legal tokens after the primer until BARS are full, with nothing else filtered."""
    players = Players(network, encoding, 1, with_rules=True)
    given = np.zeros((1, 0), np.int64)
    if primer is not None:
        given = without_end(encoding, encoding.encode(primer).tokens)[None]
    biases = [np.zeros(size) for size in encoding.parts]
    if encoding.end is not None:
        biases[0][encoding.end] = -np.inf
    form = _Bare(biases, players.trackers[0])
    tokens, _ = sample(players, [form], GenerateOptions(top_p=1.0), Dice(SEED, np.array([0])), given)
    return encoding.decode(tokens[0])


class _Bare(Form):
    """The form of a tune that a network writes by itself: any legal token but `end`, until BARS are full."""

    def is_over(self) -> bool:
        """Tell whether BARS are full."""
        place = self._rules
        full = place.since + (BARS - place.bars_before) * place.bar
        return (place.begun and place.part == 0 and place.time >= full) or super().is_over()


def one_line_roll(melody: Melody, per_quarter: int = 2, width: int | None = None) -> str:
    """Draw a melody as one line of blocks: higher is higher, · holds on, blank is rest.

    per_quarter: signs to a quarter. width: signs at most; what is longer is cut.
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
    """Write the names of notes, a stroke at each barline: "C4 E4 G4 | A4"; cut at `width`."""
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
