"""Chords that a tune follows: written in bars, taken from a tune, drawn as people's are; and their accompaniment."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import ritornello as rito
from ritornello.encoding import make_encoding
from ritornello.encoding.features import harmony_of
from ritornello.generate.accompany import LOWEST_BASS, accompanied
from ritornello.generate.chords import (
    AskedChords,
    chart_of,
    check_key,
    chord_on,
    count_progressions,
    draw_charts,
    fitting_bars,
    key_of_chords,
    numeral,
    parse_chart,
    plan_bars,
)
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.model.alphabet import Alphabet
from ritornello.music.chords import read_chord
from ritornello.music.keys import key_name, parse_key
from ritornello.music.values import Key

KINDS = {
    "interval": make_encoding("interval", ("position", "countdown", "chord")),
    "note": make_encoding("note", ("chord",)),
    "grid": make_encoding("grid", ("countdown", "chord")),
    "lookback": make_encoding("lookback", ("chord",)),
}


def laid(text: str, beats: int, bars: int | None = None, has_pickup: bool = False) -> dict[float, str]:
    """Names of chords by the beat at which each begins."""
    chart = parse_chart(text)
    harmony = chart.on_ticks(24 * beats, 24, bars or len(chart.bars), has_pickup)
    return {start / 24: chord.name() for start, chord in zip(harmony.starts, harmony.chords, strict=True)}


def test_chords_of_a_bar_share_its_beats_the_longer_ones_first():
    assert laid("C | Am F | G7 | C", 4) == {0: "C", 4: "Am", 6: "F", 8: "G7", 12: "C"}
    assert laid("C G", 3) == {0: "C", 2: "G"}
    assert laid("C F G", 4) == {0: "C", 2: "F", 3: "G"}
    assert laid("C F G Am Dm G7 C F", 4) == dict(
        zip(np.arange(8) / 2, ["C", "F", "G", "Am", "Dm", "G7", "C", "F"], strict=True)
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("| C | % | G |", "C | C | G"),
        ("C || F | | G", "C | F | F | G"),
        ("C / / G | F", "C C C G | F"),
        ("C/E|G/B", "C/E | G/B"),
        ("N.C. | C", "N.C. | C"),
    ],
)
def test_signs_of_a_chart(text, meant):
    assert parse_chart(text).bars == parse_chart(meant).bars


def test_fewer_bars_are_repeated_and_a_pick_ups_bar_comes_before():
    assert laid("C | G", 4, 4) == {0: "C", 4: "G", 8: "C", 12: "G"}
    assert laid("C | G", 4, 2, has_pickup=True) == {4: "C", 8: "G"}


@pytest.mark.parametrize("text", ["C | Hm", "C | Cmoll | G", "C | x | G"])
def test_a_word_that_is_no_chord_is_named_with_its_bar(text):
    with pytest.raises(ValueError, match=r"chords, bar 2: no such chord: '(Hm|Cmoll|x)'"):
        parse_chart(text)


@pytest.mark.parametrize("text", ["", "| |", "%"])
def test_a_first_bar_without_chords_is_refused(text):
    with pytest.raises(ValueError, match="bar 1 is empty"):
        parse_chart(text)
    with pytest.raises(ValueError, match="9 chords in a bar; 8 is the most"):
        parse_chart("C | " + "C F G " * 3)


def test_bars_are_filled_once_or_several_times():
    chart = parse_chart("C | F | G")
    assert [fitting_bars(chart, bars) for bars in (None, 3, 6, 12)] == [3, 3, 6, 12]
    with pytest.raises(ValueError, match="fill 3 bars, which cannot be repeated to fill 8: write bars=3 or 6, or"):
        fitting_bars(chart, 8)
    with pytest.raises(ValueError, match="fill 3 bars, and only 2 are asked for: write bars=3, or leave it out"):
        fitting_bars(chart, 2)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C | Am F | G7 | C", "C major"), ("Am | Dm | E7 | Am", "A minor"), ("G D | Em C | D7 | G", "G major"),
        ("Eb | Bb7 | Cm | Ab Bb | Eb", "Eb major"), ("F#m | C#7 | F#m", "F# minor"), ("N.C.", "C major"),
    ],
)  # fmt: skip
def test_the_key_of_chords(text, key):
    chart = parse_chart(text)
    assert key_name(key_of_chords([slot.chord for bar in chart.bars for slot in bar])) == key


def test_a_key_that_contradicts_the_chords_is_refused():
    chart = parse_chart("C | Am F | G7 | C")
    for name in ("C", "A minor", "G", "D dorian"):
        check_key(chart, parse_key(name))
    with pytest.raises(
        ValueError, match=r"F# major contradicts the chords: only 0 of 5 lie in it, which suit C major"
    ):
        check_key(chart, parse_key("F#"))


def hymn(text: str, chords: str, pickup: int = 0):
    """A melody with chords, a quarter each from its beginning."""
    melody = parse_notes(text)
    melody = melody.with_pickup() if pickup else melody
    names = chords.split()
    return replace(melody, chords=tuple((480 * n, read_chord(name)) for n, name in enumerate(names)))


def test_the_chords_of_a_tune_keep_their_places():
    chart = chart_of(hymn("C4 D4 E4 F4 G4 A4 B4 C5", "C C G C F F G C"))
    assert [[(slot.chord.name(), slot.place) for slot in bar] for bar in chart.bars] == [
        [("C", 0), ("C", Fraction(1, 4)), ("G", Fraction(1, 2)), ("C", Fraction(3, 4))],
        [("F", 0), ("F", Fraction(1, 4)), ("G", Fraction(1, 2)), ("C", Fraction(3, 4))],
    ]
    with pytest.raises(ValueError, match="there are no chords in it"):
        chart_of(parse_notes("C4"))


def test_a_pick_up_keeps_its_chord():
    chart = chart_of(hymn("r:3 G4 C5 C5 D5 B4 C5:4", "G7 C C G G C", pickup=1))
    assert [slot.chord.name() for slot in chart.upbeat] == ["G7"]
    assert len(chart.bars) == 2
    harmony = chart.on_ticks(96, 24, 2, has_pickup=True)
    assert [(start / 24, chord.name()) for start, chord in zip(harmony.starts, harmony.chords, strict=True)][:2] == [
        (3, "G7"), (4, "C"),
    ]  # fmt: skip


def test_numerals_and_chords_are_two_ways_to_write_one_thing():
    for name in ("C", "Dm7", "G7", "Bdim", "Ebmaj7", "F#m7b5", "Absus4", "Bbaug", "N.C."):
        chord = read_chord(name)
        for tonic in (0, 5, 10):
            assert chord_on(numeral(chord, tonic), tonic)[:2] == chord[:2]
    assert [numeral(read_chord(name), 7) for name in ("G", "D7", "Am", "F#dim")] == ["I", "V7", "IIm", "VIIdim"]


BOOK = [
    (hymn("C4 " * 16, " ".join(f"{chord} " * 4 for chord in chords.split())), Key(0, fifths))
    for chords, fifths in [("C F G C", 0), ("C F G7 C", 0), ("C F G C", 0), ("D G A D", 2), ("C F G7 C", 0)]
] * 2  # what came but twice is left out


def test_progressions_are_counted_above_the_tonic_by_their_places():
    counts = count_progressions(BOOK)
    assert counts == {
        "major": {
            "first": {"": {"I": 10}},
            "other": {"I": {"IV": 10}},
            "last but one": {"IV": {"V": 6, "V7": 4}},
            "last": {"V": {"I": 6}, "V7": {"I": 4}},
        }
    }


def test_drawn_chords_are_people_s_and_end_with_their_cadence():
    counts = count_progressions(BOOK)
    charts = draw_charts(counts, [Key(0, 1)] * 200, plan_bars(4), 7, range(200), False)
    drawn = Counter(" ".join(slot.chord.name() for bar in chart.bars for slot in bar) for chart in charts)
    assert set(drawn) == {"G C D G", "G C D7 G"}
    assert 0.5 < drawn["G C D G"] / 200 < 0.7
    again = draw_charts(counts, [Key(0, 1)] * 3, plan_bars(4), 7, [17, 3, 199], False)
    assert [each.bars for each in again] == [charts[n].bars for n in (17, 3, 199)]  # each depends on its index alone
    with pytest.raises(ValueError, match="no chords in minor"):
        draw_charts(counts, [parse_key("A minor")], plan_bars(4), 7, [0], False)


@pytest.fixture(scope="module")
def networks(make_network):
    def made(encoding):
        alphabet = Alphabet.of(encoding)
        sizes = {"second": sum(alphabet.parts[1:]), "side": alphabet.features}
        return make_network(encoding.vocabulary.size, scale=0.2, seed=2, dtype=np.float64, **sizes)

    return {name: made(encoding) for name, encoding in KINDS.items()}


@pytest.mark.parametrize("name", KINDS)
def test_a_tune_carries_the_chords_that_its_network_was_told(name, networks):
    options = GenerateOptions(bars=4, chords="C | Am F | G7 | C", metre="4/4")
    asked = AskedChords(parse_chart(options.chords))
    tunes = compose(networks[name], KINDS[name], options, 1, range(6), pitch_range=(50, 76), chords=asked)
    for tune in tunes:
        melody = tune.melody
        first = melody.timeline.pickup
        known = {(tick - first) / melody.timeline.ticks_per_quarter: chord.name() for tick, chord in melody.chords}
        wanted = {0: "C", 4: "Am", 6: "F", 8: "G7", 12: "C"}
        assert {at: chord for at, chord in wanted.items() if at * 480 + first < melody.timeline.length} == known
        assert key_name(melody.timeline.key) == "C major"
        harmony = harmony_of(KINDS[name], melody)
        assert harmony.chords[0].name() == "C"


def test_other_chords_make_another_tune_and_none_leave_it_as_it_was(networks):
    encoding, network = KINDS["interval"], networks["interval"]

    def tokens(text: str | None):
        options = GenerateOptions(bars=2, metre="4/4", key="C")
        asked = None if text is None else AskedChords(parse_chart(text))
        tunes = compose(network, encoding, options, 3, range(8), pitch_range=(50, 76), chords=asked)
        return [tune.tokens.tolist() for tune in tunes]

    assert len({str(tokens(text)) for text in ("C | G", "F | Dm", None)}) == 3


def test_a_model_trained_without_chords_says_so(make_network):
    encoding = make_encoding("grid")
    with pytest.raises(ValueError, match="was trained on tunes without chords"):
        compose(
            make_network(encoding.vocabulary.size), encoding, GenerateOptions(), 1, [0],
            chords=AskedChords(parse_chart("C")),
        )  # fmt: skip


@pytest.mark.parametrize("style", ["block", "broken"])
def test_an_accompaniment_plays_the_chords_below_the_melody_and_softly(style):
    melody = hymn("C5:4 A4:2 F4:2 G4:4 C5:4", "C")
    chords = {0: "C", 4: "Am", 6: "F/A", 8: "G7", 12: "N.C."}
    melody = replace(melody, chords=tuple((480 * at, read_chord(name)) for at, name in chords.items()))
    piece = accompanied(melody, style, program=40)
    assert piece.parts[0].notes == melody.notes
    assert piece.parts[0].program == 40
    played = piece.parts[1].notes
    for start, stop, name in ((0, 4, "C"), (4, 6, "Am"), (6, 8, "F/A"), (8, 12, "G7")):
        chord = read_chord(name)
        inside = [note for note in played if 480 * start <= note.start < 480 * stop]
        assert {note.pitch % 12 for note in inside} == chord.pitch_classes
        assert min(inside).pitch % 12 == chord.bass
        assert all(note.end <= 480 * stop and note.velocity < 64 for note in inside)
        assert LOWEST_BASS <= min(note.pitch for note in inside) < LOWEST_BASS + 12
        assert len({note.start for note in inside}) == (1 if style == "block" else 2 * (stop - start))
    assert not [note for note in played if note.start >= 480 * 12]


def test_tunes_over_chords_keep_to_them_as_people_do_and_repeat_no_more_pitches():
    """People's hymns: 98 % chord tones on strong beats, 92 % of all notes, and 17 to 22 % of steps repeat a pitch."""
    tones = [{0, 4, 7}, {9, 0, 4}, {5, 9, 0}, {7, 11, 2, 5}, {0, 4, 7}, {5, 9, 0}, {7, 11, 2, 5}, {0, 4, 7}]
    strong, every, repeats = [], [], []
    chart = "C | Am | F | G7 | C | F | G7 | C"
    for tune in rito.load_model().generate(chords=chart, metre="4/4", n=32, seed=1):
        notes, timeline = tune.melody.notes, tune.melody.timeline
        for note in notes:
            bar, place = divmod(note.start - timeline.pickup, 4 * timeline.ticks_per_quarter)
            if bar >= 0:
                every.append(note.pitch % 12 in tones[bar])
                if place in (0, 2 * timeline.ticks_per_quarter):
                    strong.append(every[-1])
        repeats += [one.pitch == other.pitch for one, other in pairwise(notes)]
    assert np.mean(strong) >= 0.95
    assert 0.86 <= np.mean(every) <= 0.96
    assert 0.12 <= np.mean(repeats) <= 0.28
