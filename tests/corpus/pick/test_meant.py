"""Ticks beside the grid, and notes held for a share of their value, as what they mean; values written out by hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from ritornello.corpus.embedded import embedded
from ritornello.corpus.pick.meant import on_grid, with_meant_lengths
from ritornello.corpus.pick.pick import pick_melodies, pick_melody
from ritornello.music import read, write
from ritornello.music.abc.writer import write_abc
from ritornello.music.midi.reader import read_midi, write_midi
from ritornello.music.scores.writer import write_musicxml
from ritornello.music.values import Melody, Metre, Note, Part, Piece, Timeline

Spans = list[tuple[float, float]]

TUNE: Spans = [(0, 1), (1, 0.5), (1.5, 0.5), (2, 2), (4, 1.5), (5.5, 0.5), (6, 1), (7, 1), (8, 4)]
RESTS: Spans = [(0, 1), (1, 0.5), (2, 1), (3, 1), (4, 1.5), (6, 0.5), (6.5, 0.5), (7, 1), (8, 2), (11, 1)]
QUARTERS: Spans = [(n, 1) for n in range(32)]
HALVES: Spans = [(2 * n, 2) for n in range(8)]
TRIPLETS: Spans = [(n / 3, 1 / 3) for n in range(9)] + [(3, 1), (4, 1), (5, 1)]


def piece(spans: Spans, tpq: int = 480, start: int = 0, end: int = 0, share: float = 1.0, length: int = 0) -> Piece:
    """A counted piece of one part: spans in quarters, their ticks moved by `start` and `end`, held for `share`."""
    notes = []
    for n, (at, lasts) in enumerate(spans):
        first, last = round(at * tpq) + start, round((at + lasts * share) * tpq) + end
        notes.append(Note(first, last - first, 60 + n % 12))
    return Piece((Part(tuple(notes)),), Timeline(tpq, length), is_counted=True)


def spans(melody: Melody) -> list[tuple[Fraction, Fraction]]:
    tpq = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, tpq), Fraction(n.duration, tpq)) for n in melody.notes]


def exact(wanted: Spans) -> list[tuple[Fraction, Fraction]]:
    return [(Fraction(a).limit_denominator(48), Fraction(b).limit_denominator(48)) for a, b in wanted]


@pytest.mark.parametrize("tune", [TUNE, RESTS, QUARTERS, TRIPLETS])
@pytest.mark.parametrize(
    ("start", "end"), [(0, -1), (1, 0), (1, 1), (0, 1), (-1, -1), (0, -2), (7, 7), (5, 4), (9, 8)]
)
def test_a_few_ticks_beside_the_grid_are_on_it(tune, start, end):
    later = [(at + 1, lasts) for at, lasts in tune]
    for melody in (
        pick_melody(piece(later, 480, start, end)),
        pick_melodies(piece(later, 480, start, end))[0].melody,
    ):
        assert spans(melody) == exact(later)


@pytest.mark.parametrize("tpq", [96, 100, 120, 192, 220, 384, 480, 960, 1024])
@pytest.mark.parametrize("end", [0, -1])
def test_so_they_are_at_every_resolution_and_triplets_at_one_that_cannot_hold_them(tpq, end):
    assert spans(pick_melody(piece(TRIPLETS + [(at + 6, lasts) for at, lasts in RESTS], tpq, 0, end))) == exact(
        TRIPLETS + [(at + 6, lasts) for at, lasts in RESTS]
    )


@pytest.mark.parametrize("late", [10, 17, 24])
@pytest.mark.parametrize("end", [0, 24])
def test_a_constant_lateness_of_up_to_a_twentieth_of_a_quarter_is_taken_out(late, end):
    assert spans(pick_melody(piece(TUNE, 480, late, end))) == exact(TUNE)


def test_a_lateness_that_puts_no_onset_on_a_beat_is_left_to_who_finds_the_beat():
    (found,) = read(FOLDER / "beat-a-constant-0.87-quarter-late.mid")
    assert on_grid(found).parts == found.parts


def test_quintuplets_a_tick_short_stay_quintuplets():
    fives = [(n / 5, 1 / 5) for n in range(4)] + [(float(n), 1.0) for n in range(1, 20)]
    found = spans(pick_melody(piece(fives, 480, 0, -1)))
    assert found[:5] == [*((Fraction(n, 5), Fraction(1, 5)) for n in range(4)), (1, 1)]


def test_voices_that_start_a_tick_apart_start_together():
    low = [Note(480 * n, 479, 48) for n in range(8)]
    high = [Note(480 * n + 1, 478, 72) for n in range(8)]
    both = Piece((Part((*low, *high)),), Timeline(480, 3865), is_counted=True)
    assert [(n.start, n.duration, n.pitch) for n in pick_melody(both).notes] == [(480 * n, 480, 72) for n in range(8)]


def test_notes_that_overlap_by_a_few_ticks_end_where_the_next_starts():
    assert spans(pick_melody(piece(TUNE, 480, 0, 9))) == exact(TUNE)


@pytest.mark.parametrize("late", [1, 25, 30])
def test_what_follows_the_last_note_for_a_moment_is_no_further_bar(late):
    assert pick_melody(piece(TUNE, 480, 0, -1, length=12 * 480 + late)).timeline.length == 12 * 480
    assert pick_melody(piece(TUNE, 480, length=16 * 480)).timeline.length == 16 * 480  # a closing rest


@pytest.mark.parametrize("share", [0.5, 0.6, 0.66, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
@pytest.mark.parametrize("tune", [TUNE, QUARTERS, HALVES, TRIPLETS])
def test_notes_held_for_a_common_share_of_their_value_have_it(tune, share):
    for melody in (pick_melody(piece(tune, share=share)), pick_melodies(piece(tune, share=share))[0].melody):
        assert spans(melody)[:-1] == exact(tune)[:-1]
        assert spans(melody)[-1] in (exact(tune)[-1], (exact(tune)[-1][0], Fraction(tune[-1][1])))


@pytest.mark.parametrize("share", [0.6, 0.75, 0.8, 0.85, 0.9, 0.95])
def test_rests_among_such_notes_stay(share):
    assert spans(pick_melody(piece(RESTS, share=share))) == exact(RESTS)


def test_the_last_notes_of_phrases_may_be_held_for_another_share():
    long = [*QUARTERS[:7], (7, 0.5), *QUARTERS[8:15], (15, 0.6), *QUARTERS[16:]]
    held = [(at, lasts * (0.85 if lasts == 1 else 1)) for at, lasts in long]
    assert spans(pick_melody(piece(held))) == exact(QUARTERS)
    wanted = [(4 * n + at, lasts) for n in range(8) for at, lasts in ((0, 1), (1, 1), (2, 2))]
    halves = [(at, lasts * (0.9 if lasts == 2 else 0.85)) for at, lasts in wanted]
    assert spans(pick_melody(piece(halves))) == exact(wanted)


@pytest.mark.parametrize("gap", [6, 12, 20, 24, 30, 41, 60])
def test_notes_that_all_end_so_many_ticks_early_have_their_value(gap):
    assert spans(pick_melody(piece(TUNE, 480, 0, -gap))) == exact(TUNE)


def test_ends_on_the_grid_of_the_shortest_value_are_meant():
    short = [(0, 0.5), (1, 0.5), (2, 0.5), (2.5, 0.5), (3, 1), (4, 0.5), (5, 0.5), (6, 1), (7, 0.5), (7.5, 0.5)]
    assert spans(pick_melody(piece(short))) == exact(short)
    assert spans(pick_melody(piece(RESTS))) == exact(RESTS)


def test_a_notation_program_that_ends_notes_a_tick_early_means_its_rests():
    staccato = [(float(n), 0.5) for n in range(16)]
    assert spans(pick_melody(piece(staccato, 480, 0, -1))) == exact(staccato)
    assert spans(pick_melody(piece(staccato))) == exact(QUARTERS[:16])


def test_our_own_files_are_exact_and_their_rests_meant():
    melody = Melody((*(Note(480 * n, 240, 60) for n in range(16)), Note(7680, 1, 62)), Timeline(480, 7999))
    found = read_midi(write_midi(melody))
    assert not found.is_counted
    assert pick_melody(found).notes == melody.notes
    assert pick_melody(found).timeline.length == 7999


def test_what_was_played_stays_as_it_was_played():
    rng = Random(1)
    played = Piece((Part(tuple(Note(480 * n + rng.randint(0, 40), 300, 60) for n in range(40))),), is_counted=True)
    assert on_grid(played).parts == played.parts
    assert pick_melody(played).notes == played.parts[0].notes


def test_scores_are_left_as_they_are():
    score = replace(piece(TUNE, 480, 1, -3), is_counted=False)
    assert on_grid(score) is score


def test_one_note_and_none_are_left_as_they_are():
    assert with_meant_lengths(Melody((Note(0, 400, 60),))).notes == (Note(0, 400, 60),)
    assert with_meant_lengths(Melody(())).notes == ()


FOLDER = Path(__file__).parents[2] / "fixtures" / "other_programs"
SOURCES = {
    "f02a-simple-exported-by-musescore3.mid": "f02a-simple-source.musicxml",
    "f02b-duet-exported-by-abc2midi.mid": "f02b-duet-source.abc",
    "f03b-waltz-exported-by-abc2midi.mid": "f03b-waltz-with-words-source.abc",
    "f04a-jig-exported-by-musescore3.mid": "f04a-jig-with-pickups-source.musicxml",
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_of_another_program_is_written_as_its_source_is(name):
    (midi,), (source,) = read(FOLDER / name), read(FOLDER / SOURCES[name])
    for melody in (pick_melody(midi), pick_melodies(midi)[0].melody):
        wanted = replace(pick_melody(source), title="")
        assert write_abc(replace(melody, title="")) == write_abc(wanted)
        assert write_musicxml(replace(melody, title="")).count("<note") == write_musicxml(wanted).count("<note")


@pytest.mark.parametrize("name", ["f05a-quarters-held-85-percent.mid", "f05b-quarters-held-80-percent.mid"])
def test_32_held_quarters_are_32_quarters(name):
    (found,) = read(FOLDER / name)
    assert spans(pick_melody(found)) == spans(pick_melodies(found)[0].melody) == exact(QUARTERS)


def tunes_with_rests(count: int) -> list[Melody]:
    """Tunes of the embedded corpus with three rests and more among their notes."""
    found = [m for m in embedded().melodies() if sum(b.start > a.end for a, b in zip(m.notes, m.notes[1:])) > 2]
    return found[:: len(found) // count][:count]


def triples(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    return [(start, length, n.pitch) for (start, length), n in zip(spans(melody), melody.notes, strict=True)]


def differing(melodies: list[Melody], files) -> list[str]:
    """Name the tunes whose file does not give them back, on the page and in the corpus."""
    found = []
    for melody, file in zip(melodies, files, strict=True):
        (back,) = read(file)
        if not triples(pick_melody(back)) == triples(pick_melodies(back)[0].melody) == triples(melody):
            found.append(melody.title)
    return found


def test_200_tunes_come_back_with_their_rests_from_our_own_files(tmp_path):
    melodies = tunes_with_rests(200)
    files = [tmp_path / f"{n}.mid" for n in range(len(melodies))]
    for melody, file in zip(melodies, files, strict=True):
        write(melody, file)
    assert len(melodies) == 200
    assert differing(melodies, files) == []


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi is not installed")
def test_200_tunes_come_back_with_their_rests_from_abc2midi(tmp_path):
    melodies = tunes_with_rests(200)
    files = [tmp_path / f"{n}.mid" for n in range(len(melodies))]
    for melody, file in zip(melodies, files, strict=True):
        write(melody, file.with_suffix(".abc"))
        subprocess.run(
            ["abc2midi", file.with_suffix(".abc"), "-o", file], check=False, capture_output=True, timeout=20
        )
    assert differing(melodies, files) == []


SOAK = bool(os.environ.get("RITORNELLO_SOAK"))


@pytest.mark.skipif(shutil.which("mscore3") is None, reason="MuseScore 3 is not installed")
def test_tunes_come_back_with_their_rests_from_musescore(tmp_path):
    """Ten tunes, 200 with RITORNELLO_SOAK=1 (a minute)."""
    melodies = tunes_with_rests(200)[:: 1 if SOAK else 20]
    files = [tmp_path / f"{n}.mid" for n in range(len(melodies))]
    for melody, file in zip(melodies, files, strict=True):
        write(melody, file.with_suffix(".musicxml"))
    jobs = [{"in": str(file.with_suffix(".musicxml")), "out": str(file)} for file in files]
    (tmp_path / "job.json").write_text(json.dumps(jobs))
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(["mscore3", "-j", tmp_path / "job.json"], env=quiet, check=True, capture_output=True, timeout=300)
    assert differing(melodies, files) == []


def test_a_pickup_stays_where_the_resolution_changes():
    line = Timeline(100, 0, (Metre(0, 3, 4), Metre(100, 3, 4)))
    upbeat = replace(piece(TRIPLETS, 100), timeline=line)
    found = pick_melody(upbeat).timeline
    assert (found.pickup, found.ticks_per_quarter) == (600, 600)
