"""Copying: the longest run of intervals and rhythm that a tune shares with a training tune, and which."""

import pytest

from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.evaluate.novelty import longest_shared_runs, run_in_words
from ritornello.music.values import Melody, Note, Timeline

RISING = [60, 62, 64, 65, 67, 69, 71, 72]
CLIMBING = [60, 63, 66, 69, 72, 75, 78, 81]
FALLING = [72, 68, 64, 60, 56, 52, 48, 44]


def tune(pitches: list[int], ticks: int = 480, resolution: int = 480) -> Melody:
    notes = tuple(Note(ticks * n, ticks, p) for n, p in enumerate(pitches))
    return Melody(notes, Timeline(resolution, ticks * len(pitches)))


def corpus() -> Corpus:
    rows = [("rise.abc", "Rise", "train", RISING), ("fall.abc", "Fall", "test", FALLING)]
    return corpus_of(
        [(CorpusPiece(source, (), title, family=source, split=split), [tune(p)]) for source, title, split, p in rows]
    )


def test_a_copy_in_another_key_is_found_whole():
    [run] = longest_shared_runs([tune([p + 5 for p in RISING])], corpus())
    assert run == {"notes": 8, "title": "Rise", "source": "rise.abc", "start_note": 0, "stretch": 1.0}


def test_a_copy_at_another_resolution_is_found():
    [run] = longest_shared_runs([tune(RISING, 24, 24)], corpus())
    assert run["notes"] == 8


def test_a_part_is_found_where_it_begins():
    [run] = longest_shared_runs([tune([50, 49, 50, *[p + 2 for p in RISING[2:7]], 61])], corpus())
    # the five notes from E to B, moved up a whole tone, begin with the fourth
    assert (run["notes"], run["title"], run["start_note"]) == (5, "Rise", 3)


@pytest.mark.parametrize(("duration", "stretch", "words"), [(960, 2.0, "half"), (240, 0.5, "double")])
def test_a_copy_in_double_or_half_note_values_is_found(duration, stretch, words):
    [run] = longest_shared_runs([tune([p + 5 for p in RISING], duration)], corpus())
    assert (run["notes"], run["title"], run["stretch"]) == (8, "Rise", stretch)
    assert run_in_words(run) == f"8 notes (Rise, at {words} speed)"


def test_the_same_pitches_in_another_rhythm_are_no_copy():
    [run] = longest_shared_runs([tune(RISING, 360)], corpus())
    assert run == {"notes": 0, "title": "", "source": "", "start_note": 0, "stretch": 1.0}


def test_what_is_held_out_is_not_searched_unless_asked():
    assert longest_shared_runs([tune(FALLING)], corpus())[0]["notes"] == 0
    assert longest_shared_runs([tune(FALLING)], corpus(), "test")[0]["title"] == "Fall"


def test_each_tune_has_its_own_answer():
    runs = longest_shared_runs([tune(CLIMBING), tune(RISING[:4]), tune([60])], corpus())
    assert [run["notes"] for run in runs] == [0, 4, 0]
