"""Composing letter by letter: what is asked of the grammar, what is refused, and that its tunes have full bars."""

import numpy as np
import pytest

from ritornello.encoding import make_encoding
from ritornello.encoding.letters.text import tokens_of
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm
from ritornello.model.options import NetworkOptions
from ritornello.music.abc.reader import written_bars

TEXT = make_encoding("text")
FREE = make_encoding("text", grammar=False)


@pytest.fixture(scope="module")
def network() -> NumpyLstm:
    """A network of random weights that likes short lengths, barlines and ends."""
    random, size, width = np.random.default_rng(5), TEXT.vocabulary.size, 12
    tensors = {
        "embedding": random.normal(size=(size + 1, 8)),
        "lstm.0.input": random.normal(size=(4 * width, 8)),
        "lstm.0.recurrent": random.normal(size=(4 * width, width)),
        "lstm.0.bias": random.normal(size=4 * width),
        "output.weight": 0.3 * random.normal(size=(size, width)),
        "output.bias": np.zeros(size),
    }
    for letter, likes in {"|": 3, "]": 3, "2": 2, "(": -3, "[": -4, "-": -2}.items():
        tensors["output.bias"][tokens_of(letter)[0]] = likes
    tensors = {name: value.astype(np.float32) for name, value in tensors.items()}
    options = NetworkOptions(layers=1, width=width, embedding=8, mixed=False)
    return NumpyLstm(tensors, options, Alphabet.of(TEXT), np.float32)


def texts(network, options, encoding=TEXT, n=6, primer=None):
    return [encoding.text(made.tokens) for made in compose(network, encoding, options, 1, range(n), primer)]


def test_so_many_bars_of_a_metre_and_a_key_are_written(network):
    for text in texts(network, GenerateOptions(bars=5, metre="6/8", key="D dorian")):
        assert text.startswith("M:6/8\nL:1/8\nK:Ddor\n")
        assert text.endswith("|]")
        bars = written_bars(f"X:1\n{text}")
        assert len(bars) - (bars[0][0] < 3) == 5
        assert not TEXT.faults(tokens_of(text))


def test_a_tune_goes_on_from_a_primer_in_its_bar(network):
    primer = parse_notes("C4 E4 G4", "4/4")
    assert TEXT.text(TEXT.opening(primer)) == "M:4/4\nL:1/8\nK:C\nC2E2G2"
    whole = parse_notes("C4 E4 G4 C5", "4/4")
    assert TEXT.text(TEXT.opening(whole)).endswith("C2E2G2c2|")
    for text in texts(network, GenerateOptions(bars=4), primer=primer):
        assert text.startswith("M:4/4\nL:1/8\nK:C\nC2E2G2")
        assert len(written_bars(f"X:1\n{text}")) in (4, 5)  # the primer's bar may be left a pick-up
        assert not TEXT.faults(tokens_of(text))


def test_a_tune_depends_on_seed_and_number_alone(network):
    options = GenerateOptions(bars=3)
    together = texts(network, options, n=4)
    assert together[2] == TEXT.text(compose(network, TEXT, options, 1, [2])[0].tokens)
    assert len(set(together)) == 4


def test_without_the_grammar_what_can_be_read_is_the_tune(network):
    for made in compose(network, TEXT, GenerateOptions(unguarded=True), 1, range(4)):
        assert made.melody.notes or TEXT.faults(made.tokens)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (GenerateOptions(lowest=60), "pitch_range="),
        (GenerateOptions(scale="C D E G A"), "a scale"),
        (GenerateOptions(metre="3/4", unguarded=True), r"\(unguarded=True\) cannot be asked for metre="),
        (GenerateOptions(metre="17/64"), "no such metre in text: '17/64'"),
    ],
)
def test_what_a_text_cannot_keep_to_is_one_line(network, options, words):
    with pytest.raises(ValueError, match=words):
        compose(network, TEXT, options, 1, [0])


def test_a_tune_that_does_not_end_is_led_to_the_end_of_its_bar(network, monkeypatch):
    monkeypatch.setattr("ritornello.generate.constraints.MOST_TOKENS", 240)
    for text in texts(network, GenerateOptions(temperature=1.5), n=12):
        assert text.endswith("|]")
        assert not TEXT.faults(tokens_of(text))
