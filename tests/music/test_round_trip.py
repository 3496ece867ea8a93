"""Real tunes written and read back: the same notes in MIDI, MusicXML and ABC.

Every fifteenth of the 2,202 tunes by default; all of them with RITORNELLO_SOAK=1 (some minutes).
"""

import pytest
from real_tunes import SOAK, TUNES, in_quarters, real_melodies

from ritornello.music.abc.reader import read_abc
from ritornello.music.abc.writer import write_abc
from ritornello.music.midi.reader import read_midi, write_midi
from ritornello.music.scores.reader import scan_score
from ritornello.music.scores.writer import write_musicxml

STEP = 1 if SOAK else 15
FORMATS = {
    "MIDI": lambda melody: read_midi(write_midi(melody)),
    "MusicXML": lambda melody: scan_score(write_musicxml(melody).encode(), ".musicxml")[0][0],
    "ABC": lambda melody: read_abc(write_abc(melody))[0],
}


@pytest.fixture(scope="module")
def melodies(shared_data, tmp_path_factory):
    """The melody of every STEP-th hymn, kern melody and song."""
    return real_melodies(shared_data, tmp_path_factory.mktemp("songs"), STEP)


@pytest.mark.parametrize("name", FORMATS)
def test_a_tune_written_and_read_back_has_the_same_notes(melodies, name, shared_data):
    assert len(melodies) >= TUNES // STEP
    for melody in melodies:
        piece = FORMATS[name](melody)
        part = next(p for p in piece.parts if p.notes)
        want = in_quarters(melody.notes, melody.timeline.ticks_per_quarter)
        assert in_quarters(part.notes, piece.timeline.ticks_per_quarter) == want, melody.source
