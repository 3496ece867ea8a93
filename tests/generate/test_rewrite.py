"""Bars are rewritten: what stands before and after is kept to the note, and so is what is asked to be kept."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from networks import Indifferent

import ritornello as rito
from ritornello.encoding import make_encoding
from ritornello.generate.chords import laid_on, parse_chart
from ritornello.generate.constraints import table_of
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.generate.rewrite import bars_to_vary, draw_drafts, rewrite, splice
from ritornello.generate.span import Plan, Span
from ritornello.music.values import Melody, Metre, Note, Timeline

TUNE = "C4 D4 E4 F4 G4:2 E4:2 F4 E4 D4 E4 C4:3 r D4 E4 F4 D4 E4:2 C4:2 D4 E4 D4 B3 C4:3 r"
QUARTERS = 32


def figures(melody: Melody, first: int, stop: int) -> list[tuple[Fraction, Fraction, int]]:
    """Notes that start in quarters `first` up to `stop`: start and duration in quarters, pitch."""
    quarter = melody.timeline.ticks_per_quarter
    found = [(Fraction(n.start, quarter), Fraction(n.duration, quarter), n.pitch) for n in melody.notes]
    return [note for note in found if first <= note[0] < stop]


def versions(name: str, bars: tuple[int, int], melody: Melody = parse_notes(TUNE), **options):
    model = rito.load_model(name)
    spread = model.pitch_range
    return rewrite(model.network, model.encoding, melody, bars, pitch_range=spread, **options)


@pytest.mark.parametrize("name", ["hymns-and-songs", "grid"])
@pytest.mark.parametrize("keep", [None, "rhythm", "pitches", "contour"])
@pytest.mark.parametrize("bars", [(1, 2), (3, 6), (7, 8)])
def test_what_stands_before_and_after_is_kept(name, keep, bars):
    [version] = versions(name, bars, keep=keep, seed=3)
    start, stop = 4 * (bars[0] - 1), 4 * bars[1]
    tune = parse_notes(TUNE)
    assert figures(version.melody, 0, start) == figures(tune, 0, start)
    assert figures(version.melody, stop, QUARTERS) == figures(tune, stop, QUARTERS)
    new, old = (figures(melody, start, stop) for melody in (version.melody, tune))
    assert new != old
    if keep != "contour":  # which leaves little choice in two bars
        assert len(set(new) & set(old)) <= max(len(new), len(old)) / 2
    assert new[-1][0] + new[-1][1] == old[-1][0] + old[-1][1]  # the breath that closes the bars
    assert version.melody.timeline.metres == tune.timeline.metres


@pytest.mark.parametrize("name", ["hymns-and-songs", "grid"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_rhythm_or_the_pitches_are_kept_exactly(name, seed):
    tune = figures(parse_notes(TUNE), 8, 24)
    for version in versions(name, (3, 6), keep="rhythm", seed=seed, n=3):
        assert [note[:2] for note in figures(version.melody, 8, 24)] == [note[:2] for note in tune]
    for version in versions(name, (3, 6), keep="pitches", seed=seed):
        assert [note[2] for note in figures(version.melody, 8, 24)] == [note[2] for note in tune]


def sampled(melody: Melody, first: int, stop: int) -> np.ndarray:
    """The pitch at each sixteenth; in silence that of the note before."""
    notes = figures(melody, 0, QUARTERS)
    times = [Fraction(n, 4) for n in range(4 * first, 4 * stop)]
    return np.array([([notes[0][2]] + [pitch for start, _, pitch in notes if start <= time])[-1] for time in times])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_contour_is_kept(seed):
    tune = parse_notes("C4 E4 G4 C5 B4:2 G4:2 E4 D4 C4 A3 G3:4 C4 E4 G4 B4 C5:2 A4:2 F4 D4 B3 D4 C4:4")
    [version] = versions("hymns-and-songs", (1, 8), tune, keep="contour", seed=seed)
    assert np.corrcoef(sampled(tune, 0, 32), sampled(version.melody, 0, 32))[0, 1] >= 0.9


def test_versions_are_as_likely_as_the_melody_was_and_differ_in_half_of_their_notes():
    model, tune = rito.load_model("hymns-and-songs"), parse_notes(TUNE)
    found = versions("hymns-and-songs", (3, 6), seed=5, n=3)
    most = model.bits_of_notes(tune).sum()
    for version in found:
        bits = model.bits_of_notes(version.melody)
        assert bits.sum() <= most
        assert version.nats == pytest.approx(bits.sum() * np.log(2))
    sets = [set(figures(version.melody, 8, 24)) for version in found]
    for n, one in enumerate(sets):
        for other in sets[:n]:
            assert len(one & other) <= max(len(one), len(other)) / 2


def test_new_bars_are_as_surprising_as_other_bars_of_the_tune():
    """These cost 3.0 bits per note and the others 3.8; the likeliest of 32 drafts would cost 2.0."""
    model = rito.load_model("hymns-and-songs")
    rates = []
    for seed in range(6):
        [version] = versions("hymns-and-songs", (3, 6), seed=seed)
        bits = model.bits_of_notes(version.melody)
        rates.append(bits[version.first : version.stop].mean())
    assert 2.4 <= np.median(rates) <= 4


def test_new_bars_of_a_tune_that_repeats_them_are_no_duller_than_its_others():
    """What follows gets dearer where its model is gone; the dullest bars alone would make good for that."""
    model, tune = rito.load_model("hymns-and-songs"), parse_notes(f"{TUNE} {TUNE} {TUNE}")
    usual, rates, counts = model.bits_of_notes(tune).mean(), [], []
    old = sum(16 <= note.start / tune.timeline.ticks_per_quarter < 32 for note in tune.notes)
    for seed in range(4):
        [version] = versions("hymns-and-songs", (5, 8), tune, seed=seed)
        rates.append(model.bits_of_notes(version.melody)[version.first : version.stop].mean())
        counts.append(version.stop - version.first)
    assert min(rates) >= 0.7 * usual
    assert 0.75 * old <= np.mean(counts) <= 1.25 * old


@pytest.mark.parametrize(("pitch", "least", "most"), [(60, 58, 66), (84, 78, 86)])
def test_the_last_note_of_the_span_leads_to_the_first_one_after_it(pitch, least, most):
    """Of a network that finds all alike; without that, each of 40 semitones would be as likely."""
    encoding = make_encoding("interval")
    tune = Melody((*(Note(4 * n, 4, 72) for n in range(8)), Note(32, 16, pitch)), Timeline(4, 48))
    span = Span.of(tune, (2, 2))
    plan = Plan(encoding, tune, span, table_of(encoding, GenerateOptions(metre="4/4"), (52, 92)), None)
    drafts = draw_drafts(Indifferent(encoding), plan, GenerateOptions(), 1, range(200))
    found = [splice(tune, span, *plan.notes_of(tokens, span, tune), None) for tokens in drafts]
    last = [version.notes[-1].pitch for version in found if version is not None]
    assert len(last) > 100
    assert least <= np.median(last) <= most


def test_a_seed_gives_the_same_versions_again():
    one, other = (versions("hymns-and-songs", (3, 4), seed=7, n=2) for _ in range(2))
    assert [version.melody for version in one] == [version.melody for version in other]
    assert versions("hymns-and-songs", (3, 4), seed=8)[0].melody != one[0].melody


def test_what_follows_is_read():
    """After a bar of F major the network prefers other new bars than after one of E major."""
    ends = ("F4 A4 C5 F5", "E4 G#4 B4 E5")
    found = {}
    for end in ends:
        tune = parse_notes(f"C4 E4 G4 E4 F4 A4 G4:2 {end} {end}")
        found[end] = versions("hymns-and-songs", (2, 2), tune, seed=1)[0].notes
    assert found[ends[0]] != found[ends[1]]


def melody(*notes: tuple[int, int, int], metres=(Metre(0, 4, 4),), length: int = 0) -> Melody:
    return Melody(tuple(Note(*note) for note in notes), Timeline(4, length, metres))


def test_a_span_keeps_what_is_held_into_it_and_the_rest_that_closes_it():
    tune = melody((0, 12, 60), (12, 10, 62), (24, 4, 64), (28, 2, 65), (32, 16, 60))
    assert Span.of(tune, (2, 2)) == Span(22, 30)
    assert Span.of(tune, (1, 1)) == Span(0, 22)
    assert Span.of(tune, (3, 3)) == Span(32, 48)


def test_bars_are_counted_without_a_pick_up():
    tune = melody((0, 4, 60), (4, 16, 62), (20, 16, 64), metres=(Metre(0, 4, 4), Metre(4, 4, 4)))
    assert Span.of(tune, (1, 1)) == Span(4, 20)
    assert Span.of(tune, (2, 2)) == Span(20, 36)


@pytest.mark.parametrize("name", ["hymns-and-songs", "grid"])
def test_a_pick_up_stays_in_its_place(name):
    tune = melody(
        *((0, 4, 67), (4, 4, 72), (8, 4, 71), (12, 8, 69), (20, 8, 67), (28, 8, 64), (36, 16, 60)),
        metres=(Metre(0, 4, 4), Metre(4, 4, 4)),
    )
    [version] = versions(name, (2, 2), tune, seed=1)
    assert figures(version.melody, 0, 5) == figures(tune, 0, 5)
    assert figures(version.melody, 9, 13) == figures(tune, 9, 13)
    assert version.melody.timeline.pickup * 4 == version.melody.timeline.ticks_per_quarter * 4


def test_a_rhythm_that_the_encoding_rounds_is_kept_as_it_is():
    tune = melody((0, 3, 60), (3, 5, 64), (8, 8, 67), (16, 7, 65), (23, 9, 62), (32, 16, 60))
    fine = Melody(tuple(n._replace(start=n.start * 7 + (n.start > 0)) for n in tune.notes), Timeline(28, 336))
    [version] = versions("grid", (2, 2), fine, keep="rhythm", seed=1)
    assert [note[:3:2] for note in version.melody.notes][:3] == [note[:3:2] for note in fine.notes][:3]
    assert [note.start for note in version.melody.notes] == [note.start for note in fine.notes]


@pytest.mark.parametrize(
    ("bars", "words"),
    [
        ((0, 2), "bars must lie in 1 to 8, the first before the last, not 0-2"),
        ((7, 9), "bars must lie in 1 to 8, the first before the last, not 7-9"),
        ((4, 3), "bars must lie in 1 to 8, the first before the last, not 4-3"),
    ],
)
def test_bars_that_are_not_there_are_refused(bars, words):
    with pytest.raises(ValueError, match=words):
        versions("hymns-and-songs", bars)


def test_bars_that_hold_nothing_or_change_their_metre_are_refused():
    held = melody((0, 32, 60), (32, 16, 62))
    with pytest.raises(ValueError, match="no note begins in bars 2-2"):
        Span.of(held, (2, 2))
    changing = melody((0, 16, 60), (16, 12, 62), (28, 12, 64), metres=(Metre(0, 4, 4), Metre(16, 3, 4)))
    with pytest.raises(ValueError, match="the metre changes to 3/4 at bar 2: rewrite what is before it"):
        Span.of(changing, (1, 2))
    assert Span.of(changing, (2, 3)) == Span(16, 40)


def test_a_share_of_the_bars_is_varied_and_never_the_last():
    tune = parse_notes(TUNE)
    runs = bars_to_vary(tune, 0.5, seed=3)
    bars = [bar for first, last in runs for bar in range(first, last + 1)]
    assert len(bars) == 4
    assert sorted(set(bars)) == bars
    assert max(bars) <= 7
    assert bars_to_vary(tune, 1.0, seed=1) == [(1, 7)]
    with pytest.raises(ValueError, match="nothing to vary"):
        bars_to_vary(parse_notes("C4 D4"), 0.5, seed=1)


def test_a_tune_is_rewritten_and_varied_by_its_model(tmp_path):
    tune = rito.load_model("hymns").generate(seed=1, bars=8)
    one = tune.rewrite(bars=(3, 4), seed=2)
    assert one.imprint.origin.startswith("rewritten by hymns (sha256 ")
    assert one.melody.notes != tune.melody.notes
    several = tune.rewrite((5, 8), keep="rhythm", n=2, seed=2, out=tmp_path)
    assert [each.index for each in several] == list(range(len(several)))
    assert sorted(path.name for path in tmp_path.glob("*.mid")) == ["seed2-001.mid", "seed2-002.mid"][: len(several)]
    varied = tune.vary(0.3, seed=4)
    assert varied.melody.notes[-1].pitch == tune.melody.notes[-1].pitch
    assert varied.melody.notes != tune.melody.notes
    with pytest.raises(ValueError, match="share must be above 0"):
        tune.vary(0.0)


def test_options_draw_other_drafts():
    assert versions("hymns-and-songs", (3, 4), seed=7, options=GenerateOptions(temperature=0.5))[0].notes
    with pytest.raises(ValueError, match="keep must be rhythm, pitches, contour, not 'harmony'"):
        versions("hymns-and-songs", (3, 4), keep="harmony")


SHEET = "C | F | G7 | C | C | Dm | G7 | C"


def with_chords(chart: str = SHEET) -> Melody:
    """The tune with a chord in each bar."""
    tune = parse_notes(TUNE)
    return replace(tune, chords=laid_on(parse_chart(chart), tune, (1, 8)))


def names(melody: Melody) -> list[tuple[float, str]]:
    return [(tick / (4 * melody.timeline.ticks_per_quarter), chord.name()) for tick, chord in melody.chords]


def test_the_chords_of_a_tune_stay_and_are_known():
    tune = with_chords()
    other = with_chords("C | F | G7 | C | Ab | Db | Eb | Ab")
    model = rito.load_model()
    new, elsewhere = (model.rewrite(melody, (5, 6), seed=1) for melody in (tune, other))
    assert names(new.melody) == names(tune)
    assert figures(new.melody, 16, 24) != figures(elsewhere.melody, 16, 24)
    for melody, tones in ((new.melody, {0, 4, 7, 2, 5, 9}), (elsewhere.melody, {8, 0, 3, 1, 5})):
        strong = [pitch % 12 for start, _, pitch in figures(melody, 16, 24) if start % 2 == 0]
        assert len([pitch for pitch in strong if pitch in tones]) >= 0.7 * len(strong)


def test_bars_are_given_other_chords():
    tune = with_chords()
    new = rito.load_model().rewrite(tune, (5, 6), chords="Am | E7", seed=1)
    assert names(new.melody) == [(0, "C"), (1, "F"), (2, "G7"), (3, "C"), (4, "Am"), (5, "E7"), (6, "G7"), (7, "C")]
    assert figures(new.melody, 0, 16) == figures(tune, 0, 16)
    assert new.comp == "block"


def test_bars_of_a_tune_without_chords_are_given_some():
    new = rito.load_model().rewrite(parse_notes(TUNE), (3, 4), chords="F", seed=1, comp="none")
    assert names(new.melody) == [(2, "F"), (4, "N.C.")]
    assert new.comp == "none"


def test_chords_are_drawn_for_bars():
    new = rito.load_model().rewrite(with_chords(), (5, 8), chords="auto", seed=2)
    assert names(new.melody)[:4] == names(with_chords())[:4]
    assert new.melody.chords[-1][1].root in (0, 9)  # a close


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chords": "C | F | G"}, "the chords fill 3 bars, and there are 4 to fill: write chords for 1, 2 or 4"),
        ({"chords": "C | Hm"}, "chords, bar 2: no such chord: 'Hm'"),
        ({"comp": "loud"}, "comp must be none, block or broken"),
    ],
)
def test_chords_that_do_not_fit_are_refused_in_a_line(options, message):
    with pytest.raises(ValueError, match=message):
        rito.load_model().rewrite(with_chords(), (5, 8), seed=1, **options)


def test_chords_are_refused_by_a_model_without_them():
    with pytest.raises(ValueError, match="was trained on tunes without chords"):
        rito.load_model("grid").rewrite(parse_notes(TUNE), (5, 8), chords="C")
    with pytest.raises(ValueError, match="comp is how chords are played"):
        rito.load_model("grid").rewrite(parse_notes(TUNE), (5, 8), comp="block")
