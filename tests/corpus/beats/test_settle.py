"""Beats and bars of performances are found from all parts; files that lie on their grid are believed."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from benchmarks.corpus.beats import judged
from benchmarks.corpus.played import in_one_metre

from ritornello.corpus.beats.evidence import Notes, chords
from ritornello.corpus.beats.settle import settled
from ritornello.corpus.beats.track import drift
from ritornello.corpus.build.convert import convert
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.pick import pick_melodies
from ritornello.music import read
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Key, Melody, Metre, Note, Part, Piece, Tempo, Timeline

FIXTURES = Path(__file__).parents[2] / "fixtures" / "other_programs"
Q = 480
CHORDS = ((48, 64, 67), (53, 65, 69), (43, 62, 67), (48, 64, 67))  # bass and two upper notes: C F G C


def waltz(bars: int = 24) -> list[list[tuple[float, float, int]]]:
    """Bass on 1, chords on 2 and 3, above them a half and a quarter: (start, length, pitch) in quarters, by part."""
    upper, lower = [], []
    for bar in range(bars):
        bass, third, fifth = CHORDS[bar % 4]
        at = 3.0 * bar
        lower += [(at, 1, bass), *((at + beat, 1, pitch) for beat in (1, 2) for pitch in (third, fifth))]
        upper += [(at, 2, fifth + 12), (at + 2, 1, third + 12 + bar % 3)]
    return [upper, lower]


def march(bars: int = 20) -> list[list[tuple[float, float, int]]]:
    """Bass on 1 and 3, chords on 2 and 4, above them a half, a quarter and two eighths."""
    upper, lower = [], []
    for bar in range(bars):
        bass, third, fifth = CHORDS[bar % 4]
        at = 4.0 * bar
        lower += [(at, 1, bass), (at + 2, 1, bass + 7)]
        lower += [(at + beat, 1, pitch) for beat in (1, 3) for pitch in (third, fifth)]
        upper += [(at, 2, fifth + 12), (at + 2, 1, third + 12), (at + 3, 0.5, 72), (at + 3.5, 0.5, 74 + bar % 2)]
    return [upper, lower]


def jig(bars: int = 24) -> list[list[tuple[float, float, int]]]:
    """A chord on each dotted quarter; above, quarter and eighth, then three eighths."""
    upper, lower = [], []
    for bar in range(bars):
        bass, third, fifth = CHORDS[bar % 4]
        at = 3.0 * bar
        lower += [(at + half, 1.5, pitch) for half in (0, 1.5) for pitch in (bass, third - 12, fifth - 12)]
        upper += [(at, 1, fifth + 12), (at + 1, 0.5, third + 12)]
        upper += [(at + 1.5 + n / 2, 0.5, 72 + (n, 2, n + bar % 2)[n]) for n in range(3)]
    return [upper, lower]


def performed(parts, late: float, seed: int = 0, stated=(1, 4), wave: float = 0.0, source: str = "take.mid") -> Piece:
    """Play parts `late` quarters after the file's beat, 15 ms uneven at 120, the beat swaying by `wave` quarters."""
    rng = np.random.default_rng(seed)
    made = []
    for part in parts:
        notes = []
        for start, length, pitch in part:
            at = start + late + wave * np.sin(start / 12) + rng.normal(0, 0.03)
            notes.append(Note(max(round(at * Q), 0), round(0.9 * length * Q), pitch))
        made.append(Part(tuple(notes)))
    return Piece(tuple(made), Timeline(Q, metres=(Metre(0, *stated),)), source=source)


def places(piece: Piece) -> np.ndarray:
    """Where the notes of the first part lie, in quarters from the first barline."""
    line = piece.timeline
    return np.array([n.start - line.pickup for n in piece.parts[0].notes]) / Q


@pytest.mark.parametrize("late", [0.0, 0.21, 0.5, 0.87])
@pytest.mark.parametrize(("music", "metre", "bar"), [(waltz, "3/4", 3), (march, "4/4", 4), (jig, "6/8", 3)])
@pytest.mark.parametrize("wave", [0.0, 0.6])
def test_beats_barlines_and_metre_of_a_performance_are_found(music, metre, bar, late, wave):
    parts = music()
    result = settled(performed(parts, late, wave=wave), is_written=False)
    assert result.piece.timeline.metre.name == metre
    written = np.array(sorted(start for start, _, _ in parts[0]))
    away = places(result.piece) - written
    assert np.abs(away - bar * np.rint(np.median(away) / bar)).max() < 0.2


