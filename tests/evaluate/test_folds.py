"""Cross-validation: every tune is tested once, by a model that has learned nothing of its family."""

import json
from collections import Counter

import pytest

import ritornello as rito
from ritornello.corpus.families.split import linked_pieces
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.evaluate.folds import fold_corpora
from ritornello.music.values import Melody, Note, Timeline


def tune(root: int, steps: list[int]) -> Melody:
    notes = tuple(Note(480 * n, 480, root + step) for n, step in enumerate(steps))
    return Melody(notes, Timeline(480, 480 * len(steps)))


@pytest.fixture
def corpus() -> Corpus:
    """Twelve tunes in nine families: one of three, one of two, seven alone."""
    families = ["a", "b", "a", "c", "d", "b", "a", "e", "f", "g", "h", "i"]
    shapes = [[0, n % 5, 7, (3 * n) % 11, 4, n % 3, 0] for n in range(12)]
    pieces = [
        (CorpusPiece(f"{n}.mid", (), f"No. {n}", family=family), [tune(60, shape)])
        for n, (family, shape) in enumerate(zip(families, shapes, strict=True))
    ]
    return corpus_of(pieces)


@pytest.mark.parametrize("folds", [2, 3, 9])
def test_every_tune_is_tested_once_and_no_family_lies_across(corpus, folds):
    parts = fold_corpora(corpus, folds)
    tested = Counter(p.source for part in parts for p in part.in_split("test"))
    assert tested == {f"{n}.mid": 1 for n in range(12)}
    for part in parts:
        assert [p.source for p in part.pieces] == [p.source for p in corpus.pieces]
        assert set(part.splits) == {"train", "validation", "test"}
        homes: dict[int, set[str]] = {}
        for root, piece in zip(linked_pieces(corpus), part.pieces, strict=True):
            homes.setdefault(root, set()).add(piece.split)
        assert all(len(splits) == 1 for splits in homes.values())
    sizes = [len(part.in_split("test")) for part in parts]
    assert max(sizes) - min(sizes) <= 2  # the largest family has three
    assert [part.fingerprint for part in fold_corpora(corpus, folds)] == [part.fingerprint for part in parts]


@pytest.mark.parametrize("folds", [-1, 1, 10])
def test_there_are_two_folds_or_more_and_no_more_than_families(corpus, folds):
    with pytest.raises(ValueError, match="folds must be 2 to 9, the number of families"):
        fold_corpora(corpus, folds)


def test_one_family_makes_no_folds(corpus):
    alone = corpus_of([(CorpusPiece("0.mid", (), family="a"), [tune(60, [0, 2, 4])])])
    with pytest.raises(ValueError, match="need two families of tunes or more, and this corpus has 1"):
        fold_corpora(alone, 2)


def test_one_command_trains_and_scores_every_fold(command, corpus, little_model, tmp_path):
    corpus.save(tmp_path / "corpus")
    words = ["evaluate", little_model, tmp_path / "corpus", "--folds", 2, "--updates", 2]
    _, out, err = command(*words, "--json")
    assert err == "ritornello: fold 1 of 2 is done\nritornello: fold 2 of 2 is done\n"
    value = json.loads(out)
    assert (value["model"], value["corpus"]) == (rito.load_model(little_model).name, str(tmp_path / "corpus"))
    assert value["fingerprint"] == corpus.fingerprint
    assert (value["split"], value["notes"], len(value["per_tune"])) == ("folds", 84, 12)
    assert sorted(t["source"] for t in value["per_tune"]) == sorted(p.source for p in corpus.pieces)
    assert [fold["tunes"] for fold in value["folds"]] == [
        sum(t["fold"] == number for t in value["per_tune"]) for number in (1, 2)
    ]
    assert sum(fold["nats"] for fold in value["folds"]) == pytest.approx(value["nats"])
    assert value["baselines"]["ngram_pairs"]["notes"] == 84
    # random weights cost more than two updates of training leave
    assert value["bits_per_note"] != rito.load_model(little_model).evaluate(corpus, split="train")["bits_per_note"]
    assert not list(tmp_path.glob("**/*.safetensors"))


@pytest.mark.parametrize("more", [["--folds", 2, "--tunes", 3], ["--minutes", 1]])
def test_options_that_do_not_go_together_are_refused(command, little_model, more):
    status, _, err = command("evaluate", little_model, "hymns", *more)
    assert (status, err.count("\n")) == (2, 1)


def test_notes_of_a_corpus_as_a_table(corpus):
    pytest.importorskip("pandas", reason="needs pandas: pip install pandas")
    table = corpus.to_pandas()
    assert len(table) == 84
    first = table.iloc[7]
    assert (first["source"], first["melody"], first["note"], first["family"]) == ("1.mid", 2, 1, "b")
    assert (first["start"], first["duration"], first["pitch"], first["metre"]) == (0.0, 1.0, 60, "4/4")
    assert table.groupby("melody")["note"].max().tolist() == [7] * 12
    assert table["start"].tolist()[:7] == [0, 1, 2, 3, 4, 5, 6]


def test_without_pandas_a_line_says_so(corpus, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"^to_pandas needs pandas: pip install pandas$"):
        corpus.to_pandas()
