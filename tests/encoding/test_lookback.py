"""lookback: labels for what stood one or two bars ago, one spelling for each tune, no loss but the grid's."""

import tarfile
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_tunes import sung_line
from walks import checked_rows, exact, legal_of, pitches_of, walked

from ritornello.corpus.embedded import embedded
from ritornello.encoding import Grid, Lookback, make_encoding
from ritornello.encoding.features import INPUTS, feature_rows
from ritornello.encoding.grid_tracker import NO_EVENT, NOTE_OFF
from ritornello.encoding.options import EncodingOptions
from ritornello.music.files import read
from ritornello.music.values import Melody, Metre, Note, Timeline

END, ONE, TWO = 152, 153, 154  # by hand: the grid's 153 ids, then the labels
IN_2_4, IN_OTHER = (131, 149), (146, 149)
QUARTER = 480


def tune(*pitches: int, metre=(2, 4), ticks=QUARTER) -> Melody:
    """Notes of one length each; 0 is a rest."""
    notes = tuple(Note(n * ticks, ticks, pitch) for n, pitch in enumerate(pitches) if pitch)
    return Melody(notes, Timeline(QUARTER, 0, (Metre(0, *metre),)))


def bars_of(plain: list[int], per_quarter: int) -> list[int]:
    """The steps of a bar of the metre in force at each token; 16 over 4 of a metre without a name is 4/4."""
    bars, upper, bar = [], 0, 4 * per_quarter
    for token in plain:
        if 130 <= token < 147:
            upper = token - 129 if token < 146 else 4
        elif 147 <= token < END:
            bar = max(1, round(4 * per_quarter * upper / 2 ** (token - 147)))
        bars.append(bar)
    return bars


def naive(plain: list[int], per_quarter: int) -> list[int]:
    """Labels as the paper words them, step by step: two bars ago first; before the tune stands no_event."""
    steps = [t for t in plain if t <= NOTE_OFF]
    written, n = [], 0
    for token, bar in zip(plain, bars_of(plain, per_quarter), strict=True):
        if token > NOTE_OFF:
            written.append(token)
            continue
        one, two = (steps[n - k * bar] if n >= k * bar else NO_EVENT for k in (1, 2))
        written.append(TWO if token == two else ONE if token == one else token)
        n += 1
    return written


def test_the_table_is_the_grids_with_two_labels_after_it():
    table = Lookback().vocabulary
    assert table.size == 155
    assert [table.name_of(n) for n in (0, 128, 129, 130, 152, 153, 154)] == [
        "note_on 0", "no_event", "note_off", "metre_1", "end", "as_one_bar_ago", "as_two_bars_ago",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pitches", "steps"),
    [
        ((60, 62, 60, 64, 60, 62), [60, 62, ONE, 64, TWO, TWO]),  # C D | C E | C D
        ((60, 62, 60, 62, 60, 62), [60, 62, ONE, ONE, TWO, TWO]),  # where both fit it is two bars
        ((60, 62, 65, 64, 65, 62), [60, 62, 65, 64, ONE, TWO]),
        ((0, 62, 0, 62, 60), [TWO, 62, NOTE_OFF, ONE, 60]),  # opening silence is as it was before the tune
    ],
)
def test_a_step_as_one_or_two_bars_ago_is_written_with_the_label(pitches, steps):
    encoding = Lookback(1)
    encoded = encoding.encode(tune(*pitches))
    assert encoded.tokens.tolist() == [*IN_2_4, *steps, END]
    assert encoded.tokens.dtype == np.int16
    assert exact(encoding.decode(encoded.tokens)) == exact(tune(*pitches))
    assert encoding.pitches(encoded.tokens).tolist() == [pitch for pitch in pitches if pitch]
    assert encoding.onsets(encoded.tokens).tolist() == [2 + n for n, pitch in enumerate(pitches) if pitch]
    assert encoding.metre_of(encoded.tokens) == (2, 4)


def test_held_notes_of_the_first_two_bars_are_labels_and_a_later_one_may_not_be():
    # by beats: C . | D . | E F | G F | A . ; the last no_event stands where F was one and two bars before
    melody = Melody(
        (Note(0, 960, 60), Note(960, 960, 62), Note(1920, 480, 64), Note(2400, 480, 65), Note(2880, 480, 67),
         Note(3360, 480, 65), Note(3840, 960, 69)),
        Timeline(QUARTER, 0, (Metre(0, 2, 4),)),
    )  # fmt: skip
    tokens = Lookback(1).encode(melody).tokens.tolist()
    assert tokens == [*IN_2_4, 60, TWO, 62, TWO, 64, 65, 67, ONE, 69, NO_EVENT, END]


