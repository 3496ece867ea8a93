"""Performance events: the alphabet of PerformanceRNN, its rules, its round trip, augmentation and features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.corpus.embedded import embedded
from ritornello.encoding import make_encoding
from ritornello.encoding.features import feature_rows
from ritornello.encoding.played.events import density_values, share_values
from ritornello.music.values import Note, Part, Piece, Tempo, Timeline, all_notes

EVENTS = make_encoding("events")
MILLISECONDS = Timeline(500, tempos=(Tempo(0, 120.0),))


def piece(*notes: tuple[int, int, int, int], timeline: Timeline = MILLISECONDS) -> Piece:
    """A piece of notes (start, duration, pitch, velocity) in milliseconds."""
    return Piece((Part(tuple(Note(*note) for note in notes)),), timeline)


def test_the_table_is_that_of_performance_rnn_and_an_end() -> None:
    rows = [(row.name, row.first, row.size) for row in EVENTS.vocabulary.rows]
    assert rows == [
        ("note_on", 0, 128), ("note_off", 128, 128), ("time_shift", 256, 100), ("velocity", 356, 32), ("end", 388, 1),
    ]  # fmt: skip
    assert EVENTS.parts == (389,)


def test_a_piece_as_it_is_written() -> None:
    music = piece((0, 500, 60, 81), (500, 1530, 64, 81), (500, 1530, 67, 100))
    names = EVENTS.vocabulary.spell(EVENTS.encode(music).tokens)
    assert names == (
        "velocity 20 | note_on 60 | time_shift 49 | note_off 60 | note_on 64 | velocity 24 | note_on 67 | "
        "time_shift 99 | time_shift 52 | note_off 64 | note_off 67 | end"
    )


NOTES = st.lists(
    st.tuples(st.integers(0, 9000), st.integers(1, 4000), st.integers(0, 127), st.integers(1, 127)), max_size=30
)


@given(NOTES)
def test_every_piece_is_legal_and_written_once(notes) -> None:
    tokens = EVENTS.encode(piece(*notes)).tokens
    rules = EVENTS.tracker()
    if notes:
        for token in tokens.tolist():
            assert rules.legal()[token]
            rules.advance(token)
        assert rules.done
        assert not rules.legal().any()
    assert EVENTS.encode(EVENTS.decode(tokens)).tokens.tolist() == tokens.tolist()


@given(NOTES)
def test_notes_come_back_within_5_ms_and_one_velocity_bin(notes) -> None:
    encoded = EVENTS.encode(piece(*notes))
    again = EVENTS.decode(encoded.tokens)
    found = all_notes(again)
    assert len(found) == len(notes) - encoded.losses["lost"]
    if encoded.losses:
        return
    wanted = sorted((Note(*note) for note in notes), key=lambda n: (n.pitch, n.start))
    for one, other in zip(wanted, sorted(found, key=lambda n: (n.pitch, n.start)), strict=True):
        seconds = again.timeline.seconds
        assert abs(seconds(other.start) - one.start / 1000) <= 0.005 + 1e-9
        assert abs(seconds(other.end) - one.end / 1000) <= 0.005 + 1e-9
        assert one.pitch == other.pitch
        assert abs(one.velocity - other.velocity) < 4


def test_tempo_changes_are_followed() -> None:
    timeline = Timeline(480, tempos=(Tempo(0, 120.0), Tempo(480, 60.0)))
    again = EVENTS.decode(EVENTS.encode(piece((480, 480, 60, 80), timeline=timeline)).tokens)
    [note] = all_notes(again)
    assert again.timeline.seconds(note.start) == pytest.approx(0.5)
    assert again.timeline.seconds(note.end) == pytest.approx(1.5)


def test_a_pitch_that_is_struck_again_ends_the_note_before_and_is_counted() -> None:
    encoded = EVENTS.encode(piece((0, 1000, 60, 80), (500, 500, 60, 80), (500, 300, 60, 80)))
    assert encoded.losses == {"resized": 1, "lost": 1}
    starts = [(n.start, n.duration) for n in all_notes(EVENTS.decode(encoded.tokens))]
    assert starts == [(0, 50), (50, 50)]


def test_melodies_of_the_embedded_corpus_keep_every_note() -> None:
    for melody in embedded("hymns").melodies("test"):
        encoded = EVENTS.encode(melody)
        assert not encoded.losses["lost"]
        assert [n.pitch for n in all_notes(EVENTS.decode(encoded.tokens))] == [n.pitch for n in melody.notes]


def test_rules() -> None:
    rules = EVENTS.tracker()
    names = lambda: {EVENTS.vocabulary.name_of(n).split()[0] for n in np.flatnonzero(rules.legal())}  # noqa: E731
    assert names() == {"time_shift", "velocity"}  # nothing sounds, nothing says how loud it would
    rules.advance(356 + 20)
    assert names() == {"note_on"}
    rules.advance(60)
    assert not rules.legal()[60]
    assert not rules.legal()[128 + 60]  # no note without length
    assert not rules.legal()[356 + 20]  # it is as loud already
    rules.advance(256 + 10)
    assert not rules.legal()[256:356].any()  # one spelling for each time
    assert rules.legal()[128 + 60]
    assert not rules.legal()[128 + 61]
    assert not rules.legal()[388]
    assert rules.seconds == pytest.approx(0.11)


def test_variants_move_within_a_major_third_and_stretch_by_up_to_5_percent() -> None:
    tokens = EVENTS.encode(piece((0, 1000, 60, 80), (2000, 1000, 64, 80))).tokens
    variants = EVENTS.variants(tokens, 0, 127)
    assert len(variants) == 9 * 5
    assert EVENTS.vary(tokens, 0).tolist() == tokens.tolist()
    made = [EVENTS.decode(EVENTS.vary(tokens, variant)) for variant in variants]
    assert {all_notes(m)[0].pitch for m in made} == set(range(56, 65))
    assert sorted({all_notes(m)[1].start for m in made}) == [190, 195, 200, 205, 210]
    assert {all_notes(m)[0].pitch for m in map(EVENTS.decode, (EVENTS.vary(tokens, v) for v in
            EVENTS.variants(tokens, 60, 64)))} == {60}  # fmt: skip


def test_features_say_what_is_to_come() -> None:
    steered = make_encoding("events", ("density", "pitches"))
    tokens = steered.encode(piece(*((1000 * n, 500, 60 + 4 * (n % 2), 80) for n in range(12)))).tokens
    rows = np.array([steered.given_rows(tokens, np.random.default_rng(seed)) for seed in range(20)])
    first = rows[:, 0]
    assert set(first[:, 0]) == {0, density_values(np.array(1.0))}
    assert {tuple(row) for row in first[:, 1:]} == {
        (0,) * 12,
        tuple(share_values(np.array([3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]))),
    }


def test_features_say_which_note_has_sounded_longest() -> None:
    encoding = make_encoding("events", ("held",))
    tokens = [356 + 20, 60, 64, 256 + 49, 128 + 60, 256 + 99, 256 + 9, 128 + 64, 388]  # 60 for 0.5 s, 64 for 1.6 s
    expected = [
        (0, 0, 0), (0, 0, 0), (61, 1, 1), (61, 1, 2), (61, 8, 2),  # half a second: past 0.05 to 0.5
        (65, 8, 1), (65, 11, 1), (65, 11, 1), (0, 0, 0),
    ]  # fmt: skip
    assert encoding.given_rows(np.array(tokens), np.random.default_rng(1)).tolist() == [list(row) for row in expected]
    assert feature_rows(encoding, np.array(tokens)).tolist() == [list(row) for row in expected]
    rules, rows = encoding.tracker(), []
    for token in tokens:
        rows.append(rules.features())
        rules.advance(token)
    assert rows == expected


def test_a_note_that_was_forgotten_must_end() -> None:
    rules = EVENTS.tracker()
    for token in (356 + 20, 60, *[256 + 99, 67, 256 + 99, 128 + 67] * 7):
        rules.advance(token)
    assert not rules.legal()[128 + 60]  # ends come from low to high at one moment
    rules.advance(256 + 99)
    assert np.flatnonzero(rules.legal()).tolist() == [128 + 60]


def test_what_is_asked_for_is_kept_to_where_a_network_strays() -> None:
    random, rules = np.random.default_rng(1), make_encoding("events", ("density", "pitches")).tracker()
    rules.steer((4.0,), 30.0, (0, 2, 4, 5, 7, 9, 11))
    pitches = []
    while rules.seconds < 30:
        legal = np.flatnonzero(rules.legal())
        starts = legal[legal < 128]
        token = int(random.choice(starts if len(starts) and random.random() < 0.9 else legal[legal != 388]))
        pitches += [token] if token < 128 else []
        rules.advance(token)
    assert len(pitches) <= 4 * 30 * 1.2
    assert rules.seconds < 31  # it had to wait, and could
    assert np.mean(np.isin(np.array(pitches) % 12, (0, 2, 4, 5, 7, 9, 11))) >= 0.9


def test_density_asked_for_is_what_is_still_owed() -> None:
    rules = make_encoding("events", ("density",)).tracker()
    assert rules.features() == (0,)
    rules.densities = (4.0,)
    assert rules.features() == (density_values(np.array(4.0)),)
    rules.advance(356 + 20)
    for pitch in range(60, 72):
        rules.advance(pitch)
    assert rules.features() == (1,)
    rules.densities, rules.length = (2.0, 6.0), 10.0
    assert rules._asked(10.0) == pytest.approx(40.0)
