"""What is said of an encoding where two cannot be compared."""

import pytest

from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding import Grid, make_encoding
from ritornello.encoding.options import default_encoding
from ritornello.evaluate.scores import described, tunes_of_both
from ritornello.music.values import Melody, Note, Timeline


def test_an_encoding_is_described_in_a_few_words():
    assert described(Grid()) == "grid: steps_per_quarter 4"
    assert described(Grid(plain=True)) == "grid: steps_per_quarter 4, plain True"
    assert described(make_encoding("note")) == "note"
    assert described(default_encoding()) == "interval: inputs, echoes, relative_to key"


def test_where_there_is_no_tune_it_is_said_as_for_one_model():
    melody = Melody((Note(0, 480, 60),), Timeline(480, 480))
    corpus = corpus_of([(CorpusPiece("tune.mid", (), split="train"), [melody])])
    with pytest.raises(ValueError, match=r"^the corpus has no melody with notes to score \(test\); see `ritornello"):
        tunes_of_both(corpus, Grid(), Grid(12))
    assert tunes_of_both(corpus, Grid(), Grid(12), "train") == ([0], 1)
