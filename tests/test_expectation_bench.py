"""The bench of expectation: what a model may know, that probabilities sum to one, and how folds are drawn."""

import json
import sys

import numpy as np
import pytest
from benchmarks.expectation import __main__ as command
from benchmarks.expectation import rivals
from benchmarks.expectation.alignment import OTHERS, aligned_with_others
from benchmarks.expectation.counts import CorpusCounts, corpus_views, own_counts, own_views
from benchmarks.expectation.material import Notes, bits_per_note, random_folds
from benchmarks.expectation.rivals import fold_corpus, network_log_p, ngram_log_p

from ritornello.evaluate.surprise import note_costs

SCALE = np.array([60, 62, 64, 65, 67, 69, 71, 72])


def tunes(count: int, seed: int = 0) -> list[np.ndarray]:
    """Walk up and down a scale, each tune with a phrase that comes twice."""
    random = np.random.default_rng(seed)
    phrases = [np.clip(3 + np.cumsum(random.integers(-1, 2, 7)), 0, 7) for _ in range(count)]
    return [SCALE[np.concatenate([phrase, phrase])] for phrase in phrases]


SETTINGS = command.Settings(epochs=2, batch=32)


@pytest.fixture
def quick(monkeypatch):
    """Train for two epochs."""
    monkeypatch.setattr(command, "Settings", lambda: SETTINGS)


def scored(melodies: list[np.ndarray], alphabet: np.ndarray, models=("ngram", "mixture")) -> dict:
    """Log p of the notes of every third melody, learned from the others."""
    groups = np.arange(len(melodies))
    notes = Notes.of(melodies, alphabet)
    return command.Bench(notes, groups, (groups % 3 > 0).astype(int), 1, list(models)).fold_log_p(0)


def test_later_notes_and_other_test_melodies_change_no_probability(quick):
    melodies, random = tunes(12), np.random.default_rng(5)
    alphabet = np.unique(np.concatenate(melodies))
    kept, cut = 6, 5  # the third of the four test melodies, up to its sixth note
    changed = [melody.copy() for melody in melodies]
    changed[kept][cut + 1 :] = random.choice(alphabet, len(melodies[kept]) - cut - 1)
    changed[9] = random.choice(alphabet, len(melodies[9]))
    as_it_is, online = scored(melodies, alphabet), scored(changed, alphabet)
    for earlier in (0, 3):
        changed[earlier] = random.choice(alphabet, len(melodies[earlier]))
    noisy = scored(changed, alphabet)
    at = slice(2 * 14, 2 * 14 + cut + 1)
    for key, values in as_it_is.items():
        np.testing.assert_allclose(online[key][at], values[at], atol=1e-5, err_msg=str(key))
        if key[1] != "online":
            np.testing.assert_allclose(noisy[key][at], values[at], atol=1e-5, err_msg=str(key))
        assert abs(online[key][at.stop :] - values[at.stop :]).max() > 0.01, "noise is noticed where it may be"


def test_probabilities_of_the_mixture_sum_to_one(quick):
    melodies = tunes(9)
    notes, groups = Notes.of(melodies), np.arange(9)
    experts = command.Experts(notes, groups, groups % 3)
    for own, online in ((False, False), (True, False), (True, True)):
        inputs = experts.of_fold(0, own)
        learned = np.flatnonzero(notes.melody % 3 > 0)
        mixture = command.Mixture(inputs, notes.targets, learned, 1, SETTINGS)
        log_p = mixture.log_probabilities(experts.of_fold(0, own, online), np.flatnonzero(notes.melody % 3 == 0))
        np.testing.assert_allclose(np.exp(log_p).sum(1), 1, atol=1e-9)


def test_counts_of_other_melodies_leave_the_own_group_out():
    notes = Notes.of([np.array([60, 62, 64]), np.array([60, 62, 60]), np.array([60, 62, 62])])
    view = corpus_views(notes)[0]  # pitch
    groups = np.array([0, 1, 1])[notes.melody]
    after_one = CorpusCounts(notes, view, view.contexts(notes)[1], groups)  # by the pitch before
    counts = after_one.counts(np.ones(9, bool))  # pitches 60, 62, 64
    assert counts[2].tolist() == [1, 1, 0]  # after 62, in the first melody: of the two others
    assert counts[5].tolist() == counts[8].tolist() == [0, 0, 1]
    assert after_one.counts(notes.melody > 0)[2].tolist() == [1, 1, 0], "a melody that is tested sees all that trains"
    assert after_one.counts(notes.melody == 0, read_on=np.array([1, 2]))[8].tolist() == [1, 0, 1]


def test_intervals_are_counted_wherever_the_melody_lies():
    notes = Notes.of([np.array([60, 62, 64, 65, 67])])
    interval = own_views(notes)[1]
    followed = own_counts(notes, interval)[1]  # after one interval
    assert notes.alphabet[np.flatnonzero(followed[3])].tolist() == []  # 64 + 2 is no pitch of the alphabet
    notes = Notes.of([np.array([60, 62, 64, 67, 69])])
    interval = own_views(notes)[1]
    assert np.flatnonzero(own_counts(notes, interval)[0][4]).tolist() == [3 + 1]  # 67 + 2


