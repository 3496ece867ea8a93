"""Shared runs: against a search that compares every pair of places, one note at a time."""

import random
from fractions import Fraction

import numpy as np
import pytest

from ritornello.corpus.families.shared_runs import RunFinder, SharedRun, melody_steps
from ritornello.music.values import Melody, Note, Timeline


def tune(pitches, quarters=None, ticks_per_quarter=480, source="tune"):
    quarters = quarters or [Fraction(1)] * len(pitches)
    notes, at = [], 0
    for pitch, length in zip(pitches, quarters, strict=True):
        ticks = int(length * ticks_per_quarter)
        notes.append(Note(at, ticks, pitch))
        at += ticks
    return Melody(tuple(notes), Timeline(ticks_per_quarter), source=source)


def finder_of(melodies):
    return RunFinder([melody_steps(m) for m in melodies], [m.source for m in melodies])


def plain_steps(melody):
    """The definition, in fractions: interval, and quarters from onset to onset."""
    return [
        (b.pitch - a.pitch, Fraction(b.start - a.start, melody.timeline.ticks_per_quarter))
        for a, b in zip(melody.notes, melody.notes[1:], strict=False)
    ]


def brute_force(melody, collection):
    """(notes, start_note, melody, source_note) of the longest shared run, earliest first."""
    asked, best = plain_steps(melody), (0, 0, -1, 0)
    for start in range(len(asked)):
        for index, other in enumerate(collection):
            steps = plain_steps(other)
            for there in range(len(steps)):
                n = 0
                while start + n < len(asked) and there + n < len(steps) and asked[start + n] == steps[there + n]:
                    n += 1
                if n and n + 1 > best[0]:
                    best = (n + 1, start, index, there)
    return best


def random_tune(rng, notes, source=""):
    pitches = [rng.choice([60, 62, 64]) for _ in range(notes)]
    lengths = [rng.choice([Fraction(1), Fraction(1, 2)]) for _ in range(notes)]
    return tune(pitches, lengths, rng.choice([2, 6, 480]), source)


@pytest.mark.parametrize("seed", range(25))
def test_longest_run_is_what_comparing_every_pair_of_places_finds(seed):
    rng = random.Random(seed)
    collection = [random_tune(rng, rng.randrange(0, 40), str(i)) for i in range(8)]
    finder = finder_of(collection)
    for _ in range(6):
        melody = random_tune(rng, rng.randrange(0, 30))
        run = finder.longest(melody)
        assert (run.notes, run.start_note, run.melody, run.source_note) == brute_force(melody, collection)


def test_a_copy_in_another_key_and_resolution_is_found_whole():
    first = tune([60, 62, 64, 65, 67, 65], source="first")
    second = tune([72, 71, 69, 72, 74, 76, 77, 79, 60], ticks_per_quarter=96, source="second")
    asked = tune([51, 53, 55, 57, 58, 60, 40], ticks_per_quarter=7)
    assert finder_of([second, first]).longest(asked) == SharedRun(5, 1, 0, "second", 3)


def test_rhythm_counts_but_not_the_length_of_the_last_note():
    known = tune([60, 62, 64], [1, 1, 4])
    finder = finder_of([known])
    assert finder.longest(tune([70, 72, 74], [1, 1, Fraction(1, 4)])).notes == 3
    assert finder.longest(tune([70, 72, 74], [1, 2, 4])).notes == 2
    assert finder.longest(tune([70, 72, 74], [2, 2, 4])).notes == 0


def test_runs_do_not_cross_from_one_melody_into_the_next():
    finder = finder_of([tune([60, 62]), tune([60, 64])])
    assert finder.longest(tune([60, 62, 60, 64])).notes == 2


def test_an_empty_collection_and_an_empty_melody_share_nothing():
    assert finder_of([]).longest(tune([60, 62])) == SharedRun(0)
    assert finder_of([tune([60, 62])]).longest(tune([])) == SharedRun(0)
    assert finder_of([tune([60])]).longest(tune([60])) == SharedRun(0)


@pytest.mark.parametrize("notes", [2, 3, 5, 6])
def test_shared_runs_inside_a_collection(notes):
    rng = random.Random(notes)
    collection = [random_tune(rng, 14) for _ in range(9)]
    having = {}
    for index, melody in enumerate(collection):
        steps = plain_steps(melody)
        for at in range(len(steps) - notes + 2):
            having.setdefault(tuple(steps[at : at + notes - 1]), set()).add(index)
    wanted = sorted(tuple(sorted(group)) for group in having.values() if len(group) > 1)
    found = [tuple(np.asarray(group).tolist()) for group in finder_of(collection).shared(notes)]
    assert sorted(found) == wanted
