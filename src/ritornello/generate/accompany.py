"""A soft accompaniment of a melody by its chords: whole chords, or broken ones, a bass below three tones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from ritornello.music.chords import Chord as PlainChord
from ritornello.music.values import Chord, Melody, Note, Part, Piece

STYLES = ("none", "block", "broken")
NAME = "Chords"
LOUDNESS, BASS_LOUDNESS = 42, 50
LOWEST_BASS = 40  # E2; basses lie in the octave above it
MIDDLE = 57  # A3, near which upper tones lie
SPAN = 7  # semitones about it


def check_style(style: str | None) -> None:
    """Raise ValueError for a way of playing chords that there is not; None leaves it open."""
    if style not in (None, *STYLES):
        raise ValueError(f"comp must be {', '.join(STYLES[:-1])} or {STYLES[-1]}, not {style!r}")


def accompanied(melody: Melody, style: str, program: int = 0) -> Piece:
    """Put an accompaniment, a part of its own, under a melody with chords.

    style: "block" or "broken".
    """
    parts = (Part(melody.notes, "Melody", program), Part(tuple(_notes(melody, style)), NAME))
    return Piece(parts, melody.timeline, melody.title)


def _notes(melody: Melody, style: str) -> Iterator[Note]:
    """Play the chords, struck anew at each barline."""
    end, lines = melody.timeline.length, melody.timeline.barlines()
    uppers: tuple[int, ...] = ()
    edges = [*(tick for tick, _ in melody.chords), end]
    for (start, chord), stop in zip(melody.chords, edges[1:], strict=True):
        if chord.quality == "none":
            continue
        uppers = voiced(chord, uppers)
        bass = LOWEST_BASS + (chord.bass - LOWEST_BASS) % 12
        cuts = [start, *(line for line in lines if start < line < stop), stop]
        for first, last in zip(cuts, cuts[1:], strict=False):
            if last > first:
                yield Note(first, last - first, bass, BASS_LOUDNESS)
                yield from _struck(uppers, first, last, melody.timeline.ticks_per_quarter // 2, style)


def _struck(uppers: tuple[int, ...], first: int, last: int, step: int, style: str) -> Iterator[Note]:
    """Strike upper tones together, or one after the other up and down in eighths after the bass."""
    if style == "block" or last - first <= step:
        yield from (Note(first, last - first, pitch, LOUDNESS) for pitch in uppers)
        return
    turn = [*uppers, *uppers[-2:0:-1]]
    for number, at in enumerate(range(first + step, last, step)):
        yield Note(at, min(step, last - at), turn[number % len(turn)], LOUDNESS)


def voiced(chord: Chord, before: tuple[int, ...]) -> tuple[int, ...]:
    """Choose three upper tones of a chord, near those before.

    Of four the root is left to the bass.
    """
    above = sorted(
        (tone - chord.root) % 12 for tone in PlainChord(chord.root, chord.quality, chord.root).pitch_classes
    )
    classes = [(chord.root + tone) % 12 for tone in above[-3:]]
    places = [[pitch for pitch in range(MIDDLE - SPAN, MIDDLE + SPAN + 1) if pitch % 12 == each] for each in classes]
    target = before if len(before) == len(classes) else (MIDDLE,) * len(classes)

    def motion(pitches: Iterable[int]) -> tuple[int, int]:
        ordered = sorted(pitches)
        moves = sum(abs(a - b) for a, b in zip(ordered, target, strict=True))
        return moves + 4 * max(0, ordered[-1] - ordered[0] - 9), ordered[-1]

    return tuple(sorted(min(product(*places), key=motion)))
