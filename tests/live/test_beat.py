"""The beat: own tempo, taps, MIDI clock and Link. Times in seconds, beats in quarters."""

import math
from random import Random

import pytest

from ritornello.live.beat import Beat

JITTER = 0.002


def follow(beat, random, start, qpm, quarters, jitter=JITTER):
    """Send a clock; return where it ends, exactly."""
    interval = 60 / qpm / 24
    for tick in range(round(24 * quarters)):
        beat.clock(start + tick * interval + random.uniform(-jitter, jitter))
    return start + round(24 * quarters) * interval


@pytest.mark.parametrize("qpm", [60, 110, 180])
def test_a_clock_with_jitter_is_followed_within_a_millisecond(qpm):
    beat, random, misses = Beat(100), Random(1), []
    beat.start(1.0)
    end = follow(beat, random, 1.0, qpm, 8)
    for quarter in range(8, 72):
        end = follow(beat, random, end, qpm, 1)
        place = 4 + quarter + 1.5  # the first tick is the second barline
        misses.append(abs(beat.time_of(place) - (1 + (quarter + 1.5) * 60 / qpm)))
    assert sorted(misses)[-1] < 0.001
    assert beat.source == "MIDI clock"


@pytest.mark.parametrize("qpm", [30, 60, 90, 180])
@pytest.mark.parametrize("ticks", [0.1, 0.9, 3.0])
def test_the_first_tick_after_a_start_is_the_barline_however_late_it_comes(qpm, ticks):
    beat, late = Beat(100), ticks * 60 / qpm / 24
    beat.start(10.0)
    end = follow(beat, Random(6), 10.0 + late, qpm, 8)
    assert beat.beat_at(end) == pytest.approx(20 + 8, abs=0.01)
    beat.stop(end)
    beat.go_on(end + 3)
    end = follow(beat, Random(7), end + 3 + late, qpm, 6)
    assert beat.beat_at(end) == pytest.approx(20 + 14, abs=0.01)


def test_a_first_tick_that_comes_a_count_in_after_the_start_begins_a_bar():
    beat = Beat(100)
    beat.start(10.0)
    end = follow(beat, Random(8), 12.0, 120, 8)
    assert (beat.beat_at(end) + 1) % 4 == pytest.approx(1, abs=0.01)


def test_another_tempo_is_caught_in_two_beats_and_its_place_in_a_bar():
    beat, random = Beat(100), Random(2)
    beat.start(0.0)
    change = follow(beat, random, 0.0, 100, 16)
    end = follow(beat, random, change, 140, 2)
    assert beat.qpm == pytest.approx(140, rel=0.01)
    follow(beat, random, end, 140, 2)
    assert beat.beat_at(change + 4 * 60 / 140) == pytest.approx(20, abs=0.01)


def in_periods(beat, start, qpm, quarters, period):
    """Send a clock whose ticks arrive with the next period of a driver, all of one period together."""
    for tick in range(24 * quarters):
        beat.clock(math.ceil((start + tick * 60 / qpm / 24) / period) * period)
    return start + quarters * 60 / qpm


@pytest.mark.parametrize("qpm", [60, 100, 120, 140, 180])
@pytest.mark.parametrize("frames", [64, 256, 512, 1024])
def test_a_clock_that_arrives_in_the_periods_of_a_driver_is_followed(qpm, frames):
    beat, period = Beat(100), frames / 48000
    beat.start(1.0)
    end = in_periods(beat, 1.001, qpm, 8, period)
    for _ in range(16):
        end = in_periods(beat, end, qpm, 1, period)
        assert beat.source == "MIDI clock"
        assert beat.qpm == pytest.approx(qpm, rel=0.01)
        late = (round(beat.beat_at(end)) - beat.beat_at(end)) * 60 / qpm  # half a period on average
        assert -0.002 < late < period + 0.002


def test_a_tempo_that_changes_is_caught_in_a_bar_where_ticks_arrive_in_periods():
    beat, period = Beat(100), 1024 / 48000
    beat.start(1.0)
    change = in_periods(beat, 1.001, 100, 16, period)
    in_periods(beat, change, 140, 4, period)
    assert beat.qpm == pytest.approx(140, rel=0.03)


def test_a_clock_that_scatters_is_called_broken_and_its_last_tempo_held():
    beat, random = Beat(100), Random(3)
    beat.start(0.0)
    time = follow(beat, random, 0.0, 110, 16)
    for _ in range(400):
        before = beat.beat_at(time)
        time += 60 / 24 / random.uniform(26, 560)
        beat.clock(time)
        assert beat.beat_at(time) >= before - 0.002
        assert beat.qpm == pytest.approx(110, rel=0.03)
    assert beat.source == "the clock is broken"
    follow(beat, random, time, 110, 8)
    assert beat.source == "MIDI clock"
    assert beat.qpm == pytest.approx(110, rel=0.005)


def test_a_clock_without_a_tick_for_a_second_goes_on_in_its_place():
    beat, random = Beat(100), Random(4)
    beat.start(0.0)
    end = follow(beat, random, 0.0, 120, 16)
    beat.watch(end + 0.5)
    assert beat.source == "the clock is lost"
    follow(beat, random, end + 1.0, 120, 8)
    assert beat.source == "MIDI clock"
    assert beat.beat_at(end + 5.0) == pytest.approx(26, abs=0.01)


def test_a_clock_at_1000_bpm_changes_nothing():
    beat = Beat(100)
    follow(beat, Random(5), 0.0, 1000, 100, jitter=0)
    assert (beat.source, beat.qpm) == ("the clock is broken", 100)


def test_the_beat_stands_still_between_stop_and_continue_and_begins_a_bar_at_start():
    beat = Beat(60)
    beat.stop(2.5)
    assert (beat.beat_at(9.0), beat.is_running) == (2.5, False)
    beat.go_on(10.0)
    assert beat.beat_at(11.0) == 3.5
    beat.start(12.0)
    assert beat.beat_at(12.0) == 8.0  # 4.5 before: the next barline


def test_a_song_position_is_kept_within_the_bar():
    beat = Beat(60)
    beat.position(1.0, 8)  # two quarters
    assert beat.beat_at(1.0) == 2.0
    beat.position(2.0, 4)
    assert beat.beat_at(2.0) == 5.0


def test_taps_give_the_tempo_and_the_beat():
    beat = Beat(60)
    for time in (0.3, 0.8, 1.31, 1.8):
        beat.tap(time)
    assert beat.qpm == pytest.approx(120, abs=3)
    assert beat.beat_at(1.8) == round(beat.beat_at(1.8))
    beat.tap(9.0)
    beat.tap(9.001)  # 60,000 bpm
    assert beat.qpm == pytest.approx(120, abs=3)


def test_link_gives_tempo_and_place():
    beat = Beat(60)
    beat.link(1.0, 120, 101.25)
    assert beat.beat_at(1.0) == 1.25
    beat.link(2.0, 120, 103.25)
    assert (beat.beat_at(2.0), beat.qpm) == (3.25, 120)
    beat.link(2.5, 5000, 0)
    assert beat.qpm == 120


def test_barlines_and_beats_of_a_metre_and_of_one_that_follows():
    beat = Beat(60, "6/8")
    assert [beat.bars.beat_from(place) for place in (0, 0.1, 1.5, 1.6)] == [0, 1.5, 1.5, 3]
    beat.set_metre(4.0, "3/4")
    assert [beat.bars.barline_from(place) for place in (4, 6.1, 9.5)] == [6, 9, 12]
    assert [beat.bars.number(place) for place in (5.9, 6.0, 9.0)] == [2, 3, 4]
