"""Families: the same tune in another key, rhythm or repetition is one family, another tune is not."""

import random

import numpy as np
import pytest

from ritornello.corpus.families.families import Comparison, with_families, without_duplicates
from ritornello.corpus.families.likeness import contour_share
from ritornello.corpus.families.shared_runs import Line, line_of
from ritornello.corpus.families.split import linked
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.music.values import Melody, Note

TUNE = [60, 62, 64, 65, 67, 65, 64, 69, 67, 64, 62, 60, 59, 62, 67, 64, 60, 55, 57, 59, 60, 64, 62, 60]


def melody(pitches, lengths=None, source="x"):
    notes, at = [], 0
    for pitch, length in zip(pitches, lengths or [480] * len(pitches), strict=True):
        notes.append(Note(at, length, pitch))
        at += length
    return Melody(tuple(notes), source=source)


def corpus(*tunes):
    """One piece for each; a list of melodies is a piece in segments."""
    pieces = []
    for number, tune in enumerate(tunes):
        pieces.append((CorpusPiece(f"piece{number}", ()), tune if isinstance(tune, list) else [tune]))
    return corpus_of(pieces)


def families(corpus, **known):
    return [piece.family for piece in with_families(corpus, **known).pieces]


def groups(*tunes):
    names = families(corpus(*tunes))
    return [names.index(name) for name in names]


def other_tune(seed, notes=24):
    rng = random.Random(seed)
    return [60 + rng.randrange(12) for _ in range(notes)]


def test_contour_leaves_out_repeated_notes():
    pitches = np.array([60, 60, 62, 62, 62, 59])
    assert Line(pitches, np.ones(6, int), 1).contour.tolist() == [2, -3]


def test_another_key_is_the_same_tune():
    assert groups(melody(TUNE), melody([p + 5 for p in TUNE]), melody(other_tune(1))) == [0, 0, 2]


def test_another_rhythm_and_other_repetitions_are_the_same_tune():
    rhythm = [240 if i % 3 else 960 for i in range(len(TUNE))]
    repeated = [p for p in TUNE for _ in range(2)]
    assert groups(melody(TUNE), melody(TUNE, rhythm), melody(repeated)) == [0, 0, 0]


def test_a_few_changed_notes_are_the_same_tune_and_half_of_it_is_another():
    changed = TUNE[:18] + [p + 1 for p in TUNE[18:]]  # 17 of 23 steps stay
    half = TUNE[:14] + other_tune(2, 20)
    assert groups(melody(TUNE), melody(changed), melody(half)) == [0, 0, 2]


def test_a_tune_inside_a_longer_piece_is_of_its_family():
    assert groups(melody(other_tune(3, 40) + TUNE + other_tune(4, 40)), melody(TUNE)) == [0, 0]


def test_a_piece_in_segments_is_compared_as_a_whole():
    assert groups(melody(TUNE), [melody(TUNE[:12]), melody([p + 2 for p in TUNE[12:]])])[1] != 0
    assert groups(melody(TUNE), [melody(TUNE[:12]), melody(TUNE[12:])]) == [0, 0]


def test_short_tunes_are_the_same_only_note_for_note():
    short = [60, 62, 64, 60]
    assert groups(melody(short), melody([p + 3 for p in short]), melody(short, [480, 240, 240, 480])) == [0, 0, 2]


def test_many_copies_of_one_tune_are_one_family():
    copies = [melody([p + i % 7 for p in TUNE]) for i in range(30)]
    assert set(groups(*copies)) == {0}


def test_pieces_that_were_compared_before_others_came_are_in_the_same_families():
    changed = TUNE[:18] + [p + 1 for p in TUNE[18:]]
    again = [p + 3 for p in changed[:12]] + other_tune(9, 12)
    whole = corpus(*(melody(p) for p in (other_tune(1), TUNE, changed, other_tune(2), again, [p - 1 for p in TUNE])))
    comparison = Comparison(lambda i: line_of(whole, i))
    assert [comparison.variant_pairs(range(count)) for count in (1, 2, 3)] == [[], [], [(1, 2)]]
    assert families(whole, comparison=comparison) == families(whole)
    assert comparison.are_variants(2, 1)
    assert not comparison.are_variants(0, 3)
    assert comparison.variant(5, 1).words("x") == "same tune as x, 1 semitone down"


