"""A corpus as tokens, and a corpus that an encoding cannot write."""

from collections import Counter

import numpy as np
import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.corpus.tokens import corpus_tokens, losses_in_words
from ritornello.encoding import Grid
from ritornello.music.values import Melody, Note, Timeline


def corpus(*melodies: Melody, steps: tuple = ()) -> Corpus:
    pieces = [(CorpusPiece(f"tune{n}.mid", (), split="train"), [m]) for n, m in enumerate(melodies)]
    return corpus_of(pieces, steps)


def run_of(count: int, ticks: int) -> Melody:
    return Melody(tuple(Note(ticks * n, ticks, 60 + n % 12) for n in range(count)), Timeline(480, ticks * count))


def losses_of(corpus, encoding) -> Counter[str]:
    losses: Counter[str] = Counter()
    corpus_tokens(corpus, encoding, losses=losses)
    return losses


def test_silent_melodies_are_left_out():
    told = corpus_tokens(corpus(run_of(2, 480), Melody((), Timeline(480, 960))), Grid())
    assert [t.tolist() for t in told] == [[132, 60, 128, 128, 128, 61, 128, 128, 128, 144]]


def test_token_arrays_are_given_back_unchanged_by_the_plain_grid_of_four_alone():
    steps = np.array([60, 129, 129, 128], np.uint8)  # a note_off in silence, which notes cannot carry
    kept = corpus(Melody((Note(0, 120, 60),), Timeline(480, 480)), steps=(steps,))
    assert corpus_tokens(kept, Grid(plain=True))[0].tolist() == [60, 129, 129, 128]
    assert corpus_tokens(kept, Grid())[0].tolist() == [132, 60, 144]


def test_a_corpus_of_which_most_notes_would_be_lost_is_refused_in_one_line():
    fast = corpus(run_of(32, 60))  # eight notes to a quarter; steps 0 to 8 keep one each
    with pytest.raises(CorpusError, match=r"'grid', 2 steps per quarter\) is too coarse .* loses 23 of 32 notes"):
        corpus_tokens(fast, Grid(2))
    assert len(corpus_tokens(fast, Grid(4))) == 1


def test_a_melody_that_cannot_be_written_is_named():
    class Refusing(Grid):
        def encode(self, melody):
            raise ValueError("no seventh beats here")

    with pytest.raises(
        CorpusError, match=r"tune0\.mid: the encoding 'grid' cannot write .*\(no seventh beats here\)"
    ):
        corpus_tokens(corpus(run_of(2, 480)), Refusing())


def test_melodies_are_chosen_by_place_and_judged_by_themselves():
    mixed = corpus(run_of(32, 60), Melody((), Timeline(480, 480)), run_of(2, 480))
    with pytest.raises(CorpusError, match="loses 23 of 34 notes"):
        corpus_tokens(mixed, Grid(2))
    assert [t.tolist() for t in corpus_tokens(mixed, Grid(2), only=[1])] == [[132, 60, 128, 61, 128, 144]]


def test_losses_are_counted_over_all_melodies_and_told_in_a_line():
    thirds = corpus(run_of(3, 160), run_of(2, 480))
    losses = losses_of(thirds, Grid())
    assert losses == {"moved": 2, "resized": 3, "lost": 0, "notes": 5}
    said = "the encoding ('grid', 4 steps per quarter) does not keep all of 5 notes: 2 moved, 3 resized"
    assert losses_in_words(losses, Grid()) == said
    assert losses_in_words(losses_of(thirds, Grid(12)), Grid(12)) == ""
