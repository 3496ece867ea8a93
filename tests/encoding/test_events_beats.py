"""Notes in bars and parts of a beat: the table, one spelling for each piece, rules, round trip, inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Indifferent

from ritornello.corpus.embedded import embedded
from ritornello.encoding import make_encoding
from ritornello.encoding.features import countdown_column, feature_rows
from ritornello.generate.freely import compose_freely
from ritornello.generate.options import GenerateOptions
from ritornello.music.lines import staff_names
from ritornello.music.values import Melody, Metre, Note, Part, Piece, Timeline, all_notes

BEATS = make_encoding("events-beats")
INPUTS = ("position", "strength", "metre", "countdown", "sounding", "echo")
QUARTER = 24  # ticks


def piece(*notes: tuple[int, int, int, int], metres: tuple[Metre, ...] = (Metre(0, 4, 4),)) -> Piece:
    """A piece of notes (start, duration, pitch, velocity) in 24ths of a quarter."""
    return Piece((Part(tuple(Note(*note) for note in notes)),), Timeline(QUARTER, metres=metres))


def spelled(music: Piece | Melody) -> str:
    return BEATS.vocabulary.spell(BEATS.encode(music).tokens)


def test_the_table_has_pitches_durations_times_velocities_bars_and_metres() -> None:
    rows = [(row.name, row.first, row.size) for row in BEATS.vocabulary.rows if not row.name.startswith("metre")]
    assert rows == [
        ("pitch", 0, 128), ("duration", 128, 96), ("time_shift", 224, 96), ("velocity", 320, 32), ("bar", 352, 1),
        *((f"over_{lower}", 370 + n, 1) for n, lower in enumerate((1, 2, 4, 8, 16))), ("end", 375, 1),
    ]  # fmt: skip
    assert BEATS.parts == (376,)
    assert BEATS.vocabulary.name_of(353 + 2) == "metre_3"


def test_a_piece_as_it_is_written() -> None:
    music = piece((0, 24, 48, 77), (0, 24, 64, 77), (24, 12, 67, 77), (96, 12, 48, 100), (96, 240, 60, 100))
    assert spelled(music) == (
        "metre_4 | over_4 | velocity 19 | duration 23 | pitch 48 | pitch 64 | time_shift 23 | duration 11 | "
        "pitch 67 | bar | velocity 24 | pitch 48 | duration 95 | duration 95 | duration 47 | pitch 60 | end"
    )


def test_a_pick_up_and_a_new_metre() -> None:
    metres = Metre(0, 3, 4), Metre(24, 3, 4), Metre(96, 2, 4)
    music = piece((0, 24, 60, 77), (24, 72, 62, 77), (96, 48, 64, 77), (144, 48, 65, 77), metres=metres)
    assert spelled(music) == (
        "metre_3 | over_4 | time_shift 47 | velocity 19 | duration 23 | pitch 60 | bar | duration 71 | pitch 62 | "
        "bar | metre_2 | over_4 | duration 47 | pitch 64 | bar | pitch 65 | end"
    )
    again = BEATS.decode(BEATS.encode(music).tokens)
    assert again.timeline.metres == metres
    assert [(n.start, n.duration, n.pitch) for n in all_notes(again)] == [
        (0, 24, 60), (24, 72, 62), (96, 48, 64), (144, 48, 65),
    ]  # fmt: skip
    assert again.timeline.length == 192  # the last bar is full


def test_a_bar_that_another_metre_cuts_short() -> None:
    music = piece((0, 24, 60, 77), (120, 24, 62, 77), metres=(Metre(0, 4, 4), Metre(120, 4, 4)))
    assert spelled(music) == (
        "metre_4 | over_4 | velocity 19 | duration 23 | pitch 60 | bar | time_shift 23 | metre_4 | over_4 | "
        "pitch 62 | end"
    )
    assert BEATS.decode(BEATS.encode(music).tokens).timeline.metres == (Metre(0, 4, 4), Metre(120, 4, 4))


def test_losses_are_counted() -> None:
    fine = Timeline(480)
    notes = Note(0, 480, 60, 80), Note(0, 480, 60, 90), Note(240, 480, 60, 80), Note(961, 480, 62, 80)
    drums = Part((Note(0, 1, 36, 80),), is_drum=True)
    encoded = BEATS.encode(Piece((Part(notes), Part((Note(0, 490, 72, 80),)), drums), fine))
    assert encoded.losses == {"lost": 2, "resized": 2, "moved": 1}  # a unison and a drum; cut, and off the steps
    odd = piece((0, 24, 60, 80), (120, 24, 60, 80), metres=(Metre(0, 17, 8),))
    assert BEATS.encode(odd).losses == {"metres": 1}


def test_the_hands_of_a_piano_have_a_staff_each() -> None:
    made = BEATS.decode(BEATS.encode(piece((0, 24, 59, 80), (0, 24, 60, 80))).tokens)
    assert [[note.pitch for note in part.notes] for part in made.parts] == [[60], [59]]
    assert staff_names(made) == (["Piano", ""], True)


NOTES = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 400), st.integers(0, 127), st.integers(1, 127)),
    min_size=1, max_size=30,
)  # fmt: skip
METRES = st.sampled_from([(Metre(0, 4, 4),), (Metre(0, 6, 8), Metre(30, 6, 8)), (Metre(0, 3, 4), Metre(150, 5, 8))])


@given(NOTES, METRES)
def test_every_piece_is_legal_and_written_once(notes, metres) -> None:
    encoded = BEATS.encode(piece(*notes, metres=metres))
    rules = BEATS.tracker()
    for token in encoded.tokens.tolist():
        assert rules.legal()[token]
        rules.advance(token)
    assert rules.done
    assert not rules.legal().any()
    again = BEATS.decode(encoded.tokens)
    assert BEATS.encode(again).tokens.tolist() == encoded.tokens.tolist()
    assert not BEATS.encode(again).losses
    if not encoded.losses:  # a rest that opens the first bar may be left out
        assert from_the_first([(n.start, n.duration, n.pitch) for n in all_notes(again)]) == from_the_first(
            [note[:3] for note in notes]
        )


def from_the_first(notes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Count starts from that of the first note."""
    first = min(notes)[0]
    return sorted((start - first, duration, pitch) for start, duration, pitch in notes)


