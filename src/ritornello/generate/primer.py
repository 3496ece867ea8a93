"""What a tune may begin with: note names, or a melody from a file; and what an encoding makes of it."""

from __future__ import annotations

import re
from fractions import Fraction

from ritornello.encoding import MelodyEncoding
from ritornello.music.beats import metre_named
from ritornello.music.keys import LETTERS
from ritornello.music.values import Melody, Note, Timeline, exact_resolution
from ritornello.wording import option

FINEST = 1_000_000  # ticks per quarter
_NOTE = re.compile(r"([A-Ga-g])(#{1,2}|b{1,2}|♯|♭)?(-?\d+)?")
FIRST = 60  # the C of octave 4, in which a first note without an octave is


def parse_notes(text: str, metre: str = "4/4") -> Melody:
    """Parse notes by name, "C4 E4:1/2 r F#4:2", or by number, "60 64:1/2 r 66:2".

    Middle C is C4 or 60. A length is in quarters, 1 where none is given. A name without an octave, as in "C E G", is
    the pitch nearest to the note before it, the higher one of two; the first is in octave 4.
    Raises ValueError that names the word, for anything that is not a note or lies outside 0-127 (C-1 to G9), and
    for a metre that is not written as one.
    """
    first = metre_named(metre)
    notes, at, before = [], Fraction(0), None
    words = [word.partition(":") for word in text.replace(",", " ").split()]
    pitched = [name for name, *_ in words if name not in ("r", "R")]
    is_numbers = all(re.fullmatch(r"\d+", name) for name in pitched)
    for name, colon, length in words:
        quarters = _length(length, f"{name}{colon}{length}")
        if name not in ("r", "R"):
            before = _number(name) if is_numbers else _pitch(name, before)
            notes.append((at, quarters, before))
        at += quarters
    if not notes:
        raise ValueError("write at least one note, as in C4 E4 G4")
    resolution = exact_resolution([time for start, length, _ in notes for time in (start, length)])
    if resolution > FINEST:
        raise ValueError(f"these lengths are too fine to count together: they need 1/{resolution} of a quarter")
    whole = tuple(Note(int(start * resolution), int(length * resolution), pitch) for start, length, pitch in notes)
    return Melody(whole, Timeline(resolution, round(at * resolution), (first,)))


def what_changes(encoding: MelodyEncoding, primer: Melody) -> str:
    """Say in one line what an encoding cannot keep of a primer; "" where it keeps all."""
    encoded = encoding.encode(primer)
    again = encoding.decode(encoded.tokens)
    words = {"moved": "notes moved", "resized": "notes made longer or shorter", "lost": "notes left out"}
    found = [f"{word}: {encoded.losses[loss]}" for loss, word in words.items() if encoded.losses[loss]]
    if _closing_rest(primer) and not _closing_rest(again):
        found.append("the rest at its end is left out")
    kept = {metre[1:3] for metre in again.timeline.metres}
    if others := sorted({metre.name for metre in primer.timeline.metres if metre[1:3] not in kept}):
        found.append(f"{' and '.join(others)} is read as {again.timeline.metre.name}")
    kept_groups = {metre.groups for metre in again.timeline.metres}
    if lost := sorted({m.name for m in primer.timeline.metres if m.groups not in kept_groups and m[1:3] in kept}):
        found.append(f"how {' and '.join(lost)} is grouped is left out ({option('metre', lost[0])} keeps it)")
    return f"the model cannot write this primer exactly: {'; '.join(found)}" if found else ""


def _closing_rest(melody: Melody) -> int:
    """Count the ticks after the last note."""
    return melody.timeline.length - max((n.end for n in melody.notes), default=0)


def parse_range(text: str) -> tuple[int, int]:
    """Parse lowest and highest pitch: "C4-C6", "60-84". Raises ValueError for anything else."""
    words = re.fullmatch(r"\s*([A-Ga-g][#b♯♭]*-?\d+|\d+)\s*(?:-|to|\s)\s*([A-Ga-g][#b♯♭]*-?\d+|\d+)\s*", text)
    if not words:
        raise ValueError(f"not a range: {text!r}; write the lowest and the highest note, as in C4-C6 or 60-84")
    lowest, highest = (int(word) if word.isdigit() else _pitch(word) for word in words.groups())
    return lowest, highest


def _length(text: str, word: str) -> Fraction:
    """Parse a length in quarters; messages name the word that it is of."""
    if not re.fullmatch(r"(\d+(/[1-9]\d*|\.\d+)?)?", text):
        raise ValueError(f"not a length: {word!r}; write quarters after the colon, as in C4:1/2 or r:2")
    quarters = Fraction(text or 1)
    if not 0 < quarters <= 64:
        raise ValueError(f"{word!r} lasts {quarters} quarters; above 0 and at most 64 is possible")
    return quarters


def _number(text: str) -> int:
    if int(text) > 127:
        raise ValueError(f"{text!r} is outside the vocabulary: pitches go from 0 (C-1) to 127 (G9)")
    return int(text)


def _pitch(name: str, before: int | None = None) -> int:
    """Parse the name of a pitch.

    before: the note before, to which one without an octave is nearest. Raises ValueError.
    """
    match = _NOTE.fullmatch(name)
    if not match:
        raise ValueError(f"not a note: {name!r}; write a letter, an octave and perhaps a length: C4, F#4:1/2, r:2")
    letter, sharps, octave = match.group(1), match.group(2) or "", match.group(3)
    alter = sharps.count("#") + sharps.count("♯") - sharps.count("b") - sharps.count("♭")
    pitch = LETTERS[letter.upper()] + alter
    if octave is not None:
        pitch += 12 * (int(octave) + 1)
    elif before is None:
        pitch += FIRST
    else:
        pitch = min(range(pitch % 12, 128, 12), key=lambda near: (abs(near - before), -near))
    if not 0 <= pitch <= 127:
        raise ValueError(f"{name!r} is outside the vocabulary: pitches go from C-1 (0) to G9 (127)")
    return pitch
