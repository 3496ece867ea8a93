"""The highest notes of a part as one line, for every place where one note at a time can be shown."""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.music.values import Note, Part


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
