"""The tunes of the shared data as melodies, and what of a melody has to come back."""

import os
import tarfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from ritornello.music.files import read
from ritornello.music.lines import top_line
from ritornello.music.values import Melody, Note, Piece

SOAK = bool(os.environ.get("RITORNELLO_SOAK"))  # all of them, not a few
TUNES = 2202


def real_melodies(shared_data: Callable[[str], Path], folder: Path, step: int) -> list[Melody]:
    """The melody of every step-th hymn, kern melody and song; `folder` takes the unpacked songs."""
    with tarfile.open(shared_data("lieder.tar.xz")) as archive:
        members = sorted((m for m in archive.getmembers() if m.name.endswith(".mscx")), key=lambda m: m.name)
        archive.extractall(folder, members[::step], filter="data")
    paths = sorted(shared_data("hymns").glob("*.abc"))[::step] + sorted(folder.rglob("*.mscx"))
    paths += sorted(shared_data("melodies").rglob("*.krn"))[::step]
    pieces = [read(path)[0] for path in paths]
    return [sung_line(piece) for piece in pieces]


def sung_line(piece: Piece) -> Melody:
    """The top line of the first part with at least half as many words as the fullest."""
    parts = [part for part in piece.parts if part.notes and not part.is_drum]
    most = max(part.syllables for part in parts)
    part = next(part for part in parts if 2 * part.syllables >= most)
    return Melody(top_line(part), piece.timeline, piece.title, piece.source)


def in_quarters(notes: tuple[Note, ...], ticks_per_quarter: int) -> list[tuple[Fraction, Fraction, int]]:
    """Onset and duration in quarters, and pitch, of each note."""
    return [(Fraction(n.start, ticks_per_quarter), Fraction(n.duration, ticks_per_quarter), n.pitch) for n in notes]
