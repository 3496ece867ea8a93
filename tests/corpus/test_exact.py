"""Which melodies an encoding gives back note for note."""

import pytest

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
    assert reproduced_exactly(make_encoding(name), too_long) == (name == "grid")  # would fill a bar of 4/4


def test_what_an_encoding_refuses_it_does_not_give_back():
    class Refusing(Grid):
        def encode(self, melody):
            raise ValueError("no")

    assert not reproduced_exactly(Refusing(), PICKED_UP)
