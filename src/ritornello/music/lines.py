"""The highest notes of each part as one line, for every place where one note at a time can be shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ritornello.music.values import Melody, Note, Part, Piece

VOICES = ("Soprano", "Alto", "Tenor", "Bass")
UNNAMED = re.compile(r"(?:[SVP]\d+)*|\d+|(?:voice|part|staff) ?\d+", re.IGNORECASE)  # numbers in place of names
SINGLE = 0.9  # of the notes of a voice; fewer begin alone in a part of chords
HANDS = re.compile(r"\b(piano|right|left|hand|rh|lh|treble|bass clef)", re.IGNORECASE)  # names of a piano's staves


def part_lines(piece: Piece) -> list[Melody]:
    """List the highest line of each part that has notes, named after it; percussion is left out.

    The first has the chord symbols.
    """
    name = piece.title or Path(piece.source).name
    lines = [
        Melody(top_line(part), piece.timeline, part.name or f"{name}, part {number}", piece.source)
        for number, part in enumerate(piece.parts, 1)
        if part.notes and not part.is_drum
    ]
    return [replace(line, chords=() if n else piece.chords) for n, line in enumerate(lines)]


def with_voices_named(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Name four voices as hymnals do, soprano to bass, where their source only numbers them.

    Voices are single lines of one instrument, each lower than the one before on average; other parts stay.
    """
    sung = [part for part in parts if part.notes and not part.is_drum]
    heights = [-sum(note.pitch for note in part.notes) / len(part.notes) for part in sung]
    are_single = all(len({note.start for note in part.notes}) >= SINGLE * len(part.notes) for part in sung)
    are_alike = len({part.program for part in sung}) == 1 and all(UNNAMED.fullmatch(part.name) for part in sung)
    if len(sung) != len(VOICES) or len(parts) != len(sung) or not are_single or not are_alike:
        return tuple(parts)
    if heights != sorted(heights):
        return tuple(parts)
    return tuple(replace(part, name=name) for part, name in zip(parts, VOICES, strict=True))


def staff_names(piece: Piece) -> tuple[list[str], bool]:
    """Name the staves of the parts that have notes.

    Of several, one without a name has its number in the piece.
    Returns the names, and whether they are the two staves of a piano.
    """
    parts = [(number, part.name) for number, part in enumerate(piece.parts, 1) if part.notes and not part.is_drum]
    names = [name for _, name in parts]
    is_braced = len(names) == 2 and (names[0] == names[1] != "" or all(map(HANDS.search, names)))
    if is_braced:
        return [names[0], ""], True
    return [name or (f"Part {number}" if len(parts) > 1 else "") for number, name in parts], False


def top_line(part: Part) -> tuple[Note, ...]:
    """Take the highest notes of a part, in order, none overlapping the next."""
    highest: dict[int, Note] = {}
    for note in part.notes:
        rival = highest.get(note.start)
        if rival is None or (note.pitch, note.duration) > (rival.pitch, rival.duration):
            highest[note.start] = note
    return cut_line(_without_covered(list(highest.values())))


def cut_line(line: Sequence[Note]) -> tuple[Note, ...]:
    """End each note, in order of start, where the next one starts."""
    ends = [n.start for n in line[1:]] + [n.end for n in line[-1:]]
    return tuple(n if n.end <= end else n._replace(duration=end - n.start) for n, end in zip(line, ends, strict=True))


def _without_covered(notes: Sequence[Note]) -> list[Note]:
    """Leave out notes through whose whole length a higher one sounds; in order of start."""
    kept: list[Note] = []
    sounding: list[Note] = []
    for note in sorted(notes):
        sounding = [s for s in sounding if s.end > note.start]
        if not any(s.pitch > note.pitch and s.end >= note.end for s in sounding):
            kept.append(note)
        sounding.append(note)
    return kept
