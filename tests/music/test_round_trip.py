"""Real tunes written and read back: the same notes in MIDI, MusicXML and ABC.

Every fifteenth of the 2,202 tunes by default; all of them with RITORNELLO_SOAK=1 (some minutes).
"""

import os
import tarfile
from fractions import Fraction

import pytest

from ritornello.corpus.pick import picked, sung_part
from ritornello.music.abc_reader import read_abc
from ritornello.music.abc_writer import write_abc
from ritornello.music.files import read
from ritornello.music.midi import read_midi, write_midi
from ritornello.music.musicxml import write_musicxml
from ritornello.music.scores import read_score

STEP = 1 if os.environ.get("RITORNELLO_SOAK") else 15
FORMATS = {
    "MIDI": lambda melody: read_midi(write_midi(melody)),
    "MusicXML": lambda melody: read_score(write_musicxml(melody).encode(), ".musicxml")[0],
    "ABC": lambda melody: read_abc(write_abc(melody))[0],
}


def exact(notes, ticks_per_quarter):
    return [(Fraction(n.start, ticks_per_quarter), Fraction(n.duration, ticks_per_quarter), n.pitch) for n in notes]


@pytest.fixture(scope="module")
def melodies(shared_data, tmp_path_factory):
    """The melody of every STEP-th hymn, kern melody and song."""
    songs = tmp_path_factory.mktemp("songs")
    with tarfile.open(shared_data("lieder.tar.xz")) as archive:
        members = sorted((m for m in archive.getmembers() if m.name.endswith(".mscx")), key=lambda m: m.name)
        archive.extractall(songs, members[::STEP], filter="data")
    paths = sorted(shared_data("hymns").glob("*.abc"))[::STEP] + sorted(songs.rglob("*.mscx"))
    paths += sorted(shared_data("melodies").rglob("*.krn"))[::STEP]
    pieces = [read(path)[0] for path in paths]
    return [picked(piece, sung_part(piece)).melody for piece in pieces]


@pytest.mark.parametrize("name", FORMATS)
def test_a_tune_written_and_read_back_has_the_same_notes(melodies, name, shared_data):
    assert len(melodies) >= 2202 // STEP
    for melody in melodies:
        piece = FORMATS[name](melody)
        part = next(p for p in piece.parts if p.notes)
        want = exact(melody.notes, melody.timeline.ticks_per_quarter)
        assert exact(part.notes, piece.timeline.ticks_per_quarter) == want, melody.source