def walked(seed: int, bars: int = 0) -> list[int]:
    """Draw legal tokens until the end, any with like chance; at 150 tokens the end if it may come."""
    random, rules, tokens = np.random.default_rng(seed), BEATS.tracker(), []
    while not rules.done:
        rules.until = rules.after(bars) if bars else -1
        legal = np.flatnonzero(rules.legal())
        token = 375 if len(tokens) > 150 and 375 in legal else int(random.choice(legal))
        tokens.append(token)
        rules.advance(token)
    return tokens


def test_what_the_rules_allow_comes_back_over_the_whole_alphabet() -> None:
    seen = np.zeros(376, bool)
    for seed in range(150):
        tokens = walked(seed)
        seen[tokens] = True
        if 369 in tokens:  # a metre without a name is read as 4/4
            continue
        assert BEATS.encode(BEATS.decode(tokens)).tokens.tolist() == tokens
    assert seen.all()


@settings(max_examples=30)
@given(st.integers(0, 1 << 30), st.integers(1, 5))
def test_a_piece_of_so_many_bars_ends_in_the_last_one(seed, bars) -> None:
    made = BEATS.decode(walked(seed, bars))
    line = made.timeline
    first = line.pickup
    barlines = [first]
    while barlines[-1] < line.length:
        metre = line.metre_at(barlines[-1])
        later = [m.tick for m in line.metres if m.tick > barlines[-1]]
        barlines.append(min([barlines[-1] + line.bar_ticks(metre), *later]))
    assert len(barlines) - 1 == bars
    assert max(note.end for note in all_notes(made)) <= line.length == barlines[-1]
    assert barlines[-2] <= max(note.start for note in all_notes(made))


def test_rules() -> None:
    rules = BEATS.tracker()
    names = lambda: {BEATS.vocabulary.name_of(n).split()[0] for n in np.flatnonzero(rules.legal())}  # noqa: E731
    assert names() == {"metre_other", *(f"metre_{n}" for n in range(1, 17))}
    rules.advance(353 + 1)
    assert names() == {"over_1", "over_2", "over_4", "over_8", "over_16"}
    rules.advance(370 + 2)  # 2/4
    assert names() == {"velocity", "time_shift", "bar"}  # nothing says how loud or long a note would be
    assert rules.legal()[224 + 46]
    assert not rules.legal()[224 + 47]  # that is the barline, which `bar` goes on to
    rules.advance(320 + 20)
    assert names() == {"duration"}
    rules.advance(128 + 95)
    assert names() == {"duration", "pitch"}  # longer than a whole note takes another
    rules.advance(60)
    assert not rules.legal()[60]  # it sounds
    assert not rules.legal()[:60].any()  # from low to high
    assert not rules.legal()[320 + 20]  # it is as loud already
    assert rules.legal()[128 + 95]
    assert "end" in names()
    rules.advance(352)
    assert "end" not in names()
    assert "metre_3" in names()
    rules.advance(353 + 1)
    assert names() == {"over_1", "over_2", "over_8", "over_16"}  # 2/4 goes on without saying so


