"""Performed timing on a grid, written out by hand."""

from random import Random

import pytest

from ritornello.corpus.pick.quantise import is_written, timed
from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline

QUARTER = 480


def melody(*notes: tuple[int, int], tpq: int = QUARTER, **metadata) -> Melody:
    """Notes as (start, duration) on one pitch after another."""
    return Melody(tuple(Note(s, d, 60 + n % 12) for n, (s, d) in enumerate(notes)), Timeline(tpq, **metadata))


def spans(result) -> list[tuple[int, int]]:
    return [(n.start, n.duration) for n in result.melody.notes]


def test_played_eighths_go_to_the_eighths_with_their_metre_and_tempo():
    strays = (12, -18, 9, 25, -21, 14, -7, 20, 11, -13, 17, -9)
    played = melody(
        *((max(0, 240 * n + stray), 190) for n, stray in enumerate(strays)),
        length=2900, metres=(Metre(0, 3, 4), Metre(1447, 4, 4)), tempos=(Tempo(0, 100.0), Tempo(963, 90.0)),
        keys=(Key(0, 1),),
    )  # fmt: skip
    result = timed(played)
    assert not result.is_written
    assert [n.start for n in result.melody.notes] == [240 * n for n in range(12)]
    line = result.melody.timeline
    assert (line.length, line.metres) == (2880, (Metre(0, 3, 4), Metre(1440, 4, 4)))
    assert (line.tempos, line.keys) == ((Tempo(0, 100.0), Tempo(960, 90.0)), (Key(0, 1),))
    assert (result.far, result.better, result.merged) == (0.0, None, 0)


def test_written_music_keeps_its_triplets_and_32nds():
    written = melody((0, 160), (160, 160), (320, 160), (480, 60), (540, 60), (600, 360))
    assert timed(written).melody == written
    assert timed(written).is_written


def test_a_written_tune_of_triplets_is_told_which_grid_would_fit():
    triplets = melody(*((160 * n, 160) for n in range(12)))
    result = timed(triplets, 4)
    assert result.melody == triplets
    assert (round(result.far, 3), result.better) == (0.667, 12)
    assert (timed(triplets, 12).far, timed(triplets, 12).better) == (0.0, None)


def test_played_triplets_stay_triplets_on_a_grid_that_holds_them():
    strays = (8, -14, 11, 5, -9, 13, -12, 7, 10, -6, 14, -11)
    quarters = [(1920 + 480 * n + stray, 400) for n, stray in enumerate((9, -12, 13, -8))]
    played = melody(*((max(0, 160 * n + s), 120) for n, s in enumerate(strays)), *quarters)
    assert [n.start for n in timed(played, 12).melody.notes] == [*range(0, 1920, 160), 1920, 2400, 2880, 3360]
    assert timed(played, 4).better == 12
    assert timed(played, 4).far > 0.1


def test_played_sixteenths_are_not_taken_for_triplets():
    strays = (8, -14, 15, 5, -9, 13, -12, 17, 10, -6, 14, -11, 9, -16, 7, 12)
    played = melody(*((max(0, 120 * n + s), 80) for n, s in enumerate(strays)))
    assert [n.start for n in timed(played, 12).melody.notes] == [120 * n for n in range(16)]


def test_timing_without_a_beat_fits_no_grid():
    random, now, notes = Random(3), 0, []
    for _ in range(200):
        notes.append((now, 50))
        now += random.randint(130, 700)
    result = timed(melody(*notes))
    assert result.far > 0.25
    assert result.better is None


def test_playing_late_throughout_is_not_taken_for_rhythm():
    strays = (50, 44, 55, 47, 52, 58, 43, 49)
    result = timed(melody(*((240 * n + stray, 120) for n, stray in enumerate(strays))))
    assert [n.start for n in result.melody.notes] == [240 * n for n in range(8)]
    assert result.far == 0.0


def test_an_ornament_on_the_step_of_its_note_gives_way():
    played = melody((5, 30), (37, 440), (493, 460), (971, 20), (995, 25), (1024, 400))
    result = timed(played)
    assert [(n.start, n.pitch) for n in result.melody.notes] == [(0, 61), (480, 62), (960, 65)]
    assert result.merged == 3


SWING = [(480 * (n // 2) + (320 if n % 2 else 0), 140) for n in range(16)]


def test_swing_is_kept_where_the_grid_holds_it():
    assert timed(melody(*SWING), 12, timing="grid").melody.notes[1].start == 320
    assert timed(melody(*SWING)).swing is None


def test_swing_is_evened_out_when_asked():
    result = timed(melody(*SWING), 4, swing="straight")
    assert [n.start for n in result.melody.notes] == [240 * n for n in range(16)]
    assert result.swing == pytest.approx(2 / 3)
    assert result.far == 0.0


def test_played_swing_is_evened_out():
    random = Random(5)
    played = melody(*((max(0, s + random.randint(-15, 15)), d) for s, d in SWING))
    assert [n.start for n in timed(played, 4, swing="straight").melody.notes] == [240 * n for n in range(16)]


def test_straight_eighths_triplets_and_dotted_rhythms_do_not_swing():
    for notes in (
        [(240 * n, 240) for n in range(16)],
        [(160 * n, 160) for n in range(24)],
        [(480 * (n // 2) + (360 if n % 2 else 0), 120) for n in range(16)],
    ):
        assert timed(melody(*notes), 12, swing="straight").melody.notes == melody(*notes).notes


@pytest.mark.parametrize(
    ("late", "even", "early", "swings"),
    [
        (9, 3, 0, True),  # straight eighths are a third of the late ones
        (9, 4, 0, False),
        (10, 0, 2, True),  # sixteenths after the beat are a fifth of the late ones
        (9, 0, 2, False),
    ],
)
def test_few_straight_eighths_and_fewer_sixteenths_leave_it_a_swing(late, even, early, swings):
    offbeats = [320] * late + [240] * even + [120] * early
    notes = [(480 * n + tick, 100) for n, offbeat in enumerate(offbeats) for tick in (0, offbeat)]
    assert (timed(melody(*notes), 12, swing="straight").swing is not None) is swings


def test_exact_keeps_even_played_timing():
    played = melody((7, 100), (251, 90), (489, 100))
    assert timed(played, timing="exact").melody == played


def test_a_resolution_that_does_not_hold_the_grid_is_changed():
    played = melody((3, 40), (102, 40), (205, 40), (296, 40), tpq=100)
    result = timed(played, 12)
    assert result.melody.timeline.ticks_per_quarter == 480
    assert [n.start for n in result.melody.notes] == [0, 480, 960, 1440]


def test_notes_held_for_95_percent_are_written_with_their_whole_length():
    short = melody((0, 455), (480, 227), (720, 227), (960, 911))
    assert spans(timed(short)) == [(0, 480), (480, 240), (720, 240), (960, 960)]


def test_the_written_are_told_from_the_played_at_coarse_resolutions_too():
    import numpy as np

    assert is_written(np.arange(0, 960, 12), 96)
    assert is_written(np.array([0, 55, 110, 165, 220]), 220)
    random = np.random.default_rng(0)
    assert not is_written(np.cumsum(random.integers(10, 90, 100)), 96)
    assert is_written(np.array([], np.int64), 96)


def test_a_grid_of_no_steps_is_refused():
    with pytest.raises(ValueError, match="steps_per_quarter must be 1 or more, not 0"):
        timed(melody((0, 480)), 0)
