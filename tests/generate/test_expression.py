"""Loudness by the documented rule, added up by hand."""

import math

import pytest

from ritornello.generate.expression import with_expression
from ritornello.music.values import Melody, Metre, Note, Timeline

# The swell at the start of bars 1 to 4, 14 sin(pi (bar / 4)^1.3), by a pocket calculator.
SWELL = [0.0, 7.0, 13.4, 11.8]


def even_notes(count: int, ticks: int, timeline: Timeline) -> Melody:
    return Melody(tuple(Note(n * ticks, ticks, 60 + n % 5) for n in range(count)), timeline)


def louder(melody: Melody) -> list[int]:
    return [note.velocity for note in with_expression(melody).notes]


def test_barlines_swell_over_four_bars_and_the_last_note_is_softer():
    velocities = louder(even_notes(9, 1920, Timeline(480, 9 * 1920)))
    expected = [round(66 + 16 + swell) for swell in SWELL]
    assert expected == [82, 89, 95, 94]
    assert velocities == [*expected, *expected, 82 - 6]


@pytest.mark.parametrize(
    ("metre", "per_bar", "accents"),
    [  # eighths; 16 barline, 8 the middle of a bar, 4 a beat, 0 elsewhere
        ((4, 4), 8, [16, 0, 4, 0, 8, 0, 4, 0]),
        ((3, 4), 6, [16, 0, 4, 0, 4, 0]),
        ((2, 4), 4, [16, 0, 8, 0]),
        ((2, 2), 8, [16, 0, 0, 0, 8, 0, 0, 0]),
        ((6, 8), 6, [16, 0, 0, 8, 0, 0]),
        ((9, 8), 9, [16, 0, 0, 4, 0, 0, 4, 0, 0]),
        ((12, 8), 12, [16, 0, 0, 4, 0, 0, 8, 0, 0, 4, 0, 0]),
        ((3, 8), 3, [16, 0, 0]),
        ((5, 4), 10, [16, 0, 4, 0, 4, 0, 4, 0, 4, 0]),
    ],
)
def test_accents_by_metre(metre, per_bar, accents):
    melody = even_notes(per_bar * 8 + 1, 240, Timeline(480, (per_bar * 8 + 1) * 240, (Metre(0, *metre),)))
    velocities = louder(melody)
    # Notes of one place in phrases 1 and 2 share their swell.
    first, second = velocities[: 4 * per_bar], velocities[4 * per_bar : 8 * per_bar]
    assert first == second
    assert velocities[0] == 66 + 16
    swell = [14 * math.sin(math.pi * (n / per_bar / 4) ** 1.3) for n in range(per_bar)]
    assert first[:per_bar] == [round(66 + accent + s) for accent, s in zip(accents, swell, strict=True)]


def test_a_pickups_place_is_counted_back_from_its_barline():
    timeline = Timeline(480, 480 + 1920, (Metre(0, 4, 4), Metre(480, 4, 4)))
    melody = Melody((Note(0, 240, 60), Note(240, 240, 62), Note(480, 960, 64), Note(1440, 960, 65)), timeline)
    velocities = louder(melody)
    # The pick-up's first note lies on the fourth beat (4), its second between beats (0), at the end of a phrase,
    # where the swell is nearly over; the barline opens the phrase.
    assert 70 <= velocities[0] < 66 + 4 + 14
    assert 66 <= velocities[1] < velocities[0]
    assert velocities[2] == 66 + 16
    assert velocities[3] == round(66 + 8 + 14 * 0.2086) - 6  # sin(pi (1/8)^1.3)


def test_nothing_but_loudness_changes_and_all_of_it_is_playable():
    melody = even_notes(50, 120, Timeline(480, 6000, (Metre(0, 3, 4),)))
    after = with_expression(melody)
    assert [n[:3] for n in after.notes] == [n[:3] for n in melody.notes]
    assert (after.timeline, after.title) == (melody.timeline, melody.title)
    assert all(60 <= n.velocity <= 96 for n in after.notes)
    assert with_expression(Melody(())).notes == ()