@pytest.mark.parametrize("per_quarter", [1, 3, 4, 7, 12, 24])
@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8), (7, 8)])
def test_every_pitch_and_many_lengths_survive_at_every_resolution(per_quarter, metre):
    notes, at = [], 0
    for pitch in range(128):
        duration, rest = 10 * (pitch % 37 + 1), 10 * ((pitch + 2) % 3)
        notes.append(Note(at, duration, pitch))
        at += duration + rest
    melody = Melody(tuple(notes), Timeline(10 * per_quarter, at, (Metre(0, *metre),)))
    encoding, grid = Lookback(per_quarter), Grid(per_quarter)
    encoded = encoding.encode(melody)
    again = encoding.decode(encoded.tokens, "a title", 90)
    assert exact(again) == exact(melody)
    assert (again.title, again.timeline.qpm) == ("a title", 90)
    assert encoded.losses == grid.encode(melody).losses
    assert encoded.tokens.tolist() == naive(grid.encode(melody).tokens.tolist(), per_quarter)


@given(seed=st.integers(0, 1 << 30), per_quarter=st.sampled_from([1, 2, 4]))
def test_a_legal_tune_is_the_one_spelling_of_its_melody(seed, per_quarter):
    encoding = Lookback(per_quarter)
    tokens, tracker = walked(encoding, seed, 120)
    if tracker.done and tracker.sounding >= 0:  # a closing rest is not kept
        again = encoding.encode(encoding.decode(tokens)).tokens.tolist()
        assert again == tokens or IN_OTHER[0] in tokens  # which is read as 4/4


@given(seed=st.integers(0, 1 << 30))
def test_plain_tokens_and_labels_say_the_same_tune_to_the_grid(seed):
    encoding = Lookback(2)
    tokens, _ = walked(encoding, seed, 150)
    plain = encoding.unlabelled(tokens)
    assert plain.max(initial=0) < ONE
    if IN_OTHER[0] not in tokens:
        assert exact(encoding.decode(tokens)) == exact(Grid(2).decode(plain))
    grid, tracker = Grid(2).tracker(), encoding.tracker()
    for token, under in zip(tokens, plain, strict=True):
        assert legal_of(encoding, tracker).sum() <= grid.legal().sum()
        assert grid.legal()[under]
        tracker.advance(int(token))
        grid.advance(int(under))
        assert tracker.sounding == grid.sounding


def test_a_plain_token_is_not_legal_where_a_label_says_the_same():
    encoding = Lookback(1)
    tracker = encoding.tracker()
    for token in (*IN_2_4, 60, 62, ONE, 64):  # C D | C E, and C D would come next by two bars ago
        tracker.advance(int(token))
    is_legal = legal_of(encoding, tracker)
    assert is_legal[[TWO, 62, NO_EVENT, NOTE_OFF, END]].all()
    assert not is_legal[[60, ONE]].any()  # one bar ago stood the same C
    assert pitches_of(encoding, tracker)[[60, 62, NO_EVENT, ONE, TWO]].tolist() == [60, 62, -1, 60, 60]
    tracker.advance(int(TWO))
    is_legal = legal_of(encoding, tracker)
    assert is_legal[[ONE, TWO, 60]].all()
    assert not is_legal[[62, 64]].any()
    assert pitches_of(encoding, tracker)[[ONE, TWO]].tolist() == [64, 62]


def test_a_label_for_what_may_not_come_is_not_legal():
    encoding = Lookback(1)
    tracker = encoding.tracker()
    for token in (*IN_2_4, 60, NOTE_OFF, NOTE_OFF):  # a rest on the first beat where the C was: not legal, but fed
        tracker.advance(int(token))
    assert not legal_of(encoding, tracker)[[ONE, NOTE_OFF]].any()  # one bar ago a note ended, now nothing sounds


def test_transposing_leaves_the_labels():
    encoding = Lookback(1)
    tokens = encoding.encode(tune(60, 62, 60, 64, 60, 62)).tokens
    moved = encoding.transpose(tokens, 5)
    assert moved.tolist() == [*IN_2_4, 65, 67, ONE, 69, TWO, TWO, END]
    assert encoding.encode(tune(65, 67, 65, 69, 65, 67)).tokens.tolist() == moved.tolist()
    with pytest.raises(ValueError, match="64 semitones"):
        encoding.transpose(tokens, 64)


