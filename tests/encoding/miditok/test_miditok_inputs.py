"""Side inputs beside MidiTok's tokens: place, metre and key follow from what has been told, in every tokeniser."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from walks import assert_a_batch_is_its_tunes, streamed, walked

from ritornello.encoding import make_encoding
from ritornello.encoding.miditok.side import OFFERED
from ritornello.music.values import Melody, Metre, Note, Timeline

pytest.importorskip("miditok")

TOKENIZERS = ["REMI", "TSD", "Structured", "MIDILike"]


@pytest.fixture(params=TOKENIZERS)
def encoding(request):
    return make_encoding("miditok", tokenizer=request.param, inputs=OFFERED)


def tune(*notes: tuple[int, int, int], metre=(3, 4), pickup=0) -> Melody:
    """Notes of (start, duration, pitch) at 480 ticks per quarter."""
    metres = (Metre(0, *metre), *([Metre(pickup, *metre)] if pickup else []))
    return Melody(tuple(Note(*n) for n in notes), Timeline(480, 0, metres))


def at_notes(encoding, melody: Melody, name: str) -> list[int]:
    """An input before each token that starts a note, and before the end."""
    tokens = encoding.encode(melody).tokens
    rows = encoding.side_inputs(tokens)[[*encoding.onsets(tokens), -1]]
    return rows[:, [column.name for column in encoding.side].index(name)].tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_the_tracker_says_token_by_token_what_side_inputs_say_at_once(encoding, seed):
    tokens, _ = walked(encoding, seed, 80)
    whole = encoding.side_inputs(np.array(tokens, np.int16))
    assert whole.dtype == np.int16
    assert whole.tolist() == streamed(encoding, tokens)
    assert (whole < [column.size for column in encoding.side]).all()


def test_the_place_in_the_bar_counts_from_the_barline_after_the_pickup(encoding):
    melody = tune((0, 480, 67), (480, 720, 72), (1200, 240, 71), (1440, 480, 72), pickup=480)
    # the third beat, the first, halfway through the second, the third; the end
    assert at_notes(encoding, melody, "position") == [25, 1, 19, 25, 1]
    assert at_notes(encoding, melody, "strength") == [3, 1, 4, 3, 1]
    assert at_notes(encoding, melody, "metre") == [2, 2, 2, 2, 2]
    assert encoding.side_inputs(encoding.encode(melody).tokens)[0].tolist() == [0, 0, 0, 0, 0]


def test_rests_and_whole_bars_of_silence_are_counted(encoding):
    melody = tune((0, 480, 60), (960, 480, 64), (5760, 960, 62), metre=(4, 4))  # four quarters to a bar
    assert at_notes(encoding, melody, "position") == [1, 25, 1, 25]


def test_key_and_degree_are_those_that_the_grid_hears(encoding):
    pitches = [67, 69, 71, 74, 72, 66, 67, 62, 65, 64]
    melody = tune(*((480 * n, 480, pitch) for n, pitch in enumerate(pitches)), metre=(4, 4))
    grid = make_encoding("grid", inputs=OFFERED)
    for name in ("key", "degree"):
        assert at_notes(encoding, melody, name)[:-1] == at_notes(grid, melody, name)[:-1], name


def test_a_batch_is_its_tunes(encoding):
    assert_a_batch_is_its_tunes(encoding, [walked(encoding, seed, 60)[0] for seed in (1, 2, 3)])


def test_they_are_stored_with_the_model_by_name(encoding):
    again = make_encoding(**encoding.options())
    assert again == encoding
    assert again.inputs == OFFERED
    assert make_encoding("miditok").options().keys() == {"name", "tokenizer", "config"}


def test_what_is_not_offered_is_refused():
    with pytest.raises(
        ValueError, match=r"miditok has the inputs position, strength, metre, key, degree: not bar_ago"
    ):
        make_encoding("miditok", inputs=("position", "bar_ago"))
    with pytest.raises(ValueError, match="no such side input: 'tempo'"):
        make_encoding("miditok", inputs=("tempo",))
    with pytest.raises(ValueError, match="does not say where in its bar a tune stands"):
        make_encoding("miditok", config={"use_rests": True}, inputs=("position",))
