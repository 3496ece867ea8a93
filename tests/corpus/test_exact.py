"""Which melodies an encoding gives back note for note."""

import pytest

from ritornello.corpus.exact import reproduced_exactly
from ritornello.encoding import Grid
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


def test_what_an_encoding_refuses_it_does_not_give_back():
    class Refusing(Grid):
        def encode(self, melody):
            raise ValueError("no")

    assert not reproduced_exactly(Refusing(), PICKED_UP)