def test_by_itself_it_sees_the_place_the_bars_before_and_whether_it_repeats():
    encoding = make_encoding("lookback", steps_per_quarter=1)
    assert [column.name for column in encoding.features] == [
        "position", "bar_ago", "bar_ago_length", "two_bars_ago", "two_bars_ago_length", "repeated",
    ]  # fmt: skip
    tokens = encoding.encode(tune(60, 62, 60, 64, 60, 62, 60, 62)).tokens
    rows = feature_rows(encoding, tokens)
    assert rows[:, -1].tolist() == [0, 0, 0, 0, 0, 1, 0, 3, 2, 3, 1]  # C D | C E | C D | C D
    assert rows[:, 0].tolist() == [0, 0, 1, 13, 1, 13, 1, 13, 1, 13, 1]
    assert rows[:, 1].tolist() == [0, 0, 0, 0, 61, 63, 61, 65, 61, 63, 61]
    assert rows[:, 3].tolist() == [0, 0, 0, 0, 0, 0, 61, 63, 61, 65, 61]


@settings(max_examples=30)
@given(seed=st.integers(0, 1 << 30), per_quarter=st.sampled_from([1, 2, 4]))
def test_features_lie_within_their_columns_and_repeated_counts_the_step_before(seed, per_quarter):
    encoding = Lookback(per_quarter, inputs=(*INPUTS, "repeated"))
    tokens, _ = walked(encoding, seed, 120)
    rows = checked_rows(encoding, tokens)
    plain = encoding.unlabelled(tokens)
    bars = [4 * per_quarter, *bars_of(plain.tolist(), per_quarter)[:-1]]  # before each token
    steps = [int(token) for token in plain if token <= NOTE_OFF]
    done = 0
    for token, row, bar in zip(plain.tolist(), rows, bars, strict=True):
        last = [n for n in (1, 2) if done > n * bar and steps[done - 1] == steps[done - 1 - n * bar]]
        assert row[-1] == sum(last)
        done += token <= NOTE_OFF


def test_inputs_may_be_chosen_and_are_kept_among_the_options():
    assert make_encoding("lookback", inputs=()).features == ()
    assert make_encoding("lookback", inputs="repeated").to_dict()["inputs"] == ["repeated"]
    assert make_encoding("lookback", inputs=("repeated", "metre")).inputs == ("metre", "repeated")
    assert make_encoding(**make_encoding("lookback", inputs=()).to_dict()).features == ()
    assert EncodingOptions("lookback").build() == Lookback()
    assert EncodingOptions("lookback", inputs="repeated,metre").build().inputs == ("metre", "repeated")
    with pytest.raises(ValueError, match=r"no such side input: 'beat'; there are position, .*countdown, .*repeated"):
        Lookback(inputs=("beat",))
    with pytest.raises(ValueError, match="steps_per_quarter must be a whole number from 1 to 24, not 0"):
        Lookback(0)


def test_an_id_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"token 155 is outside this vocabulary \(0 to 154\)"):
        Lookback().decode([*IN_2_4, 155])


@pytest.mark.parametrize("per_quarter", [4, 12])
def test_the_embedded_corpus_comes_back_as_from_the_grid(per_quarter):
    encoding, grid = Lookback(per_quarter), Grid(per_quarter)
    kinds: Counter[str] = Counter()
    for melody in list(embedded().melodies())[::10]:
        encoded, plain = encoding.encode(melody), grid.encode(melody)
        assert encoded.losses == plain.losses
        assert encoding.unlabelled(encoded.tokens).tolist() == plain.tokens.tolist(), melody.source
        assert encoded.tokens.tolist() == naive(plain.tokens.tolist(), per_quarter), melody.source
        kinds.update(encoding.vocabulary.name_of(int(t)).split()[0] for t in encoded.tokens)
    assert kinds["as_two_bars_ago"] > kinds["as_one_bar_ago"] > kinds["no_event"]


def test_shared_tunes_come_back_as_from_the_grid(shared_data, tmp_path):
    with tarfile.open(shared_data("lieder.tar.xz")) as archive:
        members = sorted((m for m in archive.getmembers() if m.name.endswith(".mscx")), key=lambda m: m.name)
        archive.extractall(tmp_path, members[::100], filter="data")
    paths = sorted(shared_data("hymns").glob("*.abc"))[::30] + sorted(tmp_path.rglob("*.mscx"))
    paths += sorted(shared_data("melodies").rglob("*.krn"))[::60]
    for path in paths:
        piece = read(path)[0]
        melody = sung_line(piece)
        assert exact(Lookback().decode(Lookback().encode(melody).tokens)) == exact(
            Grid().decode(Grid().encode(melody).tokens)
        )
