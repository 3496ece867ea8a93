"""One symbol per note or rest, by hand: 192 x pitch + duration - 1 at four steps a quarter, a rest's pitch is 128."""

import numpy as np
import pytest

from ritornello.encoding import Grid
from ritornello.evaluate.pairs import PairAlphabet
from ritornello.music.values import Melody, Metre, Note, Timeline

METRE_4_4, END = 130 * 192 + 2, 130 * 192 + 14  # metres in their order, then the end


def tune(notes: list[tuple[float, float, int]], per_quarter: int = 480, **timeline) -> Melody:
    """Notes as (start, length, pitch) in quarters."""
    whole = tuple(Note(round(s * per_quarter), round(d * per_quarter), p) for s, d, p in notes)
    return Melody(whole, Timeline(per_quarter, **timeline))


@pytest.mark.parametrize(
    ("notes", "symbols"),
    [
        ([(0, 0.75, 60), (0.75, 0.25, 62)], [60 * 192 + 2, 62 * 192]),
        ([(0, 0.5, 60), (1, 0.25, 62)], [60 * 192 + 1, 128 * 192 + 1, 62 * 192]),
        ([(0.5, 0.25, 60)], [128 * 192 + 1, 60 * 192]),
        ([(0, 48, 60)], [60 * 192 + 191]),
        ([(0, 50.25, 60)], [60 * 192 + 191, 129 * 192 + 8]),
        ([(100, 1, 60)], [128 * 192 + 191, 129 * 192 + 191, 129 * 192 + 15, 60 * 192 + 3]),
        ([], []),
    ],
)
def test_a_symbol_is_a_pitch_or_rest_with_its_duration(notes, symbols):
    assert PairAlphabet().spell(tune(notes)).tolist() == [METRE_4_4, *symbols, END]
    assert PairAlphabet(framed=False).spell(tune(notes)).tolist() == symbols


def test_without_an_end_a_closing_rest_is_written():
    held = tune([(0, 1, 60)], length=960)
    assert PairAlphabet(framed=False).spell(held).tolist() == [60 * 192 + 3, 128 * 192 + 3]
    assert PairAlphabet().spell(held).tolist() == [METRE_4_4, 60 * 192 + 3, END]


def test_a_pickup_is_the_rest_before_it():
    metres = (Metre(0, 3, 4), Metre(480, 3, 4))
    picked_up = tune([(0, 1, 60), (1, 3, 62)], metres=metres)
    expected = [130 * 192 + 1, 128 * 192 + 7, 60 * 192 + 3, 62 * 192 + 11, END]
    assert PairAlphabet().spell(picked_up).tolist() == expected
    grid = Grid()
    assert PairAlphabet().spell(grid.decode(grid.encode(picked_up).tokens)).tolist() == expected


def test_the_resolution_is_what_the_tunes_need_and_a_sixteenth_at_least():
    assert PairAlphabet.of([tune([(0, 1, 60)])]).steps_per_quarter == 4
    assert PairAlphabet.of([tune([(0, 1, 60)]), tune([(0, 1 / 3, 60)])]).steps_per_quarter == 12
    assert PairAlphabet.of([tune([(1 / 8, 1, 60)])]).steps_per_quarter == 8
    assert PairAlphabet.of([]).steps_per_quarter == 4
    assert PairAlphabet.of([tune([(0, 1 / 3, 60)])]).longest == 576


def test_transposing_moves_notes_alone():
    alphabet = PairAlphabet()
    symbols = alphabet.spell(tune([(0.5, 1, 60), (2, 1, 64)]))
    assert alphabet.transpose(symbols, -2).tolist() == alphabet.spell(tune([(0.5, 1, 58), (2, 1, 62)])).tolist()
    assert alphabet.pitches(symbols).tolist() == [60, 64]


def test_the_symbols_of_a_tune_are_the_same_from_every_resolution():
    coarse, fine = tune([(0, 1, 60), (1.5, 0.25, 64)], 4), tune([(0, 1, 60), (1.5, 0.25, 64)], 960)
    np.testing.assert_array_equal(PairAlphabet().spell(coarse), PairAlphabet().spell(fine))
