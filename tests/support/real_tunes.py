"""The tunes of the shared data as melodies, and what of a melody has to come back."""

import os
import tarfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from ritornello.corpus.pick.pick import picked, sung_part
from ritornello.music.files import read
from ritornello.music.values import Melody, Note

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
    return [picked(piece, sung_part(piece)).melody for piece in pieces]


def in_quarters(notes: tuple[Note, ...], ticks_per_quarter: int) -> list[tuple[Fraction, Fraction, int]]:
    """Onset and duration in quarters, and pitch, of each note."""
    return [(Fraction(n.start, ticks_per_quarter), Fraction(n.duration, ticks_per_quarter), n.pitch) for n in notes]
