"""grid: what is written comes back, and what cannot be kept is counted."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import legal_of

from ritornello.encoding import Grid, make_encoding
from ritornello.encoding.grid import NO_EVENT, NOTE_OFF
from ritornello.encoding.vocabulary import METRES
from ritornello.music.values import Melody, Metre, Note, Timeline

NAMED_METRES = (*METRES[:-1], "7/8", "1/16", "16/1", "11/16")
OVER_4, END = 149, 152  # by hand: upper figures 1 to 16 and "other" from 130, lower ones 1, 2, 4, 8, 16 from 147
IN_4_4, IN_3_4, IN_OTHER = (133, OVER_4), (132, OVER_4), (146, OVER_4)


def quarters(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    per = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, per), Fraction(n.duration, per), n.pitch) for n in melody.notes]


def spelled(steps: str) -> list[int]:
    """Tokens from words: a number is a pitch, "." no_event, "x" note_off."""
    return [NO_EVENT if word == "." else NOTE_OFF if word == "x" else int(word) for word in steps.split()]


def every_pitch(ticks_per_step: int, tpq: int, metre: tuple[int, int]) -> tuple[Melody, list[int]]:
    """Every pitch once, each with a duration of its own, some with rests after them; and its steps by hand."""
    notes, steps, at = [], [], 0
    for pitch in range(128):
        duration, rest = pitch % 37 + 1 + (pitch // 37) * 40, (pitch + 2) % 3
        notes.append(Note(at * ticks_per_step, duration * ticks_per_step, pitch))
        steps += [pitch] + [NO_EVENT] * (duration - 1) + ([NOTE_OFF] + [NO_EVENT] * (rest - 1) if rest else [])
        at += duration + rest
    return Melody(tuple(notes), Timeline(tpq, at * ticks_per_step, (Metre(0, *metre),))), steps


@pytest.mark.parametrize("per_quarter", [1, 3, 4, 5, 7, 12, 24])
def test_the_whole_alphabet_survives_a_round_trip_at_every_resolution(per_quarter):
    melody, steps = every_pitch(10, 10 * per_quarter, (4, 4))
    encoded = Grid(per_quarter).encode(melody)
    assert encoded.tokens.tolist() == [*IN_4_4, *steps, END]
    assert encoded.tokens.dtype == np.int16
    assert not +encoded.losses
    again = Grid(per_quarter).decode(encoded.tokens)
    assert quarters(again) == quarters(melody)
    assert len({n.duration for n in again.notes}) == 128


@pytest.mark.parametrize("name", NAMED_METRES)
def test_every_metre_has_a_token_and_comes_back(name):
    numerator, denominator = (int(n) for n in name.split("/"))
    melody, steps = every_pitch(120, 480, (numerator, denominator))
    tokens = Grid().encode(melody).tokens
    assert tokens[:2].tolist() == [129 + numerator, 147 + (1, 2, 4, 8, 16).index(denominator)]
    assert tokens[2:-1].tolist() == steps
    again = Grid().decode(tokens)
    assert again.timeline.metre == Metre(0, numerator, denominator)
    assert quarters(again) == quarters(melody)
    assert Grid().begin(name) == tuple(tokens[:2].tolist())


def test_a_metre_without_a_token_is_other_and_is_read_as_common_time():
    melody, steps = every_pitch(120, 480, (17, 8))
    tokens = Grid().encode(melody).tokens
    assert tokens.tolist() == [*IN_OTHER, *steps, END]
    assert Grid().decode(tokens).timeline.metre.name == "4/4"
    with pytest.raises(ValueError, match="no such metre: '17/8'"):
        Grid().begin("17/8")


def test_a_metre_that_begins_stands_before_its_step():
    timeline = Timeline(480, 8 * 480, (Metre(0, 2, 4), Metre(480, 2, 4), Metre(1440, 3, 8), Metre(2160, 2, 4)))
    melody = Melody((Note(0, 480, 60), Note(480, 1200, 62), Note(1680, 480, 64), Note(2160, 240, 65)), timeline)
    tokens = Grid(2).encode(melody).tokens
    in_2_4, in_3_8 = Grid().begin("2/4"), Grid().begin("3/8")
    steps = [*spelled(". . 60 . 62 ."), *spelled(". ."), *in_3_8, *spelled(". 64 ."), *in_2_4, 65]
    assert tokens.tolist() == [*in_2_4, *steps, END]
    metres = Grid(2).decode(tokens).timeline.metres
    assert metres == (Metre(0, 2, 4), Metre(4 * 480, 3, 8), Metre(5 * 480 + 240, 2, 4))
    tracker = Grid(2).tracker()
    for token in tokens.tolist():
        assert legal_of(Grid(2), tracker)[token]
        tracker.advance(token)
    assert (tracker.since, tracker.bars_before, tracker.bar) == (11, 3, 4)


def test_the_plain_alphabet_is_130_symbols_without_metre_and_end():
    grid = Grid(plain=True)
    melody, steps = every_pitch(120, 480, (3, 4))
    assert grid.vocabulary.size == 130
    assert grid.end is None
    assert grid.encode(melody).tokens.tolist() == steps
    assert quarters(grid.decode(steps)) == quarters(melody)
    assert grid.decode(steps).timeline.metre.name == "4/4"


def test_the_tokens_of_two_notes_and_a_rest_by_hand():
    melody = Melody((Note(480, 240, 60), Note(720, 120, 62), Note(1200, 480, 64)), Timeline(480, 1920))
    expected = spelled(". . . . 60 . 62 x . . 64 . . . x .")
    assert Grid().encode(melody).tokens.tolist() == [*IN_4_4, *expected[:-2], END]
    assert Grid(plain=True).encode(melody).tokens.tolist() == expected


def test_the_same_note_twice_is_two_notes():
    melody = Melody((Note(0, 240, 60), Note(240, 240, 60)))
    assert Grid(plain=True).encode(melody).tokens.tolist() == spelled("60 . 60 .")
    assert quarters(Grid().decode(Grid().encode(melody).tokens)) == quarters(melody)


def test_a_pickup_is_opening_no_events_so_that_the_tune_starts_on_a_barline():
    timeline = Timeline(480, 2400, (Metre(0, 4, 4), Metre(480, 4, 4)))
    melody = Melody((Note(0, 480, 67), Note(480, 1920, 60)), timeline)
    steps = spelled(". " * 12 + "67 . . . 60" + " ." * 15)
    assert steps.count(NO_EVENT) == 30
    assert Grid().encode(melody).tokens.tolist() == [*IN_4_4, *steps, END]
    assert Grid(plain=True).encode(melody).tokens.tolist() == steps[12:]
    again = Grid().decode(Grid().encode(melody).tokens).with_pickup()
    assert again.timeline.pickup == 480
    assert quarters(again) == quarters(melody)


def test_a_pickup_off_the_grid_moves_itself_and_not_the_bars_after_it():
    sixteenth, short = 120, 60  # the pick-up lasts half a step
    timeline = Timeline(480, short + 1920, (Metre(0, 4, 4), Metre(short, 4, 4)))
    melody = Melody((Note(0, short, 67), Note(short, 960, 60), Note(short + 960, 960, 62)), timeline)
    encoded = Grid().encode(melody)
    # 15.5 steps rounds up to the barline, where the bar's own note begins: that is nearer and stays.
    assert encoded.tokens.tolist()[2:27] == [NO_EVENT] * 16 + [60] + [NO_EVENT] * 7 + [62]
    assert +encoded.losses == Counter(lost=1)
    triplet = 160
    timeline = Timeline(480, triplet + 1920, (Metre(0, 4, 4), Metre(triplet, 4, 4)))
    melody = Melody((Note(0, triplet, 67), Note(triplet, 16 * sixteenth, 60)), timeline)
    encoded = Grid().encode(melody)
    assert encoded.tokens.tolist() == [*IN_4_4, *spelled(". " * 15 + "67 60" + " ." * 15), END]
    assert +encoded.losses == Counter(moved=1, resized=1)


def test_a_pickup_has_its_place_where_a_bar_is_no_whole_number_of_ticks():
    timeline = Timeline(1, 3, (Metre(0, 3, 8), Metre(1, 3, 8)))  # a bar is one and a half of its ticks
    melody = Melody((Note(0, 1, 67), Note(1, 2, 60)), timeline)
    halves = Grid(2).encode(melody)
    assert halves.tokens.tolist() == [*Grid(2).begin("3/8"), *spelled(". 67 . 60 . . ."), END]
    assert not +halves.losses
    quarters_alone = Grid(1).encode(melody)  # onsets at 1/2 and 3/2
    assert quarters_alone.tokens.tolist() == [*Grid(1).begin("3/8"), *spelled(". 67 60 ."), END]
    assert +quarters_alone.losses == Counter(moved=2)


@pytest.mark.parametrize("name", ["grid", "lookback"])
@pytest.mark.parametrize("steps", [4.0, 1.5, "4", 0, 25, -1, True, None])
def test_a_resolution_is_a_whole_number(name, steps):
    with pytest.raises(ValueError, match="steps_per_quarter must be a whole number from 1 to 24, not ") as caught:
        make_encoding(name, steps_per_quarter=steps)
    assert str(caught.value).endswith(repr(steps))


def test_a_rest_of_bars_before_the_first_note_is_kept():
    melody = Melody((Note(3840, 480, 60),))
    tokens = Grid().encode(melody).tokens
    assert tokens.tolist() == [*IN_4_4, *[NO_EVENT] * 32, *spelled("60 . . ."), END]
    assert quarters(Grid().decode(tokens)) == [(Fraction(8), Fraction(1), 60)]


def test_a_last_note_that_reaches_the_end_needs_no_note_off_and_a_closing_rest_is_kept_by_plain_alone():
    full = Melody((Note(0, 480, 60),), Timeline(480, 480))
    short = Melody((Note(0, 360, 60),), Timeline(480, 480))
    assert Grid(plain=True).encode(full).tokens.tolist() == spelled("60 . . .")
    assert Grid(plain=True).encode(short).tokens.tolist() == spelled("60 . . x")
    assert Grid().encode(full).tokens.tolist() == [*IN_4_4, *spelled("60 . . ."), END]
    assert Grid().encode(short).tokens.tolist() == [*IN_4_4, *spelled("60 . ."), END]
    assert quarters(Grid().decode(Grid().encode(short).tokens)) == [(Fraction(0), Fraction(3, 4), 60)]


def test_a_melody_without_notes_is_silence():
    melody = Melody((), Timeline(480, 960, (Metre(0, 3, 4),)))
    assert Grid(plain=True).encode(melody).tokens.tolist() == [NO_EVENT] * 8
    assert Grid().encode(melody).tokens.tolist() == [*IN_3_4, END]
    assert Grid().encode(Melody(())).tokens.tolist() == [*IN_4_4, END]
    assert Grid().decode([*IN_4_4, END]).notes == ()


@pytest.mark.parametrize(
    ("notes", "steps", "losses"),
    [  # a step is 120 ticks; every count by hand
        ([(0, 120)], "0", {}),
        ([(0, 60)], "0", {"resized": 1}),
        ([(0, 30)], "0", {"resized": 1}),
        ([(0, 1)], "0", {"resized": 1}),
        ([(40, 120)], "0", {"moved": 1}),
        ([(40, 40)], "0", {"moved": 1, "resized": 1}),
        ([(60, 120)], ". 0", {"moved": 1}),
        ([(0, 30), (30, 90)], "0", {"resized": 1, "lost": 1}),
        ([(0, 30), (30, 30), (60, 60)], "0 2", {"moved": 1, "resized": 2, "lost": 1}),
        ([(0, 160), (160, 160), (320, 160)], "0 1 . 2", {"moved": 2, "resized": 3}),
        ([(0, 100), (130, 110)], "0 1", {"moved": 1, "resized": 2}),
        ([(0, 120), (120, 59), (240, 120)], "0 1 2", {"resized": 1}),
        ([(0, 60), (60, 60), (120, 120)], "0 2", {"resized": 1, "lost": 1}),  # on the step rather than before it
        ([(0, 80), (80, 80), (160, 80)], "0 1", {"resized": 2, "moved": 1, "lost": 1}),  # equally near: the first
    ],
)
def test_what_the_grid_cannot_keep_is_counted(notes, steps, losses):
    melody = Melody(tuple(Note(start, duration, n) for n, (start, duration) in enumerate(notes)))
    encoded = Grid(plain=True).encode(melody)
    assert encoded.tokens.tolist()[: len(steps.split())] == spelled(steps)
    assert +encoded.losses == Counter(losses)


def test_overlapping_notes_cannot_be_a_melody_at_all():
    with pytest.raises(ValueError, match="overlap"):
        Melody((Note(0, 200, 60), Note(199, 200, 62)))


def test_a_note_off_in_silence_is_silence():
    assert Grid().decode([*IN_4_4, NOTE_OFF, 60, NOTE_OFF, NOTE_OFF, END]).notes == (Note(120, 120, 60),)
    assert Grid().decode(spelled("x x 60 . x . x")).timeline.length == 7 * 120


def test_begin_and_end_may_be_missing():
    assert quarters(Grid().decode(spelled("60 . 62 ."))) == [
        (Fraction(0), Fraction(1, 2), 60),
        (Fraction(1, 2), Fraction(1, 2), 62),
    ]
    assert Grid().decode([]).notes == ()


@pytest.mark.parametrize(("grid", "bad"), [(Grid(), 153), (Grid(), -1), (Grid(plain=True), 130)])
def test_a_token_outside_the_vocabulary_is_refused(grid, bad):
    with pytest.raises(ValueError, match=f"token {bad} is outside this vocabulary"):
        grid.decode([60, bad])


@pytest.mark.parametrize("per_quarter", [0, -1, 25])
def test_an_impossible_resolution_is_refused(per_quarter):
    with pytest.raises(ValueError, match="1 to 24"):
        Grid(per_quarter)


def test_an_encoding_is_built_again_from_its_options():
    for grid in (Grid(), Grid(12), Grid(3, plain=True)):
        assert make_encoding(**grid.to_dict()) == grid
    with pytest.raises(ValueError, match="no such encoding: 'gird'"):
        make_encoding("gird")


def test_the_vocabulary_table_names_every_token():
    table = Grid().vocabulary
    names = [table.name_of(token) for token in range(table.size)]
    assert names[:2] == ["note_on 0", "note_on 1"]
    assert names[127:132] == ["note_on 127", "no_event", "note_off", "metre_1", "metre_2"]
    assert names[146:] == ["metre_other", "over_1", "over_2", "over_4", "over_8", "over_16", "end"]
    assert len(set(names)) == 153 == table.size
    assert table["note_off"] == 129
    assert table["end"] == 152 == Grid().end
    assert "metre_6" in table
    assert "begin_6/8" not in table
    assert table.spell([60, 128, 152]) == "note_on 60 | no_event | end"
    assert len(str(table).splitlines()) == 1 + len(table.rows)
    for bad in (-1, 153):
        with pytest.raises(ValueError, match="0 to 152"):
            table.name_of(bad)
    with pytest.raises(KeyError):
        table["begin_7/8"]


def test_transposing_moves_notes_alone_and_keeps_within_the_pitches():
    tokens = np.array([*IN_4_4, 60, NO_EVENT, NOTE_OFF, 127, END], np.int16)
    assert Grid().transpose(tokens, -3).tolist() == [*IN_4_4, 57, NO_EVENT, NOTE_OFF, 124, END]
    assert Grid().transpose(tokens, -3).dtype == np.int16
    with pytest.raises(ValueError, match="1 semitones take a pitch out"):
        Grid().transpose(tokens, 1)
    with pytest.raises(ValueError, match="-61 semitones"):
        Grid().transpose(tokens, -61)


def test_counting_what_tokens_spell():
    tokens = np.array([*IN_3_4, 60, NO_EVENT, NOTE_OFF, 62, END])
    assert Grid().pitches(tokens).tolist() == [60, 62]
    assert Grid().metre_of(tokens) == (3, 4)
    assert Grid().metre_of(tokens[2:]) == (4, 4)
    assert Grid(plain=True).metre_of(tokens[2:3]) == (4, 4)


@pytest.mark.parametrize(
    ("per_quarter", "metre", "steps"),
    [(4, (4, 4), 16), (4, (6, 8), 12), (12, (9, 8), 54), (1, (3, 8), 2), (3, (5, 4), 15), (4, (2, 2), 16)],
)
def test_the_length_of_a_bar_in_steps(per_quarter, metre, steps):
    grid = Grid(per_quarter)
    assert grid.bars[grid.metres.index_of(*metre)] == steps


@st.composite
def step_melodies(draw):
    """A melody on the grid of some resolution, with its resolution."""
    per_quarter = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 8, 12, 24]))
    notes, at = [], 0
    for rest, length, pitch in draw(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40), st.integers(0, 127)))):
        notes.append(Note((at + rest) * 7, length * 7, pitch))
        at += rest + length
    length = (at + draw(st.integers(0, 9))) * 7
    name = draw(st.sampled_from(NAMED_METRES))
    metre = Metre(0, *(int(n) for n in name.split("/")))
    return Melody(tuple(notes), Timeline(7 * per_quarter, length, (metre,))), per_quarter


@given(step_melodies())
def test_any_melody_on_the_grid_comes_back_exactly(case):
    melody, per_quarter = case
    encoded = Grid(per_quarter).encode(melody)
    again = Grid(per_quarter).decode(encoded.tokens)
    assert quarters(again) == quarters(melody)
    assert again.timeline.metre == melody.timeline.metre
    assert not +encoded.losses
    plain = Grid(per_quarter, plain=True)
    steps = plain.encode(melody).tokens
    assert quarters(plain.decode(steps)) == quarters(melody)
    assert len(steps) * 7 == melody.timeline.length  # closing rests included


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 700), st.integers(0, 127)), max_size=30))
def test_any_melody_off_the_grid_keeps_its_order_and_loses_only_what_is_counted(parts):
    notes, at = [], 0
    for rest, length, pitch in parts:
        notes.append(Note(at + rest, length, pitch))
        at += rest + length
    encoded = Grid().encode(Melody(tuple(notes)))
    again = Grid().decode(encoded.tokens).notes
    assert len(again) == len(notes) - encoded.losses["lost"]
    nearest: dict[int, Note] = {}
    for note in notes:  # an independent rounding, in fractions
        step = int(Fraction(note.start, 120) + Fraction(1, 2))
        if step not in nearest or abs(note.start - 120 * step) < abs(nearest[step].start - 120 * step):
            nearest[step] = note
    kept, lost = sorted(nearest.items()), len(notes) - len(nearest)
    assert [(n.start // 120, n.pitch) for n in again] == [(step, note.pitch) for step, note in kept]
    pairs = list(zip(again, kept, strict=True))
    assert encoded.losses["lost"] == lost
    assert encoded.losses["moved"] == sum(a.start != note.start for a, (_, note) in pairs)
    assert encoded.losses["resized"] == sum(a.duration != note.duration for a, (_, note) in pairs)


@given(st.data(), st.booleans())
def test_any_sequence_of_legal_tokens_is_a_tune_that_encodes_to_itself(data, plain):
    grid = Grid(plain=plain)
    tracker, tokens = grid.tracker(), []
    for _ in range(data.draw(st.integers(0, 40))):
        legal = np.flatnonzero(tracker.legal())
        if not len(legal):
            break
        # note_on would drown the others: draw the kind first
        kinds = [k for k in ([t for t in legal if t < 128], [t for t in legal if t >= 128]) if k]
        token = int(data.draw(st.sampled_from(data.draw(st.sampled_from(kinds)))))
        tokens.append(token)
        tracker.advance(int(token))
    melody = grid.decode(tokens)
    assert len(melody.notes) == tracker.notes
    if plain:
        assert grid.encode(melody).tokens.tolist() == tokens
    elif tokens and tokens[-1] == END and 146 not in tokens:
        assert tracker.done
        assert not tracker.legal().any()
        steps = tokens[:-1]  # canonical: without the rest after the last note
        if NOTE_OFF in steps and max(np.flatnonzero(np.array(steps) < 128)) < max(
            np.flatnonzero(np.array(steps) == NOTE_OFF)
        ):
            steps = steps[: max(np.flatnonzero(np.array(steps) == NOTE_OFF))]
            if len(steps) > 2 and steps[-1] > 146:  # nor a metre that begins with that rest: its two tokens
                steps = steps[:-2]
        assert grid.encode(melody).tokens.tolist() == [*steps, END]


def test_the_tracker_knows_what_may_follow():
    grid = Grid()
    first, second = grid.tracker(), grid.tracker()

    def legal(tracker) -> list[int]:
        return np.flatnonzero(legal_of(grid, tracker)).tolist()

    def advance(*tokens: int) -> None:
        first.advance(tokens[0])
        second.advance(tokens[1])

    assert legal(first) == list(range(130, 147))
    advance(IN_4_4[0], IN_3_4[0])
    assert legal(first) == [147, 148, 149, 150, 151]
    advance(IN_4_4[1], IN_3_4[1])
    assert (first.bar, second.bar) == (16, 12)
    assert legal(first) == list(range(129))  # no note_off, no end yet
    advance(NO_EVENT, 60)
    assert legal(first) == list(range(129))
    assert legal(second) == [*range(130), END]
    advance(64, NOTE_OFF)
    assert (first.sounding, second.sounding) == (64, -1)
    assert first.time == second.time == 2
    assert first.onset == first.opening == 1
    assert second.onset == second.opening == 0
    assert legal(second) == [*range(129), END]
    advance(65, END)
    assert (first.onset, first.opening) == (2, 1)
    assert (first.notes, second.notes) == (2, 1)
    assert (first.done, second.done) == (False, True)
    assert legal(second) == []


def test_the_plain_tracker_needs_no_beginning():
    grid = Grid(plain=True)
    tracker = grid.tracker()
    assert np.flatnonzero(legal_of(grid, tracker)).tolist() == list(range(129))
    tracker.advance(60)
    assert np.flatnonzero(legal_of(grid, tracker)).tolist() == list(range(130))


def test_a_first_bar_that_its_steps_round_down_is_full_before_another_metre_begins():
    grid = Grid(6)  # a bar of 3/16 is four and a half steps, counted as four
    tracker = grid.tracker()
    for token in (*grid.begin("3/16"), 60, NO_EVENT, NO_EVENT, NO_EVENT):
        tracker.advance(token)
    assert (tracker.time, tracker.bar) == (4, 4)
    assert not legal_of(grid, tracker)[grid.begin("4/4")[0]]  # what came would be a pick-up of four steps
    tracker.advance(NO_EVENT)
    assert legal_of(grid, tracker)[grid.begin("4/4")[0]]