def test_one_short_run_of_rhythm_makes_no_candidate_and_two_do():
    """Eight notes of intervals and rhythm that two tunes share are two runs of seven."""
    shared = [(60, 240), (67, 480), (62, 240), (69, 240), (64, 720), (71, 240), (60, 480), (66, 240)]
    for count, pairs in ((7, []), (8, [(0, 1)])):
        one = [(50, 120), (55, 360), (51, 240), *shared[:count], (40, 960), (45, 120), (41, 360)]
        other = [(80, 360), (70, 120), (75, 240), *shared[:count], (90, 120), (80, 960), (99, 240)]
        both = corpus(*(melody(*zip(*notes, strict=True)) for notes in (one, other)))
        comparison = Comparison(lambda i, both=both: line_of(both, i), 0.1)
        assert comparison.are_variants(0, 1)
        assert comparison.variant_pairs([0, 1]) == pairs


def test_the_share_in_common_runs_is_that_counted_step_by_step():
    """Of 40 intervals each, runs of 12 are in common at 0-14 and at 20-31: 27 of 40."""
    dice = random.Random(3)
    steps = [dice.choice((-3, -2, -1, 1, 2, 3)) for _ in range(40)]
    other = [*steps[:15], 5, 7, 5, 7, 5, *steps[20:32], 9, 8, 9, 8, 9, 8, 9, 8]
    one, two = (Line(np.cumsum([60, *line]), np.full(41, 480), 480) for line in (steps, other))
    assert contour_share(one, two) == 27 / 40
    assert contour_share(one, one) == 1.0


def test_a_family_has_the_same_name_in_every_corpus_and_order():
    changed = TUNE[:18] + [p + 1 for p in TUNE[18:]]
    one = families(corpus(melody(TUNE), melody(changed), melody(other_tune(5))))
    two = families(corpus(melody(other_tune(5)), melody(other_tune(6)), melody(changed), melody(TUNE)))
    assert one[0] == one[1] == two[2] == two[3]
    assert one[2] == two[0]


def staying(*tunes):
    """Numbers of the pieces that stay, and those left out with the one that stays for each."""
    whole = with_families(corpus(*tunes))
    kept, left_out = without_duplicates(whole)
    assert {p.family for p in kept.pieces} == {p.family for p in whole.pieces}
    number = {p.source: i for i, p in enumerate(whole.pieces)}
    return [number[p.source] for p in kept.pieces], dict(left_out)


def test_of_equal_pieces_the_first_stays_and_the_others_name_it():
    tunes = [melody(other_tune(7)), melody(TUNE), melody([p - 4 for p in TUNE])]
    assert staying(*tunes) == ([0, 1], {2: 1})
    whole = with_families(corpus(*tunes))
    assert [m.notes for m in without_duplicates(whole)[0].melodies()] == [m.notes for m in whole.melodies()[:2]]


def test_of_two_that_are_nearly_equal_in_length_the_longer_stays():
    cadence = [59, 60]
    assert staying(melody(TUNE), melody([p + 3 for p in [*TUNE, *cadence]])) == ([1], {0: 1})
    assert staying(melody([*TUNE, *cadence]), melody([p + 3 for p in TUNE])) == ([0], {1: 0})


@pytest.mark.parametrize("stretch", [480, 240, 960])
def test_a_tune_and_its_half_stay_both_in_one_family(stretch):
    whole = melody([*TUNE, *other_tune(11)])
    half = melody(TUNE, [stretch] * len(TUNE))
    assert groups(half, whole) == [0, 0]
    assert staying(half, whole) == ([0, 1], {})
    assert staying(whole, half) == ([0, 1], {})


def test_variants_whose_content_differs_stay_both():
    changed = TUNE[:17] + [p + 1 for p in TUNE[17:]]  # 16 of 23 steps are shared, less than four fifths
    assert groups(melody(TUNE), melody(changed)) == [0, 0]
    assert staying(melody(TUNE), melody(changed)) == ([0, 1], {})


def test_a_medley_and_the_tunes_in_it_stay_all():
    other = other_tune(12)
    tunes = [melody(TUNE), melody([*TUNE, 48, *other]), melody(other)]
    assert staying(*tunes) == ([0, 1, 2], {})


def test_linking_joins_chains_under_the_smallest_number():
    assert linked(6, [(4, 2), (2, 5), (1, 0)]) == [0, 0, 2, 3, 2, 2]