def test_a_variant_is_followed_where_it_copies():
    tune = np.array([60, 64, 62, 65, 64, 67, 60, 72])
    notes = Notes.of([tune, tune, np.array([72, 71, 69, 72, 60, 62, 61, 60])])
    fold = np.zeros(len(notes), int)
    weights = aligned_with_others(notes, notes.melody, fold, OTHERS[0])[:, 0]
    assert (weights[4:8].argmax(1) == notes.targets[4:8]).all()
    alone = aligned_with_others(notes, np.array([0, 0, 1])[notes.melody], fold, OTHERS[0])[:, 0]
    assert alone[:16].max() < 0.1, "its own group is no model"


def test_folds_are_like_in_size_and_keep_groups_together():
    groups = np.repeat(np.arange(40), [5] * 10 + [1] * 30)
    folds = random_folds(groups, 10, seed=3)
    assert all(len(set(folds[groups == group])) == 1 for group in range(40))
    assert np.bincount(folds).tolist() == [8] * 10
    assert (random_folds(groups, 10, seed=4) != folds).any()
    with pytest.raises(ValueError, match="2 to 40"):
        random_folds(groups, 41, seed=1)


def test_the_two_means():
    notes = Notes.of([np.array([60, 62]), np.array([60] * 6)])
    log_p = -np.log(2) * np.array([1, 3, 1, 1, 1, 1, 1, 1])
    assert bits_per_note(notes, log_p) == pytest.approx((10 / 8, 1.5))


def test_the_ngram_learns_on_in_its_two_ways():
    notes = Notes.of([np.array([60, 62] * 4), np.array([60, 67] * 4), np.array([60, 67] * 4)])
    found = ngram_log_p(notes, np.array([1, 0, 0]), 0)
    assert found["own"][7] > found["static"][7]
    assert found["online"][8 + 1] > found["own"][8 + 1]


def test_the_network_gets_pitches_of_one_length_and_a_validation_set():
    notes = Notes.of(tunes(6))
    corpus = fold_corpus(notes, np.arange(6), np.array([0, 1] * 3), 0, seed=1)
    for melody, part in zip(corpus.melodies(), np.split(notes.pitches, notes.starts[1:]), strict=True):
        assert [note.pitch for note in melody.notes] == part.tolist()
        assert len({note.duration for note in melody.notes}) == 1
    assert sorted(piece.split for piece in corpus.pieces) == ["test"] * 3 + ["train"] * 2 + ["validation"]


def test_the_network_pays_for_the_header_with_the_first_note(monkeypatch):
    costs = []

    def keep(*arguments):
        costs[:] = note_costs(*arguments)
        return [table.copy() for table in costs]

    monkeypatch.setattr(rivals, "UPDATES", 1)
    monkeypatch.setattr(rivals, "note_costs", keep)
    notes = Notes.of(tunes(5))
    log_p = network_log_p(notes, np.arange(5), np.array([0, 1, 0, 1, 1]), 0, memory=False, seed=1)
    bits = (-log_p / np.log(2)).reshape(2, 14)
    for melody, table in zip(bits, costs, strict=True):
        assert table["other_bits"][0] > np.log2(12), "one of twelve keys, and an octave"
        np.testing.assert_allclose(melody[0], table["pitch_bits"][0] + table["other_bits"][0])
        np.testing.assert_allclose(melody[1:], table["pitch_bits"][1:])


def test_the_command_prints_every_row(quick, tmp_path, capsys, monkeypatch):
    for number, tune in enumerate(tunes(6)):
        notes = " ".join("CDEFGABc"[np.searchsorted(SCALE, pitch)] for pitch in tune)
        (tmp_path / f"{number}.abc").write_text(f"X:1\nT:{number}\nM:4/4\nL:1/4\nK:C\n{notes}|\n")
    arguments = [
        "expectation",
        str(tmp_path),
        "--folds",
        "2",
        "--models",
        "ngram",
        "mixture",
        "--workers",
        "1",
        "--json",
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    result = json.loads(capsys.readouterr().out)
    assert (result["melodies"], result["notes"]) == (6, 84)
    rows = [(row["name"], row["learning"]) for row in result["models"]]
    assert rows == [(name, learning) for name in ("ngram", "mixture") for learning in ("static", "own", "online")]
    for row in result["models"]:
        assert row["inputs"] == "pitch"
        assert row["pretrained"] is False
        assert all(
            0 < row[f"{kind}_{unit}"] < 5 for kind in ("bits_per_note", "grouped") for unit in ("notes", "melodies")
        )


def test_a_folder_with_too_few_melodies_is_refused_in_a_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "1.abc").write_text("X:1\nT:1\nM:4/4\nL:1/4\nK:C\nC D E F|\n")
    monkeypatch.setattr(sys, "argv", ["expectation", str(tmp_path)])
    with pytest.raises(SystemExit):
        command.main()
    assert "folds must be 2 to 1" in capsys.readouterr().err