def test_what_is_found_is_the_same_wherever_the_recording_starts():
    pieces = [settled(performed(waltz(), late, seed=3), is_written=False).piece for late in (0.3, 5.3)]
    assert pieces[0].timeline == pieces[1].timeline
    assert pieces[0].parts == pieces[1].parts


def test_a_pick_up_is_a_short_first_bar():
    parts = [[(start + 1, length, pitch) for start, length, pitch in part] for part in waltz()]
    parts[0].insert(0, (0.0, 1, 79))
    line = settled(performed(parts, 0.4), is_written=False).piece.timeline
    assert line.metres == (Metre(0, 3, 4), Metre(Q, 3, 4))


def test_a_constant_lateness_keeps_lengths_and_moves_tempos_and_keys_along():
    piece = performed(march(), 0.25)
    late = Timeline(Q, 0, piece.timeline.metres, (Key(0, 0), Key(20 * Q, 1)), (Tempo(0, 120.0), Tempo(20 * Q, 90.0)))
    found = settled(Piece(piece.parts, late, source=piece.source), is_written=False).piece
    assert [n.duration for n in found.parts[0].notes] == [n.duration for n in piece.parts[0].notes]
    assert found.timeline.tempos[1].qpm == 90.0
    assert found.timeline.keys[1].tick == found.timeline.tempos[1].tick == pytest.approx(19.75 * Q, abs=12)


def test_written_files_with_bars_and_scores_stay_untouched():
    piece = performed(waltz(), 0.4, stated=(4, 4))
    assert settled(piece, is_written=True).piece is piece
    for source in ("", "tune.abc", "tune.musicxml", "tune.krn"):
        score = performed(waltz(), 0.4, source=source)
        assert settled(score, is_written=False).piece is score


def test_notes_on_the_grid_under_a_metre_without_bars_get_one():
    exact = [Part(tuple(Note(int(s * Q), int(d * Q), p) for s, d, p in part)) for part in waltz()]
    piece = Piece(tuple(exact), Timeline(Q, metres=(Metre(0, 1, 4),)), source="x.mid")
    found = settled(piece, is_written=True).piece
    assert found.timeline.metres == (Metre(0, 3, 4),)
    assert found.parts == piece.parts


def test_a_handful_of_notes_tells_nothing():
    piece = performed([[(n, 1, 60 + n) for n in range(6)]], 0.4)
    assert settled(piece, is_written=False).piece is piece


def test_a_metre_and_a_beat_offset_that_are_asked_for_overrule_the_estimate():
    piece = performed(waltz(), 0.4)
    assert settled(piece, False, "4/4").piece.timeline.metre.name == "4/4"
    assert settled(piece, False, "5/4").piece.timeline.metre.name == "5/4"
    line = settled(piece, False, "4/4", 1.4).piece.timeline
    assert line.pickup == Q
    assert line.metre.name == "4/4"
    exact = Piece(
        (Part(tuple(Note(n * Q, Q, 60) for n in range(32))),), Timeline(Q, metres=(Metre(0, 4, 4),)), source="x.mid"
    )
    moved = settled(exact, True, "3/4", 2.0).piece
    assert moved.timeline.metres == (Metre(0, 3, 4), Metre(2 * Q, 3, 4))
    assert moved.parts == exact.parts


def test_the_options_overrule_when_a_corpus_is_built():
    content = (FIXTURES / "beat-a-constant-0.87-quarter-late.mid").read_bytes()
    for options, expected in (
        (BuildOptions(metre="3/4"), "3/4"),
        (BuildOptions(metre="2/4", beat_offset=0.87), "2/4"),
    ):
        (melody,) = convert(content, "a.mid", options).corpus.melodies()
        assert melody.timeline.metre.name == expected


@pytest.mark.parametrize("metre", ["", "4", "4/5", "0/4", "x/4", "200/4", "-3/4"])
def test_a_metre_that_is_none_is_refused(metre):
    with pytest.raises(CorpusError, match="metre must be two whole numbers"):
        BuildOptions(metre=metre)


