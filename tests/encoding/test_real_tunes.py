"""Real tunes as tokens and back: note and interval give every note again; what the grid loses is stated.

Every thirtieth of the 2,202 tunes of the shared data and every tenth of the embedded corpus by default; all with
RITORNELLO_SOAK=1. No tune is an exception: every length in them has a spelling.
"""

import os
import tarfile
from collections import Counter

import pytest
from walks import exact

from ritornello.corpus.embedded import embedded
from ritornello.corpus.pick import picked, sung_part
from ritornello.encoding import Grid, make_encoding
from ritornello.music.files import read

SOAK = bool(os.environ.get("RITORNELLO_SOAK"))
STEP = 1 if SOAK else 30


@pytest.fixture(scope="module")
def shared_melodies(shared_data, tmp_path_factory):
    """The melody of every STEP-th hymn, song and kern melody."""
    songs = tmp_path_factory.mktemp("songs")
    with tarfile.open(shared_data("lieder.tar.xz")) as archive:
        members = sorted((m for m in archive.getmembers() if m.name.endswith(".mscx")), key=lambda m: m.name)
        archive.extractall(songs, members[::STEP], filter="data")
    paths = sorted(shared_data("hymns").glob("*.abc"))[::STEP] + sorted(songs.rglob("*.mscx"))
    paths += sorted(shared_data("melodies").rglob("*.krn"))[::STEP]
    pieces = [read(path)[0] for path in paths]
    return [picked(piece, sung_part(piece)).melody for piece in pieces]


@pytest.fixture(scope="module")
def embedded_melodies():
    return list(embedded().melodies())


def assert_exact(encoding, melodies):
    for melody in melodies:
        encoded = encoding.encode(melody)
        again = encoding.decode(encoded.tokens)
        assert not encoded.losses, melody.source
        assert exact(again) == exact(melody), melody.source
        if encoding.metre_of(encoded.tokens) == melody.timeline.metre[1:]:
            pickups = [m.timeline.pickup / m.timeline.ticks_per_quarter for m in (again, melody)]
            assert pickups[0] == pickups[1], melody.source


def test_every_note_of_the_shared_tunes_comes_back(shared_melodies, group_options, shared_data):
    assert len(shared_melodies) >= 2202 // STEP
    assert_exact(make_encoding(**group_options), shared_melodies)


def test_every_note_of_the_embedded_corpus_comes_back(embedded_melodies, group_options):
    assert_exact(make_encoding(**group_options), embedded_melodies[:: 1 if SOAK else 10])


@pytest.mark.parametrize(
    ("per_quarter", "losses"),
    [(4, {"moved": 3554, "resized": 5917, "lost": 636}), (12, {"moved": 401, "resized": 791, "lost": 5})],
)
def test_what_the_grid_loses_of_the_embedded_corpus(embedded_melodies, per_quarter, losses):
    total = Counter()
    for melody in embedded_melodies:
        total.update(Grid(per_quarter).encode(melody).losses)
    assert sum(len(m.notes) for m in embedded_melodies) == 168_549
    assert dict(+total) == losses
