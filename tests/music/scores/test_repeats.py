"""The order of the bars, for the forms that songs have; bars are letters here."""

from __future__ import annotations

import pytest

from ritornello.music.scores.repeats import BarMarks, played_order


def one(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([BarMarks(), BarMarks()], "AB"),
        ([BarMarks(), BarMarks(repeat_end=2), BarMarks()], "ABABC"),
        ([BarMarks(), BarMarks(repeat_start=True, repeat_end=3), BarMarks()], "ABBBC"),
        ([BarMarks(repeat_end=2), BarMarks(repeat_end=2)], "AABB"),
        (
            [
                BarMarks(repeat_start=True),
                BarMarks(endings=one(1), repeat_end=2),
                BarMarks(endings=one(2)),
                BarMarks(),
            ],
            "ABACD",
        ),
        ([BarMarks(), BarMarks(endings=one(1, 2), repeat_end=2), BarMarks(endings=one(3))], "ABABAC"),
        (
            [
                BarMarks(),
                BarMarks(endings=one(1), repeat_end=2),
                BarMarks(endings=one(2), repeat_end=2),
                BarMarks(endings=one(3)),
            ],
            "ABACAD",
        ),
        ([BarMarks(), BarMarks(endings=one(1), repeat_end=2), BarMarks(endings=one(3))], "ABAC"),
        ([BarMarks(), BarMarks(endings=one(1, 2), repeat_end=2), BarMarks(endings=one(4))], "ABABAC"),
        ([BarMarks(), BarMarks(endings=one(1), repeat_end=2), BarMarks()], "ABAC"),
        (
            [
                BarMarks(),
                BarMarks(endings=one(1), repeat_end=2),
                BarMarks(endings=one(2)),
                BarMarks(repeat_end=2),
                BarMarks(),
            ],
            "ABACDDE",
        ),
        ([BarMarks(), BarMarks(fine=True), BarMarks(jump="capo")], "ABCAB"),
        ([BarMarks(), BarMarks(segno="segno"), BarMarks(jump="segno")], "ABCBC"),
        (
            [
                BarMarks(),
                BarMarks(segno="segno"),
                BarMarks(to_coda="coda"),
                BarMarks(jump="segno"),
                BarMarks(coda="coda"),
            ],
            "ABCDBCE",
        ),
        ([BarMarks(repeat_end=2), BarMarks(fine=True), BarMarks(repeat_end=2, jump="capo")], "AABCBCAB"),
        ([BarMarks(), BarMarks(endings=one(1), repeat_end=2), BarMarks(endings=one(2), jump="capo")], "ABACAC"),
        ([BarMarks(fine=True), BarMarks(jump="capo"), BarMarks()], "ABAC"),
        (
            [BarMarks(fine=True), BarMarks(jump="capo"), BarMarks(fine=True, opens=True), BarMarks(jump="capo")],
            "ABACDC",
        ),
        ([BarMarks(), BarMarks(jump="capo"), BarMarks(fine=True), BarMarks()], "ABABC"),
        ([BarMarks(), BarMarks(jump="capo"), BarMarks(fine=True), BarMarks(opens=True)], "ABABCD"),
        (  # MuseScore 3 and music21: a repeat in the coda is taken
            [BarMarks(to_coda="coda"), BarMarks(repeat_end=2, jump="capo"), BarMarks(coda="coda", repeat_end=2)],
            "ABABACC",
        ),
        (
            [
                BarMarks(to_coda="coda"),
                BarMarks(jump="capo"),
                BarMarks(coda="coda", repeat_start=True),
                BarMarks(endings=one(1), repeat_end=2),
                BarMarks(endings=one(2)),
            ],
            "ABACDCE",
        ),
    ],
)
def test_bars_are_played_in_this_order(bars, order):
    assert "".join("ABCDE"[i] for i in played_order(bars)) == order


def test_repeats_without_end_are_refused():
    with pytest.raises(ValueError, match="more than 50000 bars"):
        played_order([BarMarks(), BarMarks(repeat_end=99)] * 400)
