"""What a run will cost, by numbers that can be checked on paper."""

import pytest

from ritornello.encoding import Grid
from ritornello.model.options import NetworkOptions
from ritornello.training.plan import TrainOptions
from ritornello.training.run import sizes as sizing
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request
from ritornello.training.run.sizes import check_bytes, ngram_bytes, sizes

OPTIONS = TrainOptions(updates=10, streams=2, bptt_steps=8, threads=1, engine="numpy")


@pytest.fixture
def training(tiny_corpus):
    return prepare_training(Request(NetworkOptions(1, 16, 16), Grid(), OPTIONS), tiny_corpus)


def test_a_check_holds_its_block_of_the_held_out_tune(training):
    # 67 tokens; 16 of the embedding, four gates and an output of 16 cells, 153 logits three times
    assert check_bytes(training) == 4 * 67 * (16 + 5 * 16 + 3 * 153)


def test_the_n_gram_counts_every_tune_in_every_key_that_it_may_have(training, monkeypatch):
    # Tune n spans 55 + n to 62 + n, and all span 55 to 69: six to eight keys each. Even ones have 16 notes, odd 12.
    notes = 16 * (6 + 8 + 8 + 8) + 12 * (7 + 8 + 8 + 7)
    assert ngram_bytes(training) == int(8 * 16 * 1.1 * notes)
    monkeypatch.setattr(sizing, "MAX_NGRAM_NOTES", 10)
    assert ngram_bytes(training) == 0


def test_memory_is_what_is_held_and_the_most_that_comes_besides(training):
    found = sizes(training, 2.0)
    weights = 154 * 16 + 64 * (16 + 16 + 1) + 153 * 17
    assert found.weights == weights
    assert found.save_bytes == 24 * weights
    rows = 4 * 67 + 4 * 51 + 8  # all tokens once, and a beginning for each tune; one column of two bytes
    assert found.kept_bytes == int(2 * rows * 160 / 472)
    besides = max(found.ngram_bytes, found.save_bytes + found.kept_bytes)
    assert found.memory_bytes == found.program_bytes + found.check_bytes + besides
    assert (found.epochs, found.seconds) == (pytest.approx(160 / 472), 5.0)
