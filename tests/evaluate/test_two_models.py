"""Two models on the melodies that both can write, and baselines on the same ones."""

import pytest

from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding import Encoding, Grid, make_encoding
from ritornello.encoding.options import EncodingOptions, encoding_in_words
from ritornello.evaluate.scores import compare, find_common, score_baselines, score_model, total
from ritornello.model.file import ModelFile
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Melody, Note, Timeline

LENGTHS = [[480] * 8, [120] * 8, [160] * 12, [120] * 4 + [160] * 3, [480] * 6]  # the third and fourth in triplets


def tune(lengths: list[int]) -> Melody:
    """Five pitches up and again, a note for each length, 480 ticks to a quarter."""
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    notes = tuple(Note(start, lengths[n], 60 + n % 5) for n, start in enumerate(starts))
    return Melody(notes, Timeline(480, sum(lengths)))


@pytest.fixture
def corpus():
    """Five melodies to score and, between them, one without notes; the same to learn from and to validate on."""
    melodies = [*map(tune, LENGTHS[:2]), Melody((), Timeline(480, 480)), *map(tune, LENGTHS[2:])]
    splits = ("train", "validation", "test")
    pieces = [(CorpusPiece(f"{n}.mid", (), split=s), [m]) for s in splits for n, m in enumerate(melodies)]
    return corpus_of(pieces)


@pytest.fixture
def model(make_tensors):
    """Return a model of random weights for an encoding."""

    def make(encoding: Encoding) -> ModelFile:
        tensors = make_tensors(encoding.vocabulary.size, scale=0.3)
        return ModelFile(tensors, NetworkOptions(2, 16, 16), encoding, {})

    return make


def test_only_the_melodies_asked_for_are_scored(corpus, model):
    grid = model(Grid(12))
    every, _ = score_model(grid, corpus)
    parts = [score_model(grid, corpus, only=[n])[0] for n in range(5)]
    assert [part.notes for part in parts] == [8, 8, 12, 7, 6]
    assert every.notes == 41
    assert every.nats == pytest.approx(sum(part.nats for part in parts))
    assert score_model(grid, corpus, only=[1, 4])[0].nats == pytest.approx(parts[1].nats + parts[4].nats)


def test_what_the_encoding_loses_is_counted(corpus, model):
    _, losses = score_model(model(Grid()), corpus, "test", [0, 2])
    assert losses == {"moved": 8, "resized": 12, "lost": 0, "metres": 0, "notes": 20}


@pytest.mark.parametrize(("one", "other"), [(4, 12), (12, 4)])
def test_two_models_are_compared_on_what_both_reproduce_whichever_comes_first(corpus, model, one, other):
    first, second = model(Grid(one)), model(Grid(other))
    scores, places, count = compare([first, second], corpus)
    assert (places, count) == ([0, 1, 4], 5)
    one, other = map(total, scores)
    assert one == score_model(first, corpus, only=[0, 1, 4])[0]
    assert other == score_model(second, corpus, only=[0, 1, 4])[0]
    assert one.notes == other.notes == 22
    assert one.tokens != other.tokens


def test_baselines_score_the_same_melodies_and_learn_from_all(corpus):
    scores = score_baselines(corpus, Grid(12), "test", [0, 4])
    assert {(score.notes, score.quarters) for score in scores.values()} == {(14, 14.0)}
    assert score_baselines(corpus, Grid(12))["uniform"].notes == 41
    parts = [score_baselines(corpus, Grid(12), "test", [n]) for n in (0, 4)]
    for name, score in scores.items():
        assert score.nats == pytest.approx(sum(part[name].nats for part in parts)), name


def test_where_there_is_no_melody_both_say_what_one_model_says(corpus, model):
    train = corpus_of([(CorpusPiece("tune.mid", (), split="train"), [tune(LENGTHS[0])])])
    message = r"^the corpus has no melody with notes to score \(test\); see `rito\.show_corpus"
    with pytest.raises(ValueError, match=message):
        find_common(train, [Grid(), Grid(12)])
    with pytest.raises(ValueError, match=message):
        score_model(model(Grid()), train)
    assert find_common(train, [Grid(), Grid(12)], "train") == ([0], 1)


def test_a_corpus_too_small_for_a_test_split_is_answered_with_what_can_be_scored():
    few = [(CorpusPiece(f"{n}.mid", (), split="train", family=n), [tune(LENGTHS[0])]) for n in range(3)]
    with pytest.raises(ValueError, match=r"score train or all \(split=\), or have .* never saw it \(folds=3\)$"):
        find_common(corpus_of(few), [Grid()])
    with pytest.raises(ValueError, match=r"`rito\.show_corpus\(CORPUS\)`, or score train or all \(split=\)$"):
        find_common(corpus_of(few[:1]), [Grid()])


def test_without_a_common_melody_both_encodings_are_named(corpus):
    triplets = corpus_of([(CorpusPiece("tune.mid", (), split="test"), [tune(LENGTHS[2])])])
    message = r"none of the 1 tunes \(test\) is .* \(grid 12 steps; grid\); they"
    with pytest.raises(ValueError, match=message):
        find_common(triplets, [Grid(12), Grid()])


def test_an_encoding_is_described_in_a_few_words():
    words = {
        Grid(): "grid",
        Grid(plain=True): "grid plain",
        Grid(steps_per_quarter=12): "grid 12 steps",
        make_encoding("note"): "note, no inputs",
        EncodingOptions().build(): "interval",
    }
    for encoding, said in words.items():
        assert encoding_in_words(encoding.to_dict()) == said