def test_a_beat_offset_out_of_reach_is_refused():
    with pytest.raises(CorpusError, match="beat_offset must be"):
        BuildOptions(beat_offset=float("nan"))


def test_a_constant_lateness_is_taken_out_modulo_a_beat():
    (piece,) = read(FIXTURES / "beat-a-constant-0.87-quarter-late.mid")
    (choice,) = pick_melodies(piece)
    assert {n.start % Q for n in choice.melody.notes} == {0}
    assert choice.melody.timeline.metre.name == "4/4"


def test_timing_as_it_stands_is_not_moved():
    piece = performed(waltz(), 0.4)
    (choice,) = pick_melodies(piece, BuildOptions(timing="exact"))
    assert choice.melody.notes == piece.parts[0].notes


def test_doubt_about_bars_is_reported_with_what_else_they_may_be():
    rng = np.random.default_rng(5)
    random = [[(0.5 * n, 0.4, int(rng.integers(55, 80))) for n in range(80)]]
    content = write_midi(Melody(performed(random, 0.3).parts[0].notes))
    warnings = dict(convert(content, "a.mid", BuildOptions()).warnings)
    assert "or " in warnings["unsure_bars"]


def test_the_drift_of_a_beat_is_followed():
    rng = np.random.default_rng(1)
    times = np.arange(0, 160, 0.5)
    sway = 0.8 * np.sin(times / 20)
    found = drift(np.sort(times + 2 + sway + rng.normal(0, 0.02, len(times))), np.ones(len(times)))
    away = np.interp(times + 2 + sway, np.arange(len(found)) + 0.5, found) - sway
    assert np.ptp(away) < 0.2
    steady = drift(times + 0.3, np.ones(len(times)))
    assert np.ptp(steady) == 0


def test_notes_struck_nearly_together_are_a_chord():
    starts = np.array([0.0, 0.03, 0.06, 1.0, 1.5])
    found = chords(Notes(starts, starts + 1, np.array([60, 64, 67, 60, 62])))
    assert found.sizes.tolist() == [3, 1, 1]
    assert found.starts.tolist() == pytest.approx([0.03, 1.0, 1.5])


def test_very_long_files_and_late_ones_are_read_in_moderate_time():
    notes = tuple(Note(90_000 * Q + 37 * n, 30, 60 + n % 5) for n in range(100))
    far = Piece((Part(notes),), Timeline(Q), source="x.mid")
    assert settled(far, is_written=False).piece is far


def test_drums_are_followed_and_their_backbeat_tells_the_bar():
    plain = [[(0.5 * n, 0.5, 60 + (5 * n) % 7) for n in range(160)]]
    strokes = [(2 * n + 1.0, 0.2, 38) for n in range(40)] + [(4.0 * n, 0.2, 36) for n in range(20)]
    piece = performed([*plain, sorted(strokes)], 0.6)
    band = Piece((piece.parts[0], Part(piece.parts[1].notes, is_drum=True)), piece.timeline, source=piece.source)
    line = settled(band, is_written=False).piece.timeline
    assert line.metre.name == "4/4"
    assert line.pickup == 0


def test_hymns_played_late_uneven_swaying_and_under_a_wrong_metre_are_found(shared_data):
    shared_data("hymns")
    results = [
        judged(kind, name, piece, 77 + number)
        for number, (kind, name, piece, _) in enumerate(islice(in_one_metre(is_held_out=True), 24))
    ]
    assert sum(r.beat for r in results) >= 23
    assert sum(r.bars for r in results) >= 19
    assert sum(r.bars for r in results if not r.is_doubted) >= sum(not r.is_doubted for r in results) - 2
    assert sum(r.is_doubted for r in results) <= 8


def test_a_file_that_counts_half_the_beats_at_a_tempo_nobody_plays_gets_twice_as_many():
    parts = [[(start / 2, length / 2, pitch) for start, length, pitch in part] for part in jig()]
    slow = performed(parts, 0.3)
    slow = Piece(slow.parts, Timeline(Q, tempos=(Tempo(0, 24.0),)), source=slow.source)
    result = settled(slow, is_written=False)
    line = result.piece.timeline
    assert (line.ticks_per_quarter, line.qpm, line.metre.name) == (Q // 2, 48.0, "6/8")
    assert result.why.endswith("the file counts half the beats")
