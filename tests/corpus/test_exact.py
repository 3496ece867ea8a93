"""Which melodies an encoding gives back note for note."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.corpus.exact import reproduced_exactly
from ritornello.encoding import Grid, make_encoding
from ritornello.music.values import Melody, Metre, Note, Timeline


def tune(*notes: tuple[int, int, int], **timeline) -> Melody:
    return Melody(tuple(Note(*n) for n in notes), Timeline(480, **timeline))


PICKED_UP = tune((0, 480, 60), (480, 1440, 62), metres=(Metre(0, 4, 4), Metre(480, 4, 4)))


@pytest.mark.parametrize(
    ("melody", "resolutions"),
    [
        (tune((0, 480, 60), (480, 120, 62)), {4, 12}),
        (tune((0, 480, 60), (480, 240, 62)), {4, 6, 12}),
        (tune((0, 160, 60), (160, 160, 62), (320, 160, 64)), {3, 6, 12}),
        (tune((60, 420, 60)), set()),  # a thirty-second
        (tune((480, 480, 60), (1440, 480, 62), length=3840), {3, 4, 6, 12}),  # rests before, within and after
        (PICKED_UP, {3, 4, 6, 12}),
    ],
)
def test_a_grid_gives_back_what_lies_on_it(melody, resolutions):
    assert {steps for steps in (3, 4, 6, 12) if reproduced_exactly(Grid(steps), melody)} == resolutions


def test_the_plain_grid_counts_from_the_pick_up():
    assert reproduced_exactly(Grid(plain=True), PICKED_UP)


@pytest.mark.parametrize("name", ["grid", "note", "interval"])
def test_a_pick_up_of_a_metre_that_is_read_as_another_is_where_it_was(name):
    picked_up = tune((0, 240, 60), (240, 480, 62), metres=(Metre(0, 4, 8), Metre(240, 4, 8)))
    assert reproduced_exactly(make_encoding(name), picked_up)
    too_long = tune((0, 2400, 60), (2400, 480, 62), metres=(Metre(0, 7, 4), Metre(2400, 7, 4)))
    assert reproduced_exactly(make_encoding(name), too_long)  # it would not fill a bar of 7/4


def test_what_an_encoding_refuses_it_does_not_give_back():
    class Refusing(Grid):
        def encode(self, melody):
            raise ValueError("no")

    assert not reproduced_exactly(Refusing(), PICKED_UP)


@st.composite
def picked_up(draw) -> Melody:
    """A few notes and rests of whole ticks, after a pick-up or none, at resolutions coarse and fine."""
    per_quarter = draw(st.sampled_from([1, 2, 3, 5, 24, 480]))
    metre = draw(st.sampled_from([(3, 8), (5, 8), (4, 4), (2, 2), (7, 4), (9, 16)]))
    pickup = draw(st.integers(0, 5 * per_quarter))
    notes, at = [], 0
    for rest, length in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2 * per_quarter)), max_size=6)):
        notes.append(Note(at + rest, length, 60 + length % 12))
        at += rest + length
    metres = (Metre(0, *metre), *([Metre(pickup, *metre)] if pickup else []))
    return Melody(tuple(notes), Timeline(per_quarter, at, metres))


@pytest.mark.parametrize(
    "encoding", [Grid(1), Grid(3), Grid(4), Grid(5), make_encoding("note"), make_encoding("interval")]
)
@settings(max_examples=200)
@given(melody=picked_up())
def test_what_is_given_back_exactly_is_what_loses_nothing(encoding, melody):
    assert reproduced_exactly(encoding, melody) == (not +encoding.encode(melody).losses)
