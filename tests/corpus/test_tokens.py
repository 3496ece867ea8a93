"""A corpus as tokens, and a corpus that an encoding cannot write."""

from collections import Counter

import numpy as np
import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.corpus.tokens import corpus_tokens, losses_in_words
from ritornello.encoding import Grid, make_encoding
from ritornello.music.values import Melody, Metre, Note, Timeline


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
    assert [t.tolist() for t in told] == [[133, 149, 60, 128, 128, 128, 61, 128, 128, 128, 152]]


def test_token_arrays_are_given_back_unchanged_by_the_plain_grid_of_four_alone():
    steps = np.array([60, 129, 129, 128], np.uint8)  # a note_off in silence, which notes cannot carry
    kept = corpus(Melody((Note(0, 120, 60),), Timeline(480, 480)), steps=(steps,))
    assert corpus_tokens(kept, Grid(plain=True))[0].tolist() == [60, 129, 129, 128]
    assert corpus_tokens(kept, Grid())[0].tolist() == [133, 149, 60, 152]


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
    assert [t.tolist() for t in corpus_tokens(mixed, Grid(2), only=[1])] == [[133, 149, 60, 128, 61, 128, 152]]


def test_losses_are_counted_over_all_melodies_and_told_in_a_line():
    thirds = corpus(run_of(3, 160), run_of(2, 480))
    losses = losses_of(thirds, Grid())
    assert losses == {"moved": 2, "resized": 3, "lost": 0, "metres": 0, "notes": 5}
    said = "the encoding ('grid', 4 steps per quarter) does not keep all of 5 notes: 2 moved, 3 resized"
    assert losses_in_words(losses, Grid()) == said
    assert losses_in_words(losses_of(thirds, Grid(12)), Grid(12)) == ""


@pytest.mark.parametrize(
    ("encoding", "lost"),
    [
        (Grid(), 1), (Grid(plain=True), 3), (Grid(version=1), 3), (make_encoding("lookback"), 1),
        (make_encoding("note"), 1), (make_encoding("interval"), 1), (make_encoding("interval", version=1), 3),
    ],
)  # fmt: skip
def test_metres_that_an_encoding_does_not_name_are_counted_and_told(encoding, lost):
    metres = (Metre(0, 4, 4), Metre(1920, 3, 4), Metre(3360, 17, 8), Metre(7440, 3, 4), Metre(8880, 3, 4))
    tune = Melody(run_of(20, 480).notes, Timeline(480, 9600, metres))  # the last goes on
    steady = Melody(run_of(8, 480).notes, Timeline(480, 3840, (Metre(0, 4, 4), Metre(1920, 4, 4))))
    losses = losses_of(corpus(tune, steady), encoding)
    assert losses == {"moved": 0, "resized": 0, "lost": 0, "metres": lost, "notes": 28}
    said = f"does not write {lost} {'metre' if lost == 1 else 'metres'}, most often where one changes"
    assert losses_in_words(losses, encoding).endswith(f" steps per quarter) {said}")
    assert losses_in_words(losses_of(corpus(steady), encoding), encoding) == ""
