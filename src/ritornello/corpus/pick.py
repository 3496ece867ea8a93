"""From a piece to its melody: for now the highest notes of the first part that has notes.

The top line ("skyline", Uitdenbogerd and Zobel 1998, "Manipulation of music for melody matching") is taken so
that neither a held note nor legato playing is torn apart:

- of the notes that start together, the highest stays;
- a note goes if a higher one sounds through all of it (an accompaniment under a long note);
- each note that stays is cut where the next one starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ritornello.corpus.errors import CorpusError
from ritornello.music.values import Melody, Note, Part, Piece

KEYBOARDS = ("piano", "klavier", "clavier", "clavicembalo", "harpsichord", "organ", "orgel", "orgue", "harmonium")


@dataclass(frozen=True, slots=True)
class Picked:
    """A melody and what picking it cost: other parts left out, notes below the top line, notes cut short."""

    melody: Melody
    losses: dict[str, int]


def top_line(part: Part) -> tuple[Note, ...]:
    """The highest notes of a part, in order, none overlapping the next."""
    highest: dict[int, Note] = {}
    for note in part.notes:
        rival = highest.get(note.start)
        if rival is None or (note.pitch, note.duration) > (rival.pitch, rival.duration):
            highest[note.start] = note
    line = _without_covered(list(highest.values()))
    ends = [n.start for n in line[1:]] + [n.end for n in line[-1:]]
    return tuple(n._replace(duration=min(n.end, end) - n.start) for n, end in zip(line, ends, strict=True))


def melodic_part(piece: Piece) -> Part:
    """The first part that has notes and is not percussion.

    Raises CorpusError for a piece without notes ("no notes") or with percussion alone ("only percussion").
    """
    for part in piece.parts:
        if part.notes and not part.is_drum:
            return part
    what = "only percussion" if any(p.notes for p in piece.parts) else "no notes"
    raise CorpusError(f"{piece.source}: {what}; choose a piece with a part that has pitches")


def sung_part(piece: Piece) -> Part:
    """The first part with words under it, where a first voice has at least half as many as the fullest.

    A part with a few syllables (a direction, a cue) does not count, nor does a keyboard beside other parts, for
    some songs hang their words on the piano's staff. Without any words the first part is taken.
    Raises CorpusError as `melodic_part`.
    """
    pitched = [p for p in piece.parts if p.notes and not p.is_drum]
    singers = [p for p in pitched if not any(name in p.name.lower() for name in KEYBOARDS)] or pitched
    most = max((p.syllables for p in singers), default=0)
    for part in singers:
        if most <= 2 * part.syllables:
            return part
    return melodic_part(piece)


def pick_melody(piece: Piece) -> Melody:
    """The top line of the first part that has notes, on the piece's timeline. Raises as `melodic_part`."""
    return picked(piece, melodic_part(piece)).melody


def picked(piece: Piece, part: Part) -> Picked:
    """The top line of `part` as a melody of `piece`, with the losses counted."""
    line = top_line(part)
    whole = set(part.notes)
    losses = {
        "other_parts": sum(bool(p.notes) for p in piece.parts) - 1,
        "notes_below_top": len(part.notes) - len(line),
        "notes_cut_short": sum(note not in whole for note in line),
    }
    melody = Melody(line, piece.timeline, piece.title, piece.source)
    return Picked(melody, {name: count for name, count in losses.items() if count})


def _without_covered(notes: Sequence[Note]) -> list[Note]:
    """Notes in order of start, without those through whose whole length a higher one sounds."""
    kept: list[Note] = []
    sounding: list[Note] = []
    for note in sorted(notes):
        sounding = [s for s in sounding if s.end > note.start]
        if not any(s.pitch > note.pitch and s.end >= note.end for s in sounding):
            kept.append(note)
        sounding.append(note)
    return kept