@pytest.mark.parametrize("name", ["hymns", "hymns-voices", "songs-piano"])
def test_corpora_are_legal_and_come_back(name) -> None:
    for music in embedded(name).music("validation"):
        encoded, rules = BEATS.encode(music), BEATS.tracker()
        for token in encoded.tokens.tolist():
            assert rules.legal()[token]
            rules.advance(token)
        again = BEATS.encode(BEATS.decode(encoded.tokens))
        assert again.tokens.tolist() == encoded.tokens.tolist() or encoded.losses["metres"]
        if not encoded.losses:
            scale = music.timeline.ticks_per_quarter // QUARTER
            found = [(n.start * scale, n.duration * scale, n.pitch) for n in all_notes(BEATS.decode(encoded.tokens))]
            wanted = [(n.start, n.duration, n.pitch) for n in all_notes(music)]
            assert from_the_first(found) == from_the_first(wanted)


def test_the_bars_that_are_left_are_counted_down() -> None:
    encoding = make_encoding("events-beats", ("countdown",))
    tokens = encoding.encode(piece(*((96 * n, 24, 60, 80) for n in range(4)))).tokens
    at_bars = {n: value for n, value in enumerate(countdown_column(encoding, tokens)) if tokens[n] == 60}
    assert list(at_bars.values()) == [4, 3, 2, 1]  # three bars to go, then two, then one, and the last
    assert not feature_rows(encoding, tokens).any()


def test_inputs_say_the_place_what_sounds_and_what_followed() -> None:
    encoding = make_encoding("events-beats", INPUTS)
    figure = [(12 * n, 12, 48 + 12 * (n % 2), 80) for n in range(8)]
    tokens = encoding.encode(piece(*figure, (0, 96, 72, 80))).tokens
    rows = feature_rows(encoding, tokens)
    columns = {feature.name: rows[:, n] for n, feature in enumerate(encoding.features)}
    assert list(columns) == [
        "position", "strength", "numerator", "denominator", "countdown", "begun", "sounding", "echo", "echo_length",
    ]  # fmt: skip
    names = [encoding.vocabulary.name_of(token) for token in tokens]
    assert names[5:7] == ["duration 95", "pitch 72"]
    assert (columns["begun"][6], columns["sounding"][6]) == (1, 1)
    assert columns["position"][7] == 1  # still on the barline, before time goes on
    assert (columns["begun"][8], columns["sounding"][8], columns["position"][8]) == (0, 1, 7)
    last = len(tokens) - 2
    assert names[last] == "pitch 60"
    assert columns["echo"][last] == 1 + 60  # as the figure went on before
    assert columns["echo_length"][last] == 2  # after eight tokens or more that were the same


@pytest.mark.parametrize("semitones", [-5, 3])
def test_inputs_of_a_transposition_are_those_that_the_rules_compute(semitones) -> None:
    encoding = make_encoding("events-beats", INPUTS)
    tokens = encoding.encode(embedded("songs-piano").music("validation")[0]).tokens[:400]
    moved = encoding.vary(tokens, semitones)
    rules, rows = encoding.tracker(), []
    for token in moved.tolist():
        rows.append(rules.features())
        rules.advance(token)
    assert encoding.feature_rows(moved).tolist() == rows
    assert semitones in encoding.variants(tokens, 0, 127)
    assert encoding.variants(tokens, 60, 60)[0] == 0


def test_a_piece_is_composed_in_bars_and_in_a_metre() -> None:
    options = GenerateOptions(bars=2, metre="6/8")
    for made in compose_freely(Indifferent(BEATS), BEATS, options, 3, range(3)):
        assert made.melody.timeline.metre[1:3] == (6, 8)
        assert made.tokens[-1] == 375
    together = compose_freely(Indifferent(BEATS), BEATS, options, 3, [0, 1])
    [alone] = compose_freely(Indifferent(BEATS), BEATS, options, 3, [1])
    assert together[1].tokens.tolist() == alone.tokens.tolist()


@pytest.mark.parametrize(
    ("option", "word"),
    [({"seconds": 8}, "bars="), ({"key": "G"}, "key="), ({"notes_per_second": "4"}, "performances")],
)
def test_what_it_cannot_do_is_one_line(option, word) -> None:
    with pytest.raises(ValueError, match=word) as refused:
        compose_freely(Indifferent(BEATS), BEATS, GenerateOptions(**option), 1, [0])
    assert "\n" not in str(refused.value)


def test_unknown_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="there are position, strength"):
        make_encoding("events-beats", ("density",))
