"""What is said of an encoding where two cannot be compared."""

from ritornello.encoding import Grid, make_encoding
from ritornello.encoding.choice import default_encoding
from ritornello.evaluate.scores import described


def test_an_encoding_is_described_in_a_few_words():
    assert described(Grid()) == "grid: steps_per_quarter 4"
    assert described(Grid(plain=True)) == "grid: steps_per_quarter 4, plain True"
    assert described(make_encoding("note")) == "note"
    assert described(default_encoding()) == "interval: inputs, echoes, relative_to key"
