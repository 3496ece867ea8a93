"""A motif that the player repeats comes back in the answers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from random import Random

from ritornello.live.dials import Dials
from ritornello.live.line import Line
from ritornello.live.values import LineNote
from ritornello.model.file import DEFAULT, find_model, load_model

PHRASES = 200
TIMES = 3
SCALE = (57, 59, 60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77)
RHYTHMS = ("2 2 2 2 4 4", "3 1 4 2 2 4", "3 1 3 1 4 4", "2 2 2 1 1 8", "6 2 2 2 2 2", "1 1 2 4 4 4")  # sixteenths
Motif = list[tuple[int, Fraction]]


def random_motif(random: Random) -> Motif:
    """Six notes that fill a bar: pitches and lengths."""
    lengths = [Fraction(int(n), 4) for n in random.choice(RHYTHMS).split()]
    random.shuffle(lengths)
    at, motif = random.randrange(len(SCALE)), []
    for length in lengths:
        motif.append((SCALE[at], length))
        at = min(max(at + random.choice((-3, -2, -1, -1, 1, 1, 2, 3, 4)), 0), len(SCALE) - 1)
    return motif


def answer(line: Line, motif: Motif) -> list[LineNote]:
    """Two bars after a motif that was played twice."""
    at = Fraction(0)
    for pitch, length in motif * 2:
        line.heard([LineNote(at, length, pitch)])
        at += length
    return line.propose(Fraction(8), Fraction(16), line.dials, Fraction(16))


def has(row: Sequence, part: Sequence) -> bool:
    """Whether a row holds a part without a gap."""
    return any(list(row[n : n + len(part)]) == list(part) for n in range(len(row)))


def comes_back(notes: list[LineNote], motif: Motif) -> bool:
    """Whether a motif is in an answer: its pitches, its intervals, or its rhythm."""
    pitches, starts = [note.pitch for note in notes], [note.start for note in notes]
    steps = [b - a for a, b in pairwise(pitches)]
    gaps = [b - a for a, b in pairwise(starts)]
    given = [pitch for pitch, _ in motif]
    is_there = has(pitches, given) or has(steps, [b - a for a, b in pairwise(given)])
    return is_there or has(gaps, [length for _, length in motif[:-1]])


def test_a_motif_played_twice_comes_back_at_least_three_times_as_often_as_after_another_one():
    model = load_model(find_model(DEFAULT))
    network, random = model.build(), Random(1)
    after_itself = after_another = 0
    for number in range(PHRASES):
        motif, other = random_motif(random), random_motif(random)
        lines = [Line(network, model.encoding, number, Dials(), model.pitch_range) for _ in range(2)]
        after_itself += comes_back(answer(lines[0], motif), motif)
        after_another += comes_back(answer(lines[1], other), motif)
    print(f"in {after_itself} of {PHRASES} answers to it, in {after_another} to another")
    assert after_itself >= PHRASES / 8
    assert after_itself >= TIMES * max(after_another, 1)
