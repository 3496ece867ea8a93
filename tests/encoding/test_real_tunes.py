"""Real tunes as tokens and back: note and interval give every note again; what the grid loses is stated.

Every thirtieth of the 2,202 tunes of the shared data and every tenth of the embedded corpus by default; all with
RITORNELLO_SOAK=1. No tune is an exception: every length in them has a spelling.
"""

from collections import Counter

import pytest
from real_tunes import SOAK, TUNES, real_melodies
from walks import exact

from ritornello.corpus.embedded import embedded
from ritornello.encoding import Grid, make_encoding

STEP = 1 if SOAK else 30


@pytest.fixture(scope="module")
def shared_melodies(shared_data, tmp_path_factory):
    """The melody of every STEP-th hymn, song and kern melody."""
    return real_melodies(shared_data, tmp_path_factory.mktemp("songs"), STEP)


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
    assert len(shared_melodies) >= TUNES // STEP
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
    # two tunes in 23/8, one in 19/8 and one in 18/4 have more beats than there are names for
    assert dict(+total) == losses | {"metres": 4}
