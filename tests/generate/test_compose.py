"""Composed tunes: repeatable, well-formed, in their bars, with an ending."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from networks import Indifferent, step

from ritornello.encoding import Grid as GridOf
from ritornello.encoding.grid import NO_EVENT, NOTE_OFF
from ritornello.encoding.vocabulary import METRES
from ritornello.generate.compose import compose
from ritornello.generate.draw import filtered
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.model.network import probabilities
from ritornello.music.keys import estimate_key, parse_key
from ritornello.music.values import Melody, Metre, Note, Timeline

Grid = partial(GridOf, version=1)  # an alphabet of 145 tokens

NAMED_METRES = METRES[:-1]
# Steps of a bar, and of its first beat or at most a quarter, at four steps a quarter, by hand.
BARS = {
    "2/4": (8, 4), "3/4": (12, 4), "4/4": (16, 4), "5/4": (20, 4), "6/4": (24, 4), "9/4": (36, 4),
    "2/2": (16, 4), "3/2": (24, 4), "4/2": (32, 4), "3/8": (6, 4), "6/8": (12, 4), "9/8": (18, 4), "12/8": (24, 4),
}  # fmt: skip


def check_form(tokens: np.ndarray, grid: GridOf, bars: int, bar: int, beat: int) -> None:
    """The rules of the form, read off the tokens without the tracker."""
    begin, steps, end = int(tokens[0]), tokens[1:-1], int(tokens[-1])
    assert 130 <= begin < 143
    assert end == 144
    assert (steps < 130).all()
    onsets = np.flatnonzero(steps < NO_EVENT)
    sounding = False
    for token in steps:
        assert token != NOTE_OFF or sounding, "a note_off in silence"
        sounding = token < NO_EVENT or (sounding and token == NO_EVENT)
    assert onsets[0] < bar
    has_pickup = 2 * onsets[0] >= bar
    length = (bars + has_pickup) * bar
    assert length - bar < len(steps) <= length
    assert sounding, "the tune ends in silence"
    assert onsets[-1] <= length - beat
    assert len(steps) - onsets[-1] >= beat
    assert not (steps[length - bar :] == NOTE_OFF).any()


@pytest.mark.parametrize("metre", NAMED_METRES)
@pytest.mark.parametrize("bars", [1, 2, 5])
def test_bars_and_endings_in_every_metre(metre, bars):
    grid, (bar, beat) = Grid(), BARS[metre]
    options = GenerateOptions(bars=bars, metre=metre, top_p=1.0)
    for composed in compose(Indifferent(Grid(), {NO_EVENT: 4, NOTE_OFF: 3}), grid, options, 1, range(12)):
        assert composed.tokens[:1].tolist() == list(grid.begin(metre))
        check_form(composed.tokens, grid, bars, bar, beat)
        timeline = composed.melody.timeline
        assert timeline.metre.name == metre
        steps = len(composed.tokens) - 2
        counted = len(timeline.barlines()) - 1
        opening = int(np.flatnonzero(composed.tokens < NO_EVENT)[0]) - 1
        assert counted == bars + (1 if 2 * opening >= bar else 0)
        assert bool(timeline.pickup) == (2 * opening >= bar and steps > bar)


@pytest.mark.parametrize("per_quarter", [1, 2, 3, 6, 12])
def test_other_resolutions_keep_the_form(per_quarter):
    grid = Grid(per_quarter)
    for metre in ("3/4", "6/8", "3/8", "2/2"):
        numerator, denominator = (int(n) for n in metre.split("/"))
        bar = round(Fraction(4 * per_quarter * numerator, denominator))
        beat = min(grid.beats[METRES.index(metre)], per_quarter)
        for composed in compose(
            Indifferent(Grid()), grid, GenerateOptions(bars=3, metre=metre, top_p=1.0), 2, range(6)
        ):
            check_form(composed.tokens, grid, 3, bar, beat)


def test_a_pickup_is_a_bar_that_is_not_counted():
    tunes = compose(
        Indifferent(Grid(), {NO_EVENT: 9}), Grid(), GenerateOptions(bars=4, metre="4/4", top_p=1.0), 3, range(60)
    )
    openings = [int(np.flatnonzero(t.tokens < NO_EVENT)[0]) - 1 for t in tunes]
    assert {True, False} == {2 * opening >= 16 for opening in openings}
    for tune, opening in zip(tunes, openings, strict=True):
        check_form(tune.tokens, Grid(), 4, 16, 4)
        is_pickup = 2 * opening >= 16  # a shorter rest is a rest
        assert tune.melody.notes[0].start == (0 if is_pickup else opening * 120)
        assert tune.melody.timeline.pickup == ((16 - opening) * 120 if is_pickup else 0)


def test_500_tunes_of_a_network_that_knows_nothing_are_well_formed():
    grid = Grid()
    for composed in compose(Indifferent(Grid()), grid, GenerateOptions(bars=3), 4, range(500)):
        bar, beat = BARS[METRES[composed.tokens[0] - 130]]
        check_form(composed.tokens, grid, 3, bar, beat)
        notes = composed.melody.notes
        assert len(notes) == (composed.tokens < NO_EVENT).sum() == len(composed.surprise)
        np.testing.assert_allclose(composed.surprise, np.log2(145), rtol=1e-6)


def test_a_network_that_loves_silence_still_ends_with_a_note():
    silent = Indifferent(Grid(), {NO_EVENT: 12, NOTE_OFF: 8})
    for composed in compose(silent, Grid(), GenerateOptions(bars=3, metre="4/4", top_p=1.0), 1, range(80)):
        check_form(composed.tokens, Grid(), 3, 16, 4)


def test_an_end_comes_in_the_last_bar_and_not_on_its_line():
    impatient = Indifferent(Grid(), {NO_EVENT: 6, 144: 12})
    for metre, (bar, beat) in BARS.items():
        for composed in compose(impatient, Grid(), GenerateOptions(bars=2, metre=metre, top_p=1.0), 1, range(20)):
            check_form(composed.tokens, Grid(), 2, bar, beat)


@pytest.mark.parametrize(("rest", "steps"), [("7/4", 32), ("2", 48), ("3", 48)])
def test_an_opening_of_half_a_bar_or_more_is_a_pickups_bar(rest, steps):
    primer = parse_notes(f"r:{rest} C4:1/4")
    for composed in compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=2), 1, range(10), primer):
        assert steps - 16 < len(composed.tokens) - 2 <= steps


def test_a_melody_is_the_same_alone_and_in_a_batch(make_network):
    for dtype, allowed in ((np.float32, 1), (np.float64, 0)):
        network = make_network(145, width=32, layers=2, scale=0.25, seed=5, dtype=dtype)
        options = GenerateOptions(bars=4)
        together = compose(network, Grid(), options, 7, range(64))
        alone = [compose(network, Grid(), options, 7, [n])[0] for n in range(64)]
        differ = sum(not np.array_equal(a.tokens, b.tokens) for a, b in zip(together, alone, strict=True))
        assert differ <= allowed  # a last-bit difference of a machine's products may move one draw in thousands
        if not differ:
            assert [t.melody for t in together] == [t.melody for t in alone]
        assert [t.index for t in together] == list(range(64))
        assert len({tuple(t.tokens) for t in together}) == 64
        scattered = compose(network, Grid(), options, 7, [50, 3])
        same = [np.array_equal(s.tokens, together[s.index].tokens) for s in scattered]
        assert sum(same) >= 2 - allowed


def test_seeds_and_indices_make_different_tunes():
    network = Indifferent(Grid())
    first, second = (compose(network, Grid(), GenerateOptions(bars=2), seed, [0, 1]) for seed in (1, 2))
    assert len({tuple(t.tokens) for t in [*first, *second]}) == 4
    assert (first[1].seed, first[1].index) == (1, 1)
    assert compose(network, Grid(), GenerateOptions(), 1, []) == []


def test_temperature_0_has_no_chance_in_it(make_network):
    network = make_network(145, width=32, scale=0.25)
    tunes = [compose(network, Grid(), GenerateOptions(bars=4, temperature=0), seed, [seed])[0] for seed in range(4)]
    assert len({tuple(t.tokens) for t in tunes}) == 1


def test_surprise_is_what_each_note_cost_the_network(make_network):
    network = make_network(145, width=16, scale=0.3, dtype=np.float64)
    tune = compose(network, Grid(), GenerateOptions(bars=2), 1, [0])[0]
    state, fed, bits = network.start(1), 145, []
    for token in tune.tokens:
        logits, state = step(network, np.array([fed]), state)
        if token < NO_EVENT:
            bits.append(-np.log2(probabilities(logits)[0, token]))
        fed = token
    np.testing.assert_allclose(tune.surprise, bits, rtol=1e-9)


def test_the_range_is_kept():
    options = GenerateOptions(bars=4, lowest=60, highest=64)
    for tune in compose(Indifferent(Grid()), Grid(), options, 1, range(20)):
        assert {n.pitch for n in tune.melody.notes} <= set(range(60, 65))


def test_without_a_range_the_models_own_compass_is_kept():
    for tune in compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=4), 1, range(20), pitch_range=(50, 70)):
        assert tune.tokens[tune.tokens < NO_EVENT].min() >= 50
        assert tune.tokens[tune.tokens < NO_EVENT].max() <= 70
    half = GenerateOptions(bars=4, lowest=66)
    for tune in compose(Indifferent(Grid()), Grid(), half, 1, range(20), pitch_range=(50, 70)):
        assert {n.pitch for n in tune.melody.notes} <= set(range(66, 71))


def test_the_scale_is_kept():
    options = GenerateOptions(bars=4, key="Eb", scale_lock=True)
    for tune in compose(Indifferent(Grid()), Grid(), options, 1, range(20)):
        assert {n.pitch % 12 for n in tune.melody.notes} <= {3, 5, 7, 8, 10, 0, 2}
        assert (tune.melody.timeline.key.fifths, tune.melody.timeline.key.mode) == (-3, "major")
    for tune in compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=4, scale_lock=True), 1, range(20)):
        assert {n.pitch % 12 for n in tune.melody.notes} <= {0, 2, 4, 5, 7, 9, 11}
    minor = GenerateOptions(bars=4, key="Am", scale_lock=True, lowest=57, highest=69)
    for tune in compose(Indifferent(Grid()), Grid(), minor, 1, range(20)):
        assert {n.pitch % 12 for n in tune.melody.notes} <= {9, 11, 0, 2, 4, 5, 7, 8}  # G sharp is its leading tone
        assert {n.pitch for n in tune.melody.notes} <= set(range(57, 70))


@pytest.mark.parametrize("name", ["G", "Bb", "F#", "Dm", "C#m"])
def test_a_tune_is_moved_to_the_key_as_a_whole(name):
    wanted = parse_key(name)
    moved = compose(
        Indifferent(Grid()), Grid(), GenerateOptions(bars=4, key=name), 1, range(12), pitch_range=(50, 76)
    )
    for tune in moved:
        drawn = Grid().decode(tune.tokens).with_pickup()
        shifts = {b.pitch - a.pitch for a, b in zip(drawn.notes, tune.melody.notes, strict=True)}
        assert len(shifts) == 1
        assert -6 <= shifts.pop() <= 6
        assert [n[:2] for n in tune.melody.notes] == [n[:2] for n in drawn.notes]
        found = estimate_key(tune.melody.notes)[0]
        assert (found.fifths - wanted.fifths) % 12 == 0  # the key itself, or its relative where no try had the mode
        assert tune.melody.timeline.key == wanted._replace(mode=found.mode)
    assert sum(tune.melody.timeline.key.mode == wanted.mode for tune in moved) >= 9


def test_a_tune_in_the_mode_asked_for_is_not_drawn_anew():
    plain = compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=4), 1, range(12), pitch_range=(50, 76))
    moved = compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=4, key="G"), 1, range(12), pitch_range=(50, 76))
    same = [a.tokens.tolist() == b.tokens.tolist() for a, b in zip(plain, moved, strict=True)]
    assert same == [a.melody.timeline.key.mode == "major" for a in plain]


def test_a_primer_keeps_its_mode_whatever_key_is_asked_for():
    primer = parse_notes("A4 B4 C5 D5 E5 E5 F5 E5 D5 C5 B4 A4 G#4 A4 B4 A4")
    options = GenerateOptions(bars=5, key="G", temperature=0)
    tune = compose(Indifferent(Grid()), Grid(), options, 1, [0], primer=primer)[0]
    assert tune.melody.timeline.key.fifths == 1


def test_a_metre_is_drawn_or_chosen():
    drawn = {
        METRES[t.tokens[0] - 130]
        for t in compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=1), 1, range(200))
    }
    assert drawn == set(NAMED_METRES)  # never "other", which says no metre
    with pytest.raises(ValueError, match="no such metre: '7/8'"):
        compose(Indifferent(Grid()), Grid(), GenerateOptions(metre="7/8"), 1, [0])


def test_a_primer_is_kept_exactly():
    primer = parse_notes("G4:1/2 A4:1/2 r:1/2 B4:3/2 C5", "4/4")
    tokens = [132, 67, 128, 69, 128, 129, 128, 71, 128, 128, 128, 128, 128, 72, 128, 128, 128]
    for tune in compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=3), 1, range(20), primer):
        assert tune.tokens[:17].tolist() == tokens
        check_form(tune.tokens, Grid(), 3, 16, 4)
        first = [(n.start, n.duration, n.pitch) for n in tune.melody.notes[:3]]
        assert first == [(0, 240, 67), (240, 240, 69), (720, 720, 71)]
        assert tune.melody.notes[3][0::2][:2] == (1440, 72)


def test_a_primer_may_be_given_another_metre():
    tune = compose(
        Indifferent(Grid()), Grid(), GenerateOptions(bars=3, metre="3/4"), 1, [0], parse_notes("C4 D4 E4")
    )[0]
    assert tune.tokens[:2].tolist() == [131, 60]
    assert tune.melody.timeline.metre.name == "3/4"


def test_a_primer_that_leaves_no_bar_is_refused_with_the_bars_it_needs():
    primer = parse_notes("C4:4 D4:4 E4:1")
    with pytest.raises(ValueError, match=r"the primer fills 2\.25 bars: ask for at least 4 with bars="):
        compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=3), 1, [0], primer)
    assert len(compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=4), 1, [0], primer)) == 1
    assert len(compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=2), 1, [0], parse_notes("C4:4"))) == 1


def test_a_primer_that_is_longer_than_any_tune_asks_for_its_first_bars():
    for bars, message in [
        (600, r"^the primer fills 600 bars: take only its first bars with primer_bars=$"),
        (5, r"^the primer fills 5 bars: ask for at least 6 with bars=, or take only its first bars with primer"),
    ]:
        with pytest.raises(ValueError, match=message):
            compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=3), 1, [0], parse_notes("C4:4 " * bars))
    with pytest.raises(ValueError, match=r"the primer fills 3\.33 bars: "):
        compose(
            Indifferent(Grid(12)), Grid(12), GenerateOptions(bars=3), 1, [0], parse_notes("C4:4 D4:4 E4:4 C4:4/3")
        )


def test_a_primers_pickup_is_not_counted():
    timeline = Timeline(480, 2400, (Metre(0, 4, 4), Metre(480, 4, 4)))
    primer = Melody((Note(0, 480, 67), Note(480, 1920, 60)), timeline)
    for tune in compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=2), 1, range(10), primer):
        assert tune.tokens[13] == 67
        check_form(tune.tokens, Grid(), 2, 16, 4)
        assert tune.melody.timeline.pickup == 480
    with pytest.raises(ValueError, match="the primer fills 1 bars: ask for at least 2"):
        compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=1), 1, [0], primer)


def test_the_plain_alphabet_fills_its_bars_exactly():
    grid = Grid(plain=True)
    for tune in compose(Indifferent(grid, {NO_EVENT: 3}), grid, GenerateOptions(bars=3, top_p=1.0), 1, range(30)):
        opening = int(np.flatnonzero(tune.tokens < NO_EVENT)[0])
        assert opening < 16
        assert len(tune.tokens) == (48 if opening < 8 else 64)
        assert (tune.tokens < 130).all()
        changes = np.flatnonzero(tune.tokens != NO_EVENT)
        assert tune.tokens[changes[-1]] < NO_EVENT  # it ends with a note
        assert changes[-1] <= len(tune.tokens) - 4
    primed = compose(Indifferent(grid), grid, GenerateOptions(bars=2), 1, [0], parse_notes("C4 D4"))[0]
    assert primed.tokens[:5].tolist() == [60, 128, 128, 128, 62]


def test_what_cannot_be_met_is_said():
    nothing = GenerateOptions(lowest=80)  # above all that the model knows
    with pytest.raises(ValueError, match="no pitch is left between 80 and 70: widen the range"):
        compose(Indifferent(Grid()), Grid(), nothing, 1, [0], pitch_range=(50, 70))
    narrow = GenerateOptions(lowest=70, key="C", scale_lock=True)  # B flat alone
    with pytest.raises(ValueError, match="no pitch is left between 70 and 70 in the key's scale"):
        compose(Indifferent(Grid()), Grid(), narrow, 1, [0], pitch_range=(50, 70))
    with pytest.raises(ValueError, match="no such key"):
        compose(Indifferent(Grid()), Grid(), GenerateOptions(key="H"), 1, [0])


@pytest.mark.parametrize(
    "options",
    [{"bars": 0}, {"bars": 513}, {"temperature": -1}, {"temperature": 11}, {"top_p": 0}, {"top_p": 1.5},
     {"top_k": -1}, {"min_p": 2}, {"lowest": 60, "highest": 63}, {"lowest": -1}, {"highest": 128},
     {"lowest": 70, "highest": 60}, {"qpm": 5}, {"qpm": 1000}],
)  # fmt: skip
def test_an_option_out_of_range_is_refused_by_name(options):
    name = "range" if set(options) & {"lowest", "highest"} else next(iter(options))
    with pytest.raises(ValueError, match=name):
        GenerateOptions(**options)


def test_flat_tunes_are_equally_loud_and_others_are_not():
    for flat in (True, False):
        tune = compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=4, flat=flat), 1, [0])[0]
        assert (len({n.velocity for n in tune.melody.notes}) == 1) == flat


def test_the_tempo_is_the_one_asked_for():
    tune = compose(Indifferent(Grid()), Grid(), GenerateOptions(bars=1, qpm=72.5), 1, [0])[0]
    assert tune.melody.timeline.qpm == 72.5


def test_the_filters_work_in_their_order():
    logits = np.log(np.array([[0.4, 0.3, 0.2, 0.1]]))
    assert np.isfinite(filtered(logits, GenerateOptions(top_p=0.5))).tolist() == [[True, True, False, False]]
    two = GenerateOptions(top_k=2, top_p=0.55)  # of the two that top-k leaves, 4/7 is enough
    assert np.isfinite(filtered(logits, two)).tolist() == [[True, False, False, False]]
    cold = GenerateOptions(top_p=0.5, temperature=0.25)  # 0.4^4 / (0.4^4 + 0.3^4 + ...) is 0.72
    assert np.isfinite(filtered(logits, cold)).tolist() == [[True, False, False, False]]
    both = GenerateOptions(top_p=0.9, top_k=2, min_p=0.8)  # of the two left, 0.3 is 0.75 of 0.4
    assert np.isfinite(filtered(logits, both)).tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(("range_", "key", "fifths"), [((121, 125), "F", -1), ((2, 6), "G", 1)])
def test_a_tune_at_the_edge_of_all_pitches_goes_to_its_key_the_way_that_there_is(range_, key, fifths):
    leaning = {range_[0]: 3.0, 132: 9.0}
    for tune in compose(
        Indifferent(Grid(), leaning), Grid(), GenerateOptions(bars=2, key=key), 1, range(6), None, range_
    ):
        pitches = [n.pitch for n in tune.melody.notes]
        assert 0 <= min(pitches) <= max(pitches) <= 127
        drawn = tune.tokens[tune.tokens < NO_EVENT]
        [shift] = set((np.array(pitches) - drawn).tolist())
        assert -12 < shift < 12
        assert tune.melody.timeline.key.fifths == fifths
