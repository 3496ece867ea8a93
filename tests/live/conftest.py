"""What the tests of the live room share."""

from collections.abc import Callable

import pytest

from ritornello.live.dials import Dials
from ritornello.live.line import Line
from ritornello.model.file import DEFAULT, find_model, load_model


@pytest.fixture(scope="module")
def make_line() -> Callable[..., Line]:
    """A function from seed and dials to a line of the default model."""
    model = load_model(find_model(DEFAULT))
    network = model.build()

    def make(seed: int = 0, **dials) -> Line:
        return Line(network, model.encoding, seed, Dials(**dials), (44, 87))

    return make
