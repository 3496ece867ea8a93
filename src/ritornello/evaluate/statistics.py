"""How tunes end and move, to set composed ones beside people's.

The tonic is the estimate from all notes but the last (Krumhansl-Schmuckler), the same for every tune, so that
neither side is judged by what a file says of itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.music.beats import beat_lengths
from ritornello.music.keys import estimate_key
from ritornello.music.values import Melody

LONG_RUN = 8  # more notes than this on one pitch in a row


def habits(melodies: Sequence[Melody]) -> dict[str, float]:
    """Shares, 0 to 1, over melodies with at least two notes.

    tonic_endings, long_endings (the last note lasts a beat or more): of melodies. ties: notes that sound on
    over a barline, of notes. long_repeats: melodies that hold a run of more than LONG_RUN notes on one pitch.
    """
    melodies = [m for m in melodies if len(m.notes) > 1]
    count, notes = max(1, len(melodies)), max(1, sum(len(m.notes) for m in melodies))
    return {
        "melodies": float(len(melodies)),
        "tonic_endings": sum(map(ends_on_tonic, melodies)) / count,
        "long_endings": sum(map(ends_long, melodies)) / count,
        "ties": sum(map(tied_notes, melodies)) / notes,
        "long_repeats": sum(longest_repeat(m) > LONG_RUN for m in melodies) / count,
    }


def ends_on_tonic(melody: Melody) -> bool:
    """Whether the last note is the tonic of the key that the notes before it are in."""
    return melody.notes[-1].pitch % 12 == estimate_key(melody.notes[:-1])[0].tonic


def ends_long(melody: Melody) -> bool:
    """Whether the last note lasts a beat or more: a dotted quarter in 6/8."""
    timeline = melody.timeline
    beat = beat_lengths(timeline.metre_at(melody.notes[-1].start))[0]
    return melody.notes[-1].duration >= beat * timeline.ticks_per_quarter


def tied_notes(melody: Melody) -> int:
    """How many notes sound on over a barline."""
    lines = melody.timeline.barlines()
    bars = [sum(line <= note.start for line in lines) for note in melody.notes]
    return sum(bar < len(lines) and note.end > lines[bar] for note, bar in zip(melody.notes, bars, strict=True))


def longest_repeat(melody: Melody) -> int:
    """Notes in the longest run on one pitch."""
    longest = current = 1
    for before, after in zip(melody.notes, melody.notes[1:], strict=False):
        current = current + 1 if after.pitch == before.pitch else 1
        longest = max(longest, current)
    return longest
